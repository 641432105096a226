package guard

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pausetest/internal/procctl"
)

// serials are those of the table, in its order.
func (w *watch) serials() []uint64 {
	var all []uint64
	for _, e := range w.entries {
		all = append(all, e.serial)
	}
	return all
}

func TestDue(t *testing.T) {
	paused := []entry{{serial: 1, untilNS: 500}, {serial: 2, untilNS: 400}}
	for _, test := range []struct {
		name    string
		heardNS int64
		entries []entry
		nowNS   int64
		want    cause
	}{
		{"nothing is paused, the controller may be silent", 0, nil, 1e9, causeNone},
		{"in good order", 100, paused, 200, causeNone},
		{"the last instant of the lease", 100, paused, 300, causeNone},
		{"the lease ran out", 100, paused, 301, causeSilence},
		{"the last instant of a pause", 390, paused, 400, causeNone},
		{"the later of two pauses overran", 390, paused, 401, causeOverrun},
		{"silence counts first", 0, paused, 1000, causeSilence},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := watch{leaseNS: 200, heardNS: test.heardNS, entries: test.entries}
			if got := w.due(test.nowNS); got != test.want {
				t.Errorf("due(%d) = %v, want %v", test.nowNS, got, test.want)
			}
		})
	}
}

func TestHearBelievesTheSendingTime(t *testing.T) {
	var w watch
	w.hear(100, 900) // waited in the queue for 800 ns
	if w.heardNS != 100 {
		t.Errorf("heard at %d, want 100", w.heardNS)
	}
	w.hear(50, 950) // overtaken
	if w.heardNS != 100 {
		t.Errorf("heard at %d after an older message, want 100", w.heardNS)
	}
	w.hear(5000, 1000) // a clock can't run ahead
	if w.heardNS != 1000 {
		t.Errorf("heard at %d from the future, want 1000", w.heardNS)
	}
}

func TestAFiredWatchTakesNothing(t *testing.T) {
	w := watch{limits: limits{maxPauseNS: 10}}
	if !w.intend(1, []int{11}, 0, 1, 0) {
		t.Fatal("refused an intent")
	}
	w.fire(causeOverrun)
	w.fire(causeExit)
	if w.fired != causeOverrun {
		t.Errorf("fired by %v, want the first cause", w.fired)
	}
	if w.intend(2, []int{12}, 0, 1, 0) {
		t.Error("took an intent after firing")
	}
	if diff := cmp.Diff([]uint64{1}, w.serials()); diff != "" {
		t.Error(diff)
	}
}

// TestWatchAgainstModel plays random intents, forgettings and prunings on a
// watch and on a plain list.
func TestWatchAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := watch{leaseNS: 1000, limits: limits{maxPauseNS: 300, maxPausedTotalNS: 2000, budgetNS: 5000}}
		var model []entry
		var now int64
		serial := uint64(1)
		t.Repeat(map[string]func(*rapid.T){
			"intend": func(t *rapid.T) {
				now += rapid.Int64Range(0, 100).Draw(t, "later")
				fds := rapid.SliceOfN(rapid.IntRange(5, 99), 1, 6).Draw(t, "fds")
				freezer := procctl.FreezerVersion(rapid.IntRange(0, 2).Draw(t, "freezer"))
				stream := rapid.Uint32Range(1, 3).Draw(t, "stream")
				if !w.intend(serial, fds, freezer, stream, now) {
					t.Fatal("refused")
				}
				for i, fd := range fds {
					model = append(model, entry{serial + uint64(i), fd, freezer, now + 300, stream})
				}
				serial += uint64(len(fds)) + rapid.Uint64Range(0, 2).Draw(t, "gap")
			},
			"intend out of order": func(t *rapid.T) {
				if len(model) > 0 && w.intend(model[len(model)-1].serial, []int{1}, 0, 1, now) {
					t.Fatal("took a serial twice")
				}
			},
			"forget": func(t *rapid.T) {
				first := rapid.Uint64Range(0, serial).Draw(t, "first")
				count := rapid.IntRange(0, 8).Draw(t, "count")
				var released, want []int
				w.forget(first, count, now, func(fd int) { released = append(released, fd) })
				model = slices.DeleteFunc(model, func(e entry) bool {
					gone := e.serial >= first && e.serial < first+uint64(count)
					if gone {
						want = append(want, e.fd)
					}
					return gone
				})
				slices.Reverse(want)
				if diff := cmp.Diff(want, released); diff != "" {
					t.Fatal(diff)
				}
			},
			"prune": func(t *rapid.T) {
				modulus := rapid.Uint64Range(1, 4).Draw(t, "modulus")
				var asked []uint64
				w.prune(func(e entry) bool {
					asked = append(asked, e.serial)
					return e.serial%modulus == 0
				})
				if !slices.IsSortedFunc(asked, func(a, b uint64) int { return int(b) - int(a) }) || len(asked) != len(model) {
					t.Fatalf("asked in the order %v", asked)
				}
				model = slices.DeleteFunc(model, func(e entry) bool { return e.serial%modulus == 0 })
			},
			"": func(t *rapid.T) {
				if !slices.Equal(model, w.entries) {
					t.Fatalf("table %v, want %v", w.entries, model)
				}
				at, ok := w.dueNS()
				if ok != (len(model) > 0) {
					t.Fatalf("dueNS says %v with %d entries", ok, len(model))
				}
				// An instant may lie behind us: where a limit was passed already.
				if ok && at >= now && (w.due(at) != causeNone || w.due(at+1) == causeNone) {
					t.Fatalf("due at %d is %v, then %v", at, w.due(at), w.due(at+1))
				}
			},
		})
	})
}
