package occasion

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const dayMinutes = 24 * 60

// A Window is the part of every day in which something may be done, by the clocks
// of the place: from one time of day until another, which is the next day's unless
// it is later. It holds its first minute and not its last.
//
// On the days on which the clocks change it begins, and ends, when they first read
// its time or, if they skip it, a later one. So it never lasts beyond the first
// moment at which the clocks say that it is over, and 02:15-02:45 does not take
// place in a night that has no such time.
type Window struct {
	fromMinute, toMinute int // of the day; toMinute may be dayMinutes
}

// ParseWindow reads "22:00-05:00". 24:00 may stand for the end of the day.
func ParseWindow(text string) (Window, error) {
	from, to, ok := strings.Cut(text, "-")
	var w Window
	var okFrom, okTo bool
	w.fromMinute, okFrom = parseClock(strings.TrimSpace(from))
	w.toMinute, okTo = parseClock(strings.TrimSpace(to))
	switch {
	case !ok || !okFrom || !okTo || w.fromMinute == dayMinutes:
		return Window{}, fmt.Errorf("expected two times of day such as 22:00-05:00")
	case w.fromMinute == w.toMinute, w.fromMinute == 0 && w.toMinute == dayMinutes:
		return Window{}, fmt.Errorf("it begins when it ends; leave it out for any time of day")
	}
	return w, nil
}

// parseClock reads "5:00" and "05:00" as minutes of the day.
func parseClock(text string) (minute int, ok bool) {
	hours, minutes, ok := strings.Cut(text, ":")
	if !ok || len(hours) < 1 || len(hours) > 2 || len(minutes) != 2 {
		return 0, false
	}
	h, errH := strconv.ParseUint(hours, 10, 8)
	m, errM := strconv.ParseUint(minutes, 10, 8)
	minute = int(h)*60 + int(m)
	return minute, errH == nil && errM == nil && m < 60 && minute <= dayMinutes
}

func (w Window) String() string {
	return fmt.Sprintf("%02d:%02d-%02d:%02d", w.fromMinute/60, w.fromMinute%60, w.toMinute/60, w.toMinute%60)
}

// Open reports whether the window is open at t, by the clocks of t's location, and
// when it closes.
func (w Window) Open(t time.Time) (closes time.Time, open bool) {
	for day := -2; day <= 0; day++ {
		if opens, closes := w.on(t, day); !t.Before(opens) && t.Before(closes) {
			return closes, true
		}
	}
	return time.Time{}, false
}

// Next is when the window opens next, after t.
func (w Window) Next(t time.Time) time.Time {
	for day := -1; ; day++ { // skipped at most in one night in a row
		if opens, closes := w.on(t, day); opens.After(t) && opens.Before(closes) {
			return opens
		}
	}
}

// on is the window that belongs to the date so many days after t's. It is empty if
// the clocks skip it.
func (w Window) on(t time.Time, days int) (opens, closes time.Time) {
	year, month, day := t.Date()
	to := w.toMinute
	if to <= w.fromMinute {
		to += dayMinutes
	}
	// As if these were UTC: a reading of the clocks, and no instant yet.
	midnight := time.Date(year, month, day+days, 0, 0, 0, 0, time.UTC)
	return firstReading(midnight.Add(time.Duration(w.fromMinute)*time.Minute), t.Location()),
		firstReading(midnight.Add(time.Duration(to)*time.Minute), t.Location())
}

// firstReading is the first instant at which clocks in a place show a reading, or a
// later one.
//
// Note: time.Date says nothing of which instant it takes where there are two, or
// none. This goes through the stretches of constant offset from UTC until one shows
// the reading.
func firstReading(reading time.Time, place *time.Location) time.Time {
	at := reading.Add(-36 * time.Hour).In(place) // before it, whatever the offset
	for {
		_, offsetSeconds := at.Zone()
		instant := reading.Add(-time.Duration(offsetSeconds) * time.Second).In(place)
		if instant.Before(at) {
			return at // skipped when this stretch began
		}
		_, ends := at.ZoneBounds()
		if ends.IsZero() || instant.Before(ends) {
			return instant
		}
		at = ends
	}
}
