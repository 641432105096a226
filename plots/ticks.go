package plots

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"gonum.org/v1/plot"
)

// step gives a round distance (1, 2, 2.5 or 5 times a power of ten) that puts
// at most about want ticks on a length.
func step(length float64, want int) float64 {
	if !(length > 0) || math.IsInf(length, 0) {
		return 1
	}
	raw := length / float64(want)
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if m*power >= raw*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// evenTicks ticks an axis whose numbers are read after division by unit.
func evenTicks(unit float64, want int) plot.TickerFunc {
	return func(low, high float64) []plot.Tick {
		low, high = low/unit, high/unit
		d := step(high-low, want)
		decimals := 0
		for p := d; decimals < 9 && math.Abs(p-math.Round(p)) > 1e-6*p; p *= 10 {
			decimals++
		}
		var ticks []plot.Tick
		for i := math.Ceil(low/d - 1e-9); i*d <= high+d*1e-9 && len(ticks) < 100; i++ {
			ticks = append(ticks, plot.Tick{Value: i * d * unit, Label: strconv.FormatFloat(i*d+0, 'f', decimals, 64)})
		}
		return ticks
	}
}

// countTicks ticks an axis of whole things: each of them where there is room,
// else round numbers and the first, as one stream alone is half of the
// question.
func countTicks(low, high float64) []plot.Tick {
	d := max(1, math.Ceil(step(high-low, 16)))
	var ticks []plot.Tick
	add := func(v float64) {
		if v >= low && v <= high {
			ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'f', 0, 64)})
		}
	}
	if d > 1 {
		add(1)
	}
	for i := math.Ceil(low / d); i*d <= high && len(ticks) < 20; i++ {
		if d == 1 || i > 0 {
			add(i * d)
		}
	}
	return ticks
}

// ratioTicks ticks a logarithmic axis of ratios: the margins and what lies
// between them first, then as many more as have room. On the whole axis there is room
// for so many labels.
func ratioTicks(labels float64) plot.TickerFunc {
	return func(low, high float64) []plot.Tick { return ratioTicksIn(low, high, 1/labels) }
}

// ratioTicksIn makes the ticks; room is that of one label, as a part of the axis.
func ratioTicksIn(low, high, room float64) []plot.Tick {
	var ticks []plot.Tick
	for _, v := range []float64{1, 0.8, 1.25, 0.4, 2, 0.2, 4, 0.6, 0.1, 8, 0.3, 0.05, 16, 0.02, 32, 0.01, 64} {
		crowded := slices.ContainsFunc(ticks, func(t plot.Tick) bool {
			return math.Abs(math.Log(v/t.Value)) < room*math.Log(high/low)
		})
		if v >= low && v <= high && !crowded {
			ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'f', -1, 64)})
		}
	}
	slices.SortFunc(ticks, func(a, b plot.Tick) int { return cmp.Compare(a.Value, b.Value) })
	return ticks
}

// dateTicks ticks an axis of Unix seconds at round instants of UTC, at most
// about six of them.
func dateTicks(low, high float64) []plot.Tick {
	type grid struct {
		every  time.Duration
		layout string
		most   float64 // ticks that have room side by side
	}
	const day = 24 * time.Hour
	grids := []grid{
		{time.Minute, "15:04", 6}, {5 * time.Minute, "15:04", 6}, {15 * time.Minute, "15:04", 6},
		{time.Hour, "Jan 2 15:04", 4}, {3 * time.Hour, "Jan 2 15:04", 4}, {6 * time.Hour, "Jan 2 15:04", 4}, {12 * time.Hour, "Jan 2 15:04", 4},
		{day, "Jan 2", 7}, {2 * day, "Jan 2", 6}, {4 * day, "Jan 2", 6}, {7 * day, "Jan 2", 6}, {14 * day, "Jan 2", 6},
		{28 * day, "2006-01-02", 4}, {91 * day, "2006-01-02", 4}, {365 * day, "2006-01-02", 4},
	}
	g := grid{3652 * day, "2006", 6}
	for _, try := range grids {
		if (high-low)/try.every.Seconds() <= try.most {
			g = try
			break
		}
	}
	every := g.every.Seconds()
	var ticks []plot.Tick
	for i := math.Ceil(low / every); i*every <= high && len(ticks) < 10; i++ {
		v := i * every
		ticks = append(ticks, plot.Tick{Value: v, Label: time.Unix(int64(v), 0).UTC().Format(g.layout)})
	}
	return ticks
}
