package guard

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"pausetest/internal/procctl"
	"pausetest/internal/procctl/proctable"
)

func start(t *testing.T, c Config) *Guard {
	t.Helper()
	if c.StateDir == "" {
		c.StateDir = t.TempDir()
	}
	if c.MaxPause == 0 {
		c.MaxPause = time.Minute
	}
	if c.Lease == 0 {
		c.Lease = time.Minute // the test's own pace is no concern here
	}
	g, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

func open(t testing.TB, ids []procctl.ProcID) []*procctl.Handle {
	t.Helper()
	var handles []*procctl.Handle
	for _, id := range ids {
		h, err := procctl.Open(id)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close() })
		handles = append(handles, h)
	}
	return handles
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// outstanding is what the journal in dir says.
func outstanding(t *testing.T, dir string) []procctl.ProcID {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, journalName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	must(t, err)
	defer f.Close()
	j, err := parseJournal(f)
	must(t, err)
	if len(j.Notes) > 0 {
		t.Errorf("journal: %v", j.Notes)
	}
	processes, _ := j.outstanding()
	return processes
}

func TestARunInGoodOrder(t *testing.T) {
	family, dir := spawn(t, 4), t.TempDir()
	g := start(t, Config{StateDir: dir})
	handles := open(t, family)
	for range 3 {
		must(t, g.Account(1).Intend(handles[:3]))
		must(t, g.Account(1).Intend(handles[1:])) // the rescan sees known ones again
		if diff := cmp.Diff(family, outstanding(t, dir)); diff != "" {
			t.Error(diff)
		}
		must(t, g.Beat())
		must(t, g.Forget(handles[1:2])) // it ended, say
		if diff := cmp.Diff([]procctl.ProcID{family[0], family[2], family[3]}, outstanding(t, dir)); diff != "" {
			t.Error(diff)
		}
		must(t, g.Forget(handles))
		if left := outstanding(t, dir); left != nil {
			t.Errorf("outstanding after all were forgotten: %v", left)
		}
	}
	if err := g.Err(); err != nil {
		t.Errorf("lost: %v", err)
	}
	must(t, g.Close())
	must(t, g.Close()) // again
	if _, err := os.Stat(filepath.Join(dir, journalName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the journal stayed: %v", err)
	}
	if err := g.Account(1).Intend(handles); !errors.Is(err, ErrClosed) {
		t.Errorf("Intend after Close: %v", err)
	}
	if err := g.Beat(); !errors.Is(err, ErrClosed) {
		t.Errorf("Beat after Close: %v", err)
	}
	start(t, Config{StateDir: dir}) // the lock is free again
}

// TestMoreThanOneMessage passes more processes than a message can carry.
func TestMoreThanOneMessage(t *testing.T) {
	family := spawn(t, 600)
	g := start(t, Config{})
	handles := open(t, family)
	must(t, g.Account(1).Intend(handles))
	stop(handles)
	within(t, "all are stopped", allStopped(t, family))
	must(t, g.Close()) // which continues what was not forgotten
	within(t, "all run", allRun(t, family))
}

func TestAnOverrunFires(t *testing.T) {
	family := spawn(t, 5)
	r := startRun(t, "hold", t.TempDir(), time.Minute, 200*time.Millisecond, family)
	r.expect("paused")
	if lost := r.expect("lost"); lost != fmt.Sprintf("%v: %v", ErrFired, causeOverrun) {
		t.Errorf("lost by %q", lost)
	}
	within(t, "all run", allRun(t, family))
	r.endsWell()
}

// TestSumsOfPausesFire although no single pause is long.
func TestSumsOfPausesFire(t *testing.T) {
	family := spawn(t, 2)
	handles := open(t, family)
	const limit = 60 * time.Millisecond
	for _, test := range []struct {
		name   string
		c      Config
		stream func(round int) uint32
		want   cause
	}{
		{"of one stream", Config{MaxPausedTotal: limit}, func(int) uint32 { return 1 }, causeStreamTotal},
		{"of all", Config{Budget: limit}, func(round int) uint32 { return uint32(round) }, causeBudget},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := start(t, test.c)
			defer g.Close()
			within(t, "the guard fires", func() bool {
				for round := range 100 {
					if err := g.Account(test.stream(round)).Intend(handles); err != nil {
						break
					}
					stop(handles)
					select {
					case <-g.Lost():
					case <-time.After(limit / 10):
					}
					if g.Err() != nil {
						break
					}
					for _, h := range handles {
						must(t, h.Continue())
					}
					must(t, g.Forget(handles))
				}
				return g.Err() != nil
			})
			if err, want := g.Err(), fmt.Sprintf("%v: %v", ErrFired, test.want); err == nil || err.Error() != want {
				t.Errorf("lost by %v, want %s", err, want)
			}
			within(t, "all run", allRun(t, family))
			must(t, g.Forget(handles))
		})
	}
}

// TestALateStopIsUndone: the controller is stopped between the guard's
// acknowledgement and its own signals, and sends these after the firing.
func TestALateStopIsUndone(t *testing.T) {
	family := spawn(t, 8)
	r := startRun(t, "late", t.TempDir(), 200*time.Millisecond, time.Minute, family)
	r.expect("announced")
	r.signal(unix.SIGSTOP)
	within(t, "the guard fires", allRun(t, family[:1]))
	r.proceed()
	r.signal(unix.SIGCONT)
	r.expect("stopped")
	within(t, "the late stops are undone", allRun(t, family))
	r.proceed()
	want := fmt.Sprintf("%v: %v", ErrFired, causeSilence)
	if beat := r.expect("beat"); beat != want {
		t.Errorf("Beat returned %q", beat)
	}
	if intend := r.expect("intend"); intend != "announcing a stop: "+want {
		t.Errorf("Intend returned %q", intend)
	}
	r.expect("lost")
	r.endsWell()
}

// TestASilentControllerIsLeftAlone as long as nothing is paused.
func TestASilentControllerIsLeftAlone(t *testing.T) {
	family := spawn(t, 1)
	const lease = 20 * time.Millisecond
	g := start(t, Config{Lease: lease})
	time.Sleep(5 * lease) // the guard must be seen to do nothing
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
	handles := open(t, family)
	must(t, g.Account(1).Intend(handles))
	<-g.Lost() // and now it must
	if err := g.Err(); !errors.Is(err, ErrFired) {
		t.Error(err)
	}
	must(t, g.Forget(handles))
}

// TestADeadGuardIsNoticed even by a controller that has nothing to say to it.
func TestADeadGuardIsNoticed(t *testing.T) {
	g := start(t, Config{})
	must(t, unix.Kill(g.PID(), unix.SIGKILL))
	<-g.Lost()
	if err := g.Err(); !errors.Is(err, ErrDied) || !strings.Contains(err.Error(), "killed") {
		t.Errorf("Err() = %v", err)
	}
	must(t, g.Close())
}

// TestAHangingGuardIsNoticed: a stopped guard helps nobody.
func TestAHangingGuardIsNoticed(t *testing.T) {
	g := start(t, Config{Lease: 100 * time.Millisecond})
	must(t, unix.Kill(g.PID(), unix.SIGSTOP))
	within(t, "Beat notices", func() bool { return g.Beat() != nil })
	if err := g.Err(); !errors.Is(err, ErrDied) {
		t.Errorf("Err() = %v", err)
	}
	if err := g.Account(1).Intend(open(t, spawn(t, 1))); !errors.Is(err, ErrDied) {
		t.Errorf("Intend returned %v", err)
	}
	must(t, g.Close())
}

func TestASecondRunIsRefused(t *testing.T) {
	dir, family := t.TempDir(), spawn(t, 2)
	r := startRun(t, "hold", dir, time.Minute, time.Minute, family)
	within(t, "they are paused", allStopped(t, family))
	_, err := Start(t.Context(), Config{StateDir: dir, MaxPause: time.Second})
	_, err2 := Recover(dir)
	for _, err := range []error{err, err2, Busy(dir)} {
		busy, ok := errors.AsType[*BusyError](err)
		if !ok || busy.PID != r.cmd.Process.Pid || !strings.Contains(err.Error(), fmt.Sprint("pid ", busy.PID)) {
			t.Errorf("refused with %v", err)
		}
	}
	if ids, err := Pending(dir); ids != nil || err != nil {
		t.Errorf("Pending returned %v, %v: a live run is none of its business", ids, err)
	}
	if n := inState(t, 'T', family); n != 2 {
		t.Errorf("%d processes stopped, want 2: the live run was disturbed", n)
	}
	r.kill()
	within(t, "all run", allRun(t, family))
	r.guardEnds()
	if err := Busy(dir); err != nil {
		t.Errorf("Busy says of a dead run: %v", err)
	}
	if err := Busy(filepath.Join(dir, "none")); err != nil {
		t.Errorf("Busy says where no run ever was: %v", err)
	}
}

// TestTheGuardKeepsNoLock: the lock is free as soon as the controller is dead,
// even if the guard can't end.
func TestTheGuardKeepsNoLock(t *testing.T) {
	dir, family := t.TempDir(), spawn(t, 2)
	r := startRun(t, "hold", dir, time.Minute, time.Minute, family)
	r.expect("paused")
	must(t, unix.PidfdSendSignal(r.guard.FD(), unix.SIGSTOP, nil, 0))
	r.kill()
	if ids, err := Pending(dir); len(ids) != 2 || err != nil {
		t.Errorf("Pending returned %v, %v", ids, err)
	}
	_, err := Start(t.Context(), Config{StateDir: dir, MaxPause: time.Second})
	if pending, ok := errors.AsType[*PendingError](err); !ok || pending.Processes != 2 {
		t.Errorf("Start returned %v", err)
	}
	report, err := Recover(dir)
	must(t, err)
	want := []Recovered{ // child first
		{PID: family[1].PID, StartTicks: family[1].StartTicks, Name: "sleep", Outcome: Continued},
		{PID: family[0].PID, StartTicks: family[0].StartTicks, Name: "sh", Outcome: Continued},
	}
	if diff := cmp.Diff(want, report.Processes); diff != "" {
		t.Error(diff)
	}
	if n := inState(t, 'T', family); n != 0 {
		t.Errorf("%d processes are stopped", n)
	}
	must(t, unix.PidfdSendSignal(r.guard.FD(), unix.SIGCONT, nil, 0))
	r.guardEnds()

	// That the guard closes what it inherits is a second bolt; this is the first.
	g := start(t, Config{StateDir: dir})
	if flags, err := unix.FcntlInt(g.lock.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("the lock has descriptor flags %d, %v", flags, err)
	}
}

// TestTheGuardIsOutOfReach of whatever may end or delay the controller.
func TestTheGuardIsOutOfReach(t *testing.T) {
	leak, err := os.Open("/proc/self/status") // a descriptor that children inherit
	must(t, err)
	defer leak.Close()
	_, err = unix.FcntlInt(leak.Fd(), unix.F_SETFD, 0)
	must(t, err)

	g := start(t, Config{})
	proc := fmt.Sprintf("/proc/%d/", g.PID())
	stat, err := readStat(g.PID())
	must(t, err)
	if stat.Session != g.PID() || stat.PGID != g.PID() {
		t.Errorf("session %d, group %d: not its own", stat.Session, stat.PGID)
	}
	if stat.Comm != "pausetest-guard" {
		t.Errorf("it is called %q", stat.Comm)
	}
	if cwd, _ := os.Readlink(proc + "cwd"); cwd != "/" {
		t.Errorf("it works in %q", cwd)
	}
	fds, err := os.ReadDir(proc + "fd")
	must(t, err)
	for _, fd := range fds {
		target, err := os.Readlink(proc + "fd/" + fd.Name())
		must(t, err)
		switch {
		case len(fd.Name()) == 1 && fd.Name() < "3" && target == "/dev/null":
		case fd.Name() == "3" && strings.HasPrefix(target, "socket:"):
		case fd.Name() == "4" && strings.Contains(target, "pidfd"):
		case strings.HasPrefix(target, "anon_inode:[event"): // the Go runtime's
		default:
			t.Errorf("descriptor %s is %q", fd.Name(), target)
		}
	}
	for _, sig := range []unix.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGPIPE, unix.SIGUSR1, unix.SIGALRM, unix.SIGXCPU} {
		must(t, unix.Kill(g.PID(), sig))
	}
	handles := open(t, spawn(t, 1)) // it still works
	must(t, g.Account(1).Intend(handles))
	must(t, g.Forget(handles))
}

// TestTheGuardShunsTheOOMKiller: a controller may have been made a likely victim.
func TestTheGuardShunsTheOOMKiller(t *testing.T) {
	const own = "/proc/self/oom_score_adj"
	before, err := os.ReadFile(own)
	must(t, err)
	must(t, os.WriteFile(own, []byte("900"), 0))
	t.Cleanup(func() { must(t, os.WriteFile(own, before, 0)) })
	g := start(t, Config{})
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", g.PID()))
	must(t, err)
	got, err := strconv.Atoi(strings.TrimSpace(string(text)))
	must(t, err)

	status, err := os.ReadFile("/proc/self/status")
	must(t, err)
	us, err := proctable.ParseStatus(status)
	must(t, err)
	if privileged := us.EffectiveCaps&(1<<unix.CAP_SYS_RESOURCE) != 0; privileged && got != -1000 {
		t.Errorf("oom_score_adj is %d, want -1000", got)
	}
	if got >= 900 {
		t.Errorf("oom_score_adj is %d, not lowered", got)
	}
}

func TestTheGuardIsPrivileged(t *testing.T) {
	requireRoot(t)
	g := start(t, Config{})
	proc := fmt.Sprintf("/proc/%d/", g.PID())
	tasks, err := os.ReadDir(proc + "task")
	must(t, err)
	raised := 0
	for _, task := range tasks {
		text, err := os.ReadFile(proc + "task/" + task.Name() + "/stat")
		must(t, err)
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if fields[16] == "-20" {
			raised++
		}
	}
	if raised == 0 {
		t.Errorf("none of %d threads has nice -20", len(tasks))
	}
}

// TestAFullDiskPausesNothing: an intent that can't be written is none.
func TestAFullDiskPausesNothing(t *testing.T) {
	dir, family := t.TempDir(), spawn(t, 2)
	g := start(t, Config{StateDir: dir})
	handles := open(t, family)
	must(t, g.Account(1).Intend(handles[:1]))
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	must(t, err)
	real := g.journal.f
	g.journal.f = full
	if err := g.Account(1).Intend(handles[1:]); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("Intend returned %v", err)
	}
	if g.Err() != nil || len(g.known) != 1 {
		t.Errorf("the run was harmed: %v, %d known", g.Err(), len(g.known))
	}
	g.journal.f = real
	full.Close()
	must(t, g.Forget(handles))
	if left := outstanding(t, dir); left != nil {
		t.Errorf("outstanding: %v", left)
	}
}

func TestIntendRefusesAClosedHandle(t *testing.T) {
	dir, family := t.TempDir(), spawn(t, 2)
	g := start(t, Config{StateDir: dir})
	handles := open(t, family)
	handles[1].Close()
	if err := g.Account(1).Intend(handles); err == nil {
		t.Error("took a descriptor that is none")
	}
	if left := outstanding(t, dir); left != nil {
		t.Errorf("outstanding after a refusal: %v", left)
	}
	must(t, g.Account(1).Intend(handles[:1])) // the run goes on
	must(t, g.Forget(handles[:1]))
}

// TestTheGuardRefusesWhatItMayNotContinue passes descriptors that are no pidfds.
func TestTheGuardRefusesWhatItMayNotContinue(t *testing.T) {
	g := start(t, Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for name, rights := range map[string][]byte{
		"no pidfd": unix.UnixRights(0),
		"nothing":  nil,
		"too many": unix.UnixRights(0, 1),
	} {
		ack, err := g.request(ctx, message{Kind: kindIntend, First: 1, Count: 1}, rights)
		if err != nil || ack.Errno == 0 {
			t.Errorf("%s: %+v, %v", name, ack, err)
		}
	}
	if err := g.Err(); err != nil {
		t.Error(err)
	}
}

func TestStartWithoutAGuard(t *testing.T) {
	for name, command := range map[string][]string{
		"no such program":     {"/nonexistent"},
		"ends at once":        {"/bin/true"},
		"never becomes ready": {"/bin/sleep", "600"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			c := Config{StateDir: dir, MaxPause: time.Second, Lease: 100 * time.Millisecond, Command: command}
			if _, err := Start(ctx, c); err == nil || !strings.HasPrefix(err.Error(), "starting the guard: ") {
				t.Errorf("Start returned %v", err)
			}
			left, err := os.ReadDir(dir)
			must(t, err)
			if len(left) != 1 || left[0].Name() != lockName {
				t.Errorf("left behind: %v", left)
			}
			start(t, Config{StateDir: dir})
		})
	}
}

// TestWithoutPrivileges: everything but the priorities works for any user.
func TestWithoutPrivileges(t *testing.T) {
	requireRoot(t) // to become somebody else
	nobody := &syscall.Credential{Uid: 65534, Gid: 65534}
	dir, err := os.MkdirTemp("", "pausetest") // TempDir's parent would be closed to nobody
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chown(dir, 65534, 65534))

	family := spawnAs(t, nobody, 5)
	r := startRunAs(t, nobody, "hold", dir, time.Minute, time.Minute, family)
	within(t, "they are paused", allStopped(t, family))
	r.kill()
	within(t, "all run", allRun(t, family))
	r.guardEnds()
}

// TestTheGuardRefusesStrangers: what we may open but not continue is refused
// before it is stopped.
func TestTheGuardRefusesStrangers(t *testing.T) {
	requireRoot(t)
	nobody := &syscall.Credential{Uid: 65534, Gid: 65534}
	dir, err := os.MkdirTemp("", "pausetest")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chown(dir, 65534, 65534))

	r := startRunAs(t, nobody, "hold", dir, time.Minute, time.Minute, spawn(t, 2))
	if got := r.expect("error"); got != "announcing a stop: the guard refuses: operation not permitted" {
		t.Errorf("the controller said %q", got)
	}
	r.kill()
	r.guardEnds()
}

// TestFiringAllocatesNothing, so that a host out of memory can't delay it.
func TestFiringAllocatesNothing(t *testing.T) {
	s := &sentinel{watch: watch{entries: make([]entry, 0, roomy)}}
	var fds []int
	for _, h := range open(t, spawn(t, 20)) {
		fds = append(fds, h.FD())
	}
	s.intend(1, fds, 0, 1, 0)
	if n := testing.AllocsPerRun(100, func() { s.continueAll() }); n != 0 {
		t.Errorf("%v allocations a pass", n)
	}
	if len(s.entries) != 20 {
		t.Errorf("%d entries left, want all: the controller may still stop them", len(s.entries))
	}
}

func BenchmarkBeat(b *testing.B) {
	g, err := Start(b.Context(), Config{StateDir: b.TempDir(), MaxPause: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	for b.Loop() {
		if err := g.Beat(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPause stops a family and continues it, as a run does, under guard;
// "intend" and "forget" are the guard's share of it.
func BenchmarkPause(b *testing.B) {
	for _, n := range []int{1, 10, 50} {
		b.Run(fmt.Sprintf("processes=%d", n), func(b *testing.B) {
			g, err := Start(b.Context(), Config{StateDir: b.TempDir(), MaxPause: time.Minute, Lease: time.Minute})
			must(b, err)
			defer g.Close()
			family, table := spawn(b, n), procctl.NewTable("")
			clock := &clockedLedger{Guard: g}
			for b.Loop() {
				s, err := table.StopTree(b.Context(), family[:1], clock, procctl.StopOptions{})
				must(b, err)
				must(b, s.Continue())
			}
			b.ReportMetric(float64(clock.intend.Microseconds())/float64(b.N), "intend-us/op")
			b.ReportMetric(float64(clock.forget.Microseconds())/float64(b.N), "forget-us/op")
		})
	}
}

// A clockedLedger sums up what its Guard takes.
type clockedLedger struct {
	*Guard
	intend, forget time.Duration
}

func (c *clockedLedger) Intend(handles []*procctl.Handle) error {
	defer func(begin time.Time) { c.intend += time.Since(begin) }(time.Now())
	return c.Guard.Account(1).Intend(handles)
}

func (c *clockedLedger) Forget(handles []*procctl.Handle) error {
	defer func(begin time.Time) { c.forget += time.Since(begin) }(time.Now())
	return c.Guard.Forget(handles)
}
