package stream

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"pausetest/internal/procctl/proctable"
)

var update = flag.Bool("update", false, "rewrite the want sections of testdata")

// A fixture is one file of testdata. Its sections:
//
//	processes      a process table, see parseProcesses
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
			f.snapshot = parseProcesses(t, text)
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

// parseProcesses reads a compact process table: per process a line
//
//	pid ppid pgid session state uid start-ticks comm
//
// and below it, each after a tab, "args", "exe" and "fds". A word that needs it
// stands in Go's quotes. A descriptor is NUMBER:PATH, NUMBER:other,
// NUMBER:socket:INODE or, with r, w or rw for its access, NUMBERw:pipe:INODE.
// Without an fds line, descriptors could not be read. It was taken at tick
// 600000, of which 100 make a second.
func parseProcesses(t testing.TB, text string) *proctable.Snapshot {
	t.Helper()
	s := &proctable.Snapshot{BootID: "test", TakenTicks: 600000, TicksPerSecond: 100}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		w := words(t, line)
		if !strings.HasPrefix(line, "\t") {
			if len(w) != 8 {
				t.Fatalf("%q: expected 8 words", line)
			}
			s.Processes = append(s.Processes, proctable.Process{
				ID:   proctable.ProcID{PID: number(t, w[0]), StartTicks: uint64(number(t, w[6]))},
				PPID: number(t, w[1]), PGID: number(t, w[2]), Session: number(t, w[3]), State: w[4][0],
				Comm: w[7], Threads: 1,
			})
			continue
		}
		p := &s.Processes[len(s.Processes)-1]
		switch w[0] {
		case "args":
			p.Args = w[1:]
		case "exe":
			p.Exe = w[1]
		case "fds":
			p.FDs = []proctable.FD{}
			for _, word := range w[1:] {
				p.FDs = append(p.FDs, parseFD(t, word))
			}
		default:
			t.Fatalf("%q: unknown", line)
		}
	}
	return s
}

func parseFD(t testing.TB, word string) proctable.FD {
	left, target, _ := strings.Cut(word, ":")
	digits := strings.TrimRight(left, "rw")
	access := strings.TrimPrefix(left, digits)
	fd := proctable.FD{Number: number(t, digits), Path: target, Read: true}
	kind, inode, _ := strings.Cut(target, ":")
	switch kind {
	case "pipe":
		fd.Kind, fd.Read, fd.Write = proctable.Pipe, strings.Contains(access, "r"), strings.Contains(access, "w")
	case "socket":
		fd.Kind, fd.Write = proctable.Socket, true
	case "other":
		fd.Kind, fd.Path = proctable.Other, ""
		return fd
	default:
		return fd
	}
	fd.Inode, fd.Path = uint64(number(t, inode)), ""
	return fd
}

func words(t testing.TB, line string) []string {
	t.Helper()
	var list []string
	for rest := strings.TrimSpace(line); rest != ""; rest = strings.TrimSpace(rest) {
		word, _, _ := strings.Cut(rest, " ")
		if rest[0] == '"' {
			var err error
			if word, err = strconv.QuotedPrefix(rest); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		}
		rest = rest[len(word):]
		if word[0] == '"' {
			word, _ = strconv.Unquote(word)
		}
		list = append(list, word)
	}
	return list
}

func number(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func parseSelection(t testing.TB, text string) Selection {
	t.Helper()
	var sel Selection
	for line := range strings.Lines(text) {
		switch key, value, _ := strings.Cut(strings.TrimSpace(line), " "); key {
		case "match":
			sel.Match = append(sel.Match, regexp.MustCompile(value))
		case "pid":
			sel.PIDs = append(sel.PIDs, number(t, value))
		case "only":
			sel.Only = append(sel.Only, value)
		case "protect":
			sel.Protect = append(sel.Protect, number(t, value))
		case "below":
			sel.Below = number(t, value)
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
