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

func (x *Interaction) round() {
	x.Ratio = significant(x.Ratio)
	x.Interval.round()
	for i := range x.Kept {
		x.Kept[i].Ratio = significant(x.Kept[i].Ratio)
		x.Kept[i].Interval.round()
	}
}
