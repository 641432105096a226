package schedule

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pausetest/internal/strictyaml"
)

func TestParse(t *testing.T) {
	s, err := Parse("s.yaml", []byte(`
settle: 2s
repeat: 6
order: random
gap: 0s
seed: 7
segments:
  - active: all
    hold: 3s
  - active: 1
    hold: auto
  - {active: ["fs3:/export/home", "7"], hold: 2500ms}
`))
	if err != nil {
		t.Fatal(err)
	}
	if s.SettleNS != 2e9 || s.Blocks != 6 || !s.Random || s.GapNS != 0 || s.Seed == nil || *s.Seed != 7 {
		t.Errorf("parsed %+v", s)
	}
	if len(s.Segments) != 3 || !s.Segments[0].Active.All || s.Segments[0].HoldNS != 3e9 || s.Segments[1].Active.Count != 1 || s.Segments[1].HoldNS != 0 {
		t.Errorf("parsed segments %+v", s.Segments)
	}
	if got := s.Segments[2].Active.Labels; !slices.Equal(got, []string{"fs3:/export/home", "7"}) {
		t.Errorf("labels %q", got)
	}
	if s.IsPairs() {
		t.Error("three segments are no pair")
	}
}

func TestDefault(t *testing.T) {
	s := Default()
	if !s.IsPairs() || s.Blocks != 0 || !s.Random || s.GapNS >= 0 || s.SettleNS != 0 {
		t.Errorf("default schedule %+v", s)
	}
}

func TestParseErrors(t *testing.T) {
	check := func(text, want string) {
		t.Helper()
		_, err := Parse("s.yaml", []byte(text))
		if err == nil {
			t.Errorf("Parse(%q) accepted it", text)
			return
		}
		if _, ok := errors.AsType[*strictyaml.Error](err); !ok {
			t.Errorf("Parse(%q): %T", text, err)
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q)\n got %s\nwant %s", text, err, want)
		}
	}
	pair := "segments:\n  - active: all\n  - active: 1\n"
	check("", "s.yaml:1:1: the file is empty")
	check("repeat: 3\n", `s.yaml:1:1: "segments" is missing or empty`)
	check("repeat: often\n"+pair, `s.yaml:1:9: repeat: expected until-decided or a number from 1 to 10000, found "often"`)
	check("repeat: 0\n"+pair, `s.yaml:1:9: repeat:`)
	check("order: backwards\n"+pair, `s.yaml:1:8: order: expected random or as-written, found "backwards"`)
	check("settle: 3 apples\n"+pair, `s.yaml:1:9: settle: expected auto or a duration such as 3s or 1500ms, found "3 apples"`)
	check("settle: -1s\n"+pair, "s.yaml:1:9: settle: -1s is out of range")
	check("seed: -4\n"+pair, "s.yaml:1:7: seed: expected a whole number")
	check("gap: [1]\n"+pair, "s.yaml:1:6: gap: expected auto or a duration such as 3s or 1500ms, found a list")
	check("colour: red\n"+pair, `s.yaml:1:1: unknown field "colour"`)
	check("segments:\n  - active: none\n", `s.yaml:2:13: active: expected all, a number of streams from 1, or a list of labels, found "none"`)
	check("segments:\n  - active: 0\n", "s.yaml:2:13: active: expected all")
	check("segments:\n  - active: []\n", "the list of labels is empty")
	check("segments:\n  - active: [[a]]\n", "s.yaml:2:14: active: expected the label of a stream, found a list")
	check("segments:\n  - hold: 3s\n", `a segment needs "active"`)
	check("segments:\n  - all\n", "s.yaml:2:5: expected a segment such as")
	check("segments:\n  - active: 1\n    helt: 3s\n", `s.yaml:3:5: unknown field "helt"`)
	check("segments:\n  - active: 1\n    hold: soon\n", `s.yaml:3:11: hold: expected auto or a duration`)
	check("segments:\n  - active: 1\n", `"repeat" has to be a number`)
	check("settle: 3s\nrepeat: 2\nsegments:\n  - active: 1\n    hold: 3s\n", "s.yaml:4:5: hold of 3s leaves nothing to measure after settling for 3s")
}

func TestChecks(t *testing.T) {
	s, err := Parse("s.yaml", []byte("repeat: 1\nsegments:\n  - active: [a]\n    hold: 20s\n  - active: all\n    hold: 60s\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CheckMaxPause(10e9); err == nil || !strings.Contains(err.Error(), "s.yaml:3:5: hold of 20s would pause streams for longer than the limit of 10s") {
		t.Error(err)
	}
	if err := s.CheckMaxPause(20e9); err != nil {
		t.Error(err)
	}
	if err := s.CheckLabels([]string{"b"}); err == nil || !strings.Contains(err.Error(), `s.yaml:3:5: no stream is labelled "a"`) {
		t.Error(err)
	}
	for _, labels := range [][]string{{"a", "b"}, {"b", "a level 0"}} {
		if err := s.CheckLabels(labels); err != nil {
			t.Error(err)
		}
	}
	block := NewDealer(s, 1).Block([]Stream{{1, "ab"}, {2, "a level 1"}})
	if len(block) != 2 || !slices.Equal(block[0].Active, []int{2}) || block[0].Lead != 2 {
		t.Errorf("block %+v", block)
	}
}

func streams(n int) []Stream {
	out := make([]Stream, n)
	for i := range out {
		out[i] = Stream{ID: i + 1, Label: string(rune('a' + i))}
	}
	return out
}

// Every stream leads equally often, whatever the number of streams, and each
// pair is "all" and "one".
func TestLeadsAreDealtWithoutReplacement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 9).Draw(t, "streams")
		d := NewDealer(Default(), rapid.Uint64().Draw(t, "seed"))
		rounds := rapid.IntRange(1, 5).Draw(t, "rounds")
		led := map[int]int{}
		for range n * rounds {
			block := d.Block(streams(n))
			if len(block) != 2 || len(block[0].Active)+len(block[1].Active) != n+1 {
				t.Fatalf("block %+v", block)
			}
			if block[0].Lead == 0 || block[0].Lead != block[1].Lead {
				t.Fatalf("the two segments of %+v differ in their lead", block)
			}
			led[block[0].Lead]++
		}
		for id := 1; id <= n; id++ {
			if led[id] != rounds {
				t.Fatalf("stream %d led %d times in %d rounds: %v", id, led[id], rounds, led)
			}
		}
	})
}

// The coin is fair: over many seeds "all" comes first about as often as not.
func TestCoin(t *testing.T) {
	first := 0
	const runs = 4000
	for seed := range uint64(runs) {
		if len(NewDealer(Default(), seed).Block(streams(3))[0].Active) == 3 {
			first++
		}
	}
	if first < runs/2-150 || first > runs/2+150 { // 4.7 standard deviations
		t.Errorf("all came first in %d of %d runs", first, runs)
	}
}

// After a restart no stream leads twice before each has led once, wherever the
// deck stood.
func TestRestartDealsEvenly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 9).Draw(t, "streams")
		d := NewDealer(Default(), rapid.Uint64().Draw(t, "seed"))
		for range rapid.IntRange(0, 20).Draw(t, "before") {
			d.Block(streams(n))
		}
		d.Restart()
		led := map[int]bool{}
		for range n {
			led[d.Block(streams(n))[0].Lead] = true
		}
		if len(led) != n {
			t.Fatalf("%v led in %d blocks", led, n)
		}
	})
}

func TestSubsetsTakeTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 9).Draw(t, "streams")
		k := rapid.IntRange(2, n-1).Draw(t, "size")
		d := NewDealer(Default(), rapid.Uint64().Draw(t, "seed"))
		ran := map[int]int{}
		for range n {
			for _, p := range d.Pair(streams(n), k) {
				if len(p.Active) == k {
					for _, id := range p.Active {
						ran[id]++
					}
				}
			}
		}
		for id := 1; id <= n; id++ {
			if ran[id] != k {
				t.Fatalf("stream %d ran %d times of %d: %v", id, ran[id], k, ran)
			}
		}
	})
}

// Streams come and go between blocks: only live ones are dealt, and a newcomer
// gets its turn within one deck.
func TestMembershipChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := NewDealer(Default(), rapid.Uint64().Draw(t, "seed"))
		all := streams(6)
		for range 20 {
			live := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 0, 6, func(s Stream) int { return s.ID }).Draw(t, "live")
			for _, p := range d.Block(live) {
				for _, id := range p.Active {
					if !slices.ContainsFunc(live, func(s Stream) bool { return s.ID == id }) {
						t.Fatalf("%+v runs a stream that is not among %v", p, live)
					}
				}
			}
		}
		waited := 0
		for len(d.leads.left) > 0 || waited == 0 { // finish the deck, then count
			d.Block(all)
			waited++
		}
		led := map[int]bool{}
		for range all {
			led[d.Block(all)[0].Lead] = true
		}
		if len(led) != len(all) {
			t.Fatalf("only %v led", led)
		}
	})
}

func TestSameSeedSameSegments(t *testing.T) {
	deal := func() (out []Planned) {
		d := NewDealer(Default(), 7)
		for range 10 {
			out = append(out, d.Block(streams(4))...)
			out = append(out, d.Pair(streams(4), 2)...)
			out = append(out, d.Placebo(streams(4))...)
			out = append(out, Planned{HoldNS: d.GapNS()})
		}
		return out
	}
	same := slices.EqualFunc(deal(), deal(), func(a, b Planned) bool {
		return slices.Equal(a.Active, b.Active) && a.Lead == b.Lead && a.HoldNS == b.HoldNS
	})
	if !same {
		t.Error("the same seed dealt different segments")
	}
}

func TestGap(t *testing.T) {
	d := NewDealer(Default(), 1)
	lowest, highest := int64(1<<62), int64(0)
	for range 2000 {
		g := d.GapNS()
		lowest, highest = min(lowest, g), max(highest, g)
	}
	if lowest < 1e9 || highest > 3e9 || highest-lowest < 19e8 {
		t.Errorf("gaps from %d to %d ns, want the whole of 1 to 3 s", lowest, highest)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(defaultText)
	f.Add([]byte("repeat: 1\nsegments: [{active: [a, b], hold: 2s}]\n"))
	f.Add([]byte("segments:\n  - active: {}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse("s.yaml", text)
		if err != nil {
			if _, ok := errors.AsType[*strictyaml.Error](err); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		for _, n := range []int{0, 1, 2, 5} {
			NewDealer(s, 1).Block(streams(n))
		}
	})
}

// A round has every single stream and every two of them once, in an order that the
// seed decides; each is dealt against all, in either order, while it lives.
func TestOnesAndTwos(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 9).Draw(t, "streams")
		d := NewDealer(Default(), rapid.Uint64().Draw(t, "seed"))
		seen := map[[2]int]bool{}
		sets := d.OnesAndTwos(streams(n))
		for _, some := range sets {
			key := [2]int{some[0]}
			if len(some) == 2 {
				key[1] = some[1]
			}
			if len(some) > 2 || seen[key] || len(some) == 2 && some[0] >= some[1] {
				t.Fatalf("%v in %v", some, sets)
			}
			seen[key] = true
			block := d.Against(streams(n), some)
			if whole := len(some) == n; whole != (block == nil) {
				t.Fatalf("%v of %d streams: %+v", some, n, block)
			}
			if block != nil && (len(block) != 2 || len(block[0].Active)+len(block[1].Active) != n+len(some)) {
				t.Fatalf("%v of %d streams: %+v", some, n, block)
			}
		}
		if len(seen) != n*(n+1)/2 {
			t.Fatalf("%d sets of %d streams", len(seen), n)
		}
		if n > 2 && d.Against(streams(n)[:n-1], []int{streams(n)[n-1].ID}) != nil {
			t.Fatal("a stream that is gone was dealt")
		}
	})
}
