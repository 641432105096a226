package simulate

import (
	"fmt"
	"strings"
	"time"
)

// A World describes a host and the streams on it. Everything in it is an
// assumption: no statistic taken from it is better than the description.
// Rates are megabytes (10^6 bytes) per second.
type World struct {
	Name string

	SpeedMBps    []float64 // of each stream when it runs alone, on average
	Relative     []float64 // Relative[k-1] = T(k)/T(1): throughput of k streams over that of one
	CapacityMBps float64   // of the link, streams and background together
	Attributed   bool      // the tool can read each stream's own counter
	// TrueRatio is T(N)/T(1) as the streams would show it if nobody paused
	// them; 0: found from Relative and the capacity (truth.go).
	TrueRatio float64

	Background Background
	Variation  Noise // of each stream's speed, by itself
	Regime     Regime
	Host       HostFactor
	Switching  Switching
	Counter    Counter
	Sampling   Sampling
	Step       time.Duration // of the simulation

	Endings []Change
	Starts  []Change

	Shared []Shared
}

// Shared is something that some of the streams read from, such as a disk: together
// they get no more than its capacity, each of them alike. A stream has one at most.
type Shared struct {
	Streams      []int // from 1
	CapacityMBps float64
}

// Background is traffic of the interface that belongs to no stream: a steady
// part and bursts.
type Background struct {
	SteadyMBps float64
	BurstMBps  float64       // more while a burst lasts
	BurstOn    time.Duration // mean length of a burst; exponential
	BurstOff   time.Duration // mean time between bursts; exponential
}

// Noise is a log-normal factor of mean 1 with a memory: the log follows an
// AR(1) process.
type Noise struct {
	CV  float64       // coefficient of variation
	Tau time.Duration // time in which the correlation falls to 1/e
}

// Regime makes streams alternate between full speed and Factor of it (large and
// small files). The lengths of both are Pareto distributed, and capped.
type Regime struct {
	Factor   float64 // 1: no regimes
	Shape    float64
	Shortest time.Duration
	Longest  time.Duration
}

// HostFactor multiplies the throughput of all streams alike: it grows to
// exp(Growth) in GrowthTime, and so on, and it may be noisy.
type HostFactor struct {
	Growth     float64
	GrowthTime time.Duration
	Noise      Noise
}

// Switching is what happens when a stream is paused or resumed.
type Switching struct {
	Drain Range // time constant with which what a paused stream has in buffers still flows
	Ramp  Range // time constant with which a resumed one comes back
	// Overshoot is how much faster the survivors are at first when others are
	// paused or end, as a part of their speed; it decays with OvershootDecay.
	Overshoot      float64
	OvershootDecay time.Duration
}

// Counter is how the interface's counter shows itself.
type Counter struct {
	// Refresh is the time between two updates of the visible value; 0: prompt.
	Refresh time.Duration
	Quantum float64 // bytes; the visible value is a multiple of it
}

// Sampling is how the tool reads the counters.
type Sampling struct {
	Every time.Duration
	Late  float64 // probability that a due sample is put off by one step
}

// A Range is drawn from uniformly, once a run.
type Range struct{ From, To time.Duration }

// A Change is a stream that ends or starts.
type Change struct {
	Stream  int // from 1; 0: a random one
	Between Range
}

// Defaults is a quiet host, without streams yet.
func Defaults() World {
	return World{
		CapacityMBps: 1180,
		Background:   Background{SteadyMBps: 0.5, BurstOn: 5 * time.Second, BurstOff: 15 * time.Second},
		Variation:    Noise{CV: 0.2, Tau: 3 * time.Second},
		Regime:       Regime{Factor: 1, Shape: 1.5, Shortest: 2 * time.Second, Longest: 120 * time.Second},
		Host:         HostFactor{GrowthTime: 240 * time.Second, Noise: Noise{Tau: 3 * time.Second}},
		Switching: Switching{
			Drain: Range{100 * time.Millisecond, time.Second}, Ramp: Range{100 * time.Millisecond, 500 * time.Millisecond},
			OvershootDecay: 500 * time.Millisecond,
		},
		Counter:  Counter{Quantum: 1500},
		Sampling: Sampling{Every: 250 * time.Millisecond, Late: 0.05},
		Step:     50 * time.Millisecond,
	}
}

// A fault is what is wrong with a world, and at which keys; the first one that
// was given is shown.
type fault struct {
	keys   []string
	reason string
}

func faulty(keys, format string, args ...any) *fault {
	return &fault{strings.Fields(keys), fmt.Sprintf(format, args...)}
}

// check finds what the keys can't say each by itself.
func (w *World) check() *fault {
	n := len(w.SpeedMBps)
	b := w.Background
	switch {
	case len(w.Relative) != n:
		return faulty("relative", "%d values for %d streams; expected one for each number of streams from 1 to %d", len(w.Relative), n, n)
	case w.Relative[0] != 1:
		return faulty("relative", "the first value is %v; expected 1: it is the throughput of one stream relative to itself", w.Relative[0])
	case b.SteadyMBps+b.BurstMBps >= w.CapacityMBps:
		return faulty("capacity background", "%v MB/s leave the streams nothing beside %v MB/s of background", w.CapacityMBps, b.SteadyMBps+b.BurstMBps)
	case w.Regime.Longest < w.Regime.Shortest:
		return faulty("regime.longest regime.shortest", "%v is shorter than the shortest, %v", w.Regime.Longest, w.Regime.Shortest)
	case w.Sampling.Every < w.Step:
		return faulty("sampling.every step", "%v is shorter than a step of the simulation, %v", w.Sampling.Every, w.Step)
	case len(w.Starts) > n-2:
		return faulty("starts", "%d of %d streams start later; at least two have to run from the beginning", len(w.Starts), n)
	}
	if f := checkChanges("endings", w.Endings, n); f != nil {
		return f
	}
	if f := checkChanges("starts", w.Starts, n); f != nil {
		return f
	}
	return checkShared(w.Shared, n)
}

// checkShared refuses streams that are not there, and those that come up twice.
func checkShared(shared []Shared, n int) *fault {
	seen := map[int]bool{}
	for _, s := range shared {
		for _, stream := range s.Streams {
			if stream > n {
				return faulty("shared", "there is no stream %d; expected 1 to %d", stream, n)
			}
			if seen[stream] {
				return faulty("shared", "stream %d comes up twice", stream)
			}
			seen[stream] = true
		}
	}
	return nil
}

// checkChanges refuses streams that are not there, and those that come up
// twice.
func checkChanges(key string, changes []Change, n int) *fault {
	if len(changes) > n {
		return faulty(key, "%d for %d streams", len(changes), n)
	}
	seen := map[int]bool{}
	for _, c := range changes {
		if c.Stream > n {
			return faulty(key, "there is no stream %d; expected random or 1 to %d", c.Stream, n)
		}
		if c.Stream > 0 && seen[c.Stream] {
			return faulty(key, "stream %d comes up twice", c.Stream)
		}
		seen[c.Stream] = true
	}
	return nil
}
