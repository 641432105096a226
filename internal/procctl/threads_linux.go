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

// State reads the state of every thread.
func (h *Handle) State() (ThreadStates, error) {
	_, states, err := h.look()
	return states, err
}

// look reads the process's row and the state of every thread.
func (h *Handle) look() (proctable.Stat, ThreadStates, error) {
	stat, err := h.readStat()
	if err != nil {
		return stat, ThreadStates{}, &ProcError{Op: "watching", ID: h.id, Comm: h.comm, Err: classify(err)}
	}
	states, err := h.statesOf(stat)
	return stat, states, err
}

// statesOf completes a row by the state of every thread. Of one thread it is the
// row's, which is the process's own. The folder of several threads is found by pid, and
// the pidfd vouches for it: if the process has not ended after the reading, the pid was
// its own all the while.
func (h *Handle) statesOf(stat proctable.Stat) (states ThreadStates, err error) {
	switch {
	case zombie(stat):
		err = ErrGone
	case stat.Threads == 1:
		states.count(stat.State)
	default:
		states, err = threadStates(h.id.PID)
		if h.Exited() || err == nil && states == (ThreadStates{}) {
			err = ErrGone
		}
	}
	if err != nil {
		return ThreadStates{}, &ProcError{Op: "watching", ID: h.id, Comm: h.comm, Err: classify(err)}
	}
	return states, nil
}

// threadStates reads one file for every thread.
func threadStates(pid int) (states ThreadStates, err error) {
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

// tracer reads who traces the process: 0 for nobody. The pidfd vouches for what was
// read of the pid.
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
