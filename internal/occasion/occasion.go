// Package occasion waits for the occasion to do an experiment with nobody watching:
// enough streams that run and have not changed for a while, at a time of day at
// which it is allowed and can end. It is pure but for the clock: the host is looked
// at by a function that the caller brings.
package occasion

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Conditions are what the occasion has to be like.
type Conditions struct {
	// Wait is how long to wait for it in all; 0: the first look decides, and Steady
	// is not asked for.
	Wait time.Duration
	// Steady is for how long the same streams must have run before.
	Steady     time.Duration
	MinStreams int
	// Window is the time of day for it; nil for any.
	Window *Window
	// Lasts is how long the experiment may last with so many streams: it is not
	// begun when it could not end inside the window.
	Lasts func(streams int) time.Duration
	// Tell hears why it is not begun yet, whenever the reason changes; may be nil.
	Tell func(*Missed)
}

// A Sight is what a look at the host showed.
type Sight struct {
	Busy    error // another run is at work, and nothing else can be known; else nil
	Streams []Stream
	Cost    time.Duration // processor time that the look took
}

// A Stream is what matters here of one that runs.
type Stream struct {
	ID    string // another one has another
	Label string // printable
	// Refusal is why it may not be paused; empty: it may. Young says that it only
	// has to run for a little longer.
	Refusal string
	Young   bool
}

// pausable are the streams that may be paused.
func (s Sight) pausable() []Stream {
	return slices.DeleteFunc(slices.Clone(s.Streams), func(s Stream) bool { return s.Refusal != "" })
}

// young are those that only have to run for a little longer.
func (s Sight) young() []Stream {
	return slices.DeleteFunc(slices.Clone(s.Streams), func(s Stream) bool { return !s.Young })
}

// fingerprint is the same for looks that showed the same.
func (s Sight) fingerprint() string {
	var parts []string
	for _, stream := range s.Streams {
		parts = append(parts, fmt.Sprint(stream.ID, stream.Refusal == "", stream.Young))
	}
	slices.Sort(parts)
	return strings.Join(parts, "\n")
}

// Await looks at the host until there is the occasion, and returns when the window
// closes then (zero: there is none). The error is a *Missed when the occasion did
// not come, that of look, or the cause of ctx's end.
func Await(ctx context.Context, c Conditions, look func(context.Context) (Sight, error)) (until time.Time, err error) {
	w := &wait{Conditions: c, began: time.Now()}
	for {
		now := time.Now()
		if _, open := w.room(now, c.MinStreams); !open {
			opens := c.Window.Next(now)
			missed := w.closed(now, opens)
			if opens.After(w.deadline()) {
				return time.Time{}, missed
			}
			w.tell(missed)
			if err := sleepUntil(ctx, opens); err != nil {
				return time.Time{}, err
			}
			continue
		}
		sight, err := look(ctx)
		if ctx.Err() != nil {
			return time.Time{}, context.Cause(ctx)
		}
		if err != nil {
			return time.Time{}, err
		}
		w.cost = sight.Cost
		w.last = w.judge(now, sight)
		if w.last == nil {
			closes, open := w.room(time.Now(), len(sight.pausable()))
			if open {
				return closes, nil
			}
			w.last = w.tooLate(time.Now(), closes, len(sight.pausable()))
		}
		if !now.Before(w.deadline()) {
			return time.Time{}, w.last.after(time.Since(w.began))
		}
		w.tell(w.last)
		if err := sleepUntil(ctx, w.next(now)); err != nil {
			return time.Time{}, err
		}
	}
}

// A wait is one Await under way.
type wait struct {
	Conditions
	began time.Time
	last  *Missed       // why the last look was not the occasion; nil before it
	told  string        // the last reason that Tell heard
	cost  time.Duration // of the last look

	seen  string    // the fingerprint of the last look
	since time.Time // the first look that showed the same
}

func (w *wait) deadline() time.Time { return w.began.Add(w.Wait) }

// room reports whether an experiment with so many streams can end before the window
// closes, and when that is.
func (w *wait) room(now time.Time, streams int) (closes time.Time, ok bool) {
	if w.Window == nil {
		return time.Time{}, true
	}
	closes, open := w.Window.Open(now)
	return closes, open && !now.Add(w.Lasts(streams)).After(closes)
}

// judge says why what was seen is not the occasion yet; nil if it is.
func (w *wait) judge(now time.Time, s Sight) *Missed {
	if print := s.fingerprint(); s.Busy != nil {
		w.since = time.Time{}
	} else if print != w.seen || w.since.IsZero() {
		w.seen, w.since = print, now
	}
	may, young := len(s.pausable()), len(s.young())
	m := &Missed{Sight: s, Conditions: w.Conditions}
	switch {
	case s.Busy != nil:
		m.Reason = Busy
	case len(s.Streams) == 0:
		m.Reason = NoStreams
	case len(s.Streams) < w.MinStreams:
		m.Reason = TooFew
	case may+young < w.MinStreams:
		m.Reason = Refused
	case may < w.MinStreams, w.Wait > 0 && (young > 0 || now.Sub(w.since) < w.Steady):
		m.Reason = NotSteady
	default:
		return nil
	}
	return m
}

// closed is why nothing can begin while the window is closed, or about to close.
// When there was time to look before, what was seen then says more.
func (w *wait) closed(now, opens time.Time) *Missed {
	if w.last != nil && w.last.Reason != OutOfHours {
		m := w.last.after(now.Sub(w.began))
		m.WindowClosed = true
		return m
	}
	closes, _ := w.Window.Open(now)
	m := w.tooLate(now, closes, w.MinStreams)
	m.Opens = opens
	return m
}

func (w *wait) tooLate(now, closes time.Time, streams int) *Missed {
	return &Missed{Reason: OutOfHours, Conditions: w.Conditions, At: now, Closes: closes, Opens: w.Window.Next(now), Lasts: w.Lasts(streams)}
}

// How often the host is looked at: a look reads the whole process table.
const (
	mostBetween  = 10 * time.Second
	leastBetween = 250 * time.Millisecond
	// Where looks are dear, on a host with very many processes, idleFactor keeps
	// them below one per cent of a processor, as long as that is often enough.
	idleFactor = 100
	rarest     = time.Minute
)

// next is when to look again.
func (w *wait) next(now time.Time) time.Time {
	between := mostBetween
	if w.Steady > 0 {
		between = min(mostBetween, max(leastBetween, w.Steady/4))
	}
	next := now.Add(max(between, min(idleFactor*w.cost, rarest)))
	if deadline := w.deadline(); next.After(deadline) {
		next = deadline
	}
	return next
}

func (w *wait) tell(m *Missed) {
	if text := m.Error(); w.Tell != nil && text != w.told {
		w.told = text
		w.Tell(m)
	}
}

// sleepUntil sleeps in steps: the clocks may be set, and the machine may sleep,
// meanwhile.
func sleepUntil(ctx context.Context, t time.Time) error {
	for {
		left := time.Until(t)
		if left <= 0 {
			return nil
		}
		timer := time.NewTimer(min(left, time.Minute))
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
}
