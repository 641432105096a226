package experiment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"pausetest/internal/recording"
	"pausetest/internal/schedule"
)

// progressWaitNS is how long a resumed stream may take to move bytes again
// before the run gives up: it was starved, and pausing it once more could be
// what kills it (Amanda's data timeout is only reset by bytes that arrive).
const progressWaitNS = int64(30 * time.Second)

// runSegment brings one set of streams to run, lets it settle, and measures.
// It reports whether the segment can be used; if not, the reason is recorded.
func (r *run) runSegment(ctx context.Context, phase recording.Phase, p schedule.Planned) (bool, error) {
	seg := recording.Segment{
		Phase: phase, Block: r.block, Active: p.Active, Lead: p.Lead,
		Placebo:  phase == recording.PhasePlacebo && p.Lead != 0,
		SettleNS: r.timing.SettleNS, MeasureNS: r.timing.MeasureNS,
	}
	if p.HoldNS > 0 {
		seg.MeasureNS = p.HoldNS - seg.SettleNS
	}
	r.changed, r.spoilt = false, ""
	if err := r.activate(ctx, seg); err != nil {
		return false, err
	}
	if r.changed || r.spoilt != "" {
		return false, nil
	}
	return r.hold(ctx, seg)
}

// gap lets everything run for so long.
func (r *run) gap(ctx context.Context, ns int64) error {
	seg := recording.Segment{Phase: recording.PhaseGap, Active: ids(r.live), SettleNS: min(r.timing.SettleNS, ns)}
	seg.MeasureNS = ns - seg.SettleNS
	r.changed, r.spoilt = false, ""
	if err := r.activate(ctx, seg); err != nil {
		return err
	}
	if ns <= 0 {
		return nil
	}
	_, err := r.hold(ctx, seg)
	return err
}

// hold records a segment whose streams run already.
func (r *run) hold(ctx context.Context, seg recording.Segment) (bool, error) {
	begin := r.Meter.NowNS()
	r.begin(seg)
	if err := r.observe(ctx, begin+seg.SettleNS+seg.MeasureNS); err != nil {
		err = errors.Join(err, r.resumeAll()) // before anything else
		r.cut(err.Error())
		return false, err
	}
	switch {
	case r.spoilt != "":
		r.cut(r.spoilt)
	case r.changed:
		r.cut("a stream came or went")
	default:
		r.finish()
		return true, r.recordErr
	}
	return false, r.recordErr
}

// activate resumes and pauses until exactly the segment's streams run. Resuming
// comes first: it can't hurt.
func (r *run) activate(ctx context.Context, seg recording.Segment) error {
	holdNS := seg.SettleNS + seg.MeasureNS
	toPause := r.notActive(seg)
	if len(toPause) > 0 {
		if limit := r.ledger.exceeded(r.live, toPause, r.Meter.NowNS(), holdNS); limit != "" {
			r.event(recording.Event{Kind: recording.LimitReached, Detail: limit})
			return errStop(limit)
		}
		if err := r.rest(ctx, toPause, holdNS); err != nil || r.changed {
			return err
		}
	}
	for _, s := range r.live {
		if r.ledger.isPaused(s.ID) && !slices.Contains(toPause, s.ID) {
			if err := r.resume(s.ID); err != nil {
				return err
			}
		}
	}
	for _, id := range toPause {
		if r.ledger.isPaused(id) {
			continue
		}
		if err := r.pause(ctx, id); err != nil || r.changed {
			return err
		}
	}
	if seg.Placebo {
		return r.touch(ctx, seg)
	}
	return r.recordErr
}

func (r *run) notActive(seg recording.Segment) []int {
	var out []int
	for _, s := range r.live {
		if !slices.Contains(seg.Active, s.ID) {
			out = append(out, s.ID)
		}
	}
	return out
}

// rest lets everything run first if a stream that shall be paused would be
// paused for too long at a stretch, has not run for long enough since its last
// pause, or has not moved bytes since.
func (r *run) rest(ctx context.Context, toPause []int, holdNS int64) error {
	now := r.Meter.NowNS()
	for _, id := range toPause {
		if r.ledger.overdue(id, now+holdNS) {
			if err := r.resumeAll(); err != nil {
				return err
			}
		}
	}
	giveUp := now + progressWaitNS
	for !r.changed {
		now = r.Meter.NowNS()
		until := now
		starved := 0
		for _, id := range toPause {
			if r.ledger.isPaused(id) {
				continue
			}
			until = max(until, r.ledger.ripeNS(id))
			if !r.ledger.progressed(id) {
				starved = id
			}
		}
		if until > now {
			if err := r.resumeAll(); err != nil {
				return err
			}
		} else if starved == 0 {
			return nil
		} else if now >= giveUp {
			limit := fmt.Sprintf("%s has moved no bytes for %v after it was resumed; it is left alone", r.label(starved), time.Duration(progressWaitNS))
			r.event(recording.Event{Kind: recording.LimitReached, Stream: starved, Detail: limit})
			return errStop(limit)
		} else {
			until = min(giveUp, now+int64(500*time.Millisecond))
		}
		if err := r.observe(ctx, until); err != nil {
			return err
		}
	}
	return nil
}

// touch stops and continues at once every stream but the lead: the placebo.
func (r *run) touch(ctx context.Context, seg recording.Segment) error {
	for _, s := range slices.Clone(r.live) {
		if s.ID == seg.Lead {
			continue
		}
		if err := r.pause(ctx, s.ID); err != nil || r.changed {
			return err
		}
		if err := r.resume(s.ID); err != nil {
			return err
		}
	}
	return nil
}

// pause pauses one stream, whole or not at all.
func (r *run) pause(ctx context.Context, id int) error {
	r.event(recording.Event{Kind: recording.Pausing, Stream: id})
	if r.recordErr != nil {
		return r.recordErr // nothing is paused that can't be written down
	}
	r.ledger.paused(id, r.Meter.NowNS())
	err := r.Streams.Pause(ctx, id)
	switch {
	case err == nil:
		r.event(recording.Event{Kind: recording.Paused, Stream: id})
		return r.recordErr
	case errors.Is(err, ErrEnded):
		r.unpaused(id)
		r.ended(id, err.Error())
		return r.recordErr
	case errors.Is(err, ErrRefused):
		r.unpaused(id)
		r.event(recording.Event{Kind: recording.StreamRefused, Stream: id, Detail: err.Error()})
		r.forget(id)
		return r.recordErr
	}
	r.unpaused(id)
	return err
}

// unpaused closes the account of a pause that did not come about or is over.
func (r *run) unpaused(id int) {
	r.ledger.resumed(id, r.Meter.NowNS())
	r.event(recording.Event{Kind: recording.Resumed, Stream: id})
}

// resume resumes one stream. It is recorded after it was done: a recorder that
// fails must not keep a stream paused.
func (r *run) resume(id int) error {
	if !r.ledger.isPaused(id) {
		return nil
	}
	if err := r.Streams.Resume(id); err != nil {
		return fmt.Errorf("resuming %s: %w", r.label(id), err)
	}
	r.unpaused(id)
	return nil
}

// resumeAll resumes every stream that is paused. One that can't be resumed does
// not keep the others waiting.
func (r *run) resumeAll() error {
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(r.ledger.of)) {
		errs = append(errs, r.resume(id))
	}
	return errors.Join(errs...)
}

// suspend lets the operator have the terminal: everything runs while we are
// stopped ourselves, and the segment that was under way is not used.
func (r *run) suspend() error {
	if err := r.resumeAll(); err != nil {
		return err
	}
	r.event(recording.Event{Kind: recording.Suspended})
	if r.Suspend != nil {
		r.Suspend()
	}
	r.changed, r.spoilt = true, "suspended by the operator"
	return r.recordErr
}

// observe lets time pass. It returns early when the segment is spoilt.
func (r *run) observe(ctx context.Context, untilNS int64) error {
	err := r.Meter.Observe(ctx, untilNS, r.emit)
	if errors.Is(err, ErrSuspend) {
		err = r.suspend()
	}
	if err != nil {
		return err
	}
	return r.recordErr
}

// emit takes what the meter saw; it returns false when there is no use in going
// on with the segment.
func (r *run) emit(rec recording.Record) bool {
	r.record(rec)
	switch {
	case rec.Sample != nil:
		for _, c := range rec.Sample.Streams {
			if c.IOBytes != nil {
				r.ledger.counter(c.ID, *c.IOBytes)
			}
		}
	case rec.Event != nil:
		r.notice(*rec.Event)
	}
	return !r.changed && r.spoilt == "" && r.recordErr == nil
}

// notice acts on an event that nobody asked for.
func (r *run) notice(e recording.Event) {
	switch e.Kind {
	case recording.StreamEnded:
		if err := r.resume(e.Stream); err != nil {
			r.spoilt = err.Error()
		}
		r.forget(e.Stream)
	case recording.StreamAppeared:
		r.changed = true
	case recording.ForeignContinue:
		r.spoilt = "somebody else continued " + r.label(e.Stream)
	}
}

func (r *run) label(id int) string {
	for _, s := range r.live {
		if s.ID == id {
			return s.Label
		}
	}
	return fmt.Sprintf("stream %d", id)
}

// begin, finish and cut write a segment's first and last word.

func (r *run) begin(seg recording.Segment) {
	r.number++
	seg.Number = r.number
	r.event(recording.Event{Kind: recording.SegmentBegin, Segment: &seg})
}

func (r *run) finish() { r.event(recording.Event{Kind: recording.SegmentEnd, Number: r.number}) }

func (r *run) cut(why string) {
	r.event(recording.Event{Kind: recording.SegmentCut, Number: r.number, Detail: why})
}
