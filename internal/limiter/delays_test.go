package limiter

import (
	"strings"
	"testing"

	"pausetest/internal/recording"
)

func TestDelayed(t *testing.T) {
	const span = int64(5e8)
	at := func(threads int, swapIn, reclaim int64) *recording.MemoryDelays {
		return &recording.MemoryDelays{Threads: threads, SwapInNS: swapIn, ReclaimNS: reclaim}
	}
	for name, test := range map[string]struct {
		before, now *recording.MemoryDelays
		want        int64
	}{
		"nothing":                              {at(1, 5, 5), at(1, 5, 5), 0},
		"some of both":                         {at(1, 1e8, 0), at(1, 2e8, 1e8), 2e8},
		"all the time":                         {at(1, 0, 0), at(1, 0, span), span},
		"one within the other":                 {at(1, 0, 0), at(1, 4e8, 4e8), span},
		"several threads":                      {at(3, 0, 0), at(3, 0, 3*span), 3 * span},
		"of threads that have ended":           {at(3, 0, 0), at(1, 0, 3*span), 3 * span},
		"more than time has passed":            {at(1, 0, 0), at(1, 1e8, span+1), 0},
		"an hour":                              {at(2, 0, 0), at(2, 3268e9, 0), 0},
		"backwards":                            {at(1, 9, 0), at(1, 8, 9), 0},
		"no thread":                            {at(0, 0, 0), at(0, 1, 0), 0},
		"a number of threads that is nonsense": {at(-4, 0, 0), at(-4, 1, 0), 0},
	} {
		if got := delayed(test.before, test.now, span); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

// TestMemoryDelays has the sources sleep for memory, and the kernel say so of some.
func TestMemoryDelays(t *testing.T) {
	short := frame{doing: map[int][]recording.Activity{relay: does(recording.Polling)}}
	for stream := 1; stream <= 3; stream++ {
		short.doing[stream] = does(recording.OnRAM)
	}
	const step = int64(1e8)
	tells := func(vitals []recording.Vitals, share float64, pids ...int) []recording.Vitals {
		for i := range vitals {
			for k := range vitals[i].Processes {
				for _, pid := range pids {
					if p := &vitals[i].Processes[k]; p.PID == pid {
						p.MemoryDelays = &recording.MemoryDelays{Threads: 1, ReclaimNS: int64(share * float64(i) * float64(step))}
					}
				}
			}
		}
		return vitals
	}
	const text = "each tar: its threads stood still for want of memory for "
	for name, test := range map[string]struct {
		vitals []recording.Vitals
		kind   Kind
		want   string // among what speaks for memory; "" for nothing of the kind
		asked  bool   // whether memory is a candidate
	}{
		"all of them":       {tells(play(40, short), .6, 1, 2, 3), Memory, text + "60 % of the time", true},
		"one of them":       {tells(play(40, short), .6, 2), Memory, text + "20 % of the time", true},
		"next to nothing":   {tells(play(40, short), .01, 1, 2, 3), Memory, "", true},
		"impossibly long":   {tells(play(40, short), 1.1, 1, 2, 3), Memory, "", true},
		"not accounted":     {play(40, short), Memory, "", true},
		"in another's look": {tells(play(40, tarsWrite(does(recording.Running)).cpu(1, 0)), .6, 1, 2, 3), Computing, text + "60 % of the time", true},
		"nothing of it":     {play(40, tarsWrite(does(recording.Running)).cpu(1, 0)), Computing, "", false},
	} {
		f := Find(all(test.vitals, 1))
		if f.Kind != test.kind {
			t.Errorf("%s: %s", name, f.Statement)
		}
		asked := false
		for _, c := range f.Causes {
			reasons := strings.Join(c.For, "; ")
			if told := strings.Contains(reasons, "stood still"); told != (c.Kind == Memory && test.want != "") || told && !strings.Contains(reasons, test.want) {
				t.Errorf("%s: for %s speaks %s", name, c.Kind, reasons)
			}
			if strings.Contains(strings.Join(c.Against, "; "), "stood still") {
				t.Errorf("%s: against %s speaks %q", name, c.Kind, c.Against)
			}
			asked = asked || c.Kind == Memory
		}
		if asked != test.asked {
			t.Errorf("%s: memory is a candidate: %t", name, asked)
		}
	}
}
