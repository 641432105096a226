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
	"pausetest/internal/printable"
	"pausetest/internal/procctl"
	"pausetest/internal/procctl/proctable"
	"pausetest/internal/recording"
	"pausetest/internal/stream"
	"pausetest/internal/vitals"
)

// A liveHost lets an experiment work on the streams of this host: it fills
// experiment.Streams and experiment.Meter with processes, counters and the
// guard.
type liveHost struct {
	looker  *looker
	guard   *guard.Guard
	sampler *sampler
	vitals  *vitals.Observer
	iface   string
	beatNS  int64 // when the guard was last told that the run goes on
	freezer bool  // pause by freezing cgroups, not by signals
	suspend <-chan struct{}

	ids     map[proctable.ProcID]int // of every stream ever seen, by source
	live    map[int]*managed
	beside  map[proctable.ProcID]bool // streams that run and may not be paused
	pending []recording.Record        // to be emitted at the next Observe
	sampled chan error                // how sampling ended
}

// A stopped is what was paused, by whatever mechanism.
type stopped interface {
	Continue() error
	Check() (procctl.Condition, error)
}

// A managed is a stream that may be paused.
type managed struct {
	recorded recording.Stream
	found    stream.Stream
	watched  *watched
	stopped  stopped // nil while it runs
	// told is the gravest condition reported during this pause; suspect that it
	// was seen running, and the guard may have been the one who did it.
	told    procctl.ConditionKind
	suspect bool
	undoing error // a pause that came about by half and could not be undone
}

func newLiveHost(l *looker) *liveHost {
	return &liveHost{
		looker: l,
		ids:    map[proctable.ProcID]int{}, live: map[int]*managed{}, beside: map[proctable.ProcID]bool{},
		sampled: make(chan error, 1),
	}
}

// adopt takes over the streams of a look: known ones keep their id, newcomers
// get the next one, and those that are gone are let go.
func (h *liveHost) adopt(l look) error {
	present := map[int]bool{}
	for i := range l.found.Streams {
		s := &l.found.Streams[i]
		id, known := h.ids[s.Source]
		if s.Refusal != nil {
			h.refuse(s)
			present[id] = present[id] || h.live[id] != nil // refused is not ended
			continue
		}
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
		if !present[id] && m.stopped == nil { // what is left of a paused one must be resumed first
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
		h.vitals.Watch(vitals.Members(l.snapshot, h.paths()), c.all())
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

// refuse takes note of a stream that may not be paused. Those that were there
// when the run began are in its header; a newcomer ends the run.
func (h *liveHost) refuse(s *stream.Stream) {
	if h.beside[s.Source] {
		return
	}
	h.beside[s.Source] = true
	if h.sampler == nil {
		return
	}
	h.pending = append(h.pending, recording.Record{Event: &recording.Event{
		TNS: h.NowNS(), Kind: recording.StreamRefused,
		Stream: h.ids[s.Source], // 0 for a newcomer
		Detail: printable.Text(s.Label, 0) + " may not be paused: " + s.Refusal.Reason,
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
	for _, id := range s.Writers {
		counter, err := procctl.OpenIO(id)
		if err != nil {
			w.closeWriters()
			break
		}
		w.writers = append(w.writers, &writeCounter{counter: counter})
	}
	return w, nil
}

func (w *watched) closeWriters() {
	for _, writer := range w.writers {
		writer.counter.Close()
	}
	w.writers = nil
}

func (w *watched) close() {
	w.closeWriters()
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
	if err := h.beat(); err != nil {
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
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case m == nil:
		return fmt.Errorf("stream %d: %w", id, experiment.ErrEnded)
	}
	stopped, err := h.stop(ctx, m)
	if errors.Is(err, procctl.ErrNotConverged) && ctx.Err() == nil {
		// A relay that forks in just those milliseconds is enough; once more.
		stopped, err = h.stop(ctx, m)
	}
	if err == nil {
		m.stopped, m.told, m.suspect = stopped, procctl.AllStopped, false
		return nil
	}
	doing := "pausing " + m.recorded.Label
	switch {
	case errors.Is(err, procctl.ErrNotUndone):
		m.undoing = fmt.Errorf("%s: %w: %w", doing, experiment.ErrStillPaused, err)
		return m.undoing
	case h.guard.Err() != nil:
		return fmt.Errorf("%s: %w; %w", doing, h.guard.Err(), err)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, procctl.ErrGone) && m.watched.source.Exited():
		return fmt.Errorf("%s: %w: %w", doing, experiment.ErrEnded, err)
	case errors.Is(err, procctl.ErrGone), errors.Is(err, procctl.ErrNotConverged):
		// Something in it was replaced, or would not come to rest.
		return fmt.Errorf("%s: %w: %w", doing, experiment.ErrNotNow, err)
	case errors.Is(err, procctl.ErrNotPermitted), errors.Is(err, procctl.ErrAlreadyStopped),
		errors.Is(err, procctl.ErrTraced), errors.Is(err, procctl.ErrForbidden),
		errors.Is(err, procctl.ErrNotWhole), errors.Is(err, procctl.ErrAlreadyFrozen):
		return fmt.Errorf("%s: %w: %w", doing, experiment.ErrRefused, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// stopWithin bounds the stopping of one stream. It is half the guard's lease: no
// beat is sent meanwhile.
const stopWithin = guard.DefaultLease / 2

func (h *liveHost) stop(ctx context.Context, m *managed) (stopped, error) {
	if err := h.beat(); err != nil {
		return nil, err
	}
	options := procctl.StopOptions{
		Timeout: stopWithin,
		Spare:   m.found.Spared,
		Never:   slices.Concat(h.looker.sel.Protect, []int{h.guard.PID()}),
	}
	if h.freezer {
		return h.freeze(ctx, m, options)
	}
	s, err := h.looker.table.StopTree(ctx, m.found.Targets, h.account(m), options)
	if err != nil {
		return nil, err // not s: an interface that holds a nil pointer is not nil
	}
	return s, nil
}

// account is where the guard keeps what is taken from a stream.
func (h *liveHost) account(m *managed) guard.Account {
	return h.guard.Account(uint32(m.recorded.ID))
}

// freezable refuses the freezer for streams that have no cgroup of their own.
func (h *liveHost) freezable(ctx context.Context, l look) error {
	if !h.freezer {
		return nil
	}
	if err := h.looker.table.ReadCgroups(ctx, l.snapshot); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(h.live)) {
		m := h.live[id]
		if _, refusal := procctl.FreezableCgroup(l.snapshot.Trees(m.found.Targets), l.snapshot); refusal != nil {
			return badInput("leave --mechanism out, or start each dump in a cgroup of its own (systemd-run does)",
				"--mechanism freezer: %s: %s", printable.Text(m.recorded.Label, 60), refusal.Reason)
		}
	}
	return nil
}

// freeze pauses a stream by freezing the cgroup that is wholly its own.
func (h *liveHost) freeze(ctx context.Context, m *managed, o procctl.StopOptions) (stopped, error) {
	snapshot, err := h.looker.table.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if err := h.looker.table.ReadCgroups(ctx, snapshot); err != nil {
		return nil, err
	}
	members := snapshot.Trees(m.found.Targets)
	cgroup, refusal := procctl.FreezableCgroup(members, snapshot)
	if refusal != nil {
		return nil, fmt.Errorf("%w: %s", procctl.ErrNotWhole, refusal.Reason)
	}
	ids := make([]procctl.ProcID, len(members))
	for i, p := range members {
		ids[i] = p.ID
	}
	f, err := h.looker.table.Freeze(ctx, cgroup, ids, h.account(m), o)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Resume implements experiment.Streams.
func (h *liveHost) Resume(id int) error {
	m := h.live[id]
	switch {
	case m == nil:
		return nil
	case m.undoing != nil:
		return m.undoing // the guard has what we could not continue
	case m.stopped == nil:
		return nil
	}
	if err := m.stopped.Continue(); err != nil {
		return err
	}
	m.stopped = nil
	h.beat() // an error shows at the next observation; resuming goes on
	return nil
}

// NowNS implements experiment.Meter.
func (h *liveHost) NowNS() int64 { return h.sampler.nowNS() }

// Observe implements experiment.Meter.
func (h *liveHost) Observe(ctx context.Context, untilNS int64, emit func(recording.Record) bool) error {
	timer := time.NewTimer(time.Duration(untilNS - h.NowNS()))
	defer timer.Stop()
	beat := time.NewTicker(beatPeriod)
	defer beat.Stop()
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
			return h.guardLost(emit)
		case <-beat.C: // beside the samples, which a blocked counter may hold up
			if h.beat() != nil {
				return h.guardLost(emit)
			}
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
			if h.NowNS()-h.beatNS >= int64(beatPeriod) && h.beat() != nil {
				return h.guardLost(emit)
			}
			h.check()
			if !emit(rec) {
				return nil
			}
		}
	}
}

// beatPeriod is how often the guard is told that the run goes on, while it observes.
//
// Note: not at every sample, for each beat wakes the guard, and its answer us.
const beatPeriod = guard.DefaultLease / 8

func (h *liveHost) beat() error {
	h.beatNS = h.NowNS()
	return h.guard.Beat()
}

func (h *liveHost) guardLost(emit func(recording.Record) bool) error {
	h.tell(emit, recording.GuardLost, h.guard.Err())
	return h.guard.Err()
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
			Detail: fmt.Sprintf("%s: %s (pid %d)", condition.Kind, printable.Text(condition.Comm, 80), condition.ID.PID)}
		switch condition.Kind {
		case procctl.Continued, procctl.NewMember:
			if !m.suspect { // by the next sample a guard that did it has said so
				m.suspect = true
				continue
			}
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
