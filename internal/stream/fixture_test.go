package stream

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"pausetest/internal/procctl/proctable"
	"pausetest/internal/procctl/proctable/tabletest"
)

var update = flag.Bool("update", false, "rewrite the want sections of testdata")

// A fixture is one file of testdata. Its sections:
//
//	processes      a process table, see package tabletest
//	select         optional: one "match REGEXP", "pid N", "only RULE",
//	               "protect N" or "below N" a line
//	rules          optional: an operator's rule file
//	file PID/FD    optional: what that descriptor's file holds
//	mounts         optional: "POINT SOURCE" a line
//	want           what is found, as describe writes it
//
// Those captured from a real Amanda say so; links of /proc/PID/fd have no access
// mode there, so that was filled in from what the programs do.
type fixture struct {
	name      string
	snapshot  *proctable.Snapshot
	selection Selection
	files     map[string]string
	mounts    []proctable.Mount
	want      string
	archive   *txtar.Archive
}

func (f *fixture) ReadFD(pid, fd, max int) ([]byte, error) {
	text, ok := f.files[fmt.Sprintf("%d/%d", pid, fd)]
	if !ok {
		return nil, errors.New("no such file")
	}
	return []byte(text[:min(max, len(text))]), nil
}

func (f *fixture) Mounts(int) ([]proctable.Mount, error) { return f.mounts, nil }

func readFixture(t testing.TB, file string) *fixture {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), files: map[string]string{}, archive: archive}
	for _, section := range archive.Files {
		text := string(section.Data)
		switch name, rest, _ := strings.Cut(section.Name, " "); name {
		case "processes":
			f.snapshot = tabletest.Parse(t, text)
		case "select":
			f.selection = parseSelection(t, text)
		case "rules":
			rules, err := ParseRules("extra.yaml", section.Data)
			if err != nil {
				t.Fatal(err)
			}
			f.selection.Rules = Builtin().Merge(rules)
		case "file":
			f.files[rest] = text
		case "mounts":
			for line := range strings.Lines(text) {
				fields := strings.Fields(line)
				f.mounts = append(f.mounts, proctable.Mount{Root: "/", Point: fields[0], Source: fields[1]})
			}
		case "want":
			f.want = text
		default:
			t.Fatalf("%s: unknown section %q", file, section.Name)
		}
	}
	return f
}

func parseSelection(t testing.TB, text string) Selection {
	t.Helper()
	var sel Selection
	for line := range strings.Lines(text) {
		switch key, value, _ := strings.Cut(strings.TrimSpace(line), " "); key {
		case "match":
			sel.Match = append(sel.Match, regexp.MustCompile(value))
		case "pid":
			sel.PIDs = append(sel.PIDs, tabletest.Number(t, value))
		case "only":
			sel.Only = append(sel.Only, value)
		case "protect":
			sel.Protect = append(sel.Protect, tabletest.Number(t, value))
		case "below":
			sel.Below = tabletest.Number(t, value)
		default:
			t.Fatalf("%q: unknown", line)
		}
	}
	return sel
}

// describe writes down all of a Found but ages, which follow from the ticks.
func describe(f Found) string {
	var b strings.Builder
	pids := func(what string, list []proctable.ProcID) {
		if len(list) == 0 {
			return
		}
		b.WriteString("  " + what)
		for _, id := range list {
			fmt.Fprintf(&b, " %d", id.PID)
		}
		b.WriteByte('\n')
	}
	for i, s := range f.Streams {
		fmt.Fprintf(&b, "%d %q rule %s, label from %s\n", i, s.Label, s.Rule, s.LabelSource)
		pids("processes", s.Processes)
		pids("targets", s.Targets)
		pids("spared", s.Spared)
		pids("source", []proctable.ProcID{s.Source})
		if !slices.Equal(s.Writers, []proctable.ProcID{s.Source}) {
			pids("writers", s.Writers)
		}
		pids("carriers", s.Carriers)
		if s.Shared != nil {
			fmt.Fprintf(&b, "  shared %d\n", s.Shared.PID)
		}
		if s.Refusal != nil {
			fmt.Fprintf(&b, "  refused %s: %s\n", s.Refusal.Rule, s.Refusal.Reason)
			if s.Refusal.Hint != "" {
				fmt.Fprintf(&b, "  hint: %s\n", s.Refusal.Hint)
			}
		}
	}
	for _, p := range f.Shared {
		fmt.Fprintf(&b, "shared %s (pid %d) by %d\n", p.Name, p.Process.PID, p.Streams)
	}
	for _, i := range f.Ignored {
		fmt.Fprintf(&b, "ignored %d by %s: %s\n", i.Process.PID, i.Rule, i.Reason)
	}
	for _, w := range f.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", w)
	}
	return b.String()
}

func fixtures(t testing.TB) []*fixture {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	var list []*fixture
	for _, file := range files {
		list = append(list, readFixture(t, file))
	}
	return list
}

func TestFixtures(t *testing.T) {
	for _, f := range fixtures(t) {
		t.Run(f.name, func(t *testing.T) {
			found, err := Discover(f.snapshot, f.selection, f)
			got := describe(found)
			if err != nil {
				got = "error: " + err.Error() + "\n"
			}
			if *update {
				i := slices.IndexFunc(f.archive.Files, func(s txtar.File) bool { return s.Name == "want" })
				f.archive.Files[i].Data = []byte(got)
				if err := os.WriteFile("testdata/"+f.name+".txtar", txtar.Format(f.archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(f.want, got); diff != "" {
				t.Errorf("want(-) got(+):\n%s", diff)
			}
		})
	}
}
