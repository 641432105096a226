package experiment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pausetest/internal/recording"
	"pausetest/internal/schedule"
)

// Config is what to run.
type Config struct {
	Schedule *schedule.Schedule
	Seed     uint64
	Plan     recording.Plan
	Limits   recording.Limits
	// Known are the streams that the recording's header names.
	Known []recording.Stream
	// ClosingNS is how long the run looks on at the end, with everything running,
	// to see that what was paused moves again.
	ClosingNS int64
	// UntilNS is the instant by which every pause has to be over: the run ends, in
	// good order, with the segment that would last longer; 0: there is none.
	UntilNS int64
	// Suspend stops the program itself and returns when it was continued; nil
	// where that can't happen.
	Suspend func()
}

// Host is what a run works on.
type Host struct {
	Streams  Streams
	Meter    Meter
	Judge    Judge
	Recorder Recorder
}

// The method's own constants (docs/statistics.md).
const (
	// afterChangeNS is added to the settling time after a stream came or went.
	afterChangeNS = int64(500 * time.Millisecond)
	// maxCutInARow ends a run on a host whose streams come and go so fast that
	// no block can be completed.
	maxCutInARow = 10
)

// Run carries out the experiment and returns why it ended. Whatever happens,
// also a panic, every stream is resumed before Run returns. The header must
// have been recorded, and heard by the judge, before.
//
// The error is that of ctx when it was cancelled, of the recorder when nothing
// more could be kept, or of the host when it could not go on. A run that ended
// because nothing was left to measure is no error.
func Run(ctx context.Context, c Config, h Host) (reason string, err error) {
	r := &run{
		Config: c, Host: h,
		dealer: schedule.NewDealer(c.Schedule, c.Seed),
		ledger: newLedger(c.Limits),
		live:   slices.Clone(c.Known),
	}
	panicked := true
	defer func() {
		err = errors.Join(err, r.resumeAll())
		if panicked {
			r.event(recording.Event{Kind: recording.Interrupted, Detail: "internal fault"})
			return
		}
		r.end(reason, err)
		if r.recordErr != nil && !errors.Is(err, r.recordErr) {
			err = errors.Join(err, r.recordErr)
		}
	}()
	reason, err = r.phases(ctx)
	panicked = false
	return reason, err
}

// A run is the state of one experiment under way.
type run struct {
	Config
	Host
	dealer *schedule.Dealer
	ledger *ledger

	live   []recording.Stream // managed streams that are alive, by id
	timing Timing
	number int // of the last segment
	block  int // of the last block

	changed   bool   // a stream came or went
	spoilt    string // why the segment under way can't be used
	stopFor   error  // why the run has to end; an errStop
	recordErr error
}

// errStop ends the phases for a good reason, which is its text.
type errStop string

func (e errStop) Error() string { return string(e) }

// errNoSegment is why a schedule can't go on when streams have ended.
const errNoSegment = errStop("no segment of the schedule can be run with the streams that are left")

func (r *run) phases(ctx context.Context) (string, error) {
	reason, err := r.main(ctx)
	if err == nil && r.Plan.Placebo > 0 {
		err = r.pairs(ctx, recording.PhasePlacebo, r.Plan.Placebo, r.dealer.Placebo)
	}
	if err == nil && r.Plan.Between {
		err = r.between(ctx)
	}
	if err == nil {
		err = r.onesAndTwos(ctx)
	}
	if stop, ok := errors.AsType[errStop](err); ok {
		reason, err = string(stop), nil
	}
	if err == nil {
		err = r.gap(ctx, r.ClosingNS)
	}
	return reason, err
}

// main measures the baseline and then blocks, until the judge says stop.
func (r *run) main(ctx context.Context) (string, error) {
	if err := r.baseline(ctx); err != nil {
		return "", err
	}
	phase := recording.PhaseMain
	if !r.Schedule.IsPairs() {
		phase = recording.PhaseSchedule
	}
	cut := 0
	for {
		whole, err := r.runBlock(ctx, phase, r.dealer.Block)
		if err != nil {
			return "", err
		}
		if !whole {
			if cut++; cut == maxCutInARow {
				return "", errStop(fmt.Sprintf("%d blocks in a row were spoilt", cut))
			}
			continue
		}
		cut = 0
		if err := r.resumeAll(); err != nil { // nobody waits, paused, for the judge
			return "", err
		}
		switch advice := r.Judge.Advise(); advice.Do {
		case Stop:
			r.event(recording.Event{Kind: recording.Decided, Detail: advice.Reason})
			return advice.Reason, nil
		case Restart:
			r.dealer.Restart()
			if err := r.retime(advice.Reason); err != nil {
				return "", err
			}
		}
	}
}

// baseline watches the host with nothing paused: it qualifies the counters and
// shows what the backups do by themselves.
func (r *run) baseline(ctx context.Context) error {
	if err := r.census(ctx); err != nil {
		return err
	}
	begin := r.Meter.NowNS()
	r.begin(recording.Segment{Phase: recording.PhaseBaseline, Active: ids(r.live), MeasureNS: r.Judge.BaselineNS()})
	for {
		until := begin + r.Judge.BaselineNS()
		if r.Meter.NowNS() >= until {
			break
		}
		// Who comes or goes now only changes whom we start with.
		r.changed, r.spoilt = false, ""
		if err := r.observe(ctx, until); err != nil {
			return err
		}
	}
	r.finish()
	return r.retime("chosen after the baseline")
}

// retime asks the judge how long segments shall be from now on.
func (r *run) retime(reason string) error {
	r.timing = r.Judge.Timing(len(r.live))
	for _, seg := range r.Schedule.Segments {
		if seg.HoldNS > 0 && seg.HoldNS <= r.timing.SettleNS {
			return fmt.Errorf("a segment of %v leaves nothing to measure after settling for %v",
				time.Duration(seg.HoldNS), time.Duration(r.timing.SettleNS))
		}
	}
	r.event(recording.Event{Kind: recording.Retimed, SettleNS: r.timing.SettleNS, MeasureNS: r.timing.MeasureNS, Detail: reason})
	return r.recordErr
}

// between measures the levels between one stream and all, each in pairs with
// all, which costs nothing. One stream alone was measured by the main blocks.
func (r *run) between(ctx context.Context) error {
	for range BetweenRounds(r.Plan) {
		for _, k := range LevelsBetween(len(r.live)) {
			if k >= len(r.live) {
				break // streams have ended meanwhile
			}
			deal := func(live []schedule.Stream) []schedule.Planned { return r.dealer.Pair(live, k) }
			if err := r.pairs(ctx, recording.PhaseBetween, 1, deal); err != nil {
				return err
			}
		}
	}
	return nil
}

// BetweenRounds is how often each level between one and all is measured: six times
// unless the plan says otherwise (docs/statistics.md).
func BetweenRounds(p recording.Plan) int {
	if p.BetweenRounds > 0 {
		return p.BetweenRounds
	}
	return 6
}

// LevelsBetween are the levels worth measuring between 1 and n: all of them on
// hosts with few streams, the even ones on others.
func LevelsBetween(n int) []int {
	step := 1
	if n > 4 {
		step = 2
	}
	var levels []int
	for k := 2; k < n; k += step {
		levels = append(levels, k)
	}
	return levels
}

// onesAndTwos measures every two streams and every single one, each against all,
// which costs nothing. Of two streams the main blocks have measured that already.
func (r *run) onesAndTwos(ctx context.Context) error {
	for range r.Plan.PairRounds {
		if len(r.live) < 3 {
			return nil
		}
		for _, some := range r.dealer.OnesAndTwos(dealt(r.live)) {
			deal := func(live []schedule.Stream) []schedule.Planned { return r.dealer.Against(live, some) }
			if err := r.pairs(ctx, recording.PhasePairs, 1, deal); err != nil {
				return err
			}
		}
	}
	return nil
}

// pairs runs so many whole blocks; one that is cut is run again, within reason.
func (r *run) pairs(ctx context.Context, phase recording.Phase, n int, deal deal) error {
	for done, tries := 0, 0; done < n && tries < n+maxCutInARow; tries++ {
		whole, err := r.runBlock(ctx, phase, deal)
		if err == errNoSegment {
			return nil // streams have ended, and this level with them
		}
		if err != nil {
			return err
		}
		if whole {
			done++
		}
	}
	return nil
}

type deal func(live []schedule.Stream) []schedule.Planned

// runBlock looks who is alive, lets everything run for the gap, deals a block
// and runs it. It reports whether every segment of it can be used.
func (r *run) runBlock(ctx context.Context, phase recording.Phase, deal deal) (bool, error) {
	if err := r.gapBefore(ctx); err != nil {
		return false, err
	}
	if len(r.live) < 2 {
		return false, errStop(fmt.Sprintf("%d stream left; at least two have to run", len(r.live)))
	}
	r.block++
	planned := deal(dealt(r.live))
	if len(planned) == 0 {
		return false, errNoSegment
	}
	for _, p := range planned {
		whole, err := r.runSegment(ctx, phase, p)
		if err != nil {
			return false, err
		}
		if !whole {
			return false, r.resumeAll()
		}
	}
	return true, nil
}

// gapBefore lets everything run between two blocks, for longer if a stream came
// or went, and finds out who is alive.
func (r *run) gapBefore(ctx context.Context) error {
	changed := r.changed
	if r.block > 0 && !changed {
		if err := r.gap(ctx, r.dealer.GapNS()); err != nil {
			return err
		}
	}
	if err := r.census(ctx); err != nil {
		return err
	}
	if changed || r.changed {
		return r.gap(ctx, r.timing.SettleNS+afterChangeNS)
	}
	return nil
}

// census asks who is alive, and records who came and who went.
func (r *run) census(ctx context.Context) error {
	now, err := r.Streams.Census(ctx)
	if err != nil {
		return err
	}
	for _, s := range slices.Clone(r.live) { // ended takes them out
		if !has(now, s.ID) {
			r.ended(s.ID, "gone at the census")
		}
	}
	for _, s := range now {
		if !has(r.live, s.ID) {
			r.event(recording.Event{Kind: recording.StreamAppeared, Stream: s.ID, Appeared: &s})
			r.changed = true
		}
	}
	r.live = slices.Clone(now)
	return r.recordErr
}

// ended records that a stream is gone and forgets it. What is left of one that
// was paused must not stay stopped.
func (r *run) ended(id int, detail string) {
	if err := r.resume(id); err != nil {
		detail += "; " + err.Error()
	}
	r.event(recording.Event{Kind: recording.StreamEnded, Stream: id, Detail: detail})
	r.forget(id)
}

func (r *run) forget(id int) {
	r.live = slices.DeleteFunc(r.live, func(s recording.Stream) bool { return s.ID == id })
	r.changed = true
}

// end writes the last records. A recording without a run-end was cut short.
func (r *run) end(reason string, err error) {
	if err != nil {
		r.event(recording.Event{Kind: recording.Interrupted, Detail: err.Error()})
		return
	}
	r.event(recording.Event{Kind: recording.RunEnd, Detail: reason})
}

// record writes a record down and lets the judge hear it.
func (r *run) record(rec recording.Record) {
	if err := r.Recorder.Write(rec); err != nil && r.recordErr == nil {
		r.recordErr = err
	}
	r.Judge.Hear(rec)
}

func (r *run) event(e recording.Event) {
	e.TNS = r.Meter.NowNS()
	r.record(recording.Record{Event: &e})
}

func ids(streams []recording.Stream) []int {
	out := make([]int, len(streams))
	for i, s := range streams {
		out[i] = s.ID
	}
	return out
}

func dealt(streams []recording.Stream) []schedule.Stream {
	out := make([]schedule.Stream, len(streams))
	for i, s := range streams {
		out[i] = schedule.Stream{ID: s.ID, Label: s.Label}
	}
	return out
}

func has(streams []recording.Stream, id int) bool {
	return slices.ContainsFunc(streams, func(s recording.Stream) bool { return s.ID == id })
}
