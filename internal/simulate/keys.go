package simulate

import (
	"math"
	"time"
)

// A key is one parameter of a world as YAML has it: where it stands, what it
// means, and how its value is read and written. Reading, printing and the
// manual all come from this one list, so that they can't disagree.
type key struct {
	name  string // "capacity" or, in a section, "background.steady"
	doc   string
	value value
	must  bool // it has no default
}

// The bounds are far beyond any host. They keep a slip of the pen from
// occupying memory or time without end, and numbers from overflowing.
const (
	mostStreams  = 64
	mostMBps     = 1e6
	mostRelative = 1000
	minTime      = time.Millisecond
	maxTime      = 24 * time.Hour
)

// keys binds every key to its place in a world.
func (w *World) keys() []key {
	rate := func(x *float64) value { return number{x, 0, mostMBps} }
	b, r, h, s := &w.Background, &w.Regime, &w.Host, &w.Switching
	return []key{
		{"name", "What the world is called in the table.", text{&w.Name}, false},
		{"streams", "Speed of each stream when it runs alone, MB/s on average. At least two.",
			numbers{&w.SpeedMBps, 2, math.SmallestNonzeroFloat64, mostMBps}, true},
		{"relative", "Throughput of 1, 2, 3 ... N streams together, relative to one alone; the first is 1.\nAll below 1 is a collapse, all 1 a saturated host, 1, 2, 3 a perfectly scaling one.",
			numbers{&w.Relative, 2, 1e-6, mostRelative}, true},
		{"capacity", "MB/s the link carries at most, background included.", rate(&w.CapacityMBps), false},
		{"attributed", "Whether the tool can read each stream's own counter (as root); else the\ninterface's counter is all it has.", boolean{&w.Attributed}, false},
		{"true_ratio", "What all streams move relative to one, if nobody pauses them; the coverage of\nthe intervals is counted against it. auto: the last value of relative, less\nwhat the capacity takes away.", optional{&w.TrueRatio, 1e-6, mostRelative}, false},
		{"background.steady", "MB/s on the interface that belong to no stream.", rate(&b.SteadyMBps), false},
		{"background.burst", "MB/s more while a burst lasts.", rate(&b.BurstMBps), false},
		{"background.burst_on", "Mean length of a burst (exponential).", duration{&b.BurstOn, minTime, maxTime}, false},
		{"background.burst_off", "Mean time between two bursts (exponential).", duration{&b.BurstOff, minTime, maxTime}, false},
		{"variation.cv", "Coefficient of variation of each stream's speed (log-normal).", number{&w.Variation.CV, 0, 10}, false},
		{"variation.tau", "Correlation time of that speed.", duration{&w.Variation.Tau, minTime, maxTime}, false},
		{"regime.factor", "Streams alternate between full speed and so much of it (large and small\nfiles), each in its own time; 1: they don't.", number{&r.Factor, 1e-6, 1}, false},
		{"regime.shape", "The lengths are Pareto distributed with this shape,", number{&r.Shape, 0.1, 100}, false},
		{"regime.shortest", "not shorter than this", duration{&r.Shortest, minTime, maxTime}, false},
		{"regime.longest", "and cut off at this.", duration{&r.Longest, minTime, maxTime}, false},
		{"host.growth", "The whole host drifts: its speed grows by a factor of exp(growth) in\ngrowth_time, steadily; 0: it doesn't, negative: it falls.", number{&h.Growth, -10, 10}, false},
		{"host.growth_time", "", duration{&h.GrowthTime, minTime, maxTime}, false},
		{"host.cv", "Coefficient of variation of a noise that all streams share.", number{&h.Noise.CV, 0, 10}, false},
		{"host.tau", "Correlation time of that noise.", duration{&h.Noise.Tau, minTime, maxTime}, false},
		{"switching.drain", "Time constant with which what a paused stream left in buffers still flows;\ndrawn between these once a run.", span{&s.Drain}, false},
		{"switching.ramp", "Time constant with which a resumed stream comes back; drawn likewise.", span{&s.Ramp}, false},
		{"switching.overshoot", "How much faster the others are at first when a stream is paused or ends, as a\npart of their speed: 0.5 is half as fast again.", number{&s.Overshoot, 0, 10}, false},
		{"switching.overshoot_decay", "Time constant with which that passes.", duration{&s.OvershootDecay, minTime, maxTime}, false},
		{"counter.refresh", "The interface's visible counter changes only so often (some drivers: 1s or 2s);\n0s: it is always up to date.", duration{&w.Counter.Refresh, 0, maxTime}, false},
		{"counter.quantum", "Bytes; the visible counter is rounded down to a multiple.", number{&w.Counter.Quantum, 1, 1e9}, false},
		{"sampling.every", "Time between two samples.", duration{&w.Sampling.Every, minTime, 10 * time.Second}, false},
		{"sampling.late", "Probability that a due sample is put off by one step (and again).", number{&w.Sampling.Late, 0, 0.9}, false},
		{"step", "Step of the simulation; pauses and changes happen on this grid.", duration{&w.Step, minTime, time.Second}, false},
		{"endings", "Streams that end, and when (drawn between two times):\n[{stream: 2, between: [20s, 110s]}]; stream: random picks one each run.", changes{&w.Endings}, false},
		{"starts", "Streams that are not there at first, likewise.", changes{&w.Starts}, false},
		{"shared", "What some streams read from together, such as a disk, and the MB/s it gives\nthem at most: [{streams: [1, 3], capacity: 100}].", sharing{&w.Shared}, false},
	}
}
