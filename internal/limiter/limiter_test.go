package limiter

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pausetest/internal/recording"
)

// The processes of a small world: three sources, each with a pipe to one relay, and
// the relay's three sockets.
const (
	relay = 20
	pipes = 100 // of stream 1, 2, 3: 101, 102, 103
	socks = 200
	files = "8:0"
)

func members() []recording.Member {
	m := []recording.Member{{PID: relay, StartTicks: 1, Name: "relay", Streams: []int{1, 2, 3}, Carrier: true}}
	for stream := 1; stream <= 3; stream++ {
		m = append(m, recording.Member{PID: stream, StartTicks: 1, Name: "tar", Streams: []int{stream}, Source: true, Writes: []uint64{uint64(pipes + stream)}})
		m[0].Reads = append(m[0].Reads, uint64(pipes+stream))
		m[0].Sockets = append(m[0].Sockets, uint64(socks+stream))
	}
	return m
}

func does(kind recording.ActivityKind) []recording.Activity {
	return []recording.Activity{{Kind: kind}}
}

func writes(to recording.ActivityTarget, inodes ...uint64) []recording.Activity {
	var doing []recording.Activity
	for _, inode := range inodes {
		doing = append(doing, recording.Activity{Kind: recording.Writing, FD: new(1), To: to, Inode: inode})
	}
	return doing
}

func reads(to recording.ActivityTarget, inode uint64) []recording.Activity {
	return []recording.Activity{{Kind: recording.Reading, FD: new(0), To: to, Inode: inode}}
}

// A frame is what is seen at a look.
type frame struct {
	doing  map[int][]recording.Activity
	queued [3]int64
	// rwnd is the part of the time since the look before in which the sockets with
	// data found the receivers' windows shut; run and queue are the relay's on a CPU.
	rwnd, run, wait float64
}

// tarsWrite has every source waiting to write to the relay, which does something.
func tarsWrite(relayDoes []recording.Activity, queued ...int64) frame {
	f := frame{doing: map[int][]recording.Activity{relay: relayDoes}}
	for stream := 1; stream <= 3; stream++ {
		f.doing[stream] = writes(recording.ToPipe, uint64(pipes+stream))
	}
	copy(f.queued[:], queued)
	return f
}

func (f frame) shut(part float64) frame { f.rwnd = part; return f }

func (f frame) cpu(run, wait float64) frame { f.run, f.wait = run, wait; return f }

// play makes a record of each frame, a tenth of a second apart, over and over.
func play(n int, frames ...frame) []recording.Vitals {
	const step = int64(1e8)
	var all []recording.Vitals
	var busy, shut, run, wait int64
	for i := range n {
		f := frames[i%len(frames)]
		v := recording.Vitals{TNS: int64(i+1) * step, LooksNS: []int64{int64(i+1) * step}}
		if i == 0 {
			v.Members = members()
		}
		busy, shut = busy+step, shut+int64(f.rwnd*float64(step))
		run, wait = run+int64(f.run*float64(step)), wait+int64(f.wait*float64(step))
		for pid := range relay + 1 {
			if f.doing[pid] == nil {
				continue
			}
			p := recording.ProcessVitals{PID: pid, Looks: []int{len(v.Seen)}, CPU: &recording.CPUTimes{}, IO: &recording.IOBytes{Written: uint64(i) * 1e5}}
			if pid == relay {
				p.CPU = &recording.CPUTimes{RunNS: run, BusiestNS: run, QueuedNS: wait}
			}
			v.Seen = append(v.Seen, f.doing[pid])
			v.Processes = append(v.Processes, p)
		}
		for k, queued := range f.queued {
			v.Sockets = append(v.Sockets, recording.SocketVitals{
				Inode: uint64(socks + k + 1), AckedBytes: uint64(i) * 1e5, BusyNS: busy, RwndLimitedNS: shut, SentSegments: uint64(i), QueuedBytes: []int64{queued},
			})
		}
		v.Host = &recording.HostVitals{CPUBusyNS: 2 * int64(i) * step, IOPressureNS: new(int64(0))}
		all = append(all, v)
	}
	return all
}

// observed is what a reader of these vitals knows.
func observed(vitals []recording.Vitals) Observed {
	o := Observed{Again: func(yield func(*recording.Vitals) bool) {
		for i := range vitals {
			if !yield(&vitals[i]) {
				return
			}
		}
	}}
	for v := range o.Again {
		o.Hear(v)
	}
	return o
}

// all has everything running all the time.
func all(vitals []recording.Vitals, ratio float64) Facts {
	return Facts{
		Vitals: observed(vitals), Windows: []Window{{Active: []int{1, 2, 3}, FromNS: 0, ToNS: 1e12}},
		Rates: map[int]float64{1: 1e6, 3: ratio * 1e6}, OverOne: map[int]Ratio{3: {ratio, 1.2 * ratio}},
	}
}

// doubtful has an interval that holds everything.
func doubtful(f Facts) Facts {
	f.OverOne[3] = Ratio{f.OverOne[3].Value, 3}
	return f
}

func TestFind(t *testing.T) {
	const full = 65536
	blocked := tarsWrite(writes(recording.ToSocket, socks+1), full, 0, 0).shut(.9)
	disk := frame{doing: map[int][]recording.Activity{relay: does(recording.Polling)}}
	input := frame{doing: map[int][]recording.Activity{relay: does(recording.Polling)}}
	idle := frame{doing: map[int][]recording.Activity{relay: does(recording.Polling)}}
	outside := frame{doing: map[int][]recording.Activity{relay: does(recording.Polling)}}
	netfs := frame{doing: map[int][]recording.Activity{relay: does(recording.Polling)}}
	for stream := 1; stream <= 3; stream++ {
		disk.doing[stream] = []recording.Activity{{Kind: recording.OnDisk, Device: files}}
		input.doing[stream] = reads(recording.ToPipe, 999)
		idle.doing[stream] = does(recording.Locked)
		outside.doing[stream] = writes(recording.ToPipe, 998)
		netfs.doing[stream] = does(recording.OnNFS)
	}
	for name, test := range map[string]struct {
		facts   Facts
		kind    Kind
		process string
		device  string
	}{
		"a single blocking writer":                  {facts: all(play(40, blocked), .4), kind: BlockingWriter, process: "relay"},
		"whether it loses is not decided":           {facts: doubtful(all(play(40, blocked), .4)), kind: Receivers},
		"it loses nothing":                          {facts: all(play(40, blocked), 1), kind: Receivers},
		"nobody knows whether it loses":             {facts: Facts{Vitals: observed(play(40, blocked)), Windows: all(nil, 1).Windows}, kind: Receivers},
		"the others are full, too":                  {facts: all(play(40, tarsWrite(writes(recording.ToSocket, socks+1), full, full, full).shut(.9)), .4), kind: Receivers},
		"a thread for each":                         {facts: all(play(40, tarsWrite(writes(recording.ToSocket, socks+1, socks+2, socks+3), full, 0, 0).shut(.9)), .4), kind: Receivers},
		"the windows are open":                      {facts: all(play(40, tarsWrite(writes(recording.ToSocket, socks+1), full, 0, 0)), .4), kind: Network},
		"an event loop waits for any socket":        {facts: all(play(40, tarsWrite(does(recording.Polling), full, full, full).shut(.9)), 1), kind: Receivers},
		"an event loop waits, and nothing is in it": {facts: all(play(40, tarsWrite(does(recording.Polling)).shut(.9)), 1), kind: Unknown},
		"the relay computes":                        {facts: all(play(40, tarsWrite(does(recording.Running)).cpu(1, 0)), 1), kind: Computing, process: "relay"},
		"the relay gets no CPU":                     {facts: all(play(40, tarsWrite(does(recording.Running)).cpu(.2, .8)), 1), kind: HostCPU, process: "relay"},
		"the sources read, each for itself":         {facts: all(play(40, disk), 3), kind: Disk, process: "tar", device: files},
		"the sources share a disk":                  {facts: all(play(40, disk), 1), kind: SharedDisk, process: "tar", device: files},
		"the sources read a network file system":    {facts: all(play(40, netfs), 1), kind: NetworkFS, process: "tar"},
		"the sources wait for input":                {facts: all(play(40, input), 1), kind: Input, process: "tar"},
		"the sources write elsewhere":               {facts: all(play(40, outside), 1), kind: Outside, process: "tar"},
		"nothing can be told":                       {facts: all(play(40, idle), 1), kind: Unknown},
		"too few looks":                             {facts: all(play(leastLooks-1, blocked), .4), kind: Unknown},
		"a bit of everything":                       {facts: all(play(40, blocked, disk, tarsWrite(does(recording.Running)).cpu(1, 0), input), .4), kind: Unknown},
		"no window":                                 {facts: Facts{Vitals: observed(play(40, blocked))}, kind: Unknown},
	} {
		f := Find(test.facts)
		if f == nil {
			t.Errorf("%s: nothing found", name)
			continue
		}
		process := ""
		if f.Process != nil {
			process = f.Process.Name
		}
		if f.Kind != test.kind || process != test.process || f.Device != test.device {
			t.Errorf("%s: %s, process %q, device %q\n%s\n%+v", name, f.Kind, process, f.Device, f.Statement, f.Causes)
		}
		if f.Kind == Unknown && !strings.HasPrefix(f.Statement, "The recording does not say") {
			t.Errorf("%s: %s", name, f.Statement)
		}
	}
	if f := Find(Facts{Windows: all(nil, 1).Windows}); f != nil {
		t.Errorf("without vitals: %+v", f)
	}
}

// One of three relays has a slow receiver: that is not what limits the other two.
func TestEachSocketForItself(t *testing.T) {
	var cast []recording.Member
	f := frame{doing: map[int][]recording.Activity{}, queued: [3]int64{65536, 65536, 65536}}
	for stream := 1; stream <= 3; stream++ {
		cast = append(cast,
			recording.Member{PID: stream, Name: "tar", Streams: []int{stream}, Source: true, Writes: []uint64{uint64(pipes + stream)}},
			recording.Member{PID: 10 + stream, Name: "relay", Streams: []int{stream}, Carrier: true, Reads: []uint64{uint64(pipes + stream)}, Sockets: []uint64{uint64(socks + stream)}})
		f.doing[stream], f.doing[10+stream] = writes(recording.ToPipe, uint64(pipes+stream)), writes(recording.ToSocket, uint64(socks+stream))
	}
	vitals := play(40, f)
	vitals[0].Members = cast
	for i := range vitals {
		vitals[i].Sockets[2].RwndLimitedNS = vitals[i].Sockets[2].BusyNS // the third one's window is shut
	}
	got := Find(all(vitals, 1))
	if got.Kind != Network || got.Causes[1].Kind != Receivers || got.Causes[1].Share < .3 || got.Causes[1].Share > .35 {
		t.Errorf("%s: %s\n%+v", got.Kind, got.Statement, got.Causes)
	}
}

// A socket of a paused stream stands empty, and nothing waits to go by it.
func TestPausedStreamsAreNoRoom(t *testing.T) {
	f := tarsWrite(writes(recording.ToSocket, socks+1), 65536, 50000, 0).shut(.9)
	f.doing[3] = does(recording.Halted)
	facts := all(play(40, f), .4)
	facts.Windows[0].Active = []int{1, 2}
	facts.Rates, facts.OverOne = map[int]float64{1: 1e6, 2: 4e5}, map[int]Ratio{2: {.4, .5}}
	if got := Find(facts); got.Kind != Receivers {
		t.Errorf("%s: %s", got.Kind, got.Statement)
	}
	f.queued[1] = 0 // stream 2 runs, waits, and could go
	facts.Vitals = observed(play(40, f))
	if got := Find(facts); got.Kind != BlockingWriter {
		t.Errorf("%s: %s", got.Kind, got.Statement)
	}
}

// TestFollowsPaths has a tee between source and relay, as Amanda has.
func TestFollowsPaths(t *testing.T) {
	cast := newCast([]recording.Member{
		{PID: 1, Name: "tar", Streams: []int{1}, Source: true, Writes: []uint64{101}},
		{PID: 2, Name: "tee", Streams: []int{1}, Reads: []uint64{101}, Writes: []uint64{102, 103}},
		{PID: 3, Name: "index", Streams: []int{1}, Reads: []uint64{103}},
		{PID: 4, Name: "sendbackup", Streams: []int{1}, Reads: []uint64{102, 104}},
		{PID: relay, Name: "amandad", Streams: []int{1}, Carrier: true, Sockets: []uint64{201}},
	})
	for name, test := range map[string]struct {
		doing map[int][]recording.Activity
		want  where
	}{
		"through shared memory": {map[int][]recording.Activity{
			1: writes(recording.ToPipe, 101), 2: writes(recording.ToPipe, 102), 4: append(reads(recording.ToPipe, 104), does(recording.Other)...),
			relay: writes(recording.ToSocket, 201)}, where{kind: far, pid: relay, socket: 201}},
		"the index computes": {map[int][]recording.Activity{
			1: writes(recording.ToPipe, 101), 2: writes(recording.ToPipe, 103), 3: does(recording.Running)}, where{kind: Computing, pid: 3}},
		"the tee computes": {map[int][]recording.Activity{
			1: writes(recording.ToPipe, 101), 2: does(recording.Running)}, where{kind: Computing, pid: 2}},
		"tar reads": {map[int][]recording.Activity{
			1: {{Kind: recording.OnDisk, Device: files}}, 2: reads(recording.ToPipe, 101)}, where{kind: Disk, pid: 1, device: files}},
		"nobody was seen": {nil, where{kind: Unknown}},
		"in a circle": {map[int][]recording.Activity{
			1: writes(recording.ToPipe, 101), 2: reads(recording.ToPipe, 101)}, where{kind: Unknown}},
	} {
		l := &look{cast: cast, doing: test.doing, queued: map[uint64]int64{201: 0}}
		if got := l.blame(1); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
	// Who reads is followed upstream: of tar | gzip | ssh the gzip may be the source.
	cast = newCast([]recording.Member{
		{PID: 1, Name: "tar", Streams: []int{1}, Writes: []uint64{101}},
		{PID: 2, Name: "gzip", Streams: []int{1}, Source: true, Reads: []uint64{101}},
	})
	l := &look{cast: cast, doing: map[int][]recording.Activity{1: does(recording.Running), 2: reads(recording.ToPipe, 101)}}
	if got := l.blame(1); got != (where{kind: Computing, pid: 1}) {
		t.Errorf("upstream: %+v", got)
	}
}

// What is left out of a record because it has not changed counts as it stood.
func TestUnchangedIsPlayedBack(t *testing.T) {
	vitals := play(40, tarsWrite(does(recording.Running)).cpu(1, 0))
	want := Find(all(vitals, 1))
	for i := range vitals[1:] {
		v := &vitals[i+1]
		v.Processes, v.Seen = v.Processes[len(v.Processes)-1:], v.Seen[len(v.Seen)-1:] // the relay alone
		v.Processes[0].Looks = []int{0}
		v.Sockets = nil
	}
	got := Find(all(vitals, 1))
	if got.Kind != want.Kind || got.Causes[0].Share != want.Causes[0].Share {
		t.Errorf("%s %v, want %s %v", got.Kind, got.Causes[0].Share, want.Kind, want.Causes[0].Share)
	}
}

// TestSaysWhatWasNotObserved leaves a stream's source out of the cast, and ends the
// observing early.
func TestSaysWhatWasNotObserved(t *testing.T) {
	blocked := tarsWrite(writes(recording.ToSocket, socks+1), 65536, 0, 0).shut(.9)
	missing := func(vitals []recording.Vitals) string { return strings.Join(Find(all(vitals, .4)).Missing, "\n") }
	const unseen, early = "not all processes of the streams were observed at 100 % of the looks", "not observed to the end (oops)"
	vitals := play(40, blocked)
	if got := missing(vitals); strings.Contains(got, "observed") {
		t.Errorf("nothing is amiss, and yet: %s", got)
	}
	vitals[0].Members = vitals[0].Members[:3] // without the third source
	if got := missing(vitals); !strings.Contains(got, unseen) {
		t.Errorf("a source is not there: %s", got)
	}
	vitals = append(vitals, recording.Vitals{TNS: 5e9, Fault: "oops"})
	if got := missing(vitals); !strings.Contains(got, early) {
		t.Errorf("the observing ended: %s", got)
	}
	if got := missing([]recording.Vitals{{TNS: 5e12, Fault: "oops"}}); !strings.Contains(got, early) {
		t.Errorf("nothing but the end of the observing: %s", got)
	}
}

// TestAnyVitals plays records of any content.
func TestAnyVitals(t *testing.T) {
	kinds := []recording.ActivityKind{recording.Running, recording.OnDisk, recording.OnNFS, recording.OnRAM, recording.Writing, recording.Reading,
		recording.Polling, recording.Locked, recording.Halted, recording.Other, "new"}
	small := rapid.IntRange(0, 5)
	activity := rapid.Custom(func(t *rapid.T) recording.Activity {
		return recording.Activity{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Inode: uint64(small.Draw(t, "inode")),
			To: rapid.SampledFrom([]recording.ActivityTarget{recording.ToPipe, recording.ToSocket, recording.ToFile, "", recording.ToOther}).Draw(t, "to")}
	})
	inodes := rapid.SliceOfN(rapid.Map(small, func(n int) uint64 { return uint64(n) }), 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		var vitals []recording.Vitals
		for i := range rapid.IntRange(1, 30).Draw(t, "records") {
			v := recording.Vitals{TNS: rapid.Int64Range(0, 1e10).Draw(t, "t"), LooksNS: rapid.SliceOfN(rapid.Int64Range(0, 1e10), 0, 4).Draw(t, "looks")}
			for pid := range small.Draw(t, "members") {
				v.Members = append(v.Members, recording.Member{PID: pid, Name: "p", Streams: rapid.SliceOfN(small, 0, 3).Draw(t, "streams"),
					Source: rapid.Bool().Draw(t, "source"), Carrier: rapid.Bool().Draw(t, "carrier"),
					Reads: inodes.Draw(t, "reads"), Writes: inodes.Draw(t, "writes"), Sockets: inodes.Draw(t, "sockets")})
			}
			v.Seen = rapid.SliceOfN(rapid.SliceOfN(activity, 0, 3), 0, 3).Draw(t, "seen")
			for pid := range small.Draw(t, "processes") {
				v.Processes = append(v.Processes, recording.ProcessVitals{PID: pid, Looks: rapid.SliceOfN(rapid.IntRange(-2, 5), 0, 5).Draw(t, "of"),
					CPU: &recording.CPUTimes{RunNS: rapid.Int64().Draw(t, "run"), QueuedNS: rapid.Int64().Draw(t, "queued")}, IO: &recording.IOBytes{Written: rapid.Uint64().Draw(t, "written")},
					MemoryDelays: &recording.MemoryDelays{Threads: rapid.Int().Draw(t, "threads"), SwapInNS: rapid.Int64().Draw(t, "swap"), ReclaimNS: rapid.Int64().Draw(t, "reclaim")}})
			}
			for inode := range small.Draw(t, "sockets") {
				v.Sockets = append(v.Sockets, recording.SocketVitals{Inode: uint64(inode), AckedBytes: rapid.Uint64().Draw(t, "acked"), BusyNS: rapid.Int64().Draw(t, "busy"),
					RwndLimitedNS: rapid.Int64().Draw(t, "rwnd"), QueuedBytes: rapid.SliceOfN(rapid.Int64Range(-1, 9), 0, 4).Draw(t, "queued")})
			}
			if i%2 == 0 {
				v.Host = &recording.HostVitals{CPUBusyNS: rapid.Int64().Draw(t, "cpu")}
			}
			vitals = append(vitals, v)
		}
		in := Facts{Vitals: observed(vitals), Rates: map[int]float64{1: 1, 2: rapid.Float64Range(0, 3).Draw(t, "rate")}}
		for k := range small.Draw(t, "windows") {
			in.Windows = append(in.Windows, Window{Active: rapid.SliceOfNDistinct(small, 0, 3, rapid.ID).Draw(t, "active"), FromNS: int64(k) * 2e9, ToNS: int64(k)*2e9 + 1e9})
		}
		f := Find(in)
		sum := 0.0
		for i, c := range f.Causes {
			sum += c.Share
			if i > 0 && c.Share > f.Causes[i-1].Share {
				t.Fatalf("not ranked: %+v", f.Causes)
			}
			if len(c.For)+len(c.Against) == 0 {
				t.Fatalf("nothing is said of %+v", c)
			}
		}
		if sum > 1.01 {
			t.Fatalf("causes account for %v of the time", sum)
		}
		if f.Kind != Unknown && f.Causes[0].Share < decisive-1e-4 {
			t.Fatalf("%s is named with %v", f.Kind, f.Causes[0].Share)
		}
		for i := range f.Levels {
			if l := &f.Levels[i].Limit; l.Name == "" || l.Kind != Unknown && l.Share < decisive-1e-4 {
				t.Fatalf("with %d running: %+v", f.Levels[i].Active, l)
			}
		}
		if n := len(f.Levels); n > 0 && f.Kind != f.Levels[n-1].Limit.Kind {
			t.Fatalf("%s, and at the highest level %+v", f.Kind, f.Levels[n-1].Limit)
		}
		if diff := cmp.Diff(f, Find(in)); diff != "" {
			t.Fatalf("asked twice:\n%s", diff)
		}
	})
}
