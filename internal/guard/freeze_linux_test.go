package guard

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl"
	"pausetest/internal/procctl/proctable"
)

// playFreezer is a run that freezes and thaws a cgroup as fast as it can, or
// with the mode "hold" freezes it once.
//
//	freezer MODE STATEDIR LEASE FOLDER
func playFreezer(args []string) int {
	lease, err1 := time.ParseDuration(args[2])
	id, err2 := procctl.FindCgroup(args[3])
	c, err3 := procctl.OpenCgroup(id)
	g, err4 := Start(context.Background(), Config{StateDir: args[1], Lease: lease, MaxPause: time.Minute})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		fmt.Println("error", err)
		return 1
	}
	fmt.Println("guard", g.PID())
	for g.Account(1).IntendFreeze(c) == nil {
		if err := c.Freeze(); err != nil {
			fmt.Println("error", err)
		}
		if args[0] == "hold" {
			bufio.NewScanner(os.Stdin).Scan()
		}
		for range rand.IntN(4) {
			time.Sleep(time.Duration(rand.IntN(int(time.Millisecond))))
			if g.Beat() != nil {
				break
			}
		}
		if err := errors.Join(c.Thaw(), g.ForgetFreeze(c)); err != nil {
			fmt.Println("error", err)
		}
	}
	fmt.Println("lost", g.Err())
	if err := g.Close(); err != nil {
		fmt.Println("error", err)
		return 1
	}
	return 0
}

// A testCgroup holds a family.
type testCgroup struct {
	t      *testing.T
	folder string
	c      *procctl.Cgroup
}

// inCgroups runs a test with a family in a cgroup of its own, in each hierarchy
// that can freeze.
func inCgroups(t *testing.T, test func(t *testing.T, c *testCgroup)) {
	t.Run("v1", func(t *testing.T) { test(t, makeCgroup(t, proctable.Cgroup{Controllers: []string{"freezer"}})) })
	t.Run("v2", func(t *testing.T) { test(t, makeCgroup(t, proctable.Cgroup{})) })
}

func makeCgroup(t *testing.T, in proctable.Cgroup) *testCgroup {
	t.Helper()
	requireRoot(t)
	mounts, err := procctl.NewTable("").Mounts(os.Getpid())
	must(t, err)
	in.Path = fmt.Sprintf("/pausetest-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	folders := proctable.CgroupDirs(in, mounts)
	if len(folders) == 0 {
		if slices.Contains(strings.Split(os.Getenv("PAUSETEST_REQUIRE"), ","), "cgroup") {
			t.Fatal("PAUSETEST_REQUIRE names cgroup, and this hierarchy is not mounted")
		}
		t.Skip("needs a mounted cgroup hierarchy that can freeze")
	}
	c := &testCgroup{t: t, folder: folders[0]}
	must(t, os.Mkdir(c.folder, 0o755))
	t.Cleanup(func() {
		within(t, "the cgroup is removed", func() bool { return unix.Rmdir(c.folder) != unix.EBUSY })
	})
	for _, id := range spawn(t, 5) {
		must(t, os.WriteFile(filepath.Join(c.folder, "cgroup.procs"), fmt.Append(nil, id.PID), 0))
	}
	id, err := procctl.FindCgroup(c.folder)
	must(t, err)
	c.c, err = procctl.OpenCgroup(id)
	must(t, err)
	t.Cleanup(func() {
		must(t, c.c.Thaw()) // before the family is killed: version 1 lets nobody die in a frozen cgroup
		c.c.Close()
	})
	return c
}

func (c *testCgroup) state() procctl.FreezeState {
	c.t.Helper()
	state, err := c.c.State()
	must(c.t, err)
	return state
}

func (c *testCgroup) frozen() bool { return c.state().Frozen }
func (c *testCgroup) runs() bool   { return c.state() == procctl.FreezeState{} }

func (c *testCgroup) start(mode, dir string, lease time.Duration) *run {
	c.t.Helper()
	return startProgram(c.t, nil, "freezer", mode, dir, lease.String(), c.folder)
}

func TestFreezeInGoodOrder(t *testing.T) {
	inCgroups(t, func(t *testing.T, c *testCgroup) {
		dir, family := t.TempDir(), open(t, spawn(t, 2))
		g := start(t, Config{StateDir: dir})
		for range 3 {
			must(t, g.Account(1).Intend(family))
			must(t, g.Account(1).IntendFreeze(c.c))
			must(t, g.Account(1).IntendFreeze(c.c)) // again
			f, err := os.Open(filepath.Join(dir, journalName))
			must(t, err)
			j, err := parseJournal(f)
			must(t, err)
			f.Close()
			if _, cgroups := j.outstanding(); len(j.Outstanding) != 3 || !slices.Equal(cgroups, []procctl.CgroupID{c.c.ID()}) {
				t.Errorf("outstanding: %+v", j.Outstanding)
			}
			must(t, c.c.Freeze())
			must(t, c.c.Thaw())
			must(t, g.ForgetFreeze(c.c))
			must(t, g.Forget(family))
		}
		must(t, g.Account(1).IntendFreeze(c.c))
		must(t, c.c.Freeze())
		must(t, g.Close()) // which thaws what was not forgotten
		if !c.runs() {
			t.Errorf("after Close: %+v", c.state())
		}
	})
}

// TestTheGuardRefusesWhatItCantThaw passes descriptors that are no freeze files.
func TestTheGuardRefusesWhatItCantThaw(t *testing.T) {
	inCgroups(t, func(t *testing.T, c *testCgroup) {
		g := start(t, Config{})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		procs, err := os.OpenFile(filepath.Join(c.folder, "cgroup.procs"), os.O_WRONLY, 0)
		must(t, err)
		defer procs.Close()
		pidfd := open(t, spawn(t, 1))[0].FD()
		for name, m := range map[string]struct {
			kind kind
			fd   int
		}{
			"a file":                     {kindFreeze, 0},
			"a pidfd":                    {kindFreeze, pidfd},
			"another file of the cgroup": {kindFreeze, int(procs.Fd())},
			"a freeze file as a process": {kindIntend, c.c.FD()},
		} {
			ack, err := g.request(ctx, message{Kind: m.kind, First: 1, Count: 1}, unix.UnixRights(m.fd))
			if err != nil || ack.Errno == 0 {
				t.Errorf("%s: %+v, %v", name, ack, err)
			}
		}
		if err := g.Err(); err != nil {
			t.Error(err)
		}
	})
}

// TestThawingAllocatesNothing, like the rest of the firing.
func TestThawingAllocatesNothing(t *testing.T) {
	inCgroups(t, func(t *testing.T, c *testCgroup) {
		version, err := procctl.FreezeFileVersion(c.c.FD())
		must(t, err)
		s := &sentinel{watch: watch{entries: make([]entry, 0, roomy)}}
		s.intend(1, []int{c.c.FD()}, version, 1, 0)
		must(t, c.c.Freeze())
		if n := testing.AllocsPerRun(100, func() { s.continueAll() }); n != 0 {
			t.Errorf("%v allocations a pass", n)
		}
		if !c.runs() || len(s.entries) != 1 {
			t.Errorf("%+v, %d entries", c.state(), len(s.entries))
		}
	})
}

// TestARemovedCgroupIsForgotten: nobody can be in it.
func TestARemovedCgroupIsForgotten(t *testing.T) {
	inCgroups(t, func(t *testing.T, c *testCgroup) {
		empty := filepath.Join(c.folder, "empty")
		must(t, os.Mkdir(empty, 0o755))
		id, err := procctl.FindCgroup(empty)
		must(t, err)
		gone, err := procctl.OpenCgroup(id)
		must(t, err)
		defer gone.Close()
		version, err := procctl.FreezeFileVersion(gone.FD())
		must(t, err)
		must(t, unix.Rmdir(empty))
		fd, err := unix.Dup(gone.FD()) // it will be closed
		must(t, err)
		s := &sentinel{}
		s.intend(1, []int{fd}, version, 1, 0)
		if failed := s.continueAll(); failed != 0 || len(s.entries) != 0 {
			t.Errorf("%d failed, %d left", failed, len(s.entries))
		}
	})
}

func TestTortureFreezerControllerKilled(t *testing.T) {
	inCgroups(t, func(t *testing.T, c *testCgroup) {
		dir := t.TempDir()
		var sum tally
		for range tortureRounds(t, 15) {
			r := c.start("loop", dir, 2*time.Second)
			someInstant()
			stopped := held(c)
			begin := time.Now()
			r.kill()
			within(t, "it is thawed", c.runs)
			took := time.Since(begin)
			r.guardEnds()
			sum.add(took, stopped, held(c))
			cleanCgroup(t, dir, Running)
		}
		sum.report(t, t.Name()+": controller killed (SIGKILL)")
	})
}

func TestTortureFreezerControllerStopped(t *testing.T) {
	inCgroups(t, func(t *testing.T, c *testCgroup) {
		const lease = 300 * time.Millisecond
		dir := t.TempDir()
		var sum tally
		for range tortureRounds(t, 3) {
			r := c.start("hold", dir, lease)
			begin := within(t, "it is frozen", c.frozen)
			r.signal(unix.SIGSTOP)
			took := begin + within(t, "it is thawed", c.runs)
			r.kill()
			r.guardEnds()
			sum.add(took, 1, held(c))
			cleanCgroup(t, dir, Running)
		}
		sum.report(t, fmt.Sprintf("%s: controller stopped (SIGSTOP), lease %v", t.Name(), lease))
	})
}

func TestTortureFreezerBothKilledThenRecover(t *testing.T) {
	inCgroups(t, func(t *testing.T, c *testCgroup) {
		dir := t.TempDir()
		theirs := makeCgroup(t, map[bool]proctable.Cgroup{true: {Controllers: []string{"freezer"}}}[strings.HasSuffix(t.Name(), "v1")])
		must(t, theirs.c.Freeze())
		var sum tally
		for range tortureRounds(t, 10) {
			r := c.start("loop", dir, 2*time.Second)
			someInstant()
			err := unix.PidfdSendSignal(r.guard.FD(), unix.SIGKILL, nil, 0)
			r.kill()
			must(t, err)
			r.guardEnds()
			stopped := held(c)
			begin := time.Now()
			want := Running
			if stopped > 0 {
				want = Thawed
				if subjects, err := Pending(dir); err != nil || len(subjects) != 1 || subjects[0].Cgroup != c.c.ID() {
					t.Errorf("pending: %+v, %v", subjects, err)
				}
			}
			cleanCgroup(t, dir, want)
			sum.add(time.Since(begin), stopped, held(c))
			if !theirs.frozen() {
				t.Fatal("a stranger's cgroup was thawed")
			}
		}
		sum.report(t, t.Name()+": controller and guard killed, then Recover")
	})
}

// held is 1 if the cgroup was asked to freeze.
func held(c *testCgroup) int {
	if c.state().Own {
		return 1
	}
	return 0
}

// cleanCgroup recovers and checks the outcome, if there is a cgroup at all.
func cleanCgroup(t *testing.T, dir string, want Outcome) {
	t.Helper()
	report, err := Recover(dir)
	must(t, err)
	for _, c := range report.Cgroups {
		if c.Outcome != want || c.Error != "" {
			t.Errorf("recovered %+v, want %s", c, want)
		}
	}
	if want == Thawed && len(report.Cgroups) != 1 || len(report.Processes) > 0 {
		t.Errorf("recovered %+v", report)
	}
}

// TestRecoverThawsNothingElse: a cgroup that was made anew is another's.
func TestRecoverThawsNothingElse(t *testing.T) {
	inCgroups(t, func(t *testing.T, c *testCgroup) {
		must(t, c.c.Freeze())
		within(t, "the stranger's cgroup is frozen", c.frozen) // the kernel takes its time
		earlier := c.c.ID()
		earlier.Inode--
		dir := t.TempDir()
		writeRecords(t, dir, asIs, recordOf([]hold{
			{Subject: Subject{Cgroup: earlier}},
			{Subject: Subject{Cgroup: procctl.CgroupID{Path: "/nonexistent", Inode: 1}}},
			{Subject: Subject{Cgroup: procctl.CgroupID{Path: dir, Inode: 1}}},
		}, true))
		_, err := Start(t.Context(), Config{StateDir: dir, MaxPause: 1})
		if pending, ok := errors.AsType[*PendingError](err); !ok || pending.Cgroups != 3 {
			t.Errorf("Start returned %v", err)
		}
		report, err := Recover(dir)
		var outcomes []Outcome
		for _, r := range report.Cgroups {
			outcomes = append(outcomes, r.Outcome)
		}
		if err == nil || !slices.Equal(outcomes, []Outcome{Failed, Gone, Gone}) {
			t.Errorf("report %+v, %v", report, err)
		}
		if !c.frozen() {
			t.Error("a stranger's cgroup was thawed")
		}
	})
}
