package guard

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl"
)

// The torture kills or stops controllers at random instants while they pause
// and resume as fast as they can. PAUSETEST_TORTURE=N sets the number of rounds
// of each kind; the default is short enough for every test run.
func tortureRounds(t *testing.T, usual int) int {
	text := os.Getenv("PAUSETEST_TORTURE")
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("PAUSETEST_TORTURE=%q is no number of rounds", text)
	}
	return n
}

const maxFamily = 50

// A tally sums up the rounds of a torture.
type tally struct {
	rounds      int
	caught      int // rounds in which something was stopped when the blow fell
	leftStopped int
	took        []time.Duration // from the blow to all running, of the caught
}

func (s *tally) add(took time.Duration, stopped, left int) {
	s.rounds++
	s.leftStopped += left
	if stopped > 0 {
		s.caught++
		s.took = append(s.took, took)
	}
}

// report prints the one line that docs/reliability.md quotes.
func (s *tally) report(t *testing.T, what string) {
	t.Helper()
	line := fmt.Sprintf("torture: %s: %d rounds, %d with processes stopped at the blow, %d left stopped", what, s.rounds, s.caught, s.leftStopped)
	if len(s.took) > 0 {
		slices.Sort(s.took)
		line += fmt.Sprintf(", all running after: median %v, worst %v",
			s.took[len(s.took)/2].Round(10*time.Microsecond), s.took[len(s.took)-1].Round(10*time.Microsecond))
	}
	fmt.Println(line)
	if s.leftStopped > 0 {
		t.Errorf("%s: %d processes were left stopped", what, s.leftStopped)
	}
	if s.caught == 0 {
		t.Errorf("%s: no blow fell during a pause, which proves nothing", what)
	}
}

// someInstant waits for a random time: the blow must fall anywhere in the loop.
func someInstant() { time.Sleep(time.Duration(rand.IntN(int(15 * time.Millisecond)))) }

// settle waits until nothing is stopped and returns how long it took since begin.
func settle(t *testing.T, family []procctl.ProcID, begin time.Time) time.Duration {
	t.Helper()
	within(t, "every process runs", allRun(t, family))
	return time.Since(begin)
}

// clean checks that a dead run's journal names nothing that still needs help.
func clean(t *testing.T, dir string) {
	t.Helper()
	report, err := Recover(dir)
	if err != nil {
		t.Error(err)
	}
	for _, p := range report.Processes {
		if p.Outcome != Running {
			t.Errorf("the guard left to Recover: %+v", p)
		}
	}
}

func TestTortureKilledController(t *testing.T) {
	family, dir := spawn(t, maxFamily), t.TempDir()
	var sum tally
	for range tortureRounds(t, 40) {
		victims := family[:1+rand.IntN(maxFamily)]
		r := startRun(t, "loop", dir, 2*time.Second, time.Minute, victims)
		someInstant()
		stopped := inState(t, 'T', victims[:1]) // afterwards the guard may be quicker than we can look
		begin := time.Now()
		r.kill()
		took := settle(t, victims, begin)
		r.guardEnds()
		sum.add(took, stopped, inState(t, 'T', family))
		clean(t, dir)
	}
	sum.report(t, "controller killed (SIGKILL)")
}

func TestTortureStoppedController(t *testing.T) {
	const lease = 300 * time.Millisecond
	family, dir := spawn(t, maxFamily), t.TempDir()
	var sum tally
	for round := range tortureRounds(t, 20) {
		victims := family[:1+rand.IntN(maxFamily)]
		r := startRun(t, "loop", dir, lease, time.Minute, victims)
		someInstant()
		begin := time.Now()
		r.signal(unix.SIGSTOP)
		ended := false // it is right to end when the host is so busy that it misses its lease
		within(t, "the controller is stopped", func() bool {
			stat, err := readStat(r.cmd.Process.Pid)
			ended = err == nil && stat.State == 'Z'
			return err == nil && stat.State == 'T' || ended
		})
		if ended {
			r.endsWell()
			sum.add(0, 0, inState(t, 'T', family))
			continue
		}
		stopped := inState(t, 'T', victims)
		took := settle(t, victims, begin)
		if round%2 == 1 && stopped > 0 {
			r.signal(unix.SIGCONT) // it wakes up in the middle of a pause and must give in
			r.expect("lost")
			r.endsWell()
		} else {
			r.kill()
			r.guardEnds()
			clean(t, dir)
		}
		sum.add(took, stopped, inState(t, 'T', family))
	}
	sum.report(t, fmt.Sprintf("controller stopped (SIGSTOP), lease %v", lease))
}

func TestTortureBothKilledThenRecover(t *testing.T) {
	family, strangers, dir := spawn(t, maxFamily), spawn(t, 3), t.TempDir()
	var sum tally
	stopAll(t, strangers) // somebody else's business
	for range tortureRounds(t, 20) {
		victims := family[:1+rand.IntN(maxFamily)]
		r := startRun(t, "loop", dir, 2*time.Second, time.Minute, victims)
		someInstant()
		err := unix.PidfdSendSignal(r.guard.FD(), unix.SIGKILL, nil, 0)
		r.kill()
		if err != nil {
			t.Fatal(err)
		}
		r.guardEnds()
		stopped := 0
		for _, id := range victims { // by signal if not by state yet
			if held, err := isStopped(id.PID); err != nil {
				t.Fatal(err)
			} else if held {
				stopped++
			}
		}
		begin := time.Now()
		report, err := Recover(dir)
		took := time.Since(begin)
		if err != nil {
			t.Error(err)
		}
		continued := 0
		for _, p := range report.Processes {
			if p.Outcome == Continued {
				continued++
			}
		}
		if continued != stopped {
			t.Errorf("continued %d processes, %d were stopped", continued, stopped)
		}
		sum.add(took, stopped, inState(t, 'T', family))
		if n := inState(t, 'T', strangers); n != len(strangers) {
			t.Fatalf("%d strangers were continued", len(strangers)-n)
		}
	}
	sum.report(t, "controller and guard killed, then Recover")
}

func TestTortureKilledGuard(t *testing.T) {
	family, dir := spawn(t, maxFamily), t.TempDir()
	var sum tally
	for range tortureRounds(t, 20) {
		victims := family[:1+rand.IntN(maxFamily)]
		r := startRun(t, "loop", dir, 2*time.Second, time.Minute, victims)
		someInstant()
		stopped := inState(t, 'T', victims[:1])
		begin := time.Now()
		if err := unix.PidfdSendSignal(r.guard.FD(), unix.SIGKILL, nil, 0); err != nil {
			t.Fatal(err)
		}
		r.expect("lost")
		r.endsWell()
		sum.add(time.Since(begin), stopped, inState(t, 'T', family))
		if _, err := os.Stat(filepath.Join(dir, journalName)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the journal stayed: %v", err)
		}
	}
	sum.report(t, "guard killed, controller resumes")
}

func stopAll(t *testing.T, ids []procctl.ProcID) {
	t.Helper()
	for _, id := range ids {
		if err := unix.Kill(id.PID, unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	within(t, "they are stopped", allStopped(t, ids))
}
