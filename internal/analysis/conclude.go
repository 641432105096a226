package analysis

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"pausetest/internal/recording"
)

// Result is everything the records heard so far say. It may be asked at any
// time, and changes nothing; a recording that was cut off says what it said up
// to there.
func (j *Judge) Result() Result { return j.finished().result() }

// finished is a copy that has heard the end of the recording.
func (j *Judge) finished() *Judge {
	k := j.clone()
	k.endRepeat()
	k.cutSegment(k.lastNS, "the recording ends within it")
	k.drop("its block was not finished")
	return k
}

func (j *Judge) result() Result {
	withheldNS, longestNS := j.ledger.withheld(j.lastNS)
	r := Result{
		Format:     ResultFormat,
		Verdict:    Inconclusive,
		Confidence: significant(j.rule.confidence()),
		DecidedBy:  sources[j.deciding],

		Blocks:          len(j.blocks),
		DiscardedBlocks: max(0, j.attempts-len(j.blocks)),
		WallSeconds:     seconds(j.lastNS - j.firstNS),
		PausedStreamSec: seconds(withheldNS),
		LongestPauseSec: seconds(longestNS),
		MaxPauseSec:     seconds(j.header.Limits.MaxPauseNS),
		CutShort:        !j.noted.ended,
		Seed:            j.header.Seed,
		Simulated:       j.header.Simulated,
		StreamCounts:    j.streamCounts(),
		RefreshSeconds:  seconds(j.refresh[j.deciding].periodNS()),
		LazyCounter:     j.lazy[j.deciding],
		SettleSeconds:   seconds(j.timing.settleNS),
		MeasureSeconds:  seconds(j.timing.measureNS),
		RecordedSamples: j.samples,
		Placebo:         j.placeboEffect(),

		Started:       j.header.Started,
		Host:          j.header.Host,
		Interface:     j.header.Interface,
		Argv:          append([]string{}, j.header.Argv...),
		Note:          j.header.Note,
		Labels:        j.header.Labels,
		Tool:          j.header.Tool,
		SharedProcess: j.sharedProcess(),
		Streams:       j.streamResults(),
		Levels:        j.levels(),
		Sources:       j.sourceEstimates(),
		Interactions:  j.interactions(),
	}
	if d, ok := dependenceOf(j); ok && !r.LazyCounter {
		r.EffectiveSamples, r.Lag1Correlation = d.effective, d.lag1
	}
	r.RecommendedStreams, r.RecommendationMissing = j.recommend()
	c := j.conclude(&r)
	r.Stopped = j.stopped(c)
	r.Sentence = sentence(&r)
	r.Needed = j.needed(&r, c)
	r.Warnings = j.warnings(&r)
	r.InteractionSentence = j.interactionSentence(&r)
	r.round()
	return r
}

// A conclusion is what words need to know beside the result.
type conclusion struct {
	look       look
	known      bool
	background background
	downgraded bool // by the background
	early      bool // before the first look
}

// conclude settles verdict, ratio and interval.
func (j *Judge) conclude(r *Result) conclusion {
	c := conclusion{background: j.background()}
	c.look, c.known = j.look(j.deciding)
	c.early = len(j.blocks) < firstLook(j.header.Plan, j.rule.maxBlocks, len(j.live))
	if !c.known {
		return c
	}
	l := c.look
	r.Ratio, r.Interval, r.Estimator = math.Exp(l.logRatio), l.interval, l.kind
	if c.early || (j.rule.design == recording.Fixed && j.noted.interrupted != "" && len(j.blocks) < j.rule.maxBlocks) {
		return c
	}
	r.Verdict = c.background.judge(l.verdict, l.interval)
	c.downgraded = r.Verdict != l.verdict
	if r.Verdict == Inconclusive && j.ruledOut {
		r.Verdict = NoCollapse
	}
	noCollapse, noGain := c.background.keeps(l.interval)
	r.Flags = Flags{
		Retrograde: l.interval.High < 1,
		NoGain:     noGain,
		NoCollapse: noCollapse || r.Verdict == NoCollapse,
	}
	return c
}

// streamCounts is every N that went into the ratio, ascending.
func (j *Judge) streamCounts() []int {
	counts := []int{}
	for i := range j.blocks {
		counts = append(counts, len(j.blocks[i].live))
	}
	slices.Sort(counts)
	return slices.Compact(counts)
}

// sourceEstimates is the same estimate from every source that has one.
func (j *Judge) sourceEstimates() []SourceEstimate {
	estimates := []SourceEstimate{}
	for i, source := range sources {
		if l, ok := j.look(i); ok {
			estimates = append(estimates, SourceEstimate{
				Source: source, Ratio: math.Exp(l.logRatio), Interval: l.interval,
				Blocks: l.n, All: l.all, One: l.one,
			})
		}
	}
	return estimates
}

// sharedProcess is the one most streams flow through, or nil.
func (j *Judge) sharedProcess() *SharedProcess {
	var most *recording.SharedProcess
	for i := range j.header.Shared {
		p := &j.header.Shared[i]
		if len(p.Streams) > 1 && (most == nil || len(p.Streams) > len(most.Streams)) {
			most = p
		}
	}
	if most == nil {
		return nil
	}
	return &SharedProcess{
		PID: most.PID, Name: most.Name, Command: most.Command,
		Streams: slices.Sorted(slices.Values(most.Streams)),
	}
}

// streamResults says what became of each stream, in the order of their ids.
func (j *Judge) streamResults() []StreamResult {
	results := make([]StreamResult, 0, len(j.streams))
	for i := range j.streams {
		s := &j.streams[i]
		a := j.ledger.account(s.ID).until(j.lastNS)
		results = append(results, StreamResult{
			ID: s.ID, Label: s.Label, PID: s.Source.PID, SharedPID: s.SharedPID,
			Alone:           j.meanOver(s.ID, 1),
			Together:        j.meanOver(s.ID, 0),
			PausedSeconds:   seconds(a.pausedNS),
			Pauses:          a.pauses,
			LongestPauseSec: seconds(a.longestNS),
			AppearedSec:     j.when(j.noted.come, s.ID),
			EndedSec:        j.when(j.noted.gone, s.ID),
			Resumed:         !a.owed,
		})
	}
	slices.SortStableFunc(results, func(a, b StreamResult) int { return cmp.Compare(a.ID, b.ID) })
	return results
}

func (j *Judge) when(instants []instant, id int) *float64 {
	for _, i := range instants {
		if i.id == id {
			s := seconds(i.tNS - j.firstNS)
			return &s
		}
	}
	return nil
}

// meanOver is a stream's mean rate in the used segments of the verdict: all
// that was counted while it was the only one active, or its own rate while all
// were.
func (j *Judge) meanOver(id, active int) *LevelRate {
	var values []float64
	for i := range j.segments {
		s := &j.segments[i]
		if !s.Used || !inVerdict(s.Phase) || !slices.Contains(s.Active, id) {
			continue
		}
		switch {
		case active == 1 && len(s.Active) == 1 && s.rates.has(j.deciding):
			values = append(values, s.rates[j.deciding])
		case active != 1 && len(s.Active) > 1:
			if own, ok := s.own(id); ok {
				values = append(values, own)
			}
		}
	}
	if values == nil {
		return nil
	}
	rate := j.levelRate(values)
	return &rate
}

func seconds(ns int64) float64 { return significant(float64(ns) / 1e9) }

// significantDigits of every number in a result: fewer than a float holds, so
// that machines that fuse multiplications print the same.
const significantDigits = 9

// significant rounds a number; one that JSON can't hold becomes 0.
func significant(x float64) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', significantDigits, 64), 64)
	if err != nil {
		return 0
	}
	return rounded
}

// round leaves significant digits everywhere.
func (r *Result) round() {
	for _, x := range []*float64{&r.Ratio, &r.EffectiveSamples, &r.Lag1Correlation} {
		*x = significant(*x)
	}
	r.Interval.round()
	for i := range r.Sources {
		s := &r.Sources[i]
		s.Ratio, s.All, s.One = significant(s.Ratio), significant(s.All), significant(s.One)
		s.Interval.round()
	}
	for i := range r.Levels {
		r.Levels[i].round()
	}
	for _, s := range r.Streams {
		s.Alone.round()
		s.Together.round()
	}
	if r.Placebo != nil {
		r.Placebo.Ratio = significant(r.Placebo.Ratio)
		r.Placebo.Interval.round()
	}
	for i := range r.Interactions {
		r.Interactions[i].round()
	}
	if r.RecommendedStreams != nil {
		for i := range r.RecommendedStreams.Relative {
			l := &r.RecommendedStreams.Relative[i]
			l.Ratio = significant(l.Ratio)
			l.Interval.round()
		}
	}
}

func (i *Interval) round() { i.Low, i.High = significant(i.Low), significant(i.High) }

func (l *LevelRate) round() {
	if l != nil {
		l.BytesPerSecond, l.Low, l.High = significant(l.BytesPerSecond), significant(l.Low), significant(l.High)
	}
}
