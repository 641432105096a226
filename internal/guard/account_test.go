package guard

import (
	"testing"

	"pgregory.net/rapid"
)

func TestSpent(t *testing.T) {
	running := account{stream: 1, totalNS: 900}
	paused := account{stream: 2, holds: 3, sinceNS: 1000, totalNS: 400}
	other := account{stream: 3, holds: 1, sinceNS: 1050}
	for _, test := range []struct {
		name   string
		all    accounts
		limits limits
		lastNS int64 // in order
		then   cause // a nanosecond later
	}{
		{"no limit", accounts{running, paused, other}, limits{maxPauseNS: 1}, 1e15, causeNone},
		{"a stream's own pauses count together", accounts{paused}, limits{maxPausedTotalNS: 500}, 1100, causeStreamTotal},
		{"not those of others", accounts{running, paused}, limits{maxPausedTotalNS: 500}, 1100, causeStreamTotal},
		{"nor those of a stream that runs", accounts{running}, limits{maxPausedTotalNS: 100}, 1e15, causeNone},
		{"the budget is everybody's", accounts{running, paused}, limits{budgetNS: 1500}, 1200, causeBudget},
		{"two paused spend it twice as fast", accounts{running, paused, other}, limits{budgetNS: 1550}, 1150, causeBudget},
		{"whichever comes first", accounts{running, paused}, limits{budgetNS: 1500, maxPausedTotalNS: 500}, 1100, causeStreamTotal},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.all.spent(test.limits, test.lastNS); got != causeNone {
				t.Errorf("at %d: %v", test.lastNS, got)
			}
			if got := test.all.spent(test.limits, test.lastNS+1); got != test.then {
				t.Errorf("at %d: %v, want %v", test.lastNS+1, got, test.then)
			}
			at, ok := test.all.spentNS(test.limits)
			if ok != (test.then != causeNone) || ok && at != test.lastNS {
				t.Errorf("spentNS: %d, %v", at, ok)
			}
		})
	}
}

// TestAccountsAgainstModel plays pauses that overlap, and compares with the sum of
// the instants at which a stream had any hold.
func TestAccountsAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all accounts
		holds, taken := map[uint32]int{}, map[uint32]int64{}
		var now int64
		stream := rapid.Uint32Range(1, 3)
		pass := func(t *rapid.T) {
			later := rapid.Int64Range(0, 50).Draw(t, "later")
			for s, n := range holds {
				if n > 0 {
					taken[s] += later
				}
			}
			now += later
		}
		t.Repeat(map[string]func(*rapid.T){
			"take": func(t *rapid.T) {
				pass(t)
				s := stream.Draw(t, "stream")
				all.of(s).take(now)
				holds[s]++
			},
			"give": func(t *rapid.T) {
				pass(t)
				if s := stream.Draw(t, "stream"); holds[s] > 0 {
					all.of(s).give(now)
					holds[s]--
				}
			},
			"": func(t *rapid.T) {
				var sum, most int64
				for s, ns := range taken {
					sum += ns
					if holds[s] > 0 {
						most = max(most, ns)
					}
				}
				want := limits{maxPausedTotalNS: most + 1, budgetNS: sum + 1}
				if got := all.spent(want, now); got != causeNone {
					t.Fatalf("%v before a limit: %+v at %d", got, all, now)
				}
				if sum > 1 && all.spent(limits{budgetNS: sum - 1}, now) != causeBudget {
					t.Fatalf("the budget of %d is not spent: %+v at %d", sum-1, all, now)
				}
				if most > 1 && all.spent(limits{maxPausedTotalNS: most - 1}, now) != causeStreamTotal {
					t.Fatalf("%d of one stream are not spent: %+v at %d", most-1, all, now)
				}
			},
		})
	})
}
