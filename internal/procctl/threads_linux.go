package procctl

import (
	"bytes"
	"errors"
	"strconv"

	"pausetest/internal/procctl/proctable"
)

// ThreadStates counts a process's threads by state.
type ThreadStates struct {
	Running         int // or asleep, or anything that is none of the others
	Stopped         int // T
	Uninterruptible int // D: a stop takes effect when the wait is over
	Traced          int // t: held by a debugger
	Dead            int // Z, X
}

// AllStopped reports whether every living thread is stopped.
func (s ThreadStates) AllStopped() bool {
	return s.Stopped > 0 && s.Running+s.Uninterruptible+s.Traced == 0
}

// Pending reports whether only uninterruptible sleep keeps the process from
// being stopped.
func (s ThreadStates) Pending() bool {
	return s.Uninterruptible > 0 && s.Running+s.Traced == 0
}

func (s *ThreadStates) count(state byte) {
	switch state {
	case 'T':
		s.Stopped++
	case 'D':
		s.Uninterruptible++
	case 't':
		s.Traced++
	case 'Z', 'X', 'x':
		s.Dead++
	default:
		s.Running++
	}
}

// all counts every thread.
func (s ThreadStates) all() int {
	return s.Running + s.Stopped + s.Uninterruptible + s.Traced + s.Dead
}

// State reads the state of every thread. The pidfd vouches for the process: if
// it has not ended after the reading, the pid was its own all the while.
func (h *Handle) State() (ThreadStates, error) {
	states, err := readStates(h.id.PID)
	if h.Exited() || err == nil && states == (ThreadStates{}) {
		err = ErrGone
	}
	if err != nil {
		return ThreadStates{}, &ProcError{Op: "watching", ID: h.id, Comm: h.comm, Err: classify(err)}
	}
	return states, nil
}

// readStates needs one file of a process with one thread, whose state is the
// process's own, and one more for every thread otherwise.
func readStates(pid int) (states ThreadStates, err error) {
	stat, err := readStat(pid)
	if err != nil {
		return states, err
	}
	if stat.Threads == 1 {
		states.count(stat.State)
		return states, nil
	}
	tasks, err := openDir("/proc/" + strconv.Itoa(pid) + "/task")
	if err != nil {
		return states, err
	}
	defer tasks.close()
	buf := make([]byte, maxStatBytes)
	err = tasks.numbers(func(name string, _ int) error {
		stat, err := readStatOf(tasks, name+"/stat", buf)
		if err != nil {
			return ignoreVanished(err) // that thread ended
		}
		states.count(stat.State)
		return nil
	})
	return states, err
}

// tracer reads who traces the process: 0 for nobody. As with State, the pidfd
// vouches for what was read of the pid.
func (h *Handle) tracer() (int, error) {
	var buf [maxStatBytes]byte
	text, err := nowhere.readInto(buf[:], "/proc/"+strconv.Itoa(h.id.PID)+"/status")
	if err != nil {
		return 0, classify(err)
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1] // far behind is a list of any length
	status, err := proctable.ParseStatus(whole)
	if err == nil && h.Exited() {
		err = ErrGone
	}
	return status.TracerPID, err
}

// gone reports whether an error says that the process has ended, which is no
// failure when it was to be continued.
func gone(err error) bool { return errors.Is(err, ErrGone) }
