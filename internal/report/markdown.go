package report

import (
	"fmt"
	"io"
	"strings"

	"pausetest/internal/analysis"
)

// Markdown writes the report for a ticket or a wiki, with the tables of GitHub's
// dialect, which most of them read.
func Markdown(w io.Writer, s *analysis.Study) error { return sheetOf(s).markdown(w) }

func (sh *sheet) markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n**%s: %s**\n\n%s\n", markdownText(sh.Headline), markdownText(sh.Verdict), markdownText(sh.Sentence), markdownText(sh.Place))
	if sh.Banner != "" {
		fmt.Fprintf(&b, "\n> %s\n", markdownText(sh.Banner))
	}
	for _, sec := range sh.Sections {
		if sec.In != inFull {
			sec.writeMarkdown(&b)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (sec *section) writeMarkdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n", markdownText(sec.Title))
	for _, p := range sec.Paragraphs {
		fmt.Fprintf(b, "\n%s\n", markdownText(p))
	}
	if len(sec.Chart) > 0 {
		lines := make([]string, len(sec.Chart))
		for i, line := range sec.Chart {
			lines[i] = markdownText(strings.TrimSpace(line))
		}
		fmt.Fprintf(b, "\n%s\n", strings.Join(lines, "  \n")) // two blanks break a line
	}
	if len(sec.Facts) > 0 {
		facts := table{Columns: []column{{Name: ""}, {Name: ""}}}
		for _, f := range sec.Facts {
			facts.Rows = append(facts.Rows, []string{f.Name, f.Value})
		}
		facts.writeMarkdown(b)
	}
	for i := range sec.Tables {
		if sec.Tables[i].In != inFull {
			sec.Tables[i].writeMarkdown(b)
		}
	}
	if len(sec.List) > 0 {
		b.WriteByte('\n')
	}
	for _, item := range sec.List {
		fmt.Fprintf(b, "- %s\n", markdownText(item))
	}
	if sec.Command != "" {
		fence := codeFence(sec.Command)
		fmt.Fprintf(b, "\n%s\n%s\n%s\n", fence, sec.Command, fence)
	}
}

func (t *table) writeMarkdown(b *strings.Builder) {
	b.WriteString("\n|")
	for _, c := range t.Columns {
		fmt.Fprintf(b, " %s |", markdownText(c.Name))
	}
	b.WriteString("\n|")
	for _, c := range t.Columns {
		if c.Number {
			b.WriteString(" ---: |")
		} else {
			b.WriteString(" --- |")
		}
	}
	b.WriteByte('\n')
	for _, row := range t.Rows {
		b.WriteByte('|')
		for _, cell := range row {
			fmt.Fprintf(b, " %s |", markdownText(cell))
		}
		b.WriteByte('\n')
	}
}

// markdownEscapes are the characters that could begin markup anywhere in a
// line. HTML becomes entities rather than backslashes, because some wikis pass
// it through.
var markdownEscapes = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;",
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "|", `\|`, "~", `\~`,
)

// markdownText escapes text that stands within a line of Markdown.
func markdownText(s string) string {
	s = markdownEscapes.Replace(s)
	// Characters that mean something only where a line begins.
	if s != "" && strings.ContainsRune("#+-=", rune(s[0])) {
		s = `\` + s
	}
	return s
}

// codeFence is a fence that the code it surrounds can't close.
func codeFence(code string) string {
	longest, run := 0, 0
	for _, r := range code {
		if r == '`' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	return strings.Repeat("`", max(3, longest+1))
}
