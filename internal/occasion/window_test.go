package occasion

import (
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

func TestParseWindow(t *testing.T) {
	const (
		form  = "expected two times of day such as 22:00-05:00"
		empty = "it begins when it ends; leave it out for any time of day"
	)
	check := func(text, want string) {
		t.Helper()
		w, err := ParseWindow(text)
		got := w.String()
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("ParseWindow(%q) = %s, want %s", text, got, want)
		}
	}
	check("22:00-05:00", "22:00-05:00")
	check("9:30 - 17:00", "09:30-17:00")
	check("18:00-24:00", "18:00-24:00")
	check("00:00-00:01", "00:00-00:01")
	check("", form)
	check("22:00", form)
	check("22-05", form)
	check("22:00-25:00", form)
	check("22:00-24:01", form)
	check("22:60-23:00", form)
	check("24:00-05:00", form)
	check("-1:00-05:00", form)
	check("+1:00-05:00", form)
	check("22:00-05:00-06:00", form)
	check("22:0-05:00", form)
	check("22:00-22:00", empty)
	check("00:00-24:00", empty)
}

func FuzzParseWindow(f *testing.F) {
	for _, text := range []string{"22:00-05:00", "9:30 - 17:00", "00:00-24:00", "::--", "22:00-\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		w, err := ParseWindow(text)
		if err != nil {
			return
		}
		again, err := ParseWindow(w.String())
		if err != nil || again != w {
			t.Errorf("ParseWindow(%q) is %v, which reads as %v, %v", text, w, again, err)
		}
	})
}

func place(t interface{ Fatal(...any) }, name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// What the window does around an instant: when it closes, or when it opens next.
// Instants are written with their offset, so that the two 02:30 of an autumn night
// can be told apart.
func TestWindow(t *testing.T) {
	const layout = "2006-01-02 15:04 -0700"
	check := func(window, zone, at, want string) {
		t.Helper()
		w, err := ParseWindow(window)
		if err != nil {
			t.Fatal(err)
		}
		instant, err := time.Parse(layout, at)
		if err != nil {
			t.Fatal(err)
		}
		instant = instant.In(place(t, zone))
		got := ""
		if closes, open := w.Open(instant); open {
			got = "closes " + closes.Format(layout)
		} else {
			got = "opens " + w.Next(instant).Format(layout)
		}
		if got != want {
			t.Errorf("%s in %s at %s: %s, want %s", window, zone, at, got, want)
		}
	}
	// Across midnight.
	check("22:00-05:00", "UTC", "2026-11-22 21:59 +0000", "opens 2026-11-22 22:00 +0000")
	check("22:00-05:00", "UTC", "2026-11-22 22:00 +0000", "closes 2026-11-23 05:00 +0000")
	check("22:00-05:00", "UTC", "2026-11-23 04:59 +0000", "closes 2026-11-23 05:00 +0000")
	check("22:00-05:00", "UTC", "2026-11-23 05:00 +0000", "opens 2026-11-23 22:00 +0000")
	check("22:00-05:00", "UTC", "2026-12-31 23:30 +0000", "closes 2027-01-01 05:00 +0000")
	// Within a day, and up to its end.
	check("09:30-17:00", "UTC", "2026-11-22 17:00 +0000", "opens 2026-11-23 09:30 +0000")
	check("18:00-24:00", "UTC", "2026-11-22 23:59 +0000", "closes 2026-11-23 00:00 +0000")
	check("18:00-24:00", "UTC", "2026-11-23 00:00 +0000", "opens 2026-11-23 18:00 +0000")

	// Berlin's clocks skip 02:00 to 03:00 on 2026-03-29.
	check("22:00-05:00", "Europe/Berlin", "2026-03-28 23:00 +0100", "closes 2026-03-29 05:00 +0200")
	check("02:30-05:00", "Europe/Berlin", "2026-03-29 01:59 +0100", "opens 2026-03-29 03:00 +0200")
	check("22:00-02:30", "Europe/Berlin", "2026-03-29 01:59 +0100", "closes 2026-03-29 03:00 +0200")
	check("02:15-02:45", "Europe/Berlin", "2026-03-29 01:59 +0100", "opens 2026-03-30 02:15 +0200")
	check("02:15-02:45", "Europe/Berlin", "2026-03-29 03:00 +0200", "opens 2026-03-30 02:15 +0200")
	// They read 02:00 to 03:00 twice on 2026-10-25.
	check("22:00-05:00", "Europe/Berlin", "2026-10-24 23:00 +0200", "closes 2026-10-25 05:00 +0100")
	check("22:00-02:30", "Europe/Berlin", "2026-10-25 02:29 +0200", "closes 2026-10-25 02:30 +0200")
	check("22:00-02:30", "Europe/Berlin", "2026-10-25 02:30 +0200", "opens 2026-10-25 22:00 +0100")
	check("22:00-02:30", "Europe/Berlin", "2026-10-25 02:15 +0100", "opens 2026-10-25 22:00 +0100")
	check("02:30-05:00", "Europe/Berlin", "2026-10-25 02:29 +0200", "opens 2026-10-25 02:30 +0200")
	check("02:30-05:00", "Europe/Berlin", "2026-10-25 02:15 +0100", "closes 2026-10-25 05:00 +0100")
	// Clocks that change at midnight, by half an hour, and by a whole day.
	check("23:30-00:30", "America/Santiago", "2026-09-05 23:45 -0400", "closes 2026-09-06 01:00 -0300")
	check("00:15-00:45", "America/Santiago", "2026-09-05 23:45 -0400", "opens 2026-09-07 00:15 -0300")
	check("01:45-02:15", "Australia/Lord_Howe", "2026-10-04 01:50 +1030", "closes 2026-10-04 02:30 +1100")
	check("22:00-05:00", "Pacific/Apia", "2011-12-29 23:00 -1000", "closes 2011-12-31 00:00 +1400")
	check("22:00-05:00", "Pacific/Apia", "2011-12-31 00:00 +1400", "closes 2011-12-31 05:00 +1400")
}

// Whatever the clocks do: an instant lies in the window exactly if they show a time
// in it, except in the hours after they were set back; an open window closes later
// and is closed then; a closed one opens later and is open then.
func TestWindowAlways(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"}
	rapid.Check(t, func(t *rapid.T) {
		loc := place(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		w := Window{rapid.IntRange(0, dayMinutes-1).Draw(t, "from"), rapid.IntRange(1, dayMinutes).Draw(t, "to")}
		if w.fromMinute == w.toMinute || w.fromMinute == 0 && w.toMinute == dayMinutes {
			t.Skip()
		}
		// Years in which all of these zones keep the rules they have now.
		at := time.Unix(rapid.Int64Range(1_700_000_000, 2_000_000_000).Draw(t, "at"), 0).In(loc)
		closes, open := w.Open(at)
		minute := at.Hour()*60 + at.Minute()
		shows := minute >= w.fromMinute && minute < w.toMinute
		if w.toMinute <= w.fromMinute {
			shows = minute >= w.fromMinute || minute < w.toMinute
		}
		_, now := at.Zone()
		_, before := at.Add(-4 * time.Hour).Zone()
		if now == before && open != shows {
			t.Fatalf("%v at %v: open is %v", w, at, open)
		}
		switch {
		case open && !closes.After(at):
			t.Fatalf("%v, open at %v, closes at %v", w, at, closes)
		case open:
			if _, still := w.Open(closes); still {
				t.Fatalf("%v is open at %v, when it closes", w, closes)
			}
		default:
			opens := w.Next(at)
			if _, opened := w.Open(opens); !opened || !opens.After(at) {
				t.Fatalf("%v, closed at %v, opens at %v", w, at, opens)
			}
			if _, early := w.Open(opens.Add(-time.Second)); early {
				t.Fatalf("%v is open before %v, when it opens", w, opens)
			}
		}
	})
}
