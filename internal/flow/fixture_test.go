package flow

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"pausetest/internal/disk"
	"pausetest/internal/flowchart"
	"pausetest/internal/procctl/proctable"
	"pausetest/internal/procctl/proctable/tabletest"
	"pausetest/internal/recording"
	"pausetest/internal/stream"
)

var update = flag.Bool("update", false, "rewrite the text and dot sections of testdata")

// A fixture is one file of testdata. Its sections:
//
//	from          optional: a fixture of package stream, whose processes are used
//	processes     else: a process table, see package tabletest
//	select        optional: one "match REGEXP", "only RULE" or "below N" a line
//	unix          optional: "INODE PEER [named]" a line
//	tcp           optional: "INODE LOCAL REMOTE INTERFACE SENT RECEIVED" a line
//	mountinfo     optional: of every process
//	blocks        optional: "MAJOR:MINOR NAME [whole=NAME] [slaves=NAME,NAME] [mapper=NAME]" a line
//	text, dot     what is shown
type fixture struct {
	name      string
	facts     Facts
	selection stream.Selection
	mounts    []proctable.Mount
	archive   *txtar.Archive
}

func (f *fixture) ReadFD(pid, fd, max int) ([]byte, error) { return nil, errors.New("no such file") }
func (f *fixture) Mounts(int) ([]proctable.Mount, error)   { return f.mounts, nil }
func (f *fixture) section(name string) int                 { return section(f.archive, name) }
func section(a *txtar.Archive, name string) int {
	return slices.IndexFunc(a.Files, func(s txtar.File) bool { return s.Name == name })
}

func readFixture(t testing.TB, file string) *fixture {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), archive: archive}
	for _, s := range archive.Files {
		f.read(t, s)
	}
	found, err := stream.Discover(f.facts.Snapshot, f.selection, f)
	if err != nil {
		t.Fatal(err)
	}
	f.facts.Mounts = map[int][]proctable.Mount{}
	for i, s := range found.Streams {
		f.facts.Streams = append(f.facts.Streams, Stream{ID: i + 1, Stream: s})
		for _, p := range f.facts.Snapshot.Processes {
			f.facts.Mounts[p.ID.PID] = f.mounts
		}
	}
	for _, p := range found.Ignored {
		f.facts.Aside = append(f.facts.Aside, p.Process)
	}
	return f
}

func (f *fixture) read(t testing.TB, s txtar.File) {
	text := string(s.Data)
	switch s.Name {
	case "from":
		other, err := txtar.ParseFile("../stream/testdata/" + strings.TrimSpace(text) + ".txtar")
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range other.Files {
			if s.Name == "processes" || s.Name == "select" {
				f.read(t, s)
			}
		}
	case "processes":
		f.facts.Snapshot = tabletest.Parse(t, text)
	case "mountinfo":
		var err error
		if f.mounts, err = proctable.ParseMountinfo(text); err != nil {
			t.Fatal(err)
		}
	case "select", "unix", "tcp", "blocks":
		for line := range strings.Lines(text) {
			f.line(t, s.Name, strings.Fields(line))
		}
	case "text", "dot":
	default:
		t.Fatalf("%s: unknown section %q", f.name, s.Name)
	}
}

func (f *fixture) line(t testing.TB, section string, w []string) {
	switch section {
	case "select":
		switch w[0] {
		case "match":
			f.selection.Match = append(f.selection.Match, regexp.MustCompile(w[1]))
		case "only":
			f.selection.Only = append(f.selection.Only, w[1])
		case "below":
			f.selection.Below = tabletest.Number(t, w[1])
		}
	case "unix":
		f.facts.Unix = append(f.facts.Unix, UnixSocket{Inode: inode(t, w[0]), Peer: inode(t, w[1]), Named: len(w) > 2})
	case "tcp":
		f.facts.TCP = append(f.facts.TCP, TCPSocket{Inode: inode(t, w[0]), Local: netip.MustParseAddrPort(w[1]),
			Remote: netip.MustParseAddrPort(w[2]), Interface: w[3], SentBytes: inode(t, w[4]), ReceivedBytes: inode(t, w[5])})
	case "blocks":
		major, minor, _ := strings.Cut(w[0], ":")
		b := disk.Block{Major: uint32(inode(t, major)), Minor: uint32(inode(t, minor)), Name: w[1]}
		for _, word := range w[2:] {
			switch key, value, _ := strings.Cut(word, "="); key {
			case "whole":
				b.Whole = value
			case "slaves":
				b.Slaves = strings.Split(value, ",")
			case "mapper":
				b.MapperName = value
			}
		}
		f.facts.Blocks = append(f.facts.Blocks, b)
	}
}

func inode(t testing.TB, s string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
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
			flow := Find(f.facts)
			checkWhole(t, &f.facts, &flow)
			for name, show := range map[string]func(io.Writer, *recording.Flow) error{"text": flowchart.Text, "dot": flowchart.DOT} {
				i := f.section(name)
				if i < 0 {
					continue
				}
				var got bytes.Buffer
				if err := show(&got, &flow); err != nil {
					t.Fatal(err)
				}
				if *update {
					f.archive.Files[i].Data = got.Bytes()
				} else if diff := cmp.Diff(string(f.archive.Files[i].Data), got.String()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			if *update {
				if err := os.WriteFile("testdata/"+f.name+".txtar", txtar.Format(f.archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// checkWhole holds what is true of every flow.
func checkWhole(t interface{ Errorf(string, ...any) }, facts *Facts, flow *recording.Flow) {
	ids := map[int]bool{}
	for _, s := range facts.Streams {
		ids[s.ID] = true
	}
	touched := map[int]bool{}
	for i, n := range flow.Nodes {
		if n.ID != i+1 {
			t.Errorf("node %d has the id %d", i+1, n.ID)
		}
		if len(n.Streams) == 0 || !slices.IsSorted(n.Streams) || !ids[n.Streams[0]] {
			t.Errorf("streams %v of node %+v", n.Streams, n)
		}
	}
	for _, e := range flow.Edges {
		if e.From < 1 || e.From > len(flow.Nodes) || e.To < 1 || e.To > len(flow.Nodes) || e.From == e.To {
			t.Errorf("dangling: %+v", e)
			continue
		}
		touched[e.From], touched[e.To] = true, true
		for _, id := range e.Streams {
			for _, end := range []int{e.From, e.To} {
				if !slices.Contains(flow.Nodes[end-1].Streams, id) {
					t.Errorf("stream %d goes by %+v, but not through node %d", id, e, end)
				}
			}
		}
	}
	for _, n := range flow.Nodes {
		if !touched[n.ID] && n.Kind != recording.FlowProcess {
			t.Errorf("nothing leads to or from %+v", n)
		}
	}
}
