package simulate

import (
	"math"
	"math/rand/v2"
	"time"
)

// The random processes a host is made of. Each starts stationary.

// An ar1 is the logarithm of a Noise, stepped on the simulation's grid.
type ar1 struct {
	log              float64
	keep, add, shift float64
}

func newAR1(n Noise, step time.Duration, rng *rand.Rand) ar1 {
	variance := math.Log(1 + n.CV*n.CV)
	keep := math.Exp(-float64(step) / float64(n.Tau))
	a := ar1{keep: keep, add: math.Sqrt(variance * (1 - keep*keep)), shift: -variance / 2}
	if variance > 0 {
		a.log = math.Sqrt(variance) * rng.NormFloat64()
	}
	return a
}

// next is the factor in the next step; its mean is 1.
func (a *ar1) next(rng *rand.Rand) float64 {
	if a.add == 0 {
		return 1
	}
	a.log = a.keep*a.log + a.add*rng.NormFloat64()
	return math.Exp(a.log + a.shift)
}

// A regime alternates between full and reduced speed.
type regime struct {
	Regime
	reduced bool
	leftNS  int64
}

func newRegime(r Regime, rng *rand.Rand) regime {
	s := regime{Regime: r}
	if r.Factor == 1 {
		return s
	}
	s.reduced = rng.IntN(2) == 0
	// A glance at any time meets a long stretch more often than a short one, in
	// proportion to its length, and anywhere in it.
	d := s.draw(rng)
	for rng.Float64()*float64(r.Longest) > float64(d) {
		d = s.draw(rng)
	}
	s.leftNS = int64(rng.Float64() * float64(d))
	return s
}

func (s *regime) draw(rng *rand.Rand) int64 {
	d := float64(s.Shortest) * math.Pow(1-rng.Float64(), -1/s.Shape)
	return int64(min(d, float64(s.Longest)))
}

// next is the factor in the next step.
func (s *regime) next(stepNS int64, rng *rand.Rand) float64 {
	if s.Factor == 1 {
		return 1
	}
	for s.leftNS <= 0 {
		s.reduced = !s.reduced
		s.leftNS += s.draw(rng)
	}
	s.leftNS -= stepNS
	if s.reduced {
		return s.Factor
	}
	return 1
}

// A background is the traffic beside the streams.
type background struct {
	Background
	burst  bool
	leftNS int64
}

func newBackground(b Background, rng *rand.Rand) background {
	s := background{Background: b}
	if b.BurstMBps > 0 {
		s.burst = rng.Float64()*float64(b.BurstOn+b.BurstOff) < float64(b.BurstOn)
		s.leftNS = s.draw(rng)
	}
	return s
}

func (s *background) draw(rng *rand.Rand) int64 {
	mean := s.BurstOff
	if s.burst {
		mean = s.BurstOn
	}
	return int64(float64(mean) * rng.ExpFloat64())
}

// next is the rate in the next step, MB/s.
func (s *background) next(stepNS int64, rng *rand.Rand) float64 {
	if s.BurstMBps == 0 {
		return s.SteadyMBps
	}
	for s.leftNS <= 0 {
		s.burst = !s.burst
		s.leftNS += max(1, s.draw(rng))
	}
	s.leftNS -= stepNS
	if s.burst {
		return s.SteadyMBps + s.BurstMBps
	}
	return s.SteadyMBps
}

// A contention is the concurrency law: the part of the sum of their lone speeds
// that k active streams get, e(k) = Rel(k)/k, log-linear between whole numbers
// and constant outside 1..N.
type contention struct {
	logs   []float64 // ln e(1) .. ln e(N)
	values []float64
}

func newContention(relative []float64) contention {
	var c contention
	for i, r := range relative {
		e := r / float64(i+1)
		c.values = append(c.values, e)
		c.logs = append(c.logs, math.Log(e))
	}
	return c
}

func (c *contention) at(active float64) float64 {
	last := len(c.values)
	switch {
	case active <= 1:
		return c.values[0]
	case active >= float64(last):
		return c.values[last-1]
	}
	k := int(active)
	part := active - float64(k)
	if part == 0 {
		return c.values[k-1]
	}
	return math.Exp(c.logs[k-1] + part*(c.logs[k]-c.logs[k-1]))
}

func (r Range) draw(rng *rand.Rand) time.Duration {
	return r.From + time.Duration(rng.Float64()*float64(r.To-r.From))
}
