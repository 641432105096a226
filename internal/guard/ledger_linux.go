package guard

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl"
)

var _ procctl.Ledger = (*Guard)(nil)

// Intend journals that the processes are about to be stopped, hands them to the
// guard, and returns when the guard has them. Only then may the signals be sent.
// After an error none may be sent. A process that is intended already keeps its
// deadline.
func (g *Guard) Intend(handles []*procctl.Handle) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.usable(); err != nil {
		return fmt.Errorf("announcing a stop: %w", err)
	}
	fresh := g.unknown(handles)
	if len(fresh) == 0 {
		return nil
	}
	if err := g.journal.append(journalRecord{Intend: procsOf(fresh)}, true); err != nil {
		return fmt.Errorf("announcing a stop: %w", err)
	}
	var told []*procctl.Handle
	for part := range slices.Chunk(fresh, maxFDs) {
		first := g.serial + 1
		for _, h := range part {
			g.serial++
			g.known[h.ID()] = g.serial
		}
		told = append(told, part...)
		if err := g.hand(part, first); err != nil {
			// It was never stopped, so there is nothing to undo but the words.
			return errors.Join(fmt.Errorf("announcing a stop: %w", err), g.strike(told))
		}
	}
	return nil
}

// usable returns why no further process may be stopped, if so.
func (g *Guard) usable() error {
	if g.closed {
		return ErrClosed
	}
	return g.Err()
}

// unknown are the handles whose processes are not intended yet, each once.
func (g *Guard) unknown(handles []*procctl.Handle) []*procctl.Handle {
	var fresh []*procctl.Handle
	seen := make(map[procctl.ProcID]bool, len(handles))
	for _, h := range handles {
		if _, known := g.known[h.ID()]; !known && !seen[h.ID()] {
			fresh = append(fresh, h)
			seen[h.ID()] = true
		}
	}
	return fresh
}

// hand gives at most maxFDs processes to the guard.
func (g *Guard) hand(handles []*procctl.Handle, first uint64) error {
	fds := make([]int, len(handles))
	for i, h := range handles {
		fds[i] = h.FD()
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	ack, err := g.request(ctx, message{Kind: kindIntend, First: first, Count: uint16(len(fds))}, unix.UnixRights(fds...))
	runtime.KeepAlive(handles)
	switch {
	case err != nil:
		return err
	case ack.Cause != causeNone:
		return fmt.Errorf("%w: %v", ErrFired, ack.Cause)
	case ack.Errno != 0:
		return fmt.Errorf("the guard refuses: %w", unix.Errno(ack.Errno))
	}
	return nil
}

// Forget says that the processes run again, have ended, or never were stopped.
// It works on after the guard was lost, as far as there is anybody to tell; an
// error means that the journal could not be written.
func (g *Guard) Forget(handles []*procctl.Handle) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil // Close settled it
	}
	return g.strike(handles)
}

// strike removes the processes from the guard's table and from the journal.
func (g *Guard) strike(handles []*procctl.Handle) error {
	var serials []uint64
	var struck []*procctl.Handle
	for _, h := range handles {
		if serial, known := g.known[h.ID()]; known {
			serials = append(serials, serial)
			struck = append(struck, h)
			delete(g.known, h.ID())
		}
	}
	if len(struck) == 0 {
		return nil
	}
	slices.Sort(serials)
	for first, count := range runs(serials) {
		ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
		_, err := g.request(ctx, message{Kind: kindForget, First: first, Count: count}, nil)
		cancel()
		if err != nil {
			break // a dead guard remembers nothing
		}
	}
	if len(g.known) == 0 {
		return g.journal.reset()
	}
	if err := g.journal.append(journalRecord{Forget: procsOf(struck)}, false); err != nil {
		return fmt.Errorf("forgetting a stop: %w", err)
	}
	return nil
}

func procsOf(handles []*procctl.Handle) []journalProc {
	procs := make([]journalProc, len(handles))
	for i, h := range handles {
		procs[i] = journalProc(h.ID())
	}
	return procs
}
