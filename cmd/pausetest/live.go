package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"pausetest/internal/experiment"
	"pausetest/internal/guard"
	"pausetest/internal/netstat"
	"pausetest/internal/procctl"
	"pausetest/internal/procctl/proctable"
	"pausetest/internal/recording"
	"pausetest/internal/stream"
)

// A liveHost lets an experiment work on the streams of this host: it fills
// experiment.Streams and experiment.Meter with processes, counters and the
// guard.
type liveHost struct {
	looker  *looker
	guard   *guard.Guard
	sampler *sampler
	iface   string
	suspend <-chan struct{}

	ids     map[proctable.ProcID]int // of every stream ever seen, by source
	live    map[int]*managed
	refused map[proctable.ProcID]bool // already reported, or refused for good
	pending []recording.Record        // to be emitted at the next Observe
	sampled chan error                // how sampling ended
}

// A managed is a stream that may be paused.
type managed struct {
	recorded recording.Stream
	found    stream.Stream
	watched  *watched
	stopped  *procctl.Stopped // nil while it runs
	// told is the gravest condition reported during this pause.
	told procctl.ConditionKind
}

func newLiveHost(l *looker) *liveHost {
	return &liveHost{
		looker: l,
		ids:    map[proctable.ProcID]int{}, live: map[int]*managed{}, refused: map[proctable.ProcID]bool{},
		sampled: make(chan error, 1),
	}
}

// adopt takes over the streams of a look: known ones keep their id, newcomers
// get the next one, and those that are gone are let go.
func (h *liveHost) adopt(l look) error {
	present := map[int]bool{}
	for i := range l.found.Streams {
		s := &l.found.Streams[i]
		if s.Refusal != nil || h.refused[s.Source] {
			h.refuse(s)
			continue
		}
		id, known := h.ids[s.Source]
		if !known {
			id = len(h.ids) + 1
			h.ids[s.Source] = id
		}
		if h.live[id] == nil {
			w, err := watch(id, s)
			if errors.Is(err, procctl.ErrGone) {
				continue
			}
			if err != nil {
				return err
			}
			h.live[id] = &managed{watched: w}
		}
		h.live[id].found, h.live[id].recorded = *s, l.recorded(id, s)
		present[id] = true
	}
	var gone []*watched
	for id, m := range h.live {
		if !present[id] {
			delete(h.live, id)
			gone = append(gone, m.watched)
		}
	}
	if h.sampler != nil {
		c, err := h.findSockets(l)
		if err != nil {
			return err
		}
		h.sampler.watch(h.watched(), c)
	}
	for _, w := range gone { // only now that the sampler has let go of them
		w.close()
	}
	return nil
}

// watched are the managed streams as the sampler sees them, by id.
func (h *liveHost) watched() []*watched {
	var out []*watched
	for _, id := range slices.Sorted(maps.Keys(h.live)) {
		out = append(out, h.live[id].watched)
	}
	return out
}

// refuse reports a newcomer that may not be paused, once. One that is only too
// young is asked about again at the next census.
func (h *liveHost) refuse(s *stream.Stream) {
	if h.refused[s.Source] || s.Refusal == nil {
		return
	}
	if len(h.live) == 0 || s.Refusal.Rule == stream.RefuseYouth {
		return
	}
	h.refused[s.Source] = true
	h.pending = append(h.pending, recording.Record{Event: &recording.Event{
		TNS: h.NowNS(), Kind: recording.StreamRefused,
		Detail: proctable.Printable(s.Label, 0) + ": " + s.Refusal.Reason,
	}})
}

// watch opens a stream's own counters. Without the right to read them, the
// interface has to do.
func watch(id int, s *stream.Stream) (*watched, error) {
	source, err := procctl.Open(s.Source)
	if err != nil {
		return nil, err
	}
	w := &watched{id: id, source: source}
	for _, writer := range s.Writers {
		io, err := procctl.OpenIO(writer)
		if err != nil {
			closeAll(w.writers)
			w.writers = nil
			break
		}
		w.writers = append(w.writers, io)
	}
	return w, nil
}

func closeAll(counters []*procctl.IOCounter) {
	for _, c := range counters {
		c.Close()
	}
}

func (w *watched) close() {
	closeAll(w.writers)
	w.source.Close()
}

// findSockets finds the sockets by which the streams' bytes leave: those of a
// stream's own carriers are the stream's, those of shared ones are common.
func (h *liveHost) findSockets(l look) (carried, error) {
	owners := map[uint64][]int{} // by inode, stream ids
	wanted := map[uint64]bool{}
	for id, m := range h.live {
		for inode := range l.sockets(&m.found) {
			owners[inode] = append(owners[inode], id)
			wanted[inode] = true
		}
	}
	sockets, err := netstat.ListTCP(wanted)
	if err != nil {
		return carried{}, fmt.Errorf("listing the streams' sockets: %w", err)
	}
	c := carried{own: map[int][]netstat.Socket{}}
	for _, s := range sockets {
		if of := owners[s.Inode]; len(of) == 1 {
			c.own[of[0]] = append(c.own[of[0]], s)
		} else {
			c.common = append(c.common, s)
		}
	}
	return c, nil
}

// Census implements experiment.Streams.
func (h *liveHost) Census(ctx context.Context) ([]recording.Stream, error) {
	if err := h.guard.Beat(); err != nil {
		return nil, err
	}
	l, err := h.looker.look(ctx)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := h.adopt(l); err != nil {
		return nil, err
	}
	return h.streams(), nil
}

// streams are the managed ones, by id.
func (h *liveHost) streams() []recording.Stream {
	var out []recording.Stream
	for _, id := range slices.Sorted(maps.Keys(h.live)) {
		out = append(out, h.live[id].recorded)
	}
	return out
}

// Pause implements experiment.Streams.
func (h *liveHost) Pause(ctx context.Context, id int) error {
	m := h.live[id]
	if m == nil {
		return fmt.Errorf("stream %d: %w", id, experiment.ErrEnded)
	}
	stopped, err := h.stop(ctx, m)
	if errors.Is(err, procctl.ErrNotConverged) && ctx.Err() == nil {
		// A relay that forks in just those milliseconds is enough; once more.
		stopped, err = h.stop(ctx, m)
	}
	switch {
	case err == nil:
		m.stopped, m.told = stopped, procctl.AllStopped
		return nil
	case h.guard.Err() != nil:
		return fmt.Errorf("pausing %s: %w; %w", m.recorded.Label, h.guard.Err(), err)
	case errors.Is(err, procctl.ErrNotUndone):
		return fmt.Errorf("pausing %s: %w", m.recorded.Label, err)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, procctl.ErrGone):
		return fmt.Errorf("pausing %s: %w: %w", m.recorded.Label, experiment.ErrEnded, err)
	}
	h.refused[m.found.Source] = true
	return fmt.Errorf("pausing %s: %w: %w", m.recorded.Label, experiment.ErrRefused, err)
}

// stopWithin bounds the stopping of one stream. It is half the guard's lease: no
// beat is sent meanwhile.
const stopWithin = guard.DefaultLease / 2

func (h *liveHost) stop(ctx context.Context, m *managed) (*procctl.Stopped, error) {
	if err := h.guard.Beat(); err != nil {
		return nil, err
	}
	return h.looker.table.StopTree(ctx, m.found.Targets, h.guard, procctl.StopOptions{
		Timeout: stopWithin,
		Never:   slices.Concat(h.looker.sel.Protect, []int{h.guard.PID()}),
	})
}

// Resume implements experiment.Streams.
func (h *liveHost) Resume(id int) error {
	m := h.live[id]
	if m == nil || m.stopped == nil {
		return nil
	}
	if err := m.stopped.Continue(); err != nil {
		return err
	}
	m.stopped = nil
	h.guard.Beat() // an error shows at the next observation; resuming goes on
	return nil
}

// NowNS implements experiment.Meter.
func (h *liveHost) NowNS() int64 { return h.sampler.nowNS() }

// Observe implements experiment.Meter.
func (h *liveHost) Observe(ctx context.Context, untilNS int64, emit func(recording.Record) bool) error {
	timer := time.NewTimer(time.Duration(untilNS - h.NowNS()))
	defer timer.Stop()
	for {
		for len(h.pending) > 0 {
			rec := h.pending[0]
			h.pending = h.pending[1:]
			if !emit(rec) {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-h.guard.Lost():
			h.tell(emit, recording.GuardLost, h.guard.Err())
			return h.guard.Err()
		case <-h.suspend:
			return experiment.ErrSuspend
		case err := <-h.sampled:
			if errors.Is(err, netstat.ErrInterfaceLost) {
				h.tell(emit, recording.InterfaceLost, err)
			}
			return fmt.Errorf("sampling %s: %w", h.iface, err)
		case <-timer.C:
			return nil
		case rec := <-h.sampler.out:
			if err := h.guard.Beat(); err != nil {
				return err
			}
			h.check()
			if !emit(rec) {
				return nil
			}
		}
	}
}

func (h *liveHost) tell(emit func(recording.Record) bool, kind recording.EventKind, err error) {
	emit(recording.Record{Event: &recording.Event{TNS: h.NowNS(), Kind: kind, Detail: err.Error()}})
}

// check looks whether what is paused is paused still.
func (h *liveHost) check() {
	for id, m := range h.live {
		if m.stopped == nil {
			continue
		}
		condition, err := m.stopped.Check()
		if err != nil { // nothing can be said of it, so nothing may be built on it
			condition = procctl.Condition{Kind: procctl.Continued, Comm: err.Error()}
		}
		if condition.Kind <= m.told {
			continue
		}
		event := recording.Event{TNS: h.NowNS(), Stream: id,
			Detail: fmt.Sprintf("%s: %s (pid %d)", condition.Kind, proctable.Printable(condition.Comm, 80), condition.ID.PID)}
		switch condition.Kind {
		case procctl.Continued, procctl.NewMember:
			event.Kind = recording.ForeignContinue
		case procctl.StopPending:
			event.Kind = recording.StopPending
		default: // it ended: the sampler tells of that
			continue
		}
		m.told = condition.Kind
		h.pending = append(h.pending, recording.Record{Event: &event})
	}
}
