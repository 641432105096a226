package volume

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestClasses(t *testing.T) {
	for bytes, class := range map[uint64]int{0: 0, 1: 1, 2: 2, 3: 2, 4: 3, 32 << 10: 16, 64<<10 - 1: 16, 1 << 30: 31, 1 << 40: 31} {
		if got := SizeClass(bytes); got != class {
			t.Errorf("SizeClass(%d) = %d, want %d", bytes, got, class)
		}
	}
	for ns, class := range map[uint64]int{0: 0, 511: 0, 512: 1, 1023: 1, 1024: 2, 1e6: 11, 1 << 39: 31, 1 << 50: 31} {
		if got := TimeClass(ns); got != class {
			t.Errorf("TimeClass(%d) = %d, want %d", ns, got, class)
		}
	}
}

// Every number lies in its class.
func TestClassesHoldTheirNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64().Draw(t, "n") >> rapid.IntRange(0, 63).Draw(t, "shift")
		for _, kind := range []struct {
			class func(uint64) int
			from  func(int) uint64
			all   int
		}{{SizeClass, SizeFrom, SizeClasses}, {TimeClass, TimeFromNS, TimeClasses}} {
			class := kind.class(n)
			if n < kind.from(class) || class < kind.all-1 && n >= kind.from(class+1) {
				t.Fatalf("%d is not in class %d", n, class)
			}
		}
	})
}

func call(pid, fd int, name string, d Direction, sizes ...uint64) Counted {
	c := Counted{PID: pid, FD: fd, Call: name, Direction: d}
	for _, n := range sizes {
		c.Counter.Bytes += n
		c.Counter.Sizes[SizeClass(n)]++
		c.Counter.InCallNS += 10
		c.Counter.LongestNS = 10
		c.Counter.Times[TimeClass(10)]++
	}
	return c
}

func TestFlows(t *testing.T) {
	failed := call(1, 5, "write", Out)
	failed.Counter.Failed = 2
	flows := Flows([]Counted{
		call(1, 5, "write", Out, 100, 300), failed, // of two threads
		call(1, 5, "sendto", Out, 1000),
		call(1, 5, "read", In, 1),
		call(1, 5, "close", Close, 0, 0),
		call(2, 5, "read", In, 5000),
		call(2, 9, "close", Close, 0),
	}, []Pending{
		{PID: 3, FD: 0, Call: "read", Direction: In, ForNS: 1000},
		{PID: 1, FD: 5, Call: "write", Direction: Out, ForNS: 7},
		{PID: 1, FD: 8, Call: "close", Direction: Close, ForNS: 7},
	})
	type line struct {
		PID, FD                                int
		Direction                              Direction
		Bytes, Calls, Failed, Closed, InCallNS uint64
		ByCall                                 []string
	}
	var got []line
	for _, f := range flows {
		l := line{f.PID, f.FD, f.Direction, f.Sum.Bytes, f.Sum.Calls(), f.Sum.Failed, f.Closed, f.InCallNS(), nil}
		for _, c := range f.ByCall {
			l.ByCall = append(l.ByCall, c.Call)
		}
		got = append(got, l)
	}
	want := []line{
		{2, 5, In, 5000, 1, 0, 0, 10, []string{"read"}},
		{1, 5, Out, 1400, 5, 2, 2, 37, []string{"write", "sendto"}},
		{1, 5, In, 1, 1, 0, 2, 10, []string{"read"}},
		{3, 0, In, 0, 0, 0, 0, 1000, nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want(-) got(+):\n%s", diff)
	}
}

// Nothing is lost or counted twice by summing, however the calls are split.
func TestFlowsKeepAll(t *testing.T) {
	counted := rapid.Custom(func(t *rapid.T) Counted {
		d := rapid.SampledFrom([]Direction{In, Out}).Draw(t, "direction")
		name := map[Direction][]string{In: {"read", "recvfrom"}, Out: {"write", "sendto"}}[d]
		sizes := rapid.SliceOfN(rapid.Uint64Range(0, 1<<40), 0, 4).Draw(t, "sizes")
		return call(rapid.IntRange(1, 3).Draw(t, "pid"), rapid.IntRange(0, 3).Draw(t, "fd"), rapid.SampledFrom(name).Draw(t, "call"), d, sizes...)
	})
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOf(counted).Draw(t, "counted")
		var want, sums, parts Counter
		for i := range all {
			want.Add(&all[i].Counter)
		}
		flows := Flows(all, nil)
		for i := range flows {
			sums.Add(&flows[i].Sum)
			for j := range flows[i].ByCall {
				parts.Add(&flows[i].ByCall[j].Counter)
			}
		}
		if sums != want || parts != want {
			t.Fatalf("%+v and %+v, want %+v", sums, parts, want)
		}
	})
}

func TestTypicalSize(t *testing.T) {
	for _, tc := range []struct {
		sizes []uint64
		class int
		ok    bool
	}{
		{nil, 0, false},
		{[]uint64{0}, 0, true},
		{[]uint64{1 << 20}, SizeClass(1 << 20), true},
		{[]uint64{1, 40_000, 50_000, 1 << 30}, SizeClass(40_000), true},
	} {
		c := call(1, 1, "write", Out, tc.sizes...)
		if class, ok := c.Counter.TypicalSize(); class != tc.class || ok != tc.ok {
			t.Errorf("%v: %d, %t", tc.sizes, class, ok)
		}
	}
}
