package procctl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// family starts a shell with two children, one of which has one of its own, and
// returns the four rows, parents first.
func family(t *testing.T, attr *syscall.SysProcAttr) (*marked, []ProcID) {
	t.Helper()
	// The descriptors are duplicated because a shell gives /dev/null to what it
	// runs in the background.
	m := start(t, attr, nil, "sh", "-c", `exec 3<&0; sh -c 'cat <&3 & wait' & cat <&3 & wait; echo "end $?"`)
	var ids []ProcID
	eventually(t, "the family is complete", func() bool {
		rows := m.all()
		cats := 0
		ids = nil
		slices.SortFunc(rows, func(a, b procStat) int { return depthOf(a, rows) - depthOf(b, rows) })
		for _, p := range rows {
			ids = append(ids, p.ID())
			if p.Comm == "cat" {
				cats++
			}
		}
		return cats == 2 && len(rows) == 4
	})
	return m, ids
}

func depthOf(p procStat, rows []procStat) int {
	for _, parent := range rows {
		if parent.PID == p.PPID {
			return 1 + depthOf(parent, rows)
		}
	}
	return 0
}

func stopTree(t *testing.T, ledger Ledger, o StopOptions, roots ...ProcID) *Stopped {
	t.Helper()
	s, err := NewTable("").StopTree(t.Context(), roots, ledger, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Continue(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func check(t *testing.T, s *Stopped, want ConditionKind, id ProcID) {
	t.Helper()
	got, err := s.Check()
	if err != nil {
		t.Fatal(err)
	}
	if got.Kind != want || id != (ProcID{}) && got.ID != id {
		t.Errorf("Check: %v %+v, want %v of %+v", got.Kind, got.ID, want, id)
	}
}

func TestStopTreeOrder(t *testing.T) {
	m, ids := family(t, nil)
	ledger := newBook(t)
	s := stopTree(t, ledger, StopOptions{}, ids[0])
	if running := m.notStopped(); len(running) > 0 {
		t.Errorf("running: %q", running)
	}
	check(t, s, AllStopped, ProcID{})
	if diff := cmp.Diff(s.Members(), ledger.intended); diff != "" {
		t.Errorf("members and ledger differ:\n%s", diff)
	}
	seen := map[int]bool{}
	for _, id := range s.Members() {
		p, err := readStat(id.PID)
		if err != nil {
			t.Fatal(err)
		}
		if id != ids[0] && !seen[p.PPID] {
			t.Errorf("pid %d was stopped before its parent %d", id.PID, p.PPID)
		}
		seen[id.PID] = true
	}
	if len(seen) != 4 {
		t.Errorf("stopped %v, want four", s.Members())
	}
	if err := s.Continue(); err != nil {
		t.Fatal(err)
	}
	if left := m.stopped(); len(left) > 0 {
		t.Errorf("still stopped: %q", left)
	}
	childFirst := slices.Clone(ledger.intended)
	slices.Reverse(childFirst)
	if diff := cmp.Diff(childFirst, ledger.forgot); diff != "" {
		t.Errorf("continued in another order (-want +got):\n%s", diff)
	}
	check(t, s, Released, ProcID{})
	if err := s.Continue(); err != nil || len(ledger.forgot) != 4 {
		t.Errorf("repeated Continue: %v, forgot %d", err, len(ledger.forgot))
	}
	ledger.closed()
}

// Several roots, one below the other and one named twice, as a dump family may be.
func TestStopTreeNestedRoots(t *testing.T) {
	m, ids := family(t, nil)
	ledger := newBook(t)
	s := stopTree(t, ledger, StopOptions{}, ids[3], ids[0], ids[3])
	if running := m.notStopped(); len(running) > 0 || len(s.Members()) != 4 || s.Members()[0] != ids[0] {
		t.Errorf("members %v of %v, running %q", s.Members(), ids, running)
	}
}

// A shell with job control takes the stop of a child for the end of the job,
// unless it is itself stopped before and continued after.
func TestJobControlShellIsNotFooled(t *testing.T) {
	m := start(t, &syscall.SysProcAttr{Setsid: true}, nil, "bash", "-c", `exec 3<&0; set -m; cat <&3; echo "rc=$?"`)
	eventually(t, "cat runs", func() bool {
		return slices.ContainsFunc(m.all(), func(p procStat) bool { return p.Comm == "cat" })
	})
	for range 10 {
		s := stopTree(t, newBook(t), StopOptions{}, m.id())
		if err := s.Continue(); err != nil {
			t.Fatal(err)
		}
	}
	_ = m.stdin.Close()
	eventually(t, "the shell ends", func() bool { return len(m.all()) == 0 })
	eventually(t, "the shell spoke", func() bool { return m.out.String() != "" })
	if got := m.out.String(); got != "rc=0\n" {
		t.Errorf("the shell says %q", got)
	}
}

// refused checks that StopTree fails with the error, that nothing it stopped
// remains stopped, and that the ledger is empty.
func refused(t *testing.T, m *marked, ledger *book, o StopOptions, want error, roots ...ProcID) error {
	t.Helper()
	s, err := NewTable("").StopTree(t.Context(), roots, ledger, o)
	if err == nil {
		_ = s.Continue()
		t.Fatal("the tree was stopped")
	}
	if !errors.Is(err, want) || errors.Is(err, ErrNotUndone) {
		t.Errorf("error %v, want %v", err, want)
	}
	ledger.closed()
	return err
}

func TestMemberStoppedByOthersIsLeftStopped(t *testing.T) {
	m, ids := family(t, nil)
	theirs := open(t, ids[3])
	if err := theirs.Stop(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "stopped by somebody else", allStopped(t, theirs))
	err := refused(t, m, newBook(t), StopOptions{}, ErrAlreadyStopped, ids[0])
	if want := fmt.Sprintf("(pid %d)", ids[3].PID); !strings.Contains(err.Error(), want) {
		t.Errorf("error %q does not name %s", err, want)
	}
	if left := m.stopped(); len(left) != 1 || !allStopped(t, theirs)() {
		t.Errorf("stopped: %q, want theirs alone", left)
	}
}

// Somebody stops a member while the intent to do so is being recorded.
func TestMemberStoppedByOthersMeanwhile(t *testing.T) {
	m, ids := family(t, nil)
	theirs := open(t, ids[3])
	ledger := newBook(t)
	ledger.after = func() {
		if err := theirs.Stop(); err != nil {
			t.Error(err)
		}
		eventually(t, "stopped by somebody else", allStopped(t, theirs))
	}
	ledger.theirs = ids[3]
	refused(t, m, ledger, StopOptions{}, ErrAlreadyStopped, ids[0])
	if left := m.stopped(); len(left) != 1 || !allStopped(t, theirs)() {
		t.Errorf("stopped: %q, want theirs alone", left)
	}
}

func TestTracedMemberIsRefused(t *testing.T) {
	m, ids := family(t, nil)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.PtraceSeize(ids[2].PID); err != nil {
		t.Fatal(err)
	}
	refused(t, m, newBook(t), StopOptions{}, ErrTraced, ids[0])
	if left := m.stopped(); len(left) > 0 {
		t.Errorf("still stopped: %q", left)
	}
	m.kill() // the tracer is this thread
}

func TestLedgerRefuses(t *testing.T) {
	m, ids := family(t, nil)
	ledger := newBook(t)
	ledger.fail = errors.New("disk full")
	refused(t, m, ledger, StopOptions{}, ledger.fail, ids[0])
	if left := m.stopped(); len(left) > 0 {
		t.Errorf("stopped without a ledger: %q", left)
	}
}

func TestCancelledStopIsUndone(t *testing.T) {
	m, ids := family(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	ledger := newBook(t)
	ledger.after = cancel
	_, err := NewTable("").StopTree(ctx, ids[:1], ledger, StopOptions{})
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrNotConverged) {
		t.Errorf("error %v", err)
	}
	if left := m.stopped(); len(left) > 0 {
		t.Errorf("still stopped: %q", left)
	}
	ledger.closed()
}

func TestForbiddenRoots(t *testing.T) {
	m := help(t, nil, "block")
	for name, id := range map[string]ProcID{
		"ourselves": identify(t, os.Getpid()), "our parent": identify(t, os.Getppid()), "init": identify(t, 1),
	} {
		t.Run(name, func(t *testing.T) { refused(t, m, newBook(t), StopOptions{}, ErrForbidden, id) })
	}
	t.Run("named", func(t *testing.T) {
		m, ids := family(t, nil)
		refused(t, m, newBook(t), StopOptions{Never: []int{ids[3].PID}}, ErrForbidden, ids[0])
		if left := m.stopped(); len(left) > 0 {
			t.Errorf("still stopped: %q", left)
		}
	})
	t.Run("nobody", func(t *testing.T) {
		if _, err := NewTable("").StopTree(t.Context(), nil, newBook(t), StopOptions{}); err == nil {
			t.Error("no error")
		}
	})
}

func TestRootEndedBefore(t *testing.T) {
	m := help(t, nil, "block")
	id := m.id()
	other, ids := family(t, nil)
	m.kill()
	refused(t, m, newBook(t), StopOptions{}, ErrGone, ids[0], id)
	if left := other.stopped(); len(left) > 0 {
		t.Errorf("still stopped: %q", left)
	}
}

// A root that ends between the intent and the signal.
func TestRootEndsMeanwhile(t *testing.T) {
	m, ids := family(t, nil)
	victim := help(t, nil, "block")
	ledger := newBook(t)
	roots := []ProcID{ids[0], victim.id()}
	ledger.after = victim.kill
	refused(t, m, ledger, StopOptions{}, ErrGone, roots...)
	if left := m.stopped(); len(left) > 0 {
		t.Errorf("still stopped: %q", left)
	}
}

// Who shares session and process group with a tree, and existed before or has
// another parent, is never touched; a newcomer that may be the tree's is not
// touched either, but the tree is refused.
func TestBystanders(t *testing.T) {
	m, ids := family(t, nil)
	old := startWitness()
	for range 20 {
		s := stopTree(t, newBook(t), StopOptions{}, ids[0])
		if err := s.Continue(); err != nil {
			t.Fatal(err)
		}
	}
	if said := old.end(); said != "end" {
		t.Errorf("a bystander says %q", said)
	}

	var fresh witness
	started := false
	ledger := newBook(t)
	ledger.after = func() {
		if !started {
			started, fresh = true, startWitness()
		}
	}
	err := refused(t, m, ledger, StopOptions{Timeout: 500 * time.Millisecond}, ErrNotConverged, ids[0])
	if want := fmt.Sprintf("(pid %d)", fresh.cmd.Process.Pid); !strings.Contains(err.Error(), want) {
		t.Errorf("error %q does not name %s", err, want)
	}
	if said := fresh.end(); said != "end" {
		t.Errorf("a new bystander says %q", said)
	}
	if left := m.stopped(); len(left) > 0 {
		t.Errorf("still stopped: %q", left)
	}
}

func TestCheckNoticesOthers(t *testing.T) {
	t.Run("continued", func(t *testing.T) {
		_, ids := family(t, nil)
		s := stopTree(t, newBook(t), StopOptions{}, ids[0])
		if err := open(t, ids[3]).Continue(); err != nil {
			t.Fatal(err)
		}
		check(t, s, Continued, ids[3])
	})
	t.Run("member killed", func(t *testing.T) {
		_, ids := family(t, nil)
		s := stopTree(t, newBook(t), StopOptions{}, ids[0])
		kill(t, ids[3])
		check(t, s, MemberEnded, ids[3])
	})
	t.Run("root killed", func(t *testing.T) {
		m, ids := family(t, nil)
		ledger := newBook(t)
		s := stopTree(t, ledger, StopOptions{}, ids[0])
		kill(t, ids[0])
		check(t, s, RootEnded, ids[0])
		if err := s.Continue(); err != nil {
			t.Error(err)
		}
		if left := m.stopped(); len(left) > 0 {
			t.Errorf("still stopped: %q", left)
		}
		ledger.closed()
	})
}

// What was forked out of a pending stop is noticed: here it is feigned by a
// member that the tree does not know.
func TestCheckNoticesNewMember(t *testing.T) {
	_, ids := family(t, nil)
	s := stopTree(t, newBook(t), StopOptions{}, ids[0])
	parent := s.members[0]
	known := map[ProcID]bool{}
	if kind, err := parent.condition(known); err != nil || kind != NewMember {
		t.Errorf("%v, %v", kind, err)
	}
}

func kill(t *testing.T, id ProcID) {
	t.Helper()
	h := open(t, id)
	if err := unix.PidfdSendSignal(h.FD(), unix.SIGKILL, nil, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "killed", h.Exited)
}
