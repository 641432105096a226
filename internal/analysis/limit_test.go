package analysis

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pausetest/internal/limiter"
)

func TestOverOne(t *testing.T) {
	relative := []RelativeLevel{
		{Active: 1, Ratio: 2.5, Interval: Interval{1.4, 4}},
		{Active: 2, Ratio: 1.5, Interval: Interval{1, 1.5 * math.Exp(.3)}},
		{Active: 3, Ratio: 1, Interval: Interval{1, 1}},
	}
	judged := func(blocks int, counts ...int) *Study {
		return &Study{Result: Result{Blocks: blocks, StreamCounts: counts, Ratio: .4, Interval: Interval{.2, .4 * math.Exp(.4)}}}
	}
	all := limiter.Ratio{Value: .4, High: .4 * math.Exp(.4)}
	for name, c := range map[string]struct {
		study *Study
		want  map[int]limiter.Ratio
	}{
		"too few blocks":      {judged(1, 3), nil},
		"never two streams":   {judged(4), nil},
		"two margins":         {judged(4, 3, 3, 3, 3), map[int]limiter.Ratio{2: {Value: .6, High: .6 * math.Exp(.5)}, 3: all}},
		"a stream came along": {judged(4, 2, 3, 3, 3), map[int]limiter.Ratio{2: all, 3: all}},
	} {
		if diff := cmp.Diff(c.want, c.study.overOne(relative), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
