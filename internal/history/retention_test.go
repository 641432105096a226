package history

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDue(t *testing.T) {
	runs := func(days ...int) (all []facts) {
		for _, d := range days {
			all = append(all, facts{name: fmt.Sprint(d), started: now.Add(-time.Duration(d) * day), bytes: 10})
		}
		return all
	}
	held := runs(9, 5, 1)
	held[0].busy = errors.New("busy")
	for _, c := range []struct {
		name       string
		policy     Policy
		runs       []facts
		gone, busy []string
	}{
		{"by age", Policy{Keep: 4 * day}, runs(1, 9, 3, 5, 4), []string{"9", "5"}, nil},
		{"the newest stays, however old", Policy{Keep: day}, runs(9, 7, 8), []string{"9", "8"}, nil},
		{"a single one", Policy{Keep: day, MaxBytes: 1}, runs(9), nil, nil},
		{"none", Policy{Keep: day}, nil, nil, nil},
		{"by size", Policy{MaxBytes: 25}, runs(1, 2, 3, 4), []string{"4", "3"}, nil},
		{"exactly the size", Policy{MaxBytes: 40}, runs(1, 2, 3, 4), nil, nil},
		{"the newest stays, however large", Policy{MaxBytes: 1}, runs(1, 2, 3), []string{"3", "2"}, nil},
		{"by both", Policy{Keep: 3 * day, MaxBytes: 15}, runs(1, 2, 3, 4), []string{"4", "3", "2"}, nil},
		{"busy", Policy{Keep: 4 * day}, held, []string{"5"}, []string{"9"}},
		{"busy takes room", Policy{MaxBytes: 15}, held, []string{"5"}, []string{"9"}},
		{"from the future", Policy{Keep: day}, runs(-3, -2, 5), []string{"5"}, nil},
	} {
		gone, busy := c.policy.due(c.runs, now)
		if got := names(gone); !slices.Equal(got, c.gone) {
			t.Errorf("%s: %v go, want %v", c.name, got, c.gone)
		}
		if got := names(busy); !slices.Equal(got, c.busy) {
			t.Errorf("%s: %v are busy, want %v", c.name, got, c.busy)
		}
	}
}

func names(all []facts) (out []string) {
	for _, f := range all {
		out = append(out, f.name)
	}
	return out
}

// Whatever the runs are: the newest stays, none that stays is older than one that went
// unless it is busy, and no more goes than has to.
func TestDueHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var runs []facts
		for i := range rapid.IntRange(0, 12).Draw(t, "runs") {
			f := facts{
				name:    fmt.Sprint(i),
				started: now.Add(-time.Duration(rapid.IntRange(-2, 20).Draw(t, "days")) * day),
				bytes:   rapid.Int64Range(0, 100).Draw(t, "bytes"),
			}
			if rapid.IntRange(0, 3).Draw(t, "busy") == 0 {
				f.busy = errors.New("busy")
			}
			runs = append(runs, f)
		}
		p := Policy{Keep: time.Duration(rapid.IntRange(0, 10).Draw(t, "keep")) * day, MaxBytes: rapid.Int64Range(0, 500).Draw(t, "most")}
		gone, _ := p.due(runs, now)
		if len(runs) > 0 && len(gone) >= len(runs) {
			t.Fatal("nothing stays")
		}
		var total int64
		newestStays := time.Time{}
		for _, f := range runs {
			if !slices.Contains(names(gone), f.name) {
				total += f.bytes
				if f.started.After(newestStays) {
					newestStays = f.started
				}
			}
		}
		for _, f := range gone {
			if f.busy != nil {
				t.Fatalf("%s is busy and goes", f.name)
			}
			if f.started.After(newestStays) {
				t.Fatalf("%s goes and is newer than all that stay", f.name)
			}
		}
		if n := len(gone); n > 0 {
			last := gone[n-1]
			if !(p.Keep > 0 && now.Sub(last.started) > p.Keep) && !(p.MaxBytes > 0 && total+last.bytes > p.MaxBytes) {
				t.Fatalf("%s had not to go", last.name)
			}
		}
	})
}
