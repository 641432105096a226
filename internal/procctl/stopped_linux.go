package procctl

import (
	"errors"
	"maps"
	"slices"
	"sync"
)

// Stopped is a tree that StopTree stopped. Its methods may be called by several
// goroutines.
type Stopped struct {
	mu      sync.Mutex
	members []*held // in the order in which they were stopped
	spared  map[ProcID]bool
	ledger  Ledger
}

// Members lists every process that was stopped, in the order of the stops.
func (s *Stopped) Members() []ProcID {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]ProcID, len(s.members))
	for i, m := range s.members {
		ids[i] = m.handle.id
	}
	return ids
}

// continueAttempts is how often SIGCONT is sent to a process that still shows
// stopped threads right after. One suffices unless somebody stops it meanwhile.
const continueAttempts = 3

// Continue continues the members, children first and roots last, reads back that
// they run, and then lets the ledger forget them. Every member is tried, whatever
// happens to the others; one that has ended is a success. What failed remains
// with the ledger and is tried again by the next call; otherwise a repeated call
// does nothing.
func (s *Stopped) Continue() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	var done []*held
	for _, m := range slices.Backward(s.members) {
		if m.released {
			continue
		}
		if m.signalled {
			if err := m.handle.Continue(); err != nil && !gone(err) {
				errs = append(errs, err)
				continue
			}
		}
		done = append(done, m)
	}
	done = slices.DeleteFunc(done, func(m *held) bool {
		err := m.runs()
		if err != nil {
			errs = append(errs, err)
		}
		return err != nil
	})
	if len(done) == 0 {
		return errors.Join(errs...)
	}
	handles := make([]*Handle, len(done))
	for i, m := range done {
		handles[i] = m.handle
	}
	// If the ledger fails, its own deadline continues them once more: harmless.
	if err := s.ledger.Forget(handles); err != nil {
		errs = append(errs, err)
	}
	for _, m := range done {
		m.released = true
		m.handle.Close()
	}
	return errors.Join(errs...)
}

// runs reads back that no thread is stopped any more. SIGCONT wakes all threads
// before it returns, so there is nothing to wait for.
func (m *held) runs() error {
	if !m.signalled {
		return nil
	}
	for range continueAttempts {
		states, err := m.handle.State()
		if gone(err) || err == nil && states.Stopped == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		if err := m.handle.Continue(); err != nil {
			if gone(err) {
				return nil
			}
			return err
		}
	}
	if states, err := m.handle.State(); err != nil || states.Stopped == 0 {
		return nil
	}
	return &ProcError{Op: "continuing", ID: m.handle.id, Comm: m.handle.comm, Err: ErrStillStopped}
}

// dropEnded takes out the members that ended before they could be stopped; not a
// root, whose end Check shall report.
func (s *Stopped) dropEnded() error {
	var ended []*Handle
	s.members = slices.DeleteFunc(s.members, func(m *held) bool {
		if m.root || !m.handle.Exited() {
			return false
		}
		ended = append(ended, m.handle)
		return true
	})
	if len(ended) == 0 {
		return nil
	}
	defer closeAll(ended)
	return s.ledger.Forget(ended)
}

// A Condition is what Check found, with one process that shows it.
type Condition struct {
	Kind ConditionKind
	ID   ProcID // zero for AllStopped
	Comm string // raw
}

// ConditionKind orders what Check can find; of several the last is reported.
type ConditionKind int

// The kinds of Condition.
const (
	// AllStopped: every thread of every member is stopped.
	AllStopped ConditionKind = iota
	// StopPending: a member waits in uninterruptible sleep and will stop when
	// that ends; no error.
	StopPending
	// MemberEnded: a member, though stopped, was killed.
	MemberEnded
	// RootEnded: a root was killed.
	RootEnded
	// NewMember: a member has a child that was not stopped, forked out of a
	// pending stop. The tree is not whole: continue it.
	NewMember
	// Continued: somebody else continued a member. It is graver than an end: what
	// was left stopped is not any more.
	Continued
	// Released: Continue was called before.
	Released
)

// String names the kind in words for messages.
func (k ConditionKind) String() string {
	switch k {
	case AllStopped:
		return "all stopped"
	case StopPending:
		return "stop pending"
	case NewMember:
		return "new member"
	case Continued:
		return "continued by somebody else"
	case MemberEnded:
		return "member ended"
	case RootEnded:
		return "root ended"
	case Released:
		return "continued by us"
	}
	return "unknown condition"
}

// Check looks at the members, without a scan of the whole table, and reports the
// gravest thing it sees. It changes nothing.
func (s *Stopped) Check() (Condition, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var worst Condition
	known := maps.Clone(s.spared)
	for _, m := range s.members {
		known[m.handle.id] = true
	}
	for _, m := range s.members {
		kind, err := m.condition(known)
		if err != nil {
			return Condition{}, err
		}
		if kind > worst.Kind {
			worst = Condition{Kind: kind, ID: m.handle.id, Comm: m.handle.comm}
		}
	}
	return worst, nil
}

// pendingDoubts is how many looks in a row may find a thread running that was in
// uninterruptible sleep: on its way to the stop it runs for some microseconds.
const pendingDoubts = 2

func (m *held) condition(known map[ProcID]bool) (ConditionKind, error) {
	if m.released {
		return Released, nil
	}
	states, err := m.handle.State()
	switch {
	case gone(err) && m.root:
		return RootEnded, nil
	case gone(err):
		return MemberEnded, nil
	case err != nil:
		return AllStopped, err
	case states.AllStopped():
		m.settled, m.doubts = true, 0
		return m.newChild(known)
	case states.Pending():
		m.doubts = 0
		kind, err := m.newChild(known)
		return max(StopPending, kind), err
	}
	m.doubts++
	if m.settled || m.doubts >= pendingDoubts {
		return Continued, nil
	}
	return StopPending, nil
}

// newChild looks for a child that runs although its parent is a stopped member.
func (m *held) newChild(known map[ProcID]bool) (ConditionKind, error) {
	pids, err := m.children()
	if err != nil {
		return AllStopped, err
	}
	for _, pid := range pids {
		child, err := readStat(pid)
		if exhausted(err) {
			return AllStopped, err
		}
		if err == nil && !zombie(child) && !known[child.ID()] && child.PPID == m.handle.id.PID {
			return NewMember, nil
		}
	}
	return AllStopped, nil
}
