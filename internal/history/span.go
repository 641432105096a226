package history

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// ParseAge reads a span of time as operators write it: "90d", "2w", "36h", "1h30m".
func ParseAge(text string) (time.Duration, error) {
	for unit, length := range map[string]time.Duration{"d": day, "w": 7 * day} {
		digits, found := strings.CutSuffix(text, unit)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 32)
		if err != nil || n == 0 || n > uint64(math.MaxInt64/length) {
			break
		}
		return time.Duration(n) * length, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return d, nil
	}
	return 0, fmt.Errorf("%q: expected a span of time such as 90d, 2w or 36h", text)
}

// ParseSize reads an amount of bytes: "2G" and "2GB" are 2,000,000,000, "2GiB" is
// 2,147,483,648.
func ParseSize(text string) (int64, error) {
	rest := strings.TrimSuffix(text, "B")
	base := 1000.0
	if cut, binary := strings.CutSuffix(rest, "i"); binary {
		rest, base = cut, 1024
	}
	factor := 1.0
	if i := strings.IndexByte("kMGT", last(rest)); i >= 0 {
		rest, factor = rest[:len(rest)-1], math.Pow(base, float64(i+1))
	} else if base == 1024 {
		rest = "" // "2iB"
	}
	n, err := strconv.ParseFloat(rest, 64)
	if bytes := n * factor; err == nil && strings.Trim(rest, "0123456789.") == "" && bytes >= 1 && bytes < math.MaxInt64 {
		return int64(bytes), nil
	}
	return 0, fmt.Errorf("%q: expected an amount of bytes such as 500M, 2G or 1.5GiB", text)
}

// last is the last byte of a text, or a blank.
func last(s string) byte {
	if s == "" {
		return ' '
	}
	return s[len(s)-1]
}

// ParseSince reads an instant: so long before now ("7d", "24h"), the beginning of a day
// ("2026-11-03"), or a time ("2026-11-03 22:00", or as RFC 3339 has it). Dates and times
// without a zone are UTC, as everywhere.
func ParseSince(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04", time.DateTime, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	age, err := ParseAge(text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q: expected an age such as 7d or 24h, or a date such as 2026-11-03", text)
	}
	return now.Add(-age), nil
}

// ParseUntil reads an instant as ParseSince does, but a day counts to its end.
func ParseUntil(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		return at.Add(day), nil
	}
	return ParseSince(text, now)
}
