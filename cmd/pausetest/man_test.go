package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pausetest/internal/schedule"
)

// commandTree is the command tree as it is once a command line has been looked
// at: the library adds help and completion only then.
func commandTree() *cobra.Command {
	root := newRoot(io.Discard, io.Discard)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	return root
}

// manual writes the pages and returns them by file name.
func manual(t *testing.T, root *cobra.Command) map[string]string {
	t.Helper()
	t.Setenv("SOURCE_DATE_EPOCH", "1795394400")
	dir := t.TempDir()
	if err := writeManual(root, dir); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		pages[f.Name()] = string(text)
	}
	return pages
}

// Every command that help lists has a page, and on it every option.
func TestManualIsComplete(t *testing.T) {
	root := commandTree()
	pages := manual(t, root)
	for _, name := range []string{"pausetest.1", "pausetest-schedule.5", "pausetest-run.1", "pausetest-completion.1"} {
		if pages[name] == "" {
			t.Errorf("no %s", name)
		}
	}
	for _, c := range documented(root) {
		page := pages[pageName(c)+".1"]
		if !strings.Contains(page, " 1 2026-11-23 ") {
			t.Errorf("%s: no page of the given date:\n%.200s", c.CommandPath(), page)
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if has := strings.Contains(page, `\fB\-\-`+strings.ReplaceAll(f.Name, "-", `\-`)+`\fR`); has == f.Hidden {
				t.Errorf("%s: the page shows --%s: %v; it is hidden: %v", c.CommandPath(), f.Name, has, f.Hidden)
			}
		})
	}
}

// What a page may hold, and what must become of it.
func TestRoff(t *testing.T) {
	c := &cobra.Command{Use: "odd FILE", Short: `say 'it' with \`, Example: "  odd `x` ~ ^\n\n  .odd",
		Long: "First line.\n.SH at the start of the second\n\n    indented -a\n\n      more\n\nThe end.\n"}
	c.Flags().String("name", "x\ny", "with `A-B` in \\n")
	c.Flags().SortFlags = true
	var got bytes.Buffer
	writePage(&got, c, "2026-11-23")
	want := `.TH ODD 1 2026-11-23 "pausetest ` + release + `"
.SH NAME
odd \- say \(aqit\(aq with \e
.SH SYNOPSIS
.B odd
COMMAND [options]
.SH DESCRIPTION
First line.
\&.SH at the start of the second
.PP
.RS 4
.EX
indented \-a

  more
.EE
.RE
.PP
The end.
.SH EXAMPLES
.RS 4
.EX
odd \(gax\(ga \(ti \(ha

\&.odd
.EE
.RE
.SH OPTIONS
.TP
\fB\-h\fR, \fB\-\-help\fR
help for odd
.TP
\fB\-\-name\fR \fIA\-B\fR
with A\-B in \en (default x y)
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
}

// examples are the literal blocks of a page, as a reader sees them.
func examples(page string) []string {
	plain := strings.NewReplacer(`\-`, "-", `\e`, `\`, `\(aq`, "'", `\(ga`, "`", `\(ha`, "^", `\(ti`, "~", `\&`, "")
	var blocks []string
	for _, m := range regexp.MustCompile(`(?s)\n\.EX\n(.*?)\.EE\n`).FindAllStringSubmatch(page, -1) {
		blocks = append(blocks, plain.Replace(m[1]))
	}
	return blocks
}

// The schedules in pausetest-schedule(5) are schedules, within the limits that a
// run has by default, and every segment of theirs gets the streams it asks for.
// (test/package runs the last of them.)
func TestManualSchedules(t *testing.T) {
	live := []schedule.Stream{{ID: 1, Label: "fs3:/export/home"}, {ID: 2, Label: "fs3:/export/mail"}, {ID: 3, Label: "fs3:/export/projects"}}
	blocks := examples(manual(t, commandTree())["pausetest-schedule.5"])
	if len(blocks) < 3 {
		t.Fatalf("only %d examples", len(blocks))
	}
	for i, text := range blocks {
		s, err := schedule.Parse("pausetest-schedule.5", []byte(text))
		if err != nil {
			t.Errorf("example %d: %v\n%s", i, err, text)
			continue
		}
		if err := s.CheckMaxPause(int64(10 * time.Second)); err != nil {
			t.Errorf("example %d: %v", i, err)
		}
		dealt, again := schedule.NewDealer(s, 7).Block(live), schedule.NewDealer(s, 7).Block(live)
		if len(dealt) != len(s.Segments) {
			t.Errorf("example %d: %d of %d segments find their streams", i, len(dealt), len(s.Segments))
		}
		if diff := cmp.Diff(dealt, again); diff != "" {
			t.Errorf("example %d: the same seed gives another block: %s", i, diff)
		}
	}
	// The first is said to be the default.
	if s, err := schedule.Parse("first", []byte(blocks[0])); err != nil {
		t.Error(err)
	} else if want := schedule.Default(); !cmp.Equal(withoutPlace(s), withoutPlace(want)) {
		t.Errorf("the first example is not the default schedule: %v", cmp.Diff(withoutPlace(want), withoutPlace(s)))
	}
}

// withoutPlace is what a schedule says, apart from where it says it.
func withoutPlace(s *schedule.Schedule) any {
	var segments []any
	for _, g := range s.Segments {
		segments = append(segments, g.Active, g.HoldNS)
	}
	return []any{s.SettleNS, s.Blocks, s.Random, s.GapNS, s.Seed, segments}
}

// Every command line on every page is one that this program understands.
// (test/package runs those of pausetest(1).)
func TestManualCommandLines(t *testing.T) {
	seen := 0
	for name, page := range manual(t, commandTree()) {
		for _, block := range examples(page) {
			for line := range strings.Lines(block) {
				args, ours := commandLine(line)
				if !ours {
					continue
				}
				seen++
				c, rest, err := commandTree().Find(args)
				if err == nil && !c.HasParent() {
					err = errors.New("no command of that name")
				}
				if err == nil {
					err = c.ParseFlags(rest)
				}
				if err == nil {
					err = c.ValidateArgs(c.Flags().Args())
				}
				if err != nil {
					t.Errorf("%s: %q: %v", name, strings.TrimSpace(line), err)
				}
			}
		}
	}
	if seen < 15 {
		t.Errorf("only %d command lines found", seen)
	}
}

// commandLine splits a line of ours, without what the shell makes of the rest: a
// redirection, another command, or a remark in the column beside it.
func commandLine(line string) (args []string, ours bool) {
	line, _, _ = strings.Cut(strings.TrimSpace(line), "   ")
	var word strings.Builder
	var quote rune
	var words []string
	for _, r := range line + " " {
		switch {
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		case r == quote:
			quote = 0
		case quote == 0 && r == ' ':
			if word.Len() > 0 {
				words = append(words, word.String())
			}
			word.Reset()
		default:
			word.WriteRune(r)
		}
	}
	if len(words) == 0 || words[0] != "pausetest" {
		return nil, false
	}
	for i, w := range words {
		if w == ">" || w == "|" || w == "&&" || w == "#" {
			words = words[:i]
			break
		}
	}
	return words[1:], true
}
