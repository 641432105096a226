package stream

import (
	"math"
	"strings"
	"testing"
	"time"

	"pausetest/internal/procctl/proctable"
)

func TestYouth(t *testing.T) {
	const minimum = int64(120 * time.Second)
	none, some := uint64(0), uint64(1)
	for _, tc := range []struct {
		age   int64
		moved *uint64
		young bool
	}{
		{0, nil, true},
		{minimum - 1, &some, true},
		{minimum, nil, false},
		{minimum, &some, false},
		{minimum, &none, true},
		{math.MaxInt64, &none, true},
	} {
		r := Youth(tc.age, minimum, tc.moved)
		if (r != nil) != tc.young {
			t.Errorf("age %d: got %+v", tc.age, r)
		}
		if r != nil && (r.Rule != "youth" || r.Reason == "" || r.Hint == "") {
			t.Errorf("age %d: refusal %+v is not whole", tc.age, r)
		}
	}
	if r := Youth(30*int64(time.Second), minimum, nil); r == nil || !strings.Contains(r.Hint, "1m30s") {
		t.Errorf("the hint doesn't say how long to wait: %+v", r)
	}
}

func TestAgeNS(t *testing.T) {
	for _, tc := range []struct {
		taken, start, hz uint64
		want             int64
	}{
		{600, 500, 100, int64(time.Second)},
		{500, 600, 100, 0},
		{500, 500, 100, 0},
		{600, 500, 0, 0},
		{math.MaxUint64, 0, 100, 0},
		{600, 500, 2_000_000_000, 0},
	} {
		s := &proctable.Snapshot{TakenTicks: tc.taken, TicksPerSecond: tc.hz}
		if got := ageNS(s, proctable.ProcID{PID: 1, StartTicks: tc.start}); got != tc.want {
			t.Errorf("%+v: got %d", tc, got)
		}
	}
}

func TestDisambiguate(t *testing.T) {
	streams := []Stream{
		{Label: "a", Source: proctable.ProcID{PID: 5}},
		{Label: "a", Source: proctable.ProcID{PID: 6}},
		{Label: "a (pid 5)", Source: proctable.ProcID{PID: 7}},
		{Label: "b", Source: proctable.ProcID{PID: 8}},
	}
	disambiguate(streams)
	want := []string{"a (pid 5) (pid 5)", "a (pid 6)", "a (pid 5) (pid 7)", "b"}
	for i, s := range streams {
		if s.Label != want[i] {
			t.Errorf("stream %d: got %q, want %q", i, s.Label, want[i])
		}
	}
}

func TestUnknownRuleName(t *testing.T) {
	_, err := Discover(&proctable.Snapshot{}, Selection{Only: []string{"amanda", "no-such"}}, nil)
	if err == nil || !strings.Contains(err.Error(), `"no-such"`) {
		t.Errorf("got %v", err)
	}
}

// crowd is a table with which a user might try to keep discovery busy: all
// processes look like dumps and share pipes.
func crowd(n int) *proctable.Snapshot {
	s := &proctable.Snapshot{TakenTicks: 1 << 20, TicksPerSecond: 100}
	for i := range n {
		s.Processes = append(s.Processes, proctable.Process{
			ID: proctable.ProcID{PID: 100 + i, StartTicks: uint64(i)}, PPID: max(100+i-1-i%50, 1), State: 'S',
			Comm: "tar", Args: []string{"tar", "cf", "-", "/home"},
			FDs: []proctable.FD{
				{Number: 0, Kind: proctable.Pipe, Inode: uint64(i), Read: true},
				{Number: 1, Kind: proctable.Pipe, Inode: uint64(i + 1), Write: true},
				{Number: 3, Kind: proctable.Pipe, Inode: 1 << 40, Write: i%2 == 0, Read: i%2 == 1},
			},
		})
	}
	return s
}

func TestCrowdedPipesConnectNothing(t *testing.T) {
	s := crowd(2 * (maxPipeHolders + 1))
	d := newDiscovery(s, Selection{}, nil)
	for _, p := range d.procs {
		for _, next := range d.after(p) {
			if next.ID.PID != p.ID.PID+1 {
				t.Fatalf("pid %d reaches pid %d", p.ID.PID, next.ID.PID)
			}
		}
	}
}

func BenchmarkDiscoverCrowd(b *testing.B) {
	s := crowd(2000)
	for b.Loop() {
		if _, err := Discover(s, Selection{}, nil); err != nil {
			b.Fatal(err)
		}
	}
}
