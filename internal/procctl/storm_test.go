package procctl

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pausetest/internal/procctl/proctable"
)

// rounds is how often each storm is paused; PAUSETEST_TORTURE asks for more. The
// default keeps the package's tests under 40 s with the race detector.
func rounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("PAUSETEST_TORTURE")
	if text == "" {
		return 4
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("PAUSETEST_TORTURE=%q is not a positive number", text)
	}
	return n
}

const (
	// steadyForker forks from one thread; its children live some milliseconds.
	steadyForker = `$SIG{CHLD}='IGNORE'; $|=1; print "ready\n";
		while (1) { my $p=fork(); if (defined $p && !$p) { select(undef,undef,undef,0.02); exit }
		select(undef,undef,undef,0.0005) }`
	// orphanForker forks twice, so that the grandchild loses its parent at once.
	orphanForker = `$|=1; print "ready\n";
		while (1) { my $p=fork(); if (defined $p && !$p) { my $q=fork();
		if (defined $q && !$q) { select(undef,undef,undef,0.02); exit } exit } waitpid($p,0) }`
	// hopper lives for some hundredths of a second, forks a successor and exits, again
	// and again, and leaves its pid in a file each time. It ends with its input, for it
	// is hard to catch.
	hopper = `$|=1; print "ready\n"; open(my $f, '>>', $ARGV[0]); while (1) { syswrite($f, "$$\n");
		srand; my $r=''; vec($r,0,1)=1; exit if select($r,undef,undef,0.02+rand(0.06)); my $p=fork(); exit if $p }`
)

// patient leaves a tree so much time to come to rest that a busy machine is no
// reason to refuse it.
var patient = StopOptions{Timeout: time.Minute}

// storm pauses a tree that does not want to be caught, and looks at every process
// of it from outside: all are stopped, or the tree was refused and all run.
func storm(t *testing.T, m *marked, root func() ProcID, trace func() int64, o StopOptions) (paused, refused int) {
	t.Helper()
	table := NewTable("")
	for range rounds(t) {
		ledger := newBook(t)
		stopping := newStopping(table, ledger, o)
		stopped, err := stopping.run(t.Context(), []ProcID{root()})
		if err != nil {
			if !isAny(err, ErrGone, ErrNotConverged) || errors.Is(err, ErrNotUndone) {
				t.Fatal(err)
			}
			refused++
			t.Log(err)
			if left := m.stopped(); len(left) > 0 {
				t.Fatalf("refused (%v), but still stopped: %q", err, left)
			}
			ledger.closed()
			continue
		}
		paused++
		before := trace()
		ours := slices.DeleteFunc(m.all(), stopping.kin.wasOrphan)
		if escaped := which(ours, runs); len(escaped) > 0 {
			t.Errorf("escaped: %q", escaped)
		}
		if after := trace(); after != before {
			t.Errorf("something ran on: %d marks, then %d", before, after)
		}
		// Pending: who forks by vfork waits uninterruptibly for its child to
		// exec, and the child is stopped.
		if c, err := stopped.Check(); err != nil || c.Kind > StopPending && !wasEnding(stopped, c) {
			t.Errorf("Check: %v %+v, %v", c.Kind, c, err)
		}
		if err := stopped.Continue(); err != nil {
			t.Error(err)
		}
		if left := m.stopped(); len(left) > 0 {
			t.Fatalf("continued, but still stopped: %q", left)
		}
		ledger.closed()
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("paused %d times, refused %d times", paused, refused)
	return paused, refused
}

// wasOrphan holds for what had lost its parent before the operation began, and stands
// in no session of the tree's own: it is nobody's.
func (k *kin) wasOrphan(p proctable.Stat) bool {
	before, ok := k.baseline[p.PID]
	_, own := k.founders[p.Session]
	return ok && before.ID() == p.ID() && before.PPID == 1 && !own
}

// wasEnding holds for a member that was on its way out when the stop found it, in
// uninterruptible sleep, and has ended instead of stopping: on a busy machine an
// exit takes its time.
func wasEnding(s *Stopped, c Condition) bool {
	return c.Kind == MemberEnded && slices.ContainsFunc(s.members, func(m *held) bool { return m.handle.id == c.ID && !m.settled })
}

func perl(t *testing.T, attr *syscall.SysProcAttr, script string, args ...string) *marked {
	t.Helper()
	m := start(t, attr, nil, "perl", append([]string{"-e", script, "--"}, args...)...)
	eventually(t, "the storm is under way", func() bool { return m.out.String() != "" })
	return m
}

func TestStormInOwnSession(t *testing.T) {
	for name, script := range map[string]string{"steady": steadyForker, "orphans": orphanForker} {
		t.Run(name, func(t *testing.T) {
			m := perl(t, &syscall.SysProcAttr{Setsid: true}, script)
			if _, refused := storm(t, m, m.id, noTrace, patient); refused > 0 {
				t.Errorf("refused %d times", refused)
			}
		})
	}
	t.Run("threads", func(t *testing.T) {
		m := help(t, &syscall.SysProcAttr{Setsid: true}, "threads")
		if _, refused := storm(t, m, m.id, noTrace, patient); refused > 0 {
			t.Errorf("refused %d times", refused)
		}
	})
}

// Whether the orphans of a shared session are taken or refused hangs on who else
// is in it. That none runs on unnoticed does not.
func TestStormInSharedSession(t *testing.T) {
	for name, script := range map[string]string{"steady": steadyForker, "orphans": orphanForker} {
		t.Run(name, func(t *testing.T) {
			m := perl(t, nil, script)
			storm(t, m, m.id, noTrace, StopOptions{})
		})
	}
}

func noTrace() int64 { return 0 }

// A root that replaces itself is followed or refused, and never lost unnoticed.
func TestRootHops(t *testing.T) {
	file := filepath.Join(t.TempDir(), "trace")
	m := perl(t, &syscall.SysProcAttr{Setsid: true}, hopper, file)
	current := func() (id ProcID) {
		eventually(t, "a hopper is seen", func() bool {
			text, _ := os.ReadFile(file)
			lines := strings.Fields(string(text))
			if len(lines) == 0 {
				return false
			}
			pid, _ := strconv.Atoi(lines[len(lines)-1])
			p, err := readStat(pid)
			id = p.ID()
			return err == nil && p.Comm == "perl" && !zombie(p)
		})
		return id
	}
	trace := func() int64 {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	storm(t, m, current, trace, StopOptions{})
}
