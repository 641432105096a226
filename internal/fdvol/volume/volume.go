// Package volume is what system calls moved through the descriptors of processes,
// as plain values: counters by size and by time, their sums, and the names of the
// descriptors. It touches no operating system; fdvol counts.
package volume

import (
	"cmp"
	"math/bits"
	"slices"
)

// A Direction is which way bytes went, seen from the process.
type Direction string

// The directions. Closing moves nothing: it says that a descriptor's number may
// mean something else from then on.
const (
	In    Direction = "in"
	Out   Direction = "out"
	Close Direction = "close"
	// Either is what the position of a file opened for both tells.
	Either Direction = "in or out"
)

// Classes are powers of two.
const (
	// SizeClasses is the number of size classes: 0 bytes, 1, 2 to 3, 4 to 7, ...,
	// 1 GiB and more.
	SizeClasses = 32
	// TimeClasses is the number of time classes: below 512 ns, 512 to 1023 ns,
	// ..., about 9 minutes and more.
	TimeClasses = 32
	// FirstTimeBits is how many bits of the nanoseconds the first time class spans.
	FirstTimeBits = 9
)

// SizeClass is the class of a call that moved so many bytes.
func SizeClass(bytes uint64) int { return min(bits.Len64(bytes), SizeClasses-1) }

// SizeFrom is the fewest bytes of a size class.
func SizeFrom(class int) uint64 {
	if class == 0 {
		return 0
	}
	return 1 << (class - 1)
}

// TimeClass is the class of a call that took so many nanoseconds.
func TimeClass(ns uint64) int { return min(bits.Len64(ns>>FirstTimeBits), TimeClasses-1) }

// TimeFromNS is the shortest time of a time class.
func TimeFromNS(class int) uint64 {
	if class == 0 {
		return 0
	}
	return 1 << (class - 1 + FirstTimeBits)
}

// A Counter is what the calls of one kind did. Its layout is that of the kernel's
// map, which is why it is all uint64.
type Counter struct {
	Bytes uint64
	// InCallNS is the time between entering and leaving the calls, LongestNS that
	// of the longest. Untimed calls have returned too, but nobody saw them begin.
	InCallNS  uint64
	Failed    uint64 // calls that returned an error, EAGAIN and EINTR among them
	LongestNS uint64
	Untimed   uint64
	Sizes     [SizeClasses]uint64 // calls that did not fail, by SizeClass
	Times     [TimeClasses]uint64 // calls but untimed ones, by TimeClass
}

// Calls is how many calls returned, failed ones included.
func (c *Counter) Calls() uint64 {
	n := c.Failed
	for _, calls := range c.Sizes {
		n += calls
	}
	return n
}

// Add adds what another counter counted.
func (c *Counter) Add(other *Counter) {
	c.Bytes += other.Bytes
	c.InCallNS += other.InCallNS
	c.Failed += other.Failed
	c.LongestNS = max(c.LongestNS, other.LongestNS)
	c.Untimed += other.Untimed
	for i := range c.Sizes {
		c.Sizes[i] += other.Sizes[i]
	}
	for i := range c.Times {
		c.Times[i] += other.Times[i]
	}
}

// TypicalSize is the size class of the median call that did not fail; ok is false
// when there was none.
func (c *Counter) TypicalSize() (class int, ok bool) {
	var all, sum uint64
	for _, n := range c.Sizes {
		all += n
	}
	for class, n := range c.Sizes {
		if sum += n; 2*sum >= all {
			return class, all > 0
		}
	}
	return 0, false
}

// A Counted is what one system call did on one descriptor of one process.
type Counted struct {
	PID, FD   int
	Call      string
	Direction Direction
	Counter   Counter
}

// A Pending call had not returned when counting ended.
type Pending struct {
	PID, TID, FD int
	Call         string
	Direction    Direction
	// ForNS is how long it had lasted; at least so long when it began before
	// counting did.
	ForNS       uint64
	BeganBefore bool
}

// A Flow is what went one way through one descriptor of one process.
type Flow struct {
	PID, FD   int
	Direction Direction
	// Sum of all calls. Pending calls are in none of its fields.
	Sum Counter
	// PendingNS is the time that the calls which had not returned had lasted.
	PendingNS uint64
	ByCall    []Counted // the busiest first
	// Closed is how often the descriptor was closed: so many times its number
	// may have come to mean something else.
	Closed uint64
}

// AllFDs stands for all descriptors of a process together.
const AllFDs = -1

// A Moved is what can be known without counting each call.
type Moved struct {
	PID, FD   int // FD may be AllFDs
	Direction Direction
	Bytes     uint64
	Calls     *uint64 // nil: unknown
}

type flowKey struct {
	pid, fd   int
	direction Direction
}

// Flows sums what was counted by process, descriptor and direction. Those that
// moved most come first, then those that spent most time in calls.
func Flows(counted []Counted, pending []Pending) []Flow {
	flows := map[flowKey]*Flow{}
	flow := func(pid, fd int, d Direction) *Flow {
		key := flowKey{pid, fd, d}
		if flows[key] == nil {
			flows[key] = &Flow{PID: pid, FD: fd, Direction: d}
		}
		return flows[key]
	}
	closed := map[[2]int]uint64{}
	for i := range counted {
		c := &counted[i]
		if c.Direction == Close {
			closed[[2]int{c.PID, c.FD}] += c.Counter.Calls() - c.Counter.Failed
			continue
		}
		f := flow(c.PID, c.FD, c.Direction)
		f.Sum.Add(&c.Counter)
		if j := slices.IndexFunc(f.ByCall, func(d Counted) bool { return d.Call == c.Call }); j >= 0 {
			f.ByCall[j].Counter.Add(&c.Counter) // of another thread
		} else {
			f.ByCall = append(f.ByCall, *c)
		}
	}
	for _, p := range pending {
		if p.Direction != Close {
			flow(p.PID, p.FD, p.Direction).PendingNS += p.ForNS
		}
	}
	out := make([]Flow, 0, len(flows))
	for _, f := range flows {
		f.Closed = closed[[2]int{f.PID, f.FD}]
		slices.SortFunc(f.ByCall, func(a, b Counted) int {
			return cmp.Or(cmp.Compare(b.Counter.Calls(), a.Counter.Calls()), cmp.Compare(a.Call, b.Call))
		})
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b Flow) int {
		return cmp.Or(cmp.Compare(b.Sum.Bytes, a.Sum.Bytes), cmp.Compare(b.InCallNS(), a.InCallNS()),
			cmp.Compare(a.PID, b.PID), cmp.Compare(a.FD, b.FD), cmp.Compare(a.Direction, b.Direction))
	})
	return out
}

// InCallNS is the time spent in calls, those that had not returned included.
// Several threads can be in calls on one descriptor at a time, so it may exceed the
// time that was watched.
func (f *Flow) InCallNS() uint64 { return f.Sum.InCallNS + f.PendingNS }
