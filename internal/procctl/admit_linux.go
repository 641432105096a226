package procctl

import (
	"errors"
	"strconv"
	"strings"

	"pausetest/internal/procctl/proctable"
)

// This file decides about single processes: whether a newcomer is what a scan took it
// for and may be taken, and whether a suspect is somebody else's.

// open opens a newcomer and checks that it may be taken. ErrGone says that it
// has ended or is not what the scan took it for.
func (s *stopping) open(n newcomer) (*Handle, error) {
	if s.never[n.PID] {
		return nil, &ProcError{Op: "stopping", ID: n.ID(), Comm: n.Comm, Err: ErrForbidden}
	}
	h, err := Open(n.ID())
	if err != nil {
		return nil, err
	}
	if err = s.prove(h, n); err == nil {
		err = acceptable(h)
	}
	if err != nil {
		h.Close()
		return nil, &ProcError{Op: "stopping", ID: n.ID(), Comm: n.Comm, Err: err}
	}
	text, err := readCgroups(n.PID)
	if exhausted(err) { // without it, every suspect would seem to be somebody else's
		h.Close()
		return nil, &ProcError{Op: "stopping", ID: n.ID(), Comm: n.Comm, Err: err}
	}
	if err == nil && !h.Exited() {
		s.cgroups[text] = true
	}
	return h, nil
}

// prove looks again at what made the process a newcomer, as it stood once it was pinned. A
// scan joins rows of different instants by pid; here the parent is pinned too: if
// it has not ended after the child named it, the child is its own.
func (s *stopping) prove(h *Handle, n newcomer) error {
	now := h.stat
	if h.Exited() || !n.byParent && now.Session != n.Session {
		return ErrGone
	}
	if !n.byParent {
		return nil
	}
	parent, ok := s.held[n.parent]
	if !ok || now.PPID != n.parent.PID || parent.handle.Exited() {
		return ErrGone
	}
	return nil
}

// acceptable checks the state in which we find it, and that we may signal it.
func acceptable(h *Handle) error {
	if err := h.Permitted(); err != nil {
		return errors.Unwrap(err)
	}
	tracer, err := h.tracer()
	if err != nil {
		return err
	}
	states, err := h.statesOf(h.stat) // read a moment ago; stop looks again
	switch {
	case gone(err):
		return ErrGone
	case err != nil:
		return err
	case tracer != 0 || states.Traced > 0:
		return ErrTraced
	case states.Stopped > 0:
		return ErrAlreadyStopped
	}
	return nil
}

// cleared reports whether a suspect is somebody else's. A fork stays in its
// cgroup, so another one speaks for it; where cgroups tell nothing, one that
// left our sessions is only suspected if it is named like a member.
func (s *stopping) cleared(p suspect) bool {
	text, err := readCgroups(p.PID)
	if err != nil {
		return vanished(err) // if we may not look, the suspicion remains
	}
	if !s.cgroups[text] {
		return true
	}
	return p.ownSession && !telling(text) && !s.kin.resembles(p.Stat)
}

// readCgroups reads a process's cgroups, as the kernel writes them. What fits comes
// in one piece.
func readCgroups(pid int) (string, error) {
	name := "/proc/" + strconv.Itoa(pid) + "/cgroup"
	var buf [maxStatBytes]byte
	text, err := nowhere.readInto(buf[:], name)
	if err == nil && len(text) == len(buf) {
		text, err = nowhere.readAll(name, maxTextBytes)
	}
	return string(text), err
}

// telling reports whether a process is in another cgroup than the root.
func telling(cgroups string) bool {
	for line := range strings.Lines(cgroups) {
		if c, err := proctable.ParseCgroup(line); err == nil && c.Path != "/" {
			return true
		}
	}
	return false
}
