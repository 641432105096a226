package occasion

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC // the bubbles below begin at midnight in UTC
	os.Exit(m.Run())
}

func streams(labels ...string) Sight {
	var s Sight
	for _, l := range labels {
		stream := Stream{ID: l, Label: l}
		if rest, young := strings.CutPrefix(l, "young "); young {
			stream = Stream{ID: rest, Label: rest, Refusal: "it has only just begun", Young: true}
		} else if rest, refused := strings.CutPrefix(l, "refused "); refused {
			stream = Stream{ID: rest, Label: rest, Refusal: "it is zfs send"}
		}
		s.Streams = append(s.Streams, stream)
	}
	return s
}

// A change is what is seen from an instant on.
type change struct {
	from time.Duration
	Sight
}

func window(t *testing.T, text string) *Window {
	w, err := ParseWindow(text)
	if err != nil {
		t.Fatal(err)
	}
	return &w
}

// Each night begins at midnight. The answer is when the experiment begins, and by
// when it has to end; or why it does not begin.
func TestAwait(t *testing.T) {
	busy := Sight{Busy: errors.New("another pausetest is at work")}
	lasts := func(n int) time.Duration { return time.Duration(n) * time.Minute }
	check := func(name string, c Conditions, want string, night ...change) {
		t.Helper()
		if c.MinStreams == 0 {
			c.MinStreams = 2
		}
		c.Lasts = lasts
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			until, err := Await(t.Context(), c, func(context.Context) (Sight, error) {
				var seen Sight
				for _, n := range night {
					if time.Since(began) >= n.from {
						seen = n.Sight
					}
				}
				return seen, nil
			})
			got := fmt.Sprintf("after %v", time.Since(began))
			if !until.IsZero() {
				got += " until " + until.Format("15:04")
			}
			if missed, ok := errors.AsType[*Missed](err); ok {
				got += fmt.Sprintf(" %s: %v", missed.Reason, missed)
			} else if err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("%s:\n got %s\nwant %s", name, got, want)
			}
		})
	}
	two, three := streams("a", "b"), streams("a", "b", "c")
	minutes := func(n int) time.Duration { return time.Duration(n) * time.Minute }

	check("at once", Conditions{Steady: time.Hour}, "after 0s", change{0, two})
	check("young ones don't hinder a first look", Conditions{}, "after 0s", change{0, streams("a", "b", "young c")})
	check("nothing", Conditions{}, "after 0s no-streams: no streams run")
	check("one", Conditions{}, "after 0s too-few: only 1 stream runs, and 2 are wanted: a", change{0, streams("a")})
	check("two of three", Conditions{MinStreams: 3}, "after 0s too-few: only 2 streams run, and 3 are wanted: a, b", change{0, two})
	check("refused", Conditions{}, "after 0s refused: 1 of 2 streams may be paused, and 2 are wanted; refused: b (it is zfs send)",
		change{0, streams("a", "refused b")})
	check("young", Conditions{}, "after 0s not-steady: 1 stream runs, too young to be paused: b", change{0, streams("a", "young b")})
	check("busy", Conditions{}, "after 0s busy: another pausetest is at work", change{0, busy})

	patient := Conditions{Wait: 2 * time.Hour, Steady: 30 * time.Second}
	check("steady from the start", patient, "after 30s", change{0, two})
	check("a third one comes", patient, "after 10m30s", change{0, streams("a")}, change{minutes(9) + 40*time.Second, two}, change{minutes(10), three})
	check("one ends, another comes", patient, "after 52.5s", change{0, two}, change{20 * time.Second, streams("a", "c")})
	check("one may be paused later", patient, "after 5m30s", change{0, streams("a", "b", "young c")}, change{minutes(5), three})
	check("one is never paused", patient, "after 30s", change{0, streams("a", "b", "refused c")})
	check("after another run", patient, "after 8m30s", change{0, two}, change{10 * time.Second, busy}, change{minutes(8), two})
	check("none ever", patient, "after 2h0m0s no-streams: no streams run, after 2h of waiting")
	check("one only", patient, "after 2h0m0s too-few: only 1 stream runs, and 2 are wanted: a, after 2h of waiting", change{0, streams("a")})
	check("busy for ever", patient, "after 2h0m0s busy: another pausetest is at work, after 2h of waiting", change{0, busy})
	check("too late to be steady", patient, "after 2h0m0s not-steady: 2 streams run, but not unchanged for 30s, after 2h of waiting",
		change{minutes(120) - 20*time.Second, two})
	check("just in time", patient, "after 2h0m0s", change{minutes(120) - 30*time.Second, two})
	check("as soon as there are two", Conditions{Wait: time.Hour}, "after 1m0s", change{minutes(1), two})

	inside := func(wait time.Duration, text string) Conditions {
		return Conditions{Wait: wait, Steady: 30 * time.Second, Window: window(t, text)}
	}
	check("inside", inside(0, "23:00-01:00"), "after 0s until 01:00", change{0, two})
	check("outside", inside(0, "22:00-23:00"), "after 0s window: it is 00:00, outside the window 22:00-23:00, which opens at 2000-01-01 22:00", change{0, two})
	check("never open while waiting", inside(time.Hour, "22:00-23:00"), "after 0s window: it is 00:00, outside the window 22:00-23:00, which opens at 2000-01-01 22:00", change{0, two})
	check("opens", inside(2*time.Hour, "01:00-05:00"), "after 1h0m30s until 05:00", change{0, two})
	check("can't end in it", inside(0, "22:00-00:01"), "after 0s window: it is 00:00, and the experiment, which may last 2m, would not end before the window 22:00-00:01 closes", change{0, two})
	check("three last longer", inside(0, "22:00-00:02"), "after 0s window: it is 00:00, and the experiment, which may last 3m, would not end before the window 22:00-00:02 closes", change{0, three})
	check("closes while waiting", inside(time.Hour, "22:00-00:10"), "after 8m7.5s no-streams: no streams run, until it was too late to begin in the window 22:00-00:10")
	check("opens again", inside(24*time.Hour, "22:00-00:10"), "after 22h0m30s until 00:10", change{time.Hour, two})
}

func TestAwaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			time.Sleep(time.Minute + time.Second)
			cancel(cause)
		}()
		began := time.Now()
		_, err := Await(ctx, Conditions{Wait: time.Hour, MinStreams: 2}, func(context.Context) (Sight, error) { return Sight{}, nil })
		if err != cause || time.Since(began) != time.Minute+time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		// What goes wrong with a look is no reason to go on.
		broken := errors.New("no /proc")
		if _, err = Await(t.Context(), Conditions{Wait: time.Hour}, func(context.Context) (Sight, error) { return Sight{}, broken }); err != broken {
			t.Errorf("a look that fails: %v", err)
		}
	})
}

// Waiting costs a look every few seconds, and fewer where looks are dear; reasons
// are told when they change.
func TestAwaitIsCheap(t *testing.T) {
	check := func(cost time.Duration, wantLooks int) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			looks := 0
			var told []string
			c := Conditions{Wait: time.Hour, Steady: 30 * time.Second, MinStreams: 2, Tell: func(m *Missed) { told = append(told, m.Error()) }}
			_, err := Await(t.Context(), c, func(context.Context) (Sight, error) {
				looks++
				return Sight{Cost: cost}, nil
			})
			if _, missed := errors.AsType[*Missed](err); !missed || looks != wantLooks {
				t.Errorf("at %v a look: %d looks, want %d; %v", cost, looks, wantLooks, err)
			}
			if len(told) != 1 || told[0] != "no streams run" {
				t.Errorf("told %q", told)
			}
		})
	}
	check(0, 481)
	check(20*time.Millisecond, 481)
	check(500*time.Millisecond, 73)
	check(8*time.Second, 61)
}
