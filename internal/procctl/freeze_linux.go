package procctl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"

	"pausetest/internal/printable"
	"pausetest/internal/procctl/proctable"
)

// Freeze pauses a stream by freezing the cgroup that is wholly its own, as
// FreezableCgroup found it, and returns when the kernel says that everything in
// it stands still. Members are the processes that must be there; of the options
// Timeout and Never count. What has to run on can't be in it.
//
// Like StopTree it is all or nothing. It refuses when the cgroup, one above or
// one below it is frozen already, when a process in it is stopped or traced,
// when a stranger is in it or a member is not, and when it does not freeze in
// time; what it did is undone then. Only an error that wraps ErrNotUndone says
// that undoing failed as well.
//
// Against signals it wins two things: nobody can fork out of it, and parents are
// told nothing. It does not spare the dump the interrupted system calls: those
// that SIGSTOP and SIGCONT break off, and writes they cut short, freezing and
// thawing break off and cut short as well. A thread in uninterruptible sleep
// keeps the whole from freezing until its wait is over. Under version 1 what is
// frozen can't even be killed before it is thawed. And a service manager's
// watchdog goes on counting.
//
// Note: between the look at the state and the write, somebody else might freeze
// it; the kernel offers no test-and-set. Our thaw would then end theirs.
func (t *Table) Freeze(ctx context.Context, cgroup proctable.Cgroup, members []ProcID, ledger FreezeLedger, o StopOptions) (*Frozen, error) {
	if o.Timeout <= 0 {
		o.Timeout = defaultStopTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.Timeout, ErrNotConverged)
	defer cancel()
	f := &Frozen{ledger: ledger}
	err := f.open(cgroup)
	if err == nil {
		err = f.freeze(ctx, t, members, o)
	}
	if err == nil {
		return f, nil
	}
	err = fmt.Errorf("freezing cgroup %s: %w", printable.Text(cgroup.Path, 0), err)
	if undone := f.Continue(); undone != nil {
		err = fmt.Errorf("%w; %w: %w", err, ErrNotUndone, undone)
	}
	return nil, err
}

// Frozen is a stream whose cgroup Freeze froze. Its methods are those of Stopped.
type Frozen struct {
	mu       sync.Mutex
	cgroup   *Cgroup
	members  []*Handle // everybody in it
	ledger   FreezeLedger
	intended bool // the ledger knows of it
	written  bool // set before the kernel is asked, so that an undo never misses it
	released bool
}

// open finds the folder and checks that nobody else froze it, or one above.
func (f *Frozen) open(cgroup proctable.Cgroup) error {
	mounts, err := NewTable("").Mounts(os.Getpid())
	if err != nil {
		return err
	}
	folders := proctable.CgroupDirs(cgroup, mounts)
	if cgroup.Path == "/" || len(folders) == 0 {
		return errNoCgroup
	}
	id, err := FindCgroup(folders[0])
	if err != nil {
		return err
	}
	if f.cgroup, err = OpenCgroup(id); err != nil {
		return err
	}
	for _, above := range folders[1:] {
		for _, file := range []string{"freezer.self_freezing", "cgroup.freeze"} { // the root has neither
			if text, err := os.ReadFile(above + "/" + file); err == nil && proctable.ParseFrozen(string(text)) {
				return fmt.Errorf("%w: %s", ErrAlreadyFrozen, printable.Text(above, 0))
			}
		}
	}
	return f.thawed()
}

// thawed checks that neither the cgroup nor one below it was asked to freeze.
func (f *Frozen) thawed() error {
	return f.cgroup.below(func(name string) error {
		state, err := f.cgroup.stateBelow(name)
		if err == nil && (state.Own || state.Frozen && name == ".") {
			err = fmt.Errorf("%w: %s", ErrAlreadyFrozen, printable.Text(name, 0))
		}
		return err
	})
}

func (f *Frozen) freeze(ctx context.Context, t *Table, members []ProcID, o StopOptions) error {
	began, now, _, err := t.baseline()
	if err != nil {
		return err
	}
	if err := f.admit(now, members, o); err != nil {
		return err
	}
	f.intended = true
	if err := f.ledger.IntendFreeze(f.cgroup); err != nil {
		return fmt.Errorf("recording the intent: %w", err)
	}
	// Recording may have taken its time: what somebody else froze meanwhile must
	// not count as ours.
	if err := f.thawed(); err != nil {
		return err
	}
	f.written = true
	if err := f.cgroup.Freeze(); err != nil {
		return err
	}
	if err := f.await(ctx); err != nil {
		return err
	}
	return f.prove(began)
}

// admit opens everybody in the cgroup. They must be the members and what they
// have forked since.
func (f *Frozen) admit(now scan, members []ProcID, o StopOptions) error {
	pids, err := f.cgroup.processes()
	if err != nil {
		return err
	}
	never := neverSignalled(now, o.Never)
	own := make(map[int]bool)
	for _, id := range members {
		if p, ok := now[id.PID]; ok && p.ID() == id && !zombie(p) {
			own[id.PID] = true
		}
	}
	if len(own) == 0 {
		return ErrGone
	}
	for pid := range own {
		if !pids[pid] {
			return &ProcError{Op: "finding", ID: now[pid].ID(), Comm: now[pid].Comm, Err: ErrNotWhole}
		}
	}
	for pid := range pids {
		p, ok := now[pid]
		if !ok || zombie(p) {
			continue // forked just now, or ended: prove looks again
		}
		var err error
		switch {
		case never[pid]:
			err = ErrForbidden
		case !descends(p, own, now):
			err = ErrNotWhole
		}
		if err == nil {
			err = f.hold(p)
		}
		if err != nil && !gone(err) {
			return &ProcError{Op: "taking", ID: p.ID(), Comm: p.Comm, Err: err}
		}
	}
	return nil
}

// descends reports whether a process is one of the given or below one.
func descends(p proctable.Stat, from map[int]bool, now scan) bool {
	for range len(now) { // a scan is not of one instant and might show a circle
		if from[p.PID] {
			return true
		}
		parent, ok := now[p.PPID]
		if !ok {
			break
		}
		p = parent
	}
	return false
}

// hold opens a process in the cgroup and checks the state in which we find it.
func (f *Frozen) hold(p proctable.Stat) error {
	h, err := Open(p.ID())
	if err != nil {
		return errors.Unwrap(err)
	}
	if err := acceptable(h); err != nil {
		h.Close()
		return err
	}
	f.members = append(f.members, h)
	return nil
}

// await waits until everything in the cgroup stands still.
func (f *Frozen) await(ctx context.Context) error {
	for look := minLook; ; look = min(2*look, maxLook) {
		state, err := f.cgroup.State()
		if err != nil {
			return err
		}
		if state.Frozen {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		pause(ctx, look)
	}
}

// prove looks who is in the cgroup now that nobody can fork: those who were, and
// those who began since; and whether all their threads are.
func (f *Frozen) prove(beganTicks uint64) error {
	pids, err := f.cgroup.processes()
	if err != nil {
		return err
	}
	for _, h := range f.members {
		if !pids[h.id.PID] && !h.Exited() {
			return &ProcError{Op: "finding", ID: h.id, Comm: h.comm, Err: ErrNotWhole}
		}
		delete(pids, h.id.PID)
	}
	for pid := range pids {
		p, err := readStat(pid)
		if err != nil || zombie(p) {
			continue
		}
		if p.StartTicks < beganTicks {
			return &ProcError{Op: "taking", ID: p.ID(), Comm: p.Comm, Err: ErrNotWhole}
		}
		if err := f.hold(p); err != nil && !gone(err) {
			return &ProcError{Op: "taking", ID: p.ID(), Comm: p.Comm, Err: err}
		}
	}
	f.members = slices.DeleteFunc(f.members, func(h *Handle) bool {
		if h.Exited() {
			h.Close()
			return true
		}
		return false
	})
	if len(f.members) == 0 {
		return ErrGone
	}
	threads, err := f.cgroup.threads()
	if err != nil {
		return err
	}
	for _, h := range f.members {
		if err := allIn(h, threads); err != nil && !h.Exited() {
			return &ProcError{Op: "finding all threads of", ID: h.id, Comm: h.comm, Err: err}
		}
	}
	return nil
}

// allIn checks that every thread of a process is among the given.
func allIn(h *Handle, threads map[int]bool) error {
	tasks, err := openDir("/proc/" + strconv.Itoa(h.id.PID) + "/task")
	if err != nil {
		return err
	}
	defer tasks.close()
	return tasks.numbers(func(_ string, tid int) error {
		if !threads[tid] {
			return ErrNotWhole
		}
		return nil
	})
}

// Members lists every process that was frozen, by pid.
func (f *Frozen) Members() []ProcID {
	f.mu.Lock()
	defer f.mu.Unlock()
	ids := make([]ProcID, len(f.members))
	for i, h := range f.members {
		ids[i] = h.id
	}
	slices.SortFunc(ids, func(a, b ProcID) int { return a.PID - b.PID })
	return ids
}

// Continue thaws the cgroup, unless somebody else has, reads back that it is no
// longer asked to freeze, and then lets the ledger forget it. If one above it was
// frozen meanwhile by somebody else, it stands still nevertheless: that is theirs.
func (f *Frozen) Continue() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.released {
		return nil
	}
	if f.written {
		if err := f.thaw(); err != nil && !gone(err) {
			return err
		}
	}
	var err error
	if f.intended {
		// If the ledger fails, its own deadline thaws it once more: harmless.
		err = f.ledger.ForgetFreeze(f.cgroup)
	}
	f.released = true
	closeAll(f.members)
	if f.cgroup != nil {
		f.cgroup.Close()
	}
	return err
}

func (f *Frozen) thaw() error {
	for range continueAttempts {
		if err := f.cgroup.Thaw(); err != nil {
			return err
		}
		state, err := f.cgroup.State()
		if err != nil || !state.Own {
			return err
		}
	}
	return fmt.Errorf("thawing cgroup %s: %w", printable.Text(f.cgroup.id.Path, 0), ErrStillStopped)
}

// Check looks at the cgroup and its processes and reports the gravest thing it
// sees, in the terms of Stopped.Check: a process that was moved in is a NewMember,
// one that was moved out has been Continued. It changes nothing.
func (f *Frozen) Check() (Condition, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.released {
		return Condition{Kind: Released}, nil
	}
	state, err := f.cgroup.State()
	if gone(err) {
		return f.all(RootEnded), nil
	}
	if err != nil {
		return Condition{}, err
	}
	pids, err := f.cgroup.processes()
	if err != nil {
		return Condition{}, err
	}
	var worst Condition
	ended := 0
	for _, h := range f.members {
		kind := AllStopped
		switch {
		case h.Exited():
			ended++
			kind = MemberEnded
		case !state.Own || !pids[h.id.PID]:
			kind = Continued
		case !state.Frozen:
			kind = StopPending
		}
		delete(pids, h.id.PID)
		if kind > worst.Kind {
			worst = Condition{Kind: kind, ID: h.id, Comm: h.comm}
		}
	}
	if ended == len(f.members) {
		return f.all(RootEnded), nil
	}
	for pid := range pids {
		if p, err := readStat(pid); err == nil && !zombie(p) && worst.Kind < NewMember {
			worst = Condition{Kind: NewMember, ID: p.ID(), Comm: p.Comm}
		}
	}
	return worst, nil
}

// all is a condition that every member shows.
func (f *Frozen) all(kind ConditionKind) Condition {
	return Condition{Kind: kind, ID: f.members[0].id, Comm: f.members[0].comm}
}
