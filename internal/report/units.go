// Package report puts a study into words: for a terminal, for a ticket, for a
// browser, for a machine; and compares studies. It is pure: the same study gives
// the same bytes. Units are chosen here and in the figures, nowhere else.
//
// The way of a report: study -> sheet (sections of facts and tables, sheet.go
// and the files named after sections) -> one medium (text.go, markdown.go,
// html.go). Everything in a sheet that came from outside (labels, command
// lines, notes) has gone through printable; escaping is the medium's business.
package report

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"pausetest/internal/analysis"
)

// Rate is a rate in bytes per second for people, in SI units with three digits:
// "11.4 MB/s".
func Rate(bytesPerSecond float64) string { return si(bytesPerSecond) + "B/s" }

// Bytes is an amount of bytes for people.
func Bytes(n float64) string { return si(n) + "B" }

func si(v float64) string {
	units := []string{"", "k", "M", "G", "T"}
	i := 0
	for math.Abs(v) >= 999.5 && i < len(units)-1 {
		v /= 1000
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%.0f ", v)
	}
	return threeDigits(v) + " " + units[i]
}

// threeDigits prints a number with three significant digits, more where it is
// 1000 or above.
func threeDigits(v float64) string {
	switch a := math.Abs(v); {
	case a < 9.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case a < 99.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// rateRange is an interval of rates. A unit that both ends share is said once.
func rateRange(low, high float64) string {
	return spanText(Rate(low), Rate(high))
}

func spanText(low, high string) string {
	if cut := len(low) - 1; cut > 0 {
		for ; cut > 0 && low[cut] != ' '; cut-- {
		}
		unit := low[cut:]
		if n := len(high) - len(unit); cut > 0 && n > 0 && high[n:] == unit {
			return low[:cut] + " to " + high
		}
	}
	return low + " to " + high
}

// Seconds is a span of time for people: "3.00 s", "4 min 10 s", "1 h 5 min".
func Seconds(s float64) string {
	if math.IsNaN(s) || s < 0 || s > math.MaxInt32 {
		return "unknown"
	}
	if s < 99.95 {
		return threeDigits(s) + " s"
	}
	d := time.Duration(math.Round(s)) * time.Second
	h, m, sec := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h > 0:
		return fmt.Sprintf("%d h %d min", h, m)
	case sec > 0:
		return fmt.Sprintf("%d min %d s", m, sec)
	}
	return fmt.Sprintf("%d min", m)
}

func nsSeconds(ns int64) float64 { return float64(ns) / 1e9 }

// ratioText prints a ratio with two decimals, and smaller ones with two digits.
func ratioText(x float64) string {
	switch {
	case x == 0:
		return "0"
	case x < 0.1:
		return strconv.FormatFloat(x, 'g', 2, 64)
	case x >= 99.5:
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'f', 2, 64)
}

func intervalText(i analysis.Interval) string {
	return ratioText(i.Low) + " to " + ratioText(i.High)
}

// percentText prints a share or a confidence: "95 %".
func percentText(share float64) string { return strconv.FormatFloat(100*share, 'g', 3, 64) + " %" }

// linkText is a link's speed in bits per second, as it is sold.
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

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }

// count is a number of things: "1 block", "2 blocks".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
