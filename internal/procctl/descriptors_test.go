package procctl

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// shortOfDescriptors leaves n descriptors, until the returned function is called.
func shortOfDescriptors(t *testing.T, n int) (restore func()) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	var plugs []int // every number up to the highest that is in use
	for highest := 0; len(plugs) == 0 || plugs[len(plugs)-1] < highest; {
		fd, err := unix.Dup(0)
		if err != nil {
			t.Fatal(err)
		}
		plugs = append(plugs, fd)
		open, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range open {
			if number, err := strconv.Atoi(entry.Name()); err == nil {
				highest = max(highest, number)
			}
		}
		highest-- // the folder's own
	}
	lowered := syscall.Rlimit{Cur: uint64(plugs[len(plugs)-1] + 1 + n), Max: limit.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lowered); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: limit.Cur, Max: limit.Max}); err != nil {
			t.Error(err)
		}
		for _, fd := range plugs {
			unix.Close(fd)
		}
	}
}

// Who can't be read for want of a descriptor has not ended.
func TestNobodyIsOverlookedShortOfDescriptors(t *testing.T) {
	for n := range 3 {
		restore := shortOfDescriptors(t, n)
		now, scanned := NewTable("").scan(nil, nil)
		snapshot, taken := NewTable("").Snapshot(t.Context())
		restore()
		if scanned == nil && len(now) == 0 || scanned != nil && !errors.Is(scanned, unix.EMFILE) {
			t.Errorf("%d left: a scan of %d rows, %v", n, len(now), scanned)
		}
		if taken == nil && len(snapshot.Processes) == 0 || taken != nil && !errors.Is(taken, unix.EMFILE) {
			t.Errorf("%d left: a snapshot of %+v, %v", n, snapshot, taken)
		}
	}
}

// forkNow has the root fork once more when its stop is announced: after the baseline.
type forkNow struct {
	plainLedger
	root *marked
}

func (f forkNow) Intend([]*Handle) error {
	if before := f.root.out.String(); !strings.Contains(before, "forked") {
		_ = unix.Kill(f.root.cmd.Process.Pid, unix.SIGUSR1)
		eventually(f.root.t, "it has forked", func() bool { return strings.Contains(f.root.out.String(), "forked") })
	}
	return nil
}

// forkOnRequest has a child when it gets SIGUSR1.
const forkOnRequest = `$|=1; my $wait = sub { while (1) { select(undef,undef,undef,1) } };
	$SIG{USR1} = sub { my $p = fork(); $wait->() unless $p; print "forked\n" }; print "ready\n"; $wait->()`

func TestStopIsWholeOrRefusedShortOfDescriptors(t *testing.T) {
	whole, refused := 0, 0
	for n := range 16 {
		m := perl(t, &syscall.SysProcAttr{Setsid: true}, forkOnRequest)
		root := m.id()
		restore := shortOfDescriptors(t, n)
		s, err := NewTable("").StopTree(t.Context(), []ProcID{root}, forkNow{root: m}, StopOptions{})
		restore()
		if err != nil {
			refused++
			if left := m.stopped(); len(left) > 0 || errors.Is(err, ErrNotUndone) {
				t.Errorf("%d left: refused (%v), and stopped: %q", n, err, left)
			}
			continue
		}
		whole++
		if running := m.notStopped(); len(running) > 0 {
			t.Errorf("%d left: stopped %v, and running: %q", n, s.Members(), running)
		}
		if err := s.Continue(); err != nil {
			t.Error(err)
		}
	}
	if whole == 0 || refused == 0 {
		t.Errorf("stopped %d times, refused %d times: want some of both", whole, refused)
	}
}

// With hardly a descriptor to spare, a Handle looks by its pid.
func TestHandleWithoutItsOwnFile(t *testing.T) {
	m := help(t, nil, "threads")
	h := open(t, m.id())
	h.closeStat()
	if err := h.Stop(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all threads are stopped", allStopped(t, h))
	_ = unix.Kill(m.cmd.Process.Pid, unix.SIGKILL)
	eventually(t, "it has ended", func() bool { _, err := h.State(); return errors.Is(err, ErrGone) })
}
