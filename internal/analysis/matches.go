package analysis

import (
	"cmp"
	"math"
	"slices"

	"pausetest/internal/recording"
)

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
