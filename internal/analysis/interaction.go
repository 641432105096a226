package analysis

import (
	"cmp"
	"math"
	"slices"

	"pausetest/internal/recording"
)

// Which streams hurt each other: what two of them move together, relative to what
// each of them moves alone (docs/statistics.md).

// An Interaction is what two streams do to each other.
type Interaction struct {
	Streams []int  `json:"streams"` // two stream ids, ascending
	Effect  Effect `json:"effect"`
	// Ratio is T(ij)/(T(i)+T(j)): what the two move together over what they move
	// apart. 1: they don't notice each other; 0.5: together they move what one
	// does. 0 when it was not measured.
	Ratio float64 `json:"ratio"`
	// Interval of the ratio. The intervals of all pairs hold at once.
	Interval Interval `json:"interval"`
	Together int      `json:"together_segments"` // segments in which just these two ran
	Alone    []int    `json:"alone_segments"`    // those in which the one, and the other, ran alone
	// Kept is what each of them keeps of its own lone rate while the other runs;
	// null unless both have counters of their own.
	Kept []KeptRate `json:"kept"`
}

// A KeptRate is a stream's own rate while one other runs, over that when it is
// alone. The intervals of all of them hold at once.
type KeptRate struct {
	Stream   int      `json:"stream"`
	Ratio    float64  `json:"ratio"`
	Interval Interval `json:"interval"`
}

// Effect says in a word what two streams do to each other.
type Effect string

// The effects.
const (
	Hurt        Effect = "hurt"         // together they move less than apart
	NoHarm      Effect = "no-harm"      // together they move at least 0.80 of what they move apart
	Undecided   Effect = "undecided"    // the interval, or too few segments, leave it open
	NotMeasured Effect = "not-measured" // fewer than two segments of both together, or of one alone
)

const (
	// fewestTogether segments of two streams, and of each of them alone, carry a
	// statement about them.
	fewestTogether = fewestPairs
	// hurtUncounted is the bound below which streams without counters of their own
	// hurt each other. What others move, and what paused streams left in buffers, is
	// then in all three rates, and pulls the ratio towards 0.5, never below.
	hurtUncounted = 0.5
	// mostInteracting streams are judged: a round of more would take half a day.
	mostInteracting = 100
)

// WorstFirst are the pairs that move least, relative to what they move apart, before
// the others; those that were not measured come last.
func WorstFirst(pairs []Interaction) []Interaction {
	notMeasured := func(x Interaction) int {
		if x.Effect == NotMeasured {
			return 1
		}
		return 0
	}
	return slices.SortedStableFunc(slices.Values(pairs), func(a, b Interaction) int {
		return cmp.Or(cmp.Compare(notMeasured(a), notMeasured(b)), cmp.Compare(a.Ratio, b.Ratio))
	})
}

// interactions judges every two streams; nil when no two of them were measured
// together and apart. The streams are those that most blocks were measured with.
func (j *Judge) interactions() []Interaction {
	m := j.matches()
	if len(m.all) > mostInteracting {
		return nil
	}
	var all []Interaction
	measured := 0
	for i, a := range m.all {
		for _, b := range m.all[i+1:] {
			x := Interaction{
				Streams: []int{a, b}, Effect: NotMeasured,
				Together: len(m.of[set{a, b}]), Alone: []int{len(m.of[set{a}]), len(m.of[set{b}])},
			}
			if min(x.Together, x.Alone[0], x.Alone[1]) >= 2 {
				measured++
			}
			all = append(all, x)
		}
	}
	if measured == 0 {
		return nil
	}
	for i := range all {
		j.judgeTwo(&all[i], m, measured)
	}
	return all
}

// judgeTwo fills in what the segments of two streams say; measured is how many
// pairs there are to be wrong about.
func (j *Judge) judgeTwo(x *Interaction, m *matches, measured int) {
	a, b := x.Streams[0], x.Streams[1]
	together, ok := m.estimate(set{a, b}, m.moved)
	first, ok1 := m.estimate(set{a}, m.moved)
	second, ok2 := m.estimate(set{b}, m.moved)
	if !ok || !ok1 || !ok2 {
		return
	}
	e := overSum(together, first, second)
	x.Ratio, x.Interval = math.Exp(e.logRatio), j.simultaneous(e, m, measured)
	x.Effect = x.effect(m)
	if !m.own {
		return
	}
	for i, alone := range []estimate{first, second} {
		id := x.Streams[i]
		if beside, ok := m.estimate(set{a, b}, func(s *segment) float64 { return s.ownOf(id) }); ok {
			k := over(beside, alone)
			x.Kept = append(x.Kept, KeptRate{Stream: id, Ratio: math.Exp(k.logRatio), Interval: j.simultaneous(k, m, 2*measured)})
		}
	}
}

// effect reads the effect off the interval.
func (x *Interaction) effect(m *matches) Effect {
	bound := 1.0
	if !m.own {
		bound = hurtUncounted
	}
	fewestAlone := fewestTogether
	if len(m.all) == 2 { // as in the first look at the verdict, which takes turns, too
		fewestAlone = 2
	}
	switch {
	case x.Together < fewestTogether || min(x.Alone[0], x.Alone[1]) < fewestAlone:
		return Undecided
	case x.Interval.High < bound:
		return Hurt
	case x.Interval.Low >= collapseBelow:
		return NoHarm
	}
	return Undecided
}

// simultaneous is the interval of one of so many estimates, all of which hold at
// once (Bonferroni). Where the two streams are all there are, their blocks are those
// of the verdict, which was looked at after each of them: then it is a repeated one.
func (j *Judge) simultaneous(e estimate, m *matches, family int) Interval {
	r := rule{design: recording.Fixed, oneSided: j.rule.oneSided}
	if len(m.all) == 2 {
		r = j.rule
		e.n = m.blocks
	}
	r.oneSided /= float64(family)
	r.scale /= float64(family)
	return r.interval(e)
}

// A set is one stream or two, ascending; the second is 0 for one.
type set [2]int

// A match is a segment with one stream or two, and the rate with all of them in
// the same block: what the host does by itself meanwhile is in both.
type match struct {
	*segment
	all float64
}

// matches are the matches of every set, against the same streams.
type matches struct {
	all    []int // the streams
	of     map[set][]match
	blocks int
	// own: every stream was counted by itself in every match.
	own      bool
	deciding int
}

// matches collects the used segments, of the streams that most blocks have.
func (j *Judge) matches() *matches {
	var found []*matches
	for _, block := range j.usedBlocks() {
		largest := slices.MaxFunc(block, func(a, b *segment) int { return cmp.Compare(len(a.Active), len(b.Active)) })
		if largest.Phase == recording.PhaseSchedule && len(largest.Active) < largest.live {
			continue // an own schedule need not have one with all of them
		}
		i := slices.IndexFunc(found, func(m *matches) bool { return slices.Equal(m.all, largest.Active) })
		if i < 0 {
			i = len(found)
			found = append(found, &matches{all: largest.Active, of: map[set][]match{}, own: true, deciding: j.deciding})
		}
		found[i].take(block)
	}
	if len(found) == 0 {
		return &matches{}
	}
	return slices.MaxFunc(found, func(a, b *matches) int { return cmp.Compare(a.blocks, b.blocks) })
}

// usedBlocks are the used segments that the curve is made of, block by block.
func (j *Judge) usedBlocks() [][]*segment {
	var blocks [][]*segment
	var last *segment
	for i := range j.segments {
		s := &j.segments[i]
		if !s.Used || s.Phase == recording.PhasePlacebo || !s.rates.has(j.deciding) {
			continue
		}
		if last == nil || last.Phase != s.Phase || last.Block != s.Block {
			blocks = append(blocks, nil)
		}
		blocks[len(blocks)-1] = append(blocks[len(blocks)-1], s)
		last = s
	}
	return blocks
}

// take adds a block in which all streams ran, and fewer of them.
func (m *matches) take(block []*segment) {
	m.blocks++
	var all []*segment
	for _, s := range block {
		if len(s.Active) == len(m.all) {
			all = append(all, s)
		}
	}
	rate := meanRates(all)[m.deciding]
	for _, s := range block {
		var key set
		if len(s.Active) > len(key) {
			continue
		}
		copy(key[:], s.Active)
		m.of[key] = append(m.of[key], match{s, rate})
		m.own = m.own && !math.IsNaN(s.ownOf(s.Active...))
	}
}

// moved is what a segment's active streams moved: by their own counters if all
// matches have them, which what others left in buffers is not in.
func (m *matches) moved(s *segment) float64 {
	if m.own {
		return s.ownOf(s.Active...)
	}
	return s.rates[m.deciding]
}

// estimate is ln(rate/all) of a set by the plain estimator.
func (m *matches) estimate(of set, rate func(*segment) float64) (estimate, bool) {
	var obs []observation
	for _, s := range m.of[of] {
		obs = append(obs, observation{all: rate(s.segment), one: s.all})
	}
	if obs = floored(obs); len(obs) < 2 {
		return estimate{}, false
	}
	return plain(obs), true
}

// ownOf is what these streams moved by their own counters; NaN if one has none.
func (s *segment) ownOf(ids ...int) float64 {
	sum := 0.0
	for _, id := range ids {
		rate, ok := s.own(id)
		if !ok {
			return math.NaN()
		}
		sum += rate
	}
	return sum
}

// over is ln(a/b) of two independent estimates.
func over(a, b estimate) estimate {
	return combined(a.logRatio-b.logRatio, a, b)
}

// overSum is ln(a/(b+c)) of three independent estimates: b and c count by their
// parts of the sum (the delta method).
func overSum(a, b, c estimate) estimate {
	x, y := math.Exp(b.logRatio), math.Exp(c.logRatio)
	b.se *= x / (x + y)
	c.se *= y / (x + y)
	return combined(a.logRatio-math.Log(x+y), a, b, c)
}

// combined is an estimate whose error is made of several, with the degrees of
// freedom of Welch and Satterthwaite: no part need be as noisy as another.
func combined(logRatio float64, parts ...estimate) estimate {
	e := estimate{kind: Plain, logRatio: logRatio}
	var variance, spread float64
	for _, p := range parts {
		v := p.se * p.se
		variance += v
		spread += v * v / float64(p.df)
		e.n += p.n
	}
	e.se, e.df = math.Sqrt(variance), max(1, int(variance*variance/spread))
	return e
}

func (x *Interaction) round() {
	x.Ratio = significant(x.Ratio)
	x.Interval.round()
	for i := range x.Kept {
		x.Kept[i].Ratio = significant(x.Kept[i].Ratio)
		x.Kept[i].Interval.round()
	}
}
