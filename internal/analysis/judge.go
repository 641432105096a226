package analysis

import (
	"fmt"
	"slices"
	"time"

	"pausetest/internal/recording"
)

// An Action is what a Judge advises to do next.
type Action int

// The actions.
const (
	GoOn    Action = iota
	Restart        // discard the blocks so far, ask Plan again
	Stop
)

// mostValueless blocks that gave no rate end a run whose counter is gone.
const mostValueless = 10

// A Judge hears the records of a run one by one and knows at every moment what
// they say. The run asks it after every block; a finished recording is read by
// letting a Judge hear it. It depends on nothing but the records and their
// order, so that the two can't disagree.
type Judge struct {
	header recording.Header
	rule   rule

	heard           bool
	firstNS, lastNS int64 // instants of the first and the latest record

	streams []recording.Stream // all that were ever seen
	live    []int              // ids of the managed ones, ascending
	shares  shares

	refresh   [len(sources)]refresh
	lazy      [len(sources)]bool
	deciding  int // index of the source that decides
	qualified bool
	samples   int

	window   window
	segments []segment
	pending  []int  // segments of the block under way
	spoilt   string // why the segment under way can't be used

	blocks    []block // counted
	attempts  int     // blocks begun, of PhaseMain and PhaseSchedule
	repeats   int     // of an own schedule, whole ones
	valueless int     // blocks without a rate, in a row
	between   []pair
	placebo   []pair

	timing     timing
	retimed    bool // blocks were discarded for a longer settling
	extensions int
	ruledOut   bool // collapse was ruled out at some look
	suspected  bool // the same, were there no background
	advice     Action
	reason     string

	ledger ledger
	noted  noted
}

// A timing is the length of a segment in its two parts.
type timing struct{ settleNS, measureNS int64 }

// noted are the events that a result has to tell of.
type noted struct {
	late, clockJumps, foreignContinues, stopsPending int
	guardLost, interfaceLost, interrupted, limit     string
	end                                              string
	ended                                            bool
	gone                                             []instant // streams that ended
	come                                             []instant // streams that appeared
}

// An instant is when something happened to a stream.
type instant struct {
	id  int
	tNS int64
}

// NewJudge returns a judge for a recording that begins with this header.
func NewJudge(h recording.Header) *Judge {
	j := &Judge{header: h, rule: newRule(h.Plan), streams: slices.Clone(h.Streams), deciding: fromInterface}
	for _, s := range h.Streams {
		j.live = append(j.live, s.ID)
	}
	slices.Sort(j.live)
	j.live = slices.Compact(j.live)
	j.shares.restart()
	return j
}

// Hear takes the next record in. The header was given to NewJudge and is
// passed over.
func (j *Judge) Hear(r recording.Record) {
	switch {
	case r.Sample != nil:
		j.tick(r.Sample.TNS)
		j.hearSample(r.Sample)
	case r.Event != nil:
		j.tick(r.Event.TNS)
		j.ledger.hear(r.Event)
		j.hearEvent(r.Event)
	}
}

func (j *Judge) tick(tNS int64) {
	if !j.heard {
		j.heard, j.firstNS, j.lastNS = true, tNS, tNS
	}
	j.firstNS, j.lastNS = min(j.firstNS, tNS), max(j.lastNS, tNS)
}

func (j *Judge) hearSample(s *recording.Sample) {
	j.samples++
	transmit := j.header.Direction != recording.Receive
	if !j.qualified {
		j.hearBaseline(s, transmit)
	}
	j.window.hear(s, transmit)
}

func (j *Judge) hearEvent(e *recording.Event) {
	switch e.Kind {
	case recording.SegmentBegin:
		j.beginSegment(e)
	case recording.SegmentEnd:
		j.endSegment(e.TNS)
	case recording.SegmentCut:
		j.cutSegment(e.TNS, reasonOr(e.Detail, "it was cut"))
	case recording.StreamAppeared, recording.StreamEnded, recording.StreamRefused:
		j.hearMembership(e)
	case recording.Retimed:
		j.hearRetimed(e)
	case recording.Decided:
		j.endRepeat()
	default:
		j.note(e)
	}
}

func reasonOr(detail, otherwise string) string {
	if detail == "" {
		return otherwise
	}
	return detail
}

// note keeps what the result has to tell of.
func (j *Judge) note(e *recording.Event) {
	n := &j.noted
	switch e.Kind {
	case recording.Late:
		n.late++
	case recording.ClockJump:
		n.clockJumps++
	case recording.ForeignContinue:
		n.foreignContinues++
		if j.window.isOpen && j.window.seg.Phase != recording.PhaseGap {
			j.spoilt = "somebody else continued a paused stream"
		}
		j.drop("somebody else continued a paused stream")
	case recording.StopPending:
		n.stopsPending++
	case recording.GuardLost:
		n.guardLost = reasonOr(e.Detail, "the guard was lost")
		j.spoilt = "the guard was lost"
	case recording.InterfaceLost:
		n.interfaceLost = reasonOr(e.Detail, "the interface vanished")
	case recording.LimitReached:
		n.limit = reasonOr(e.Detail, "a limit of the disturbance was reached")
		j.drop("a limit of the disturbance was reached")
	case recording.Interrupted:
		n.interrupted = reasonOr(e.Detail, "it was interrupted")
	case recording.RunEnd:
		n.ended, n.end = true, e.Detail
		j.endRepeat()
	}
}

// hearMembership follows who is alive. Blocks on both sides of a change are
// comparable with each other, but no block spans it.
func (j *Judge) hearMembership(e *recording.Event) {
	at, found := slices.BinarySearch(j.live, e.Stream)
	switch {
	case e.Kind == recording.StreamAppeared && !found:
		j.live = slices.Insert(j.live, at, e.Stream)
		if e.Appeared != nil {
			j.streams = append(j.streams, *e.Appeared)
		}
		j.noted.come = append(j.noted.come, instant{e.Stream, e.TNS})
	case e.Kind != recording.StreamAppeared && found:
		j.live = slices.Delete(j.live, at, at+1)
		if e.Kind == recording.StreamEnded {
			j.noted.gone = append(j.noted.gone, instant{e.Stream, e.TNS})
		}
	default:
		return
	}
	j.shares.restart()
	j.spoilt = "a stream came or went"
	j.drop("a stream came or went before its block was whole")
}

// hearRetimed starts the count of blocks anew when their settling was too
// short.
func (j *Judge) hearRetimed(e *recording.Event) {
	j.endRepeat()
	j.qualify()
	j.timing = timing{e.SettleNS, e.MeasureNS}
	if !j.retimed {
		j.retimed = true
		return
	}
	for _, b := range j.blocks {
		j.discard(b.segments, "measured before the settling was lengthened")
	}
	j.drop("measured before the settling was lengthened")
	j.blocks = nil
	j.extensions++
	j.repeats = 0
	j.ruledOut, j.suspected = false, false
	j.advice, j.reason = GoOn, ""
}

// Advise says what to do after a block, and why; GoOn needs no reason. To be
// asked changes nothing: what a Judge knows comes from records alone.
func (j *Judge) Advise() (Action, string) {
	k := j.whole()
	return k.advice, k.reason
}

// whole is the judge as it stands if the block under way is whole.
func (j *Judge) whole() *Judge {
	if len(j.pending) == 0 {
		return j
	}
	k := j.clone()
	k.endRepeat()
	return k
}

// clone is a copy that can hear more without the original's knowing.
func (j *Judge) clone() *Judge {
	k := *j
	k.segments = slices.Clone(j.segments)
	k.pending = slices.Clone(j.pending)
	k.blocks = slices.Clone(j.blocks)
	k.ledger.accounts = slices.Clone(j.ledger.accounts)
	return &k
}

// consider looks at the blocks so far and settles what to advise.
func (j *Judge) consider() {
	j.advice, j.reason = GoOn, ""
	n := len(j.blocks)
	if j.rule.design == recording.Fixed {
		if done := max(n, j.repeats); done >= j.rule.maxBlocks {
			j.stop("all %d blocks of the fixed design are done", done)
		}
		return
	}
	if n < max(2, firstLook(j.header.Plan, j.rule.maxBlocks, len(j.live))) {
		return
	}
	if l, ok := j.look(j.deciding); ok {
		j.considerLook(l, n)
	}
	if j.advice == GoOn && j.rule.maxBlocks > 0 && n >= j.rule.maxBlocks {
		j.stop("all %d blocks that were allowed are used up", n)
	}
}

// considerLook applies the sequential rule after n blocks.
func (j *Judge) considerLook(l look, n int) {
	j.suspected = j.suspected || l.interval.Low >= collapseBelow
	switch j.background().judge(l.verdict, l.interval) {
	case NoCollapse, Saturated, Scaling:
		j.ruledOut = true
	}
	switch {
	case j.settlingFails(l, n):
		j.advice = Restart
		j.reason = fmt.Sprintf("the rate still moved while it was measured: settling for %v instead of %v",
			time.Duration(j.extended().settleNS), time.Duration(j.timing.settleNS))
	case j.answeredBy(l):
		j.stop("the question is decided: %s", l.verdict)
	case j.hopeless(l, n):
		j.stop("going on to %d blocks would most likely decide nothing more", j.rule.maxBlocks)
	}
}

func (j *Judge) stop(format string, args ...any) {
	j.advice, j.reason = Stop, fmt.Sprintf(format, args...)
}

// answeredBy says whether a look answers the run's question.
func (j *Judge) answeredBy(l look) bool {
	switch l.verdict {
	case Collapse, Scaling, Saturated:
		return true
	case NoCollapse:
		return j.header.Plan.Goal == recording.GoalCollapse
	}
	return false
}

// hopeless says whether going on would most likely decide nothing more.
func (j *Judge) hopeless(l look, n int) bool {
	return j.rule.design == recording.Sequential && n >= secondCheckAt && n < j.rule.maxBlocks && j.rule.futile(l.estimate, j.suspected)
}

// settlingFails says whether the blocks must be measured anew with a longer
// settling. It is asked at two looks, and before the run ends with anything but
// collapse or scaling: what is still moving pulls the ratio towards 1, so those
// two are safe without.
func (j *Judge) settlingFails(l look, n int) bool {
	due := n == firstLook(j.header.Plan, j.rule.maxBlocks, len(j.live)) || n == secondCheckAt || l.verdict == Saturated || j.hopeless(l, n)
	if l.verdict == Collapse || l.verdict == Scaling || !due || !j.mayExtend() {
		return false
	}
	return j.unsettled()
}

func (j *Judge) unsettled() bool {
	halvings := make([]halving, 0, len(j.blocks))
	for i := range j.blocks {
		halvings = append(halvings, j.blocks[i].halving[j.deciding])
	}
	return unsettled(halvings)
}

// A look is what the blocks so far say, by one source.
type look struct {
	estimate
	interval Interval
	verdict  Verdict
}

func (j *Judge) look(source int) (look, bool) {
	e, ok := estimateRatio(j.observations(source))
	if !ok {
		return look{}, false
	}
	i := j.rule.interval(e)
	return look{estimate: e, interval: i, verdict: classify(i)}, true
}

// background is what the deciding source counts beside the managed streams.
func (j *Judge) background() background {
	if j.deciding != fromInterface {
		return noBackground
	}
	if share := j.header.Plan.UnattributedShare; share >= 0 {
		return background{share: min(1, share), known: true}
	}
	var whole, own []float64
	for i := range j.blocks {
		b := &j.blocks[i]
		if b.one.has(fromInterface) && b.ownOne == b.ownOne {
			whole = append(whole, b.one[fromInterface])
			own = append(own, b.ownOne)
		}
	}
	if len(whole) == len(j.blocks) {
		if b, ok := measuredBackground(whole, own, j.rule.oneSided); ok {
			return b
		}
	}
	return background{share: 1}
}
