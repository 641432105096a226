// Package procctl is the only place that signals processes it did not start. It
// reads the process table, proves that a process is the one that was meant, and
// stops and continues whole trees of them; or it freezes and thaws a cgroup.
//
// Three habits keep it harmless. A signal goes through a pidfd whose process was
// compared with the wanted identity, never to a number, a group or a wildcard; a
// cgroup is frozen through a file that was opened in its very folder. Every stop
// is told to a Ledger before it is sent. And what can't be brought to a proven end
// is undone.
package procctl

import (
	"errors"
	"fmt"

	"pausetest/internal/printable"
	"pausetest/internal/procctl/proctable"
)

// A ProcID is a process identity that survives pid reuse.
type ProcID = proctable.ProcID

// The reasons that callers tell apart; match them with errors.Is.
var (
	// ErrGone says that the process ended, or that its pid is another's by now.
	ErrGone = errors.New("process is gone")
	// ErrNotPermitted says that we may not signal or read the process.
	ErrNotPermitted = errors.New("operation not permitted")
	// ErrNotConverged says that the tree kept changing, or could not be told
	// from its surroundings, until the time was over.
	ErrNotConverged = errors.New("process tree did not come to rest")
	// ErrAlreadyStopped says that somebody else had stopped the process.
	ErrAlreadyStopped = errors.New("already stopped by somebody else")
	// ErrAlreadyFrozen says that somebody else froze the cgroup, or one above or
	// below it.
	ErrAlreadyFrozen = errors.New("already frozen by somebody else")
	// ErrNotWhole says that a cgroup holds others than the stream's processes, or
	// not all of them.
	ErrNotWhole = errors.New("the cgroup is not wholly the stream's")
	// ErrTraced says that a debugger holds the process.
	ErrTraced = errors.New("traced by a debugger")
	// ErrForbidden says that the process is one we never signal: init, a kernel
	// thread, ourselves, an ancestor of ours or one that was named as such.
	ErrForbidden = errors.New("must not be signalled")
	// ErrStillStopped says that a process stayed stopped after it was continued.
	ErrStillStopped = errors.New("still stopped")
	// ErrNotUndone says that StopTree failed and could not continue everything
	// that it had stopped until then.
	ErrNotUndone = errors.New("not everything could be continued again")
)

// A ProcError is an error about one process.
type ProcError struct {
	Op   string // a gerund: "stopping"
	ID   ProcID
	Comm string // raw, as the process named itself; empty when unknown
	Err  error
}

// Error escapes the process's name, for it is hostile.
func (e *ProcError) Error() string {
	if e.Comm == "" {
		return fmt.Sprintf("%s pid %d: %v", e.Op, e.ID.PID, e.Err)
	}
	return fmt.Sprintf("%s %s (pid %d): %v", e.Op, printable.Text(e.Comm, 0), e.ID.PID, e.Err)
}

func (e *ProcError) Unwrap() error { return e.Err }

var (
	errNotRegular = errors.New("not a regular file")
	errSpared     = errors.New("it is to be spared as well")
)
