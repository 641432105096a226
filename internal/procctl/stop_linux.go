package procctl

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"pausetest/internal/procctl/proctable"
)

// StopOptions are the limits of StopTree; the zero value has sensible ones.
type StopOptions struct {
	// Timeout is how long the tree may take to come to rest; default 2 s.
	Timeout time.Duration
	// PendingGrace is how long a thread in uninterruptible sleep is waited for
	// before it is accepted as "stop pending"; default 50 ms, at most half of
	// Timeout.
	PendingGrace time.Duration
	// Never are further processes that must not be signalled, for instance the
	// guard and whoever reads our output. Init, kernel threads, ourselves and
	// our ancestors never are.
	Never []int
	// Spare are descendants of the roots that must run on, with everything
	// below them, such as the ssh that an rsync started. They are not signalled,
	// and what they do meanwhile does not count. One that has ended is no error.
	Spare []ProcID
}

const (
	defaultStopTimeout  = 2 * time.Second
	defaultPendingGrace = 50 * time.Millisecond
	// cleanScans must follow each other before a tree counts as at rest. One
	// would do if a scan were of one instant; it is not.
	cleanScans = 2
	// The wait between looks at a tree that is not yet at rest: a stop is
	// obeyed in some 10 µs when idle and in milliseconds under load.
	minLook, maxLook = 100 * time.Microsecond, 2 * time.Millisecond
)

// StopTree stops the roots and everything that descends from them, parents
// before their children, and returns when two scans in a row have found nothing
// new and every thread of every member stopped.
//
// It is all or nothing: if a member can't be stopped, was stopped or is traced
// by somebody else, if a root ends or is replaced, or if the tree does not come
// to rest in time, then everything that this call stopped is continued, children
// first, and the error names the process and wraps one of this package's
// sentinels. Only an error that wraps ErrNotUndone says that undoing failed as
// well; the ledger then still has those processes.
//
// Note: parents first, because a job-control shell or sudo that sees its child
// stop takes it for the end of the job. Stop first and list afterwards, because
// a stopped process can't fork. What a thread in uninterruptible sleep may still
// fork, when its wait ends, Check notices.
//
// Note: a member that somebody else had stopped fails the whole tree. It could
// be left as it is, but then "resumed" would not mean "runs again", and whoever
// stopped it is probably at work on this backup.
func (t *Table) StopTree(ctx context.Context, roots []ProcID, ledger Ledger, o StopOptions) (*Stopped, error) {
	return newStopping(t, ledger, o).run(ctx, roots)
}

// held is a member of the tree that is being, or was, stopped.
type held struct {
	handle *Handle
	root   bool
	parent *held // nil when it is no member
	// signalled is set before the signal is sent, so that an undo never misses it.
	signalled bool
	// settled says that all its threads were seen stopped at the last look, which
	// found its row to be that.
	settled bool
	row     proctable.Stat
	// doubts counts consecutive looks that saw it run while its stop was pending.
	doubts int
	// released says that it was continued, or had ended, and is closed.
	released bool
}

// stopping is one StopTree at work.
type stopping struct {
	table   *Table
	ledger  Ledger
	options StopOptions

	kin     *kin
	inodes  map[int]uint64 // of the baseline
	never   map[int]bool
	held    map[ProcID]*held
	order   []*held         // as they were stopped
	cgroups map[string]bool // those of the members, as texts
	unrest  error           // why the last look was not clean
	pending time.Time       // since when only uninterruptible sleep keeps us waiting
}

func newStopping(t *Table, ledger Ledger, o StopOptions) *stopping {
	if o.Timeout <= 0 {
		o.Timeout = defaultStopTimeout
	}
	if o.PendingGrace <= 0 {
		o.PendingGrace = defaultPendingGrace
	}
	o.PendingGrace = min(o.PendingGrace, o.Timeout/2)
	return &stopping{table: t, ledger: ledger, options: o,
		held: make(map[ProcID]*held), cgroups: make(map[string]bool),
		unrest: errors.New("no scan was finished")}
}

// run stops the tree, or undoes what it has done.
func (s *stopping) run(ctx context.Context, roots []ProcID) (*Stopped, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.options.Timeout, ErrNotConverged)
	defer cancel()
	err := s.begin(ctx, roots)
	if err == nil {
		err = s.converge(ctx)
	}
	stopped := &Stopped{members: s.order, ledger: s.ledger}
	if s.kin != nil {
		stopped.spared = s.kin.spared
	}
	if err == nil {
		err = stopped.dropEnded()
	}
	if err == nil {
		return stopped, nil
	}
	if undone := stopped.Continue(); undone != nil {
		err = fmt.Errorf("%w; %w: %w", err, ErrNotUndone, undone)
	}
	return nil, err
}

// begin takes the baseline and stops the roots and what descends from them.
func (s *stopping) begin(ctx context.Context, roots []ProcID) error {
	if len(roots) == 0 {
		return errors.New("stopping a tree: no process named")
	}
	began, baseline, inodes, err := s.table.baseline()
	if err != nil {
		return err
	}
	s.kin, s.inodes = newKin(began, baseline), inodes
	s.never = neverSignalled(baseline, s.options.Never)

	for _, id := range s.options.Spare {
		if p, ok := baseline[id.PID]; ok && p.ID() == id {
			s.kin.spare(p)
		}
	}
	s.kin.spareBelow(baseline)

	var batch []newcomer
	for _, id := range roots {
		p, ok := baseline[id.PID]
		if !ok || p.ID() != id || zombie(p) {
			return &ProcError{Op: "stopping", ID: id, Comm: p.Comm, Err: ErrGone}
		}
		if s.kin.spared[id] {
			return &ProcError{Op: "stopping", ID: id, Comm: p.Comm, Err: errSpared}
		}
		if s.kin.isMember(p) {
			continue // named twice
		}
		s.kin.add(p)
		batch = append(batch, newcomer{Stat: p, parent: baseline[p.PPID].ID()})
	}
	more, _ := s.kin.sort(baseline)
	return s.take(ctx, parentsFirst(append(batch, more...), baseline), roots)
}

// neverSignalled collects ourselves, all our ancestors and the named ones.
func neverSignalled(now scan, named []int) map[int]bool {
	never := map[int]bool{0: true, 1: true}
	for _, pid := range named {
		never[pid] = true
	}
	for pid := os.Getpid(); !never[pid]; pid = now[pid].PPID {
		never[pid] = true
	}
	return never
}

// parentsFirst sorts by depth below whatever is not in the batch.
func parentsFirst(batch []newcomer, now scan) []newcomer {
	in := make(map[int]bool, len(batch))
	for _, n := range batch {
		in[n.PID] = true
	}
	depth := func(n newcomer) int {
		depth := 0
		for p := n.Stat; in[p.PPID] && depth < len(batch); p = now[p.PPID] {
			depth++
		}
		return depth
	}
	slices.SortStableFunc(batch, func(a, b newcomer) int { return depth(a) - depth(b) })
	return batch
}

// take makes a batch of newcomers members: all are opened, proved and checked,
// then told to the ledger, then stopped in the given order.
func (s *stopping) take(ctx context.Context, batch []newcomer, roots []ProcID) error {
	var fresh []*held
	var handles []*Handle
	for _, n := range batch {
		h, err := s.open(n)
		isRoot := slices.Contains(roots, n.ID())
		if gone(err) && !isRoot {
			s.kin.lose(n.Stat)
			continue // the next scan tells what became of it
		}
		if err != nil {
			closeAll(handles)
			return err
		}
		m := &held{handle: h, root: isRoot, parent: s.held[n.parent]}
		s.held[h.id] = m
		s.kin.add(n.Stat)
		fresh, handles = append(fresh, m), append(handles, h)
	}
	if len(fresh) == 0 {
		return nil
	}
	// From here on they are undone with the rest, whatever the ledger says.
	s.order = append(s.order, fresh...)
	if err := s.ledger.Intend(handles); err != nil {
		return fmt.Errorf("recording the intent to stop %d processes: %w", len(handles), err)
	}
	for _, m := range fresh {
		if err := s.awaitParent(ctx, m); err != nil {
			return err
		}
		if err := m.stop(); err != nil && (m.root || !gone(err)) {
			return err
		}
	}
	return nil
}

// stop looks once more, for recording the intent may have taken its time: what
// somebody else stopped meanwhile must not count as stopped by us.
func (m *held) stop() error {
	states, err := m.handle.State()
	if err != nil {
		return err
	}
	if states.Stopped > 0 {
		return &ProcError{Op: "stopping", ID: m.handle.id, Comm: m.handle.comm, Err: ErrAlreadyStopped}
	}
	m.signalled = true
	return m.handle.Stop()
}

// awaitParent waits until the parent has obeyed. It is not enough to have sent
// the signal: it wakes a shell out of wait(2), and if its child is stopped by
// the time it looks once more, it learns that before it stops itself.
func (s *stopping) awaitParent(ctx context.Context, m *held) error {
	for m.parent != nil && !m.parent.settled {
		row, states, err := m.parent.handle.look()
		switch {
		case gone(err), err == nil && states.Pending():
			return nil
		case err != nil:
			return err
		case states.Traced > 0:
			return &ProcError{Op: "stopping", ID: m.parent.handle.id, Comm: m.parent.handle.comm, Err: ErrTraced}
		case ctx.Err() != nil:
			s.unrest = m.parent.notYet()
			return s.giveUp(ctx)
		}
		if m.parent.see(row, states); !m.parent.settled {
			pause(ctx, minLook)
		}
	}
	return nil
}

// see takes down what a look showed.
func (m *held) see(row proctable.Stat, states ThreadStates) {
	m.row, m.settled = row, states.AllStopped()
}

func (m *held) notYet() error {
	return &ProcError{Op: "stopping", ID: m.handle.id, Comm: m.handle.comm, Err: errors.New("not yet stopped")}
}

func closeAll(handles []*Handle) {
	for _, h := range handles {
		h.Close()
	}
}

// converge looks and scans until nothing changes any more.
func (s *stopping) converge(ctx context.Context) error {
	look := minLook
	for clean := 0; clean < cleanScans; {
		if ctx.Err() != nil {
			return s.giveUp(ctx)
		}
		// The look comes before the scan: if everything was stopped then,
		// nothing can be forked behind the scan's back.
		rest, err := s.atRest()
		if err != nil {
			return err
		}
		newcomers, suspects, err := s.scan()
		if err != nil {
			return err
		}
		switch {
		case len(newcomers) > 0:
			if err := s.take(ctx, newcomers, nil); err != nil {
				return err
			}
			n := newcomers[len(newcomers)-1]
			s.unrest = &ProcError{Op: "following", ID: n.ID(), Comm: n.Comm, Err: errors.New("it appeared just now")}
			clean, look = 0, minLook
			continue
		case len(suspects) > 0:
			p := suspects[0]
			s.unrest = &ProcError{Op: "placing", ID: p.ID(), Comm: p.Comm, Err: errors.New("it may belong to the tree or to its surroundings")}
		case rest:
			clean++
			continue
		}
		clean = 0
		pause(ctx, look)
		look = min(2*look, maxLook)
	}
	return nil
}

// giveUp says why: the caller's reason, or ours with what was still restless.
func (s *stopping) giveUp(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, ErrNotConverged) {
		return fmt.Errorf("stopping a tree: %w", cause)
	}
	return fmt.Errorf("stopping a tree: %w within %v: %w", ErrNotConverged, s.options.Timeout, s.unrest)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// atRest looks at every member: is each one stopped, or ended, or at least
// waiting in uninterruptible sleep for longer than the grace?
func (s *stopping) atRest() (bool, error) {
	running, pending := false, false
	for _, m := range s.order {
		row, states, err := m.handle.look()
		switch {
		case gone(err) && m.root:
			return false, err // it ended, perhaps in favour of a successor
		case gone(err):
			m.settled = false // its row is another's, if anybody's
			continue
		case err != nil:
			return false, err
		case states.Traced > 0:
			return false, &ProcError{Op: "stopping", ID: m.handle.id, Comm: m.handle.comm, Err: ErrTraced}
		}
		if m.see(row, states); !m.settled {
			s.unrest = m.notYet()
			pending = pending || states.Pending()
			running = running || !states.Pending()
		}
	}
	if running || !pending {
		s.pending = time.Time{}
		return !running, nil
	}
	if s.pending.IsZero() {
		s.pending = time.Now()
	}
	return time.Since(s.pending) >= s.options.PendingGrace, nil
}

// scan reads the table and sorts it, clearing suspects by what they show.
func (s *stopping) scan() ([]newcomer, []suspect, error) {
	now, err := s.table.scan(s.order, s.unchanged)
	if err != nil {
		return nil, nil, err
	}
	newcomers, suspects := s.kin.sort(now)
	return newcomers, slices.DeleteFunc(suspects, s.cleared), nil
}

// unchanged supplies the row of a process that is still there and of which nothing
// newer can matter: the baseline's, or, of a member that stands still, that of the last
// look. The inode number of its folder in /proc says that it is still the same: the
// kernel makes a new inode for a new process, even if it has the old pid. If the cache
// of inodes was trimmed, the process is read again.
//
// Note: this is most of the speed of a stop, and while a stop lasts its tree is
// neither running nor paused.
func (s *stopping) unchanged(pid int, inode uint64) (proctable.Stat, bool) {
	p, ok := s.kin.baseline[pid]
	if !ok || s.inodes[pid] != inode {
		return p, false
	}
	if m := s.held[p.ID()]; m != nil && m.settled {
		return m.row, true
	}
	return p, !s.kin.matters(p)
}
