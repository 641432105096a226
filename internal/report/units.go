// Package report puts a study into words: for a terminal, for a ticket, for a
// browser, for a machine. Units are chosen here and in the figures, nowhere else.
package report

import (
	"fmt"
	"math"
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
	switch {
	case i == 0:
		return fmt.Sprintf("%.0f ", v)
	case math.Abs(v) < 9.995:
		return fmt.Sprintf("%.2f %s", v, units[i])
	case math.Abs(v) < 99.95:
		return fmt.Sprintf("%.1f %s", v, units[i])
	}
	return fmt.Sprintf("%.0f %s", v, units[i])
}
