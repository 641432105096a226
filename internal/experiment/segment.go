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
	if r.changed || r.spoilt != "" { // it came to nothing; the recording says why
		r.begin(seg)
		r.cut(r.whyNot())
		return false, r.recordErr
	}
	return r.hold(ctx, seg)
}

// whyNot is why the segment under way can't be used.
func (r *run) whyNot() string {
	if r.spoilt != "" {
		return r.spoilt
	}
	return "a stream came or went"
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
	if r.changed || r.spoilt != "" {
		r.cut(r.whyNot())
		return false, r.recordErr
	}
	r.finish()
	return true, r.recordErr
}

// activate resumes and pauses until exactly the segment's streams run. Resuming
// comes first: it can't hurt.
func (r *run) activate(ctx context.Context, seg recording.Segment) error {
	holdNS := seg.SettleNS + seg.MeasureNS
	toPause := r.notActive(seg)
	if seg.Placebo {
		toPause, holdNS = r.touched(seg), 0
	}
	if len(toPause) > 0 {
		if limit := r.ledger.exceeded(r.labels(toPause), r.Meter.NowNS(), holdNS); limit != "" {
			return r.limitReached(0, limit)
		}
		if err := r.rest(ctx, toPause, holdNS); err != nil || r.changed {
			return err
		}
		if r.tooLate(holdNS) {
			return r.limitReached(0, outOfHours)
		}
	}
	if seg.Placebo {
		return r.touch(ctx, toPause)
	}
	var toResume []int
	for _, s := range r.live {
		if r.ledger.isPaused(s.ID) && !slices.Contains(toPause, s.ID) {
			toResume = append(toResume, s.ID)
		}
	}
	if err := r.resume(toResume...); err != nil {
		return err
	}
	for _, id := range toPause {
		if r.ledger.isPaused(id) {
			continue
		}
		if err := r.pause(ctx, id); err != nil || r.changed || r.spoilt != "" {
			return err
		}
		// Pausing many streams takes time: for the hours it may run in, and for the
		// first one's limit, which counts from its own pause.
		if r.tooLate(holdNS) {
			return r.limitReached(id, outOfHours)
		}
		if r.Meter.NowNS()+holdNS > r.ledger.firstDeadlineNS() {
			return r.limitReached(id, fmt.Sprintf("pausing takes so long here that a segment of %v would exceed the longest pause of %v (--max-pause)",
				time.Duration(holdNS), time.Duration(r.Limits.MaxPauseNS)))
		}
	}
	return r.recordErr
}

const outOfHours = "the time at which it may run is over (--window)"

// tooLate reports whether a hold that begins now would end after the run has to.
func (r *run) tooLate(holdNS int64) bool {
	return r.UntilNS > 0 && r.Meter.NowNS()+holdNS > r.UntilNS
}

// limitReached resumes everything and ends the run for a limit.
func (r *run) limitReached(id int, limit string) error {
	err := r.resumeAll()
	r.event(recording.Event{Kind: recording.LimitReached, Stream: id, Detail: limit})
	if err != nil {
		return err
	}
	return errors.Join(errStop(limit), r.recordErr)
}

// touched are the streams that a placebo stops and continues at once: all but the
// lead.
func (r *run) touched(seg recording.Segment) []int {
	return slices.DeleteFunc(ids(r.live), func(id int) bool { return id == seg.Lead })
}

func (r *run) labels(of []int) map[int]string {
	out := map[int]string{}
	for _, id := range of {
		out[id] = r.label(id)
	}
	return out
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
			return r.limitReached(starved, fmt.Sprintf("%s has moved no bytes for %v after it was resumed; it is left alone",
				r.label(starved), time.Duration(progressWaitNS)))
		} else {
			if err := r.resumeAll(); err != nil { // nobody waits, paused, for somebody else
				return err
			}
			until = min(giveUp, now+int64(500*time.Millisecond))
		}
		if err := r.observe(ctx, until); err != nil {
			return err
		}
	}
	return nil
}

// touch stops streams and continues them at once: the placebo.
func (r *run) touch(ctx context.Context, touched []int) error {
	for _, id := range touched {
		if err := r.pause(ctx, id); err != nil || r.changed || r.spoilt != "" {
			return err
		}
		if err := r.resume(id); err != nil {
			return err
		}
	}
	return r.recordErr
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
	case errors.Is(err, ErrNotNow):
		r.unpaused(id)
		r.spoilt = err.Error()
		return r.recordErr
	case errors.Is(err, ErrRefused):
		r.unpaused(id)
		r.event(recording.Event{Kind: recording.StreamRefused, Stream: id, Detail: err.Error()})
		return r.unmanaged(err.Error())
	case errors.Is(err, ErrStillPaused):
		return err // the account stays open: it is not over
	}
	r.unpaused(id)
	return err
}

// unmanaged ends the run: a stream runs on that can't be paused, and with it
// "one stream alone" would not be alone.
func (r *run) unmanaged(detail string) error {
	return errors.Join(errStop("a stream runs that can't be paused, so none can be measured alone: "+detail), r.recordErr)
}

// unpaused closes the account of a pause that did not come about or is over.
func (r *run) unpaused(id int) {
	r.ledger.resumed(id, r.Meter.NowNS())
	r.event(recording.Event{Kind: recording.Resumed, Stream: id})
}

// resume resumes those of the streams that are paused, all of them before anything
// is written down: a recorder that fails or hangs must not keep one paused. One that
// can't be resumed does not keep the others waiting.
func (r *run) resume(streams ...int) error {
	var errs []error
	var resumed []int
	for _, id := range streams {
		if !r.ledger.isPaused(id) {
			continue
		}
		if err := r.Streams.Resume(id); err != nil {
			errs = append(errs, fmt.Errorf("resuming %s: %w", r.label(id), err))
			continue
		}
		resumed = append(resumed, id)
	}
	for _, id := range resumed {
		r.unpaused(id)
	}
	return errors.Join(errs...)
}

// resumeAll resumes every stream that is paused.
func (r *run) resumeAll() error {
	return r.resume(slices.Sorted(maps.Keys(r.ledger.of))...)
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

// observe lets time pass. It returns early when the segment is spoilt. No pause
// outlasts its limit meanwhile, whatever delayed it.
func (r *run) observe(ctx context.Context, untilNS int64) error {
	deadline := r.ledger.firstDeadlineNS()
	err := r.Meter.Observe(ctx, min(untilNS, deadline), r.emit)
	if err == nil && deadline < untilNS && r.Meter.NowNS() >= deadline {
		r.spoilt = "the longest pause was reached before the segment was over"
		err = r.resumeAll()
	}
	if errors.Is(err, ErrSuspend) {
		err = r.suspend()
	}
	return errors.Join(err, r.stopFor, r.recordErr)
}

// emit takes what the meter saw; it returns false when there is no use in going
// on with the segment.
func (r *run) emit(rec recording.Record) bool {
	r.record(rec)
	switch {
	case rec.Sample != nil:
		for _, c := range rec.Sample.Streams {
			r.ledger.counter(c)
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
	case recording.StreamRefused:
		r.stopFor = r.unmanaged(e.Detail)
		r.spoilt = e.Detail
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
