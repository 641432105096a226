package vitals

import (
	"context"
	"net"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pausetest/internal/netstat"
	"pausetest/internal/procctl"
	"pausetest/internal/procctl/proctable"
	"pausetest/internal/recording"
)

// start starts a program until the end of the test.
func start(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd.Process.Pid
}

func snapshot(t *testing.T) *proctable.Snapshot {
	t.Helper()
	table := procctl.NewTable("")
	s, err := table.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var everybody []int
	for _, p := range s.Processes {
		everybody = append(everybody, p.ID.PID)
	}
	if err := table.Examine(t.Context(), s, everybody); err != nil {
		t.Fatal(err)
	}
	return s
}

// records observes until there are so many.
func records(t *testing.T, o *Observer, n int) []recording.Vitals {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var all []recording.Vitals
	err := o.Run(ctx, func(v recording.Vitals) bool {
		if all = append(all, v); len(all) == n {
			cancel()
		}
		return true
	})
	if err != nil || len(all) != n {
		t.Fatalf("%d records, want %d; %v", len(all), n, err)
	}
	return all
}

// TestObserver observes a writer whose pipe is full, and a sleeper.
func TestObserver(t *testing.T) {
	began := netstat.MonotonicNS()
	writer := exec.Command("cat", "/dev/zero")
	out, err := writer.StdoutPipe() // which nobody reads
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	writerPID, sleeperPID := start(t, writer), start(t, exec.Command("sleep", "1000"))

	s := snapshot(t)
	members := Members(s, []Path{{Stream: 1, Source: s.ByPID(writerPID).ID, Processes: []proctable.ProcID{s.ByPID(sleeperPID).ID}}})
	o := New(func() int64 { return netstat.MonotonicNS() - began })
	o.Watch(members, nil)
	all := records(t, o, 3)

	if diff := cmp.Diff(members, all[0].Members); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	seen := map[int][]recording.ActivityKind{}
	last := int64(0)
	for i, v := range all {
		if i > 0 && v.Members != nil {
			t.Errorf("record %d repeats the members", i)
		}
		if v.TNS <= last || v.Host == nil || len(v.LooksNS) == 0 || !slices.IsSorted(v.LooksNS) || v.LooksNS[0] <= last || v.LooksNS[len(v.LooksNS)-1] > v.TNS {
			t.Errorf("record %d, after %d: %+v", i, last, v)
		}
		last = v.TNS
		for _, p := range v.Processes {
			if len(p.Looks) != len(v.LooksNS) && len(p.Looks) != 1 || p.CPU == nil || p.IO == nil {
				t.Errorf("record %d: %d looks, of pid %d %+v", i, len(v.LooksNS), p.PID, p)
			}
			for _, look := range p.Looks {
				seen[p.PID] = append(seen[p.PID], v.Seen[look][0].Kind)
			}
		}
	}
	if k := seen[writerPID]; len(k) == 0 || k[len(k)-1] != recording.Writing {
		t.Errorf("the writer was seen doing %v", k)
	}
	if k := seen[sleeperPID]; len(k) == 0 || k[len(k)-1] != recording.Asleep {
		t.Errorf("the sleeper was seen doing %v", k)
	}
	if late := all[2].Processes; len(late) != 0 {
		t.Errorf("nothing changes, and yet is recorded: %+v", late)
	}
}

// TestLostRecord loses the first record: the next one holds what it did.
func TestLostRecord(t *testing.T) {
	pid := start(t, exec.Command("sleep", "1000"))
	s := snapshot(t)
	o := New(netstat.MonotonicNS)
	o.Watch(Members(s, []Path{{Stream: 1, Source: s.ByPID(pid).ID}}), nil)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var all []recording.Vitals
	err := o.Run(ctx, func(v recording.Vitals) bool {
		if all = append(all, v); len(all) == 2 {
			cancel()
		}
		return false
	})
	if err != nil {
		t.Error(err)
	}
	for i, v := range all {
		if len(v.Members) != 1 || len(v.Processes) != 1 || v.Processes[0].CPU == nil {
			t.Errorf("record %d: %+v", i, v)
		}
	}
	if len(all) != 2 {
		t.Errorf("%d records", len(all))
	}
}

// TestEverythingHasAName goes through all that a thread may be seen doing and all that
// a descriptor may lead to: what has no name would be recorded as nothing.
func TestEverythingHasAName(t *testing.T) {
	for a := range proctable.OtherActivity + 1 {
		if kinds[a] == "" {
			t.Errorf("activity %d has no name in a recording", a)
		}
	}
	for k := range proctable.Other + 1 {
		if targets[k] == "" {
			t.Errorf("kind of descriptor %d has no name in a recording", k)
		}
	}
}

// TestFault has the observer trip: that is an error, and whoever runs it lives on.
func TestFault(t *testing.T) {
	pid := start(t, exec.Command("sleep", "1000"))
	s := snapshot(t)
	o := New(func() int64 { panic("no clock") })
	o.Watch(Members(s, []Path{{Stream: 1, Source: s.ByPID(pid).ID}}), nil)
	err := o.Run(t.Context(), func(recording.Vitals) bool { return true })
	if err == nil || !strings.Contains(err.Error(), "no clock") {
		t.Errorf("%v", err)
	}
	if o.processes != nil || o.counter != nil || o.delays != nil {
		t.Error("something is still open")
	}
}

// TestTooManyMembers cuts what tells least, wherever it stands.
func TestTooManyMembers(t *testing.T) {
	var all []recording.Member
	for pid := range 10 {
		all = append(all, recording.Member{PID: pid, Carrier: pid == 5 || pid == 9, Source: pid == 8 || pid == 9})
	}
	before := slices.Clone(all)
	for n, want := range map[int][]int{20: {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 5: {8, 9, 5, 0, 1}, 3: {8, 9, 5}, 1: {8}} {
		var got []int
		for _, m := range mostTelling(all, n) {
			got = append(got, m.PID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d of them (-want +got):\n%s", n, diff)
		}
	}
	if diff := cmp.Diff(before, all); diff != "" {
		t.Errorf("the caller's members were changed (-before +after):\n%s", diff)
	}
}

// TestObserverSockets fills a socket that nobody reads.
func TestObserverSockets(t *testing.T) {
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
	go client.Write(make([]byte, 64<<20)) // ends with the test

	inode := inodeOf(t, client.(*net.TCPConn))
	sockets, err := netstat.ListTCP(map[uint64]bool{inode: true})
	if err != nil || len(sockets) != 1 {
		t.Fatalf("%d sockets, %v", len(sockets), err)
	}
	o := New(netstat.MonotonicNS)
	o.Watch(nil, sockets)
	v := records(t, o, 1)[0]
	if len(v.Sockets) != 1 || v.Sockets[0].Inode != inode || len(v.Sockets[0].QueuedBytes) == 0 {
		t.Fatalf("%+v", v)
	}
	if s := v.Sockets[0]; s.BusyNS == 0 || slices.Max(s.QueuedBytes) == 0 {
		t.Errorf("a socket that nobody reads: %+v", s)
	}
}

func inodeOf(t *testing.T, conn *net.TCPConn) uint64 {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var st syscall.Stat_t
	if err := raw.Control(func(fd uintptr) { err = syscall.Fstat(int(fd), &st) }); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

// BenchmarkLook is the price of one look at twenty processes.
func BenchmarkLook(b *testing.B) {
	var members []recording.Member
	for range 20 {
		cmd := exec.Command("sleep", "1000")
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		defer func() {
			cmd.Process.Kill()
			cmd.Wait()
		}()
		s, err := procctl.NewTable("").Snapshot(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		id := s.ByPID(cmd.Process.Pid).ID
		members = append(members, recording.Member{PID: id.PID, StartTicks: id.StartTicks})
	}
	o := New(netstat.MonotonicNS)
	o.Watch(members, nil)
	if err := o.update(); err != nil {
		b.Fatal(err)
	}
	defer o.close()
	for b.Loop() {
		o.look()
		if len(o.looksNS) == 10 {
			o.record()
		}
	}
}
