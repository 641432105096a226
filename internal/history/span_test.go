package history

import (
	"testing"
	"time"
)

func TestParseAge(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90d": 90 * day, "2w": 14 * day, "36h": 36 * time.Hour, "1h30m": 90 * time.Minute, "106751d": 106751 * day,
		"": 0, "d": 0, "0d": 0, "-1d": 0, "+1d": 0, "1.5d": 0, "106752d": 0, "15251w": 0, "-1h": 0, "0s": 0, "90": 0, "1 d": 0, "4294967296d": 0,
	} {
		if got, err := ParseAge(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "500M": 500e6, "2G": 2e9, "2GB": 2e9, "2GiB": 2 << 30, "2Gi": 2 << 30, "1.5k": 1500, "8T": 8e12, "10B": 10,
		"": 0, "B": 0, "G": 0, "iB": 0, "2iB": 0, "0": 0, "0.1": 0, "-1": 0, "+1": 0, "NaN": 0, "Inf": 0, ".5G": 500e6, ".": 0, "1e3G": 0, "0x1G": 0, "1e300": 0, "9223372036854775808": 0, "2g": 0, "2 G": 0,
	} {
		if got, err := ParseSize(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
}

func TestParseInstant(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 30, 0, 0, time.UTC)
	at := func(d, h, m int) time.Time { return time.Date(2026, 11, d, h, m, 0, 0, time.UTC) }
	for text, want := range map[string][2]time.Time{
		"7d":                        {at(16, 12, 30), at(16, 12, 30)},
		"24h":                       {at(22, 12, 30), at(22, 12, 30)},
		"2026-11-03":                {at(3, 0, 0), at(4, 0, 0)},
		"2026-11-03 22:05":          {at(3, 22, 5), at(3, 22, 5)},
		"2026-11-03 22:05:00":       {at(3, 22, 5), at(3, 22, 5)},
		"2026-11-03T22:05:00+01:00": {at(3, 21, 5), at(3, 21, 5)},
		"yesterday":                 {},
		"2026-13-03":                {},
		"":                          {},
	} {
		since, sinceErr := ParseSince(text, now)
		until, untilErr := ParseUntil(text, now)
		if !since.Equal(want[0]) || !until.Equal(want[1]) || (sinceErr == nil) == want[0].IsZero() || (untilErr == nil) == want[1].IsZero() {
			t.Errorf("%q: since %v (%v), until %v (%v); want %v", text, since, sinceErr, until, untilErr, want)
		}
	}
}

// Whatever is written, the answer is an error or a positive amount.
func FuzzParseSpans(f *testing.F) {
	for _, text := range []string{"90d", "2GiB", "1e3k", "36h", "2026-11-03", "i", "kB", "\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := ParseAge(text); (err == nil) != (d > 0) {
			t.Errorf("age %q: %v, %v", text, d, err)
		}
		if n, err := ParseSize(text); (err == nil) != (n > 0) {
			t.Errorf("size %q: %d, %v", text, n, err)
		}
		now := time.Date(2026, 11, 23, 12, 30, 0, 0, time.UTC)
		since, err := ParseSince(text, now)
		until, untilErr := ParseUntil(text, now)
		if (err == nil) != (untilErr == nil) || until.Before(since) {
			t.Errorf("instant %q: %v (%v), %v (%v)", text, since, err, until, untilErr)
		}
	})
}
