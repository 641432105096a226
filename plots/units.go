package plots

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// A rateUnit is the unit in which one axis, or one number, is read.
type rateUnit struct {
	name           string
	bytesPerSecond float64
}

var rateUnits = []rateUnit{{"B/s", 1}, {"kB/s", 1e3}, {"MB/s", 1e6}, {"GB/s", 1e9}, {"TB/s", 1e12}}

// unitFor gives the largest SI unit in which a rate is at least one.
func unitFor(bytesPerSecond float64) rateUnit {
	u := rateUnits[0]
	for _, v := range rateUnits {
		if bytesPerSecond >= v.bytesPerSecond {
			u = v
		}
	}
	return u
}

// rateText writes a rate with three significant digits in a unit of its own.
func rateText(bytesPerSecond float64) string {
	u := unitFor(bytesPerSecond)
	return significant(bytesPerSecond/u.bytesPerSecond) + " " + u.name
}

// significant writes a number with three significant digits, never as a power
// of ten.
func significant(v float64) string {
	decimals := 2
	switch a := math.Abs(v); {
	case a >= 99.95 || a == 0:
		decimals = 0
	case a >= 9.995:
		decimals = 1
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

// ratioText writes a ratio of throughputs.
func ratioText(v float64) string {
	if v > 0 && v < 0.005 {
		return "less than 0.01"
	}
	if v >= 99.5 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// secondsText writes a time as people say it.
func secondsText(s float64) string {
	if !finite(s) || s < 0 || s > math.MaxInt64/1e9 {
		return "unknown time"
	}
	if s < 9.95 {
		return strconv.FormatFloat(s, 'f', 1, 64) + " s"
	}
	d := time.Duration(math.Round(s)) * time.Second
	h, m, sec := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h > 0:
		return fmt.Sprintf("%d h %d min", h, m)
	case m > 0 && sec > 0:
		return fmt.Sprintf("%d min %d s", m, sec)
	case m > 0:
		return fmt.Sprintf("%d min", m)
	}
	return fmt.Sprintf("%d s", sec)
}

// linkText writes a link's speed in bits per second, as it is sold.
func linkText(bitsPerSecond uint64) string {
	v, unit := float64(bitsPerSecond), "bit/s"
	for _, u := range []string{"kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"} {
		if v < 1000 {
			break
		}
		v, unit = v/1000, u
	}
	return strconv.FormatFloat(v, 'g', 3, 64) + " " + unit
}

// isRate tells whether a number can be a throughput in bytes per second: not
// below zero, and not so absurd that it can't be drawn.
func isRate(v float64) bool { return v >= 0 && v < 1e18 }

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// count writes a number of things.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
