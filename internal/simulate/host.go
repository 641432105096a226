package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"pausetest/internal/recording"
)

// A host is one simulated host in virtual time. It fills experiment.Streams and
// experiment.Meter (tool.go); this file is what happens in a step.
type host struct {
	world *World
	rng   *rand.Rand

	nowNS, stepNS int64
	streams       []simulated
	background    background
	noise         ar1
	law           contention
	changes       []change // still to come

	// Factors by which a step brings things nearer to their end.
	drain, ramp, calm float64

	counted   float64 // bytes the interface has moved
	shown     float64 // the counter's visible value
	refreshNS int64   // when it is refreshed next
	sampleNS  int64   // when the next sample is due

	sample sample
	census []recording.Stream
}

// A simulated is one stream.
type simulated struct {
	recorded recording.Stream
	alive    bool
	stopped  bool
	wasOn    bool

	speed     ar1
	regime    regime
	activity  float64 // 0..1; a paused stream still drains, a resumed one ramps up
	overshoot float64
	rate      float64 // in this step, before contention and capacity; MB/s
	bytes     float64 // moved so far
}

func (s *simulated) on() bool { return s.alive && !s.stopped }

// A change is a stream that ends or starts at an instant.
type change struct {
	index int
	atNS  int64
	start bool
}

// newHost returns a host at time 0: all streams that are there run, warmed up.
func newHost(w *World, rng *rand.Rand) *host {
	stepSec := w.Step.Seconds()
	decay := func(tau time.Duration) float64 { return math.Exp(-stepSec / tau.Seconds()) }
	h := &host{
		world: w, rng: rng, stepNS: int64(w.Step), law: newContention(w.Relative),
		background: newBackground(w.Background, rng),
		noise:      newAR1(w.Host.Noise, w.Step, rng),
		drain:      decay(w.Switching.Drain.draw(rng)),
		ramp:       decay(w.Switching.Ramp.draw(rng)),
		calm:       decay(w.Switching.OvershootDecay),
		refreshNS:  int64(rng.Float64() * float64(w.Counter.Refresh)),
		sampleNS:   int64(w.Sampling.Every),
	}
	for i := range w.SpeedMBps {
		h.streams = append(h.streams, simulated{
			recorded: recording.Stream{ID: i + 1, Label: fmt.Sprintf("stream-%d", i+1)},
			alive:    true, wasOn: true, activity: 1,
			speed: newAR1(w.Variation, w.Step, rng), regime: newRegime(w.Regime, rng),
		})
	}
	h.arrange(w.Starts, true)
	h.arrange(w.Endings, false)
	h.sample = newSample(len(h.streams))
	h.count()
	return h
}

// arrange draws who comes or goes when. A stream that shall start is not there
// until then.
func (h *host) arrange(changes []Change, start bool) {
	taken := make([]bool, len(h.streams))
	for _, c := range changes {
		if c.Stream > 0 {
			taken[c.Stream-1] = true
		}
	}
	for _, c := range changes {
		i := c.Stream - 1
		for i < 0 {
			if r := h.rng.IntN(len(h.streams)); !taken[r] {
				taken[r] = true
				i = r
			}
		}
		h.changes = append(h.changes, change{i, int64(c.Between.draw(h.rng)), start})
		if start {
			s := &h.streams[i]
			s.alive, s.wasOn, s.activity = false, false, 0
		}
	}
}

// step lets one step of time pass.
func (h *host) step() {
	h.overshoot()
	active, wanted := 0.0, 0.0
	for i := range h.streams {
		s := &h.streams[i]
		speed := s.speed.next(h.rng) * s.regime.next(h.stepNS, h.rng) * h.world.SpeedMBps[i]
		switch {
		case !s.alive:
			s.activity = 0
		case s.stopped:
			s.activity *= h.drain
		default:
			s.activity = 1 - (1-s.activity)*h.ramp
		}
		active += s.activity
		s.rate = s.activity * (1 + s.overshoot) * speed
		s.overshoot *= h.calm
	}
	for _, d := range h.world.Shared {
		h.share(d)
	}
	for i := range h.streams {
		wanted += h.streams[i].rate
	}
	other := h.background.next(h.stepNS, h.rng)
	efficiency := h.factor() * h.law.at(active)
	moved := efficiency * wanted
	if room := h.world.CapacityMBps - other; moved > room {
		efficiency *= room / moved
		moved = room
	}
	bytes := 1e6 * float64(h.stepNS) / 1e9
	for i := range h.streams {
		h.streams[i].bytes += efficiency * h.streams[i].rate * bytes
	}
	h.pass((moved + other) * bytes)
}

// share lets streams have what they read from together.
func (h *host) share(d Shared) {
	wanted := 0.0
	for _, stream := range d.Streams {
		wanted += h.streams[stream-1].rate
	}
	if wanted <= d.CapacityMBps {
		return
	}
	for _, stream := range d.Streams {
		h.streams[stream-1].rate *= d.CapacityMBps / wanted
	}
}

// farthestGrowth bounds the exponent of the drift: beyond it numbers overflow,
// and no host goes there.
const farthestGrowth = 50

// factor is what the whole host's speed is multiplied with.
func (h *host) factor() float64 {
	f := h.noise.next(h.rng)
	if g := h.world.Host.Growth; g != 0 {
		exponent := g * float64(h.nowNS) / float64(h.world.Host.GrowthTime)
		f *= math.Exp(max(-farthestGrowth, min(exponent, farthestGrowth)))
	}
	return f
}

// overshoot lets the survivors run faster at first when the active set shrank.
func (h *host) overshoot() {
	if h.world.Switching.Overshoot == 0 {
		return
	}
	shrank := false
	for i := range h.streams {
		s := &h.streams[i]
		shrank = shrank || s.wasOn && !s.on()
		s.wasOn = s.on()
	}
	if !shrank {
		return
	}
	for i := range h.streams {
		if s := &h.streams[i]; s.on() {
			s.overshoot = h.world.Switching.Overshoot
		}
	}
}

// pass moves the clock on by a step in which the interface moved so much, and
// refreshes the visible counter.
func (h *host) pass(bytes float64) {
	before, beforeNS := h.counted, h.nowNS
	h.counted += bytes
	h.nowNS += h.stepNS
	every := int64(h.world.Counter.Refresh)
	if every == 0 {
		h.shown = h.counted
		return
	}
	for h.refreshNS <= h.nowNS {
		h.shown = before + bytes*float64(h.refreshNS-beforeNS)/float64(h.stepNS)
		h.refreshNS += every
	}
}
