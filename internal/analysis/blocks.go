package analysis

import (
	"math"
	"slices"

	"pausetest/internal/recording"
)

// A block is one counted comparison of all streams with one. It points at its
// segments by their index.
type block struct {
	live     []int // the streams of its "all" segment
	lead     int   // 0 when several streams took turns alone (an own schedule)
	segments []int
	all, one readings // rates
	halving  [len(sources)]halving
	ownOne   float64 // the lead's own rate when alone; NaN when not counted
}

// A pair is two adjacent segments that are compared: k streams with all, or
// touched with untouched.
type pair struct {
	k, n         int // active streams in test and in common
	common, test readings
}

// newBlock makes a block of the segments with the given indices: those with
// one active stream against those with all of them. It fails when either level
// is missing.
func (j *Judge) newBlock(indices []int) (block, bool) {
	b := block{segments: indices, ownOne: math.NaN()}
	var all, one []*segment
	for _, i := range indices {
		s := &j.segments[i]
		switch {
		case len(s.Active) == 1:
			one = append(one, s)
		case len(s.Active) == len(j.live) || s.Phase == recording.PhaseMain:
			all = append(all, s)
		}
	}
	if len(all) == 0 || len(one) == 0 {
		return b, false
	}
	b.live = all[0].Active
	b.all, b.one = meanRates(all), meanRates(one)
	if lead := one[0].Active[0]; !slices.ContainsFunc(one, func(s *segment) bool { return s.Active[0] != lead }) {
		b.lead = lead
	}
	if len(one) == 1 && len(all) == 1 {
		if own, ok := one[0].own(b.lead); ok {
			b.ownOne = own
		}
		for i := range sources {
			b.halving[i] = halve(all[0], one[0], i)
		}
	}
	return b, true
}

func halve(all, one *segment, source int) halving {
	return halving{
		known: all.first.has(source) && one.first.has(source),
		one1:  one.first[source], one2: one.second[source],
		all1: all.first[source], all2: all.second[source],
		allFollowed: one.BeginNS < all.BeginNS,
	}
}

// meanRates is the equal-weight mean over segments; none where one is missing.
func meanRates(segments []*segment) readings {
	var sum readings
	for _, s := range segments {
		for i, r := range s.rates {
			sum[i] += r / float64(len(segments))
		}
	}
	return sum
}

// newPair compares two adjacent segments of PhaseBetween, PhasePairs or PhasePlacebo.
func (j *Judge) newPair(a, b *segment) (pair, bool) {
	if a.Phase == recording.PhasePlacebo {
		if b.Placebo {
			a, b = b, a
		}
		return pair{k: len(a.Active), n: len(b.Active), test: a.rates, common: b.rates}, a.Placebo && !b.Placebo
	}
	if len(b.Active) < len(a.Active) {
		a, b = b, a
	}
	return pair{k: len(a.Active), n: len(b.Active), test: a.rates, common: b.rates}, len(a.Active) < len(b.Active)
}

// observations are the counted blocks as one source saw them, and the streams
// of all of them; nil when those changed.
func (j *Judge) observations(source int) (obs []observation, live []int) {
	same := true
	for i := range j.blocks {
		b := &j.blocks[i]
		if !b.all.has(source) || !b.one.has(source) {
			continue
		}
		if live == nil {
			live = b.live
		}
		same = same && b.lead != 0 && slices.Equal(live, b.live)
		obs = append(obs, observation{all: b.all[source], one: b.one[source], lead: b.lead, share: j.shares.of(b.lead, len(b.live))})
	}
	if !same {
		live = nil
	}
	return obs, live
}

// shares keeps each stream's bytes in all settled time with all streams active,
// since the streams last changed.
type shares struct {
	bytes map[int]float64
	total float64
	// broken: a stream's own bytes were not counted throughout.
	broken bool
}

func (s *shares) restart() { *s = shares{bytes: map[int]float64{}} }

func (s *shares) hear(seg *segment) {
	for _, id := range seg.Active {
		rate, ok := seg.own(id)
		if !ok {
			s.broken = true
			return
		}
		bytes := rate * seg.seconds()
		s.bytes[id] += bytes
		s.total += bytes
	}
}

// of is N times the stream's share of the bytes; NaN when it isn't known.
func (s *shares) of(id, streams int) float64 {
	if s.broken || s.total == 0 {
		return math.NaN()
	}
	return float64(streams) * s.bytes[id] / s.total
}
