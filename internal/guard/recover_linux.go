package guard

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"time"

	"pausetest/internal/procctl"
	"pausetest/internal/procctl/proctable"
)

// confirmWithin is how long Recover waits for continued processes to be seen
// running. The kernel wakes them at once; only their priority can delay it.
const confirmWithin = time.Second

// A Report is what Recover did about a run that died.
type Report struct {
	Started    time.Time         `json:"started,omitzero"` // of the run that died
	Controller int               `json:"controller_pid,omitempty"`
	Processes  []Recovered       `json:"processes,omitempty"` // in the order in which they were continued
	Cgroups    []RecoveredCgroup `json:"cgroups,omitempty"`   // in the order in which they were thawed
	Notes      []string          `json:"notes,omitempty"`
}

// A Recovered is one process that a dead run was holding.
type Recovered struct {
	PID        int     `json:"pid"`
	StartTicks uint64  `json:"start_ticks"`
	Name       string  `json:"name,omitempty"` // raw, as the process named itself
	Outcome    Outcome `json:"outcome"`
	Error      string  `json:"error,omitempty"` // with Failed
}

// A RecoveredCgroup is a cgroup that a dead run was holding.
type RecoveredCgroup struct {
	Path    string  `json:"path"` // raw
	Outcome Outcome `json:"outcome"`
	Error   string  `json:"error,omitempty"` // with Failed
}

// Outcome says what became of a process, or of a cgroup.
type Outcome string

// The outcomes.
const (
	Continued Outcome = "continued" // was stopped, runs again
	Thawed    Outcome = "thawed"    // was frozen, is not any more
	Running   Outcome = "running"   // ran already; not touched
	Gone      Outcome = "gone"      // ended; its pid may be another's now; not touched
	Failed    Outcome = "failed"    // may still be stopped
)

// Pending returns what a dead run may have left stopped or frozen, in the order
// in which it did so. It touches nothing, and returns none while the
// run that holds them is alive.
func Pending(path string) ([]Subject, error) {
	d, err := openStateDir(path, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.close()
	if live, err := locked(d); live || err != nil {
		return nil, err
	}
	h, err := newHeader()
	if err != nil {
		return nil, err
	}
	j, _, err := leftover(d, h)
	return j.Outstanding, err
}

// Recover continues exactly those processes that a dead run intended to stop
// and did not live to forget, that are still the same, and that are stopped; and
// thaws exactly those cgroups that it intended to freeze, likewise. It returns a BusyError while a run is alive: what that run pauses is its own
// business. Without a journal there is nothing to do and no error.
//
// When something could not be continued, the journal stays and the error says
// so; Recover may be repeated, with more privileges.
func Recover(path string) (Report, error) {
	d, err := openStateDir(path, false)
	if errors.Is(err, fs.ErrNotExist) {
		return Report{}, nil
	}
	if err != nil {
		return Report{}, err
	}
	defer d.close()
	lock, err := acquireLock(d)
	if err != nil {
		return Report{}, err
	}
	defer lock.Close()
	h, err := newHeader()
	if err != nil {
		return Report{}, err
	}
	j, found, err := leftover(d, h)
	if !found || err != nil {
		return Report{Notes: j.Notes}, err
	}
	processes, cgroups := j.outstanding()
	report := Report{
		Started:    j.Started,
		Controller: j.Controller.PID,
		Cgroups:    thawOutstanding(cgroups), // first, for what is frozen can't obey a signal
		Processes:  continueOutstanding(processes),
		Notes:      j.Notes,
	}
	if err := report.failure(); err != nil {
		return report, err
	}
	return report, d.remove(journalName)
}

// failure says how much may still be stopped or frozen.
func (r *Report) failure() error {
	processes, cgroups := 0, 0
	for _, p := range r.Processes {
		if p.Outcome == Failed {
			processes++
		}
	}
	for _, c := range r.Cgroups {
		if c.Outcome == Failed {
			cgroups++
		}
	}
	var errs []error
	if processes > 0 {
		errs = append(errs, fmt.Errorf("%d of %d processes may still be stopped", processes, len(r.Processes)))
	}
	if cgroups > 0 {
		errs = append(errs, fmt.Errorf("%d of %d cgroups may still be frozen", cgroups, len(r.Cgroups)))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("recovering from the run of pid %d: %w", r.Controller, err)
	}
	return nil
}

// leftover reads the journal of a dead run. Of an earlier boot's nothing is
// outstanding: its processes ended with that boot.
func leftover(d *stateDir, here journalHeader) (j journal, found bool, err error) {
	j, found, err = readJournal(d)
	if err != nil || len(j.Outstanding) == 0 {
		return j, found, err
	}
	if j.BootID != here.BootID {
		j.Notes = append(j.Notes, fmt.Sprintf("a journal of an earlier boot was discarded (%d processes and cgroups, run of pid %d)", len(j.Outstanding), j.Controller.PID))
		j.Outstanding = nil
	} else if j.PIDNamespace != here.PIDNamespace {
		return journal{}, true, fmt.Errorf("reading the journal in %q: it was written in another pid namespace (%q)", d.path, j.PIDNamespace)
	}
	return j, found, nil
}

// continueOutstanding continues the latest first, then waits until all are seen
// to run.
func continueOutstanding(ids []proctable.ProcID) []Recovered {
	var all []Recovered
	handles := make([]*procctl.Handle, 0, len(ids))
	for _, id := range slices.Backward(ids) {
		h, r := continueOne(id)
		if h != nil && r.Outcome != Continued {
			h.Close() // so that with few descriptors a repeated call gets further
			h = nil
		}
		handles = append(handles, h)
		all = append(all, r)
	}
	deadline := time.Now().Add(confirmWithin)
	for i, h := range handles {
		if h == nil {
			continue
		}
		if all[i].Outcome == Continued && !runsBy(h, deadline) {
			all[i].Outcome, all[i].Error = Failed, procctl.ErrStillStopped.Error()
		}
		h.Close()
	}
	return all
}

// continueOne sends the signal if it is due. The handle is nil when the process
// could not be opened.
func continueOne(id proctable.ProcID) (*procctl.Handle, Recovered) {
	r := Recovered{PID: id.PID, StartTicks: id.StartTicks}
	h, err := procctl.Open(id)
	if err == nil {
		r.Name = h.Comm()
		var stopped bool
		if stopped, err = isStopped(id.PID); err == nil && stopped {
			err = h.Continue()
			r.Outcome = Continued
		} else if err == nil {
			r.Outcome = Running
		}
	}
	switch {
	case errors.Is(err, procctl.ErrGone), errors.Is(err, fs.ErrNotExist), id.PID == os.Getpid():
		r.Outcome = Gone // our own pid, too, was another's when it was written down
	case err != nil:
		r.Outcome, r.Error = Failed, err.Error()
	}
	return h, r
}

// thawOutstanding thaws the latest first.
func thawOutstanding(ids []procctl.CgroupID) (all []RecoveredCgroup) {
	for _, id := range slices.Backward(ids) {
		r := RecoveredCgroup{Path: id.Path}
		var err error
		r.Outcome, err = thawOne(id)
		if errors.Is(err, procctl.ErrGone) {
			r.Outcome = Gone
		} else if err != nil {
			r.Outcome, r.Error = Failed, err.Error()
		}
		all = append(all, r)
	}
	return all
}

// thawOne thaws a cgroup that was asked to freeze. That an ancestor is frozen by
// somebody else is none of our business.
func thawOne(id procctl.CgroupID) (Outcome, error) {
	c, err := procctl.OpenCgroup(id)
	if err != nil {
		return Failed, err
	}
	defer c.Close()
	if state, err := c.State(); err != nil || !state.Own {
		return Running, err
	}
	if err := c.Thaw(); err != nil {
		return Failed, err
	}
	state, err := c.State()
	if err == nil && state.Own {
		err = procctl.ErrStillStopped
	}
	return Thawed, err
}

// runsBy waits until the process is seen running, or to have ended.
func runsBy(h *procctl.Handle, deadline time.Time) bool {
	for {
		if stopped, err := isStopped(h.ID().PID); err != nil || !stopped || h.Exited() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(time.Millisecond)
	}
}

// isStopped says whether a stop is in force for a process. The process is held
// by a pidfd, so that a pid that changes hands here can only lead to a signal
// that reaches nobody.
//
// It looks twice, for the kernel writes a status from the top: a thread that
// obeys between the line of its state and that of its pending signals shows
// neither the stop nor the signal.
func isStopped(pid int) (bool, error) {
	if stopped, err := anyThreadStops(pid); stopped || err != nil {
		return stopped, err
	}
	return anyThreadStops(pid)
}

func anyThreadStops(pid int) (bool, error) {
	tasks := "/proc/" + strconv.Itoa(pid) + "/task/"
	threads, err := os.ReadDir(tasks)
	if err != nil {
		return false, err
	}
	for _, t := range threads {
		status, err := os.ReadFile(tasks + t.Name() + "/status")
		if err != nil {
			continue // the thread ended
		}
		if stopInForce(status) {
			return true, nil
		}
	}
	return false, nil
}
