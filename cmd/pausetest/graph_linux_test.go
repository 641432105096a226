package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"pausetest/internal/demo"
	"pausetest/internal/flow"
	"pausetest/internal/flowchart"
	"pausetest/internal/recording"
)

// liveFlow is the flow of what a selection finds on this host.
func liveFlow(t *testing.T, s selection) recording.Flow {
	t.Helper()
	l, err := newLooker(&s, pflag.NewFlagSet("", pflag.ContinueOnError))
	if err != nil {
		t.Fatal(err)
	}
	k, err := l.look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var streams []flow.Stream
	for i, s := range k.found.Streams {
		streams = append(streams, flow.Stream{ID: i + 1, Stream: s})
	}
	return l.flow(k, streams)
}

// TestGraphOfDemo holds the flow of real processes against their topology.
func TestGraphOfDemo(t *testing.T) {
	for topology, want := range map[demo.Topology][]string{
		demo.Shared: {"pausetest-demo-relay[] carries 3 of 3 streams",
			"pausetest-demo-relay[] has 3 TCP connections for them; which stream goes by which can't be seen from outside",
			"3 of 3 streams leave by lo"},
		demo.Separate: {"no process carries more than one stream", "3 of 3 streams leave by lo"},
	} {
		t.Run(string(topology), func(t *testing.T) {
			d, err := demo.Start(t.Context(), demo.Config{Topology: topology, Arg: demoPartArg})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			f := liveFlow(t, selection{only: []string{demoRule}, below: os.Getpid()})
			got := flowchart.Sentences(&f)
			for i := range got {
				before, rest, _ := strings.Cut(got[i], "[")
				if _, after, found := strings.Cut(rest, "]"); found {
					got[i] = before + "[]" + after
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, s := range d.Streams() {
				if !joined(&f, s.SourcePID, s.RelayPID, recording.ViaPipe) {
					t.Errorf("no pipe leads from %d to %d in %+v", s.SourcePID, s.RelayPID, f)
				}
			}
		})
	}
}

// joined reports an edge between two processes.
func joined(f *recording.Flow, from, to int, via recording.FlowVia) bool {
	return slices.ContainsFunc(f.Edges, func(e recording.FlowEdge) bool {
		return f.Nodes[e.From-1].PID == from && f.Nodes[e.To-1].PID == to && e.Via == via
	})
}

// TestGraphOfUnixPair has a cat read a file and write to one end of a socket pair,
// of which this process has the other, and a connection.
func TestGraphOfUnixPair(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs, ours := os.NewFile(uintptr(pair[0]), "theirs"), os.NewFile(uintptr(pair[1]), "ours")
	defer ours.Close()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp4", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	data := t.TempDir() + "/data"
	if err := os.WriteFile(data, make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	input, err := os.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	cat := exec.Command("cat")
	cat.Stdin, cat.Stdout = input, theirs // it fills the pair and waits
	if err := cat.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cat.Process.Kill(); cat.Wait() }()
	input.Close()
	theirs.Close()
	if _, err := io.ReadFull(ours, make([]byte, 1<<20)); err != nil { // by now cat is what runs
		t.Fatal(err)
	}
	f := liveFlow(t, selection{pids: []int{cat.Process.Pid}})
	if !joined(&f, cat.Process.Pid, os.Getpid(), recording.ViaUnix) {
		t.Errorf("no socket pair leads from %d to %d in %+v", cat.Process.Pid, os.Getpid(), f)
	}
	var kinds []recording.FlowKind
	for _, n := range f.Nodes {
		kinds = append(kinds, n.Kind)
	}
	if len(kinds) < 4 || kinds[0] != recording.FlowDisk && kinds[0] != recording.FlowFileSystem || kinds[len(kinds)-1] != recording.FlowInterface {
		t.Errorf("the way leads through %v: %+v", kinds, f)
	}
}
