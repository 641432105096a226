package guard

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl"
)

var (
	_ procctl.Ledger       = Account{}
	_ procctl.FreezeLedger = Account{}
)

// An Account is the guard as the ledger of one stream's pauses, so that it can
// tell how long that stream was paused in all.
type Account struct {
	*Guard
	stream uint32
}

// Account is that of a stream by its number.
func (g *Guard) Account(stream uint32) Account { return Account{g, stream} }

// A hold is what the guard is given: a subject, and the descriptor by which it
// can be let go.
type hold struct {
	Subject
	fd int // a pidfd, or an open freeze file
}

func holdsOf(handles []*procctl.Handle) []hold {
	holds := make([]hold, len(handles))
	for i, h := range handles {
		holds[i] = hold{Subject{Process: h.ID()}, h.FD()}
	}
	return holds
}

func freezeOf(c *procctl.Cgroup) []hold { return []hold{{Subject{Cgroup: c.ID()}, c.FD()}} }

// Intend journals that the processes are about to be stopped, hands them to the
// guard, and returns when the guard has them. Only then may the signals be sent.
// After an error none may be sent. A process that is intended already keeps its
// deadline.
func (a Account) Intend(handles []*procctl.Handle) error {
	return a.announce(message{Kind: kindIntend, Stream: a.stream}, "announcing a stop", holdsOf(handles))
}

// IntendFreeze does the same for a cgroup that is about to be frozen.
func (a Account) IntendFreeze(c *procctl.Cgroup) error {
	return a.announce(message{Kind: kindFreeze, Stream: a.stream}, "announcing a freeze", freezeOf(c))
}

// Forget says that the processes run again, have ended, or never were stopped.
// It works on after the guard was lost, as far as there is anybody to tell; an
// error means that the journal could not be written.
func (g *Guard) Forget(handles []*procctl.Handle) error { return g.forget(holdsOf(handles)) }

// ForgetFreeze says the same of a cgroup.
func (g *Guard) ForgetFreeze(c *procctl.Cgroup) error { return g.forget(freezeOf(c)) }

// announce tells journal and guard of those holds that are not known yet; m says
// what kind they are and of which stream.
func (g *Guard) announce(m message, op string, holds []hold) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.usable(); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	fresh := g.unknown(holds)
	if len(fresh) == 0 {
		return nil
	}
	if err := g.journal.append(recordOf(fresh, true), true); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	var told []hold
	for part := range slices.Chunk(fresh, maxFDs) {
		m.First = g.serial + 1
		for _, h := range part {
			g.serial++
			g.known[h.Subject] = g.serial
		}
		told = append(told, part...)
		if err := g.hand(m, part); err != nil {
			// It was never stopped, so there is nothing to undo but the words.
			return errors.Join(fmt.Errorf("%s: %w", op, err), g.strike(told))
		}
	}
	return nil
}

// usable returns why nothing more may be stopped, if so.
func (g *Guard) usable() error {
	if g.closed {
		return ErrClosed
	}
	return g.Err()
}

// unknown are the holds that are not intended yet, each once.
func (g *Guard) unknown(holds []hold) []hold {
	var fresh []hold
	seen := make(map[Subject]bool, len(holds))
	for _, h := range holds {
		if _, known := g.known[h.Subject]; !known && !seen[h.Subject] {
			fresh = append(fresh, h)
			seen[h.Subject] = true
		}
	}
	return fresh
}

// hand gives at most maxFDs holds to the guard.
func (g *Guard) hand(m message, holds []hold) error {
	fds := make([]int, len(holds))
	for i, h := range holds {
		fds[i] = h.fd
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	m.Count = uint16(len(fds))
	ack, err := g.request(ctx, m, unix.UnixRights(fds...))
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

func (g *Guard) forget(holds []hold) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil // Close settled it
	}
	return g.strike(holds)
}

// strike removes the holds from the guard's table and from the journal.
func (g *Guard) strike(holds []hold) error {
	var serials []uint64
	var struck []hold
	for _, h := range holds {
		if serial, known := g.known[h.Subject]; known {
			serials = append(serials, serial)
			struck = append(struck, h)
			delete(g.known, h.Subject)
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
	if err := g.journal.append(recordOf(struck, false), false); err != nil {
		return fmt.Errorf("forgetting a stop: %w", err)
	}
	return nil
}
