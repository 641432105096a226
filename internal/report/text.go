package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"pausetest/internal/analysis"
)

// terminalWidth is kept wherever no number would have to be cut for it.
const terminalWidth = 80

// Text writes the report for a terminal, without colour.
func Text(w io.Writer, s *analysis.Study) error { return sheetOf(s).text(w) }

func (sh *sheet) text(w io.Writer) error {
	var b strings.Builder
	// One line however long it is: it is there to be copied into a ticket.
	fmt.Fprintf(&b, "%s: %s\n", sh.Verdict, sh.Sentence)
	writeWrapped(&b, sh.Banner, "", "")
	for _, sec := range sh.Sections {
		if sec.In != inFull {
			sec.writeText(&b)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (sec *section) writeText(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s\n", sec.Title)
	const indent = "  "
	for _, p := range sec.Paragraphs {
		writeWrapped(b, p, indent, indent)
	}
	for _, line := range sec.Chart {
		fmt.Fprintf(b, "%s%s\n", indent, line)
	}
	width := 0
	for _, f := range sec.Facts {
		width = max(width, utf8.RuneCountInString(f.Name))
	}
	for _, f := range sec.Facts {
		writeWrapped(b, f.Value, indent+pad(f.Name, width, false)+"  ", strings.Repeat(" ", width+4))
	}
	for i := range sec.Tables {
		if sec.Tables[i].In != inFull {
			sec.Tables[i].writeText(b, indent)
		}
	}
	for _, item := range sec.List {
		writeWrapped(b, item, indent+"- ", indent+"  ")
	}
	if sec.Command != "" {
		fmt.Fprintf(b, "%s%s\n", indent, sec.Command)
	}
}

// writeText sets a table in columns; the elastic ones give way.
func (t *table) writeText(b *strings.Builder, indent string) {
	const gap = "  "
	widths := make([]int, len(t.Columns))
	total := len(indent) - len(gap)
	var elastic []int
	for i, c := range t.Columns {
		widths[i] = utf8.RuneCountInString(c.Name)
		for _, row := range t.Rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
		total += widths[i] + len(gap)
		if c.Elastic {
			elastic = append(elastic, i)
		}
	}
	over := max(0, total-terminalWidth)
	for n, i := range elastic {
		const least = 12
		part := over / (len(elastic) - n)
		given := widths[i] - max(min(widths[i], least), widths[i]-part)
		widths[i] -= given
		over -= given
	}
	line := func(cells func(i int) string) {
		var l strings.Builder
		l.WriteString(indent)
		for i, c := range t.Columns {
			if i > 0 {
				l.WriteString(gap)
			}
			l.WriteString(pad(elide(cells(i), widths[i]), widths[i], c.Number))
		}
		b.WriteString(strings.TrimRight(l.String(), " "))
		b.WriteByte('\n')
	}
	line(func(i int) string { return t.Columns[i].Name })
	for _, row := range t.Rows {
		line(func(i int) string { return row[i] })
	}
}

func pad(s string, width int, right bool) string {
	fill := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
	if right {
		return fill + s
	}
	return s + fill
}

// writeWrapped sets words in lines of the terminal's width. A word that is
// longer stays whole, so that it can be copied.
func writeWrapped(b *strings.Builder, text, first, rest string) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return
	}
	line, empty := first, true
	for _, word := range words {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > terminalWidth {
			b.WriteString(line)
			b.WriteByte('\n')
			line, empty = rest, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	b.WriteString(line)
	b.WriteByte('\n')
}
