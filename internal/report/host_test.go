package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
)

// A host says how a recording of these tests came to be: a truth, and what is
// strange about it. Its zero values are a plain host.
type host struct {
	streams   int
	ratio     float64 // T(N)/T(1)
	noise     float64 // relative, of each segment
	blocks    int
	label     string // of every stream, with %d
	between   bool
	placebo   int
	cut       bool // the recording ends in the middle
	simulated bool
	moves     bool // one stream ends, another one appears
	uncounted bool // the streams have no counters of their own
	note      string
	labels    map[string]string
	iface     string
	name      string
	pairs     int // rounds of every two streams and each alone
	seed      uint64
	program   string // the name of the processes on the paths; none for a recording without vitals
}

const hostileLabel = "<script>alert(%d)</script>\x1b[31m|`rm -rf /`|\n\xff\u202e\"'&amp; *bold* [x](javascript:1)"

// hosts are the studies every medium is tried on.
func hosts() map[string]host {
	long := "fileserver-03.backup.example.org:/export/home/department%02d/projects level 1"
	return map[string]host{
		"collapse-3":     {program: "amandad", streams: 3, ratio: 0.31, blocks: 12, between: true, placebo: 6, note: "before switching to bsdtcp", labels: map[string]string{"site": "east", "ticket": "4711"}},
		"saturated-2":    {streams: 2, ratio: 1.0, blocks: 8},
		"scaling-8":      {streams: 8, ratio: 2.2, blocks: 16, between: true, label: long},
		"no-collapse-16": {streams: 16, ratio: 1.27, noise: 0.12, blocks: 10, label: long},
		"inconclusive-3": {streams: 3, ratio: 0.85, noise: 0.35, blocks: 6, uncounted: true},
		"interrupted-3":  {streams: 3, ratio: 0.31, blocks: 12, cut: true},
		"simulated-3":    {streams: 3, ratio: 1.9, blocks: 9, simulated: true},
		"pairs-6":        {streams: 6, ratio: 3.5, blocks: 12, pairs: 4, label: long},
		"moves-4":        {program: "tar", streams: 4, ratio: 0.5, blocks: 12, moves: true},
		"hostile-3": {program: "<b>tar\x1b[31m|`*\n\xff", streams: 3, ratio: 0.31, blocks: 12, label: hostileLabel, note: "</title><img src=x onerror=alert(1)>\n# heading",
			labels: map[string]string{"a<b>": "${jndi}|\x00"}, iface: "eth0<b>", name: "fs3\n\x1b]0;evil\a"},
	}
}

func (h host) study(t testing.TB) *analysis.Study {
	t.Helper()
	s, err := analysis.Analyze(h.records())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// records is the host's recording.
func (h host) records() recording.Sequence {
	p := &player{host: h, rng: rand.New(rand.NewPCG(h.seed, 11)), own: map[int]float64{}}
	p.play()
	return func(yield func(recording.Record, error) bool) {
		for _, r := range p.out {
			if !yield(r, nil) {
				return
			}
		}
	}
}

type player struct {
	host
	rng    *rand.Rand
	out    []recording.Record
	nowNS  int64
	live   []int
	active []int
	sum    float64
	own    map[int]float64
	number int
	block  int
	factor float64
}

const second = int64(time.Second)

func (p *player) header() *recording.Header {
	h := &recording.Header{
		Format: recording.Format, Tool: "0.1.0", Started: time.Date(2026, 11, 22, 3, 15, 0, 0, time.UTC),
		Host: recording.Host{Name: "fs3.example.org", OS: "Debian GNU/Linux 12", Kernel: "6.1.0-41-amd64", BootID: "5e2a3c1e-7a52-4c1e-9f0e-0a1b2c3d4e5f", CPUs: 8},
		Argv: []string{"pausetest", "run", "--label", "site=east", "--note", "before switching to bsdtcp", "--between"},
		Note: p.note, Labels: p.labels, Seed: 7342981023 + p.seed, Simulated: p.simulated,
		Interface: recording.Interface{Name: "eth0", Index: 2, SpeedBitsPerSecond: 1e9, ChosenBy: "route"},
		Direction: recording.Transmit, SampleNS: second / 10,
		Plan:        recording.Plan{Design: recording.Fixed, Goal: recording.GoalClass, Confidence: 0.95, MaxBlocks: p.blocks, Between: p.between, Placebo: p.placebo, PairRounds: p.pairs, UnattributedShare: -1, Schedule: "settle: auto\nrepeat: until-decided\nsegments:\n  - active: all\n  - active: 1\n"},
		Limits:      recording.Limits{MaxPauseNS: 30 * second, MaxPausedTotalNS: 600 * second, BudgetNS: 3600 * second, MinRunNS: second},
		Attribution: recording.Attribution{Sockets: !p.uncounted, IO: !p.uncounted},
		Refused:     []recording.Refusal{{Label: "rsync /srv", PID: 881, Rule: "too-young", Reason: "it has moved no byte yet", Hint: "wait until it does"}, {Label: "tank/vm", PID: 912, Rule: "zfs-send", Reason: "zfs send aborts when it is stopped", Hint: "pause the mbuffer behind it"}},
	}
	if p.iface != "" {
		h.Interface.Name = p.iface
	}
	if p.name != "" {
		h.Host.Name = p.name
	}
	for id := 1; id <= p.streams; id++ {
		h.Streams = append(h.Streams, p.stream(id))
	}
	ids := make([]int, p.streams)
	for i := range ids {
		ids[i] = i + 1
	}
	h.Shared = []recording.SharedProcess{{Process: recording.Process{PID: 801, StartTicks: 55, Name: "amandad", Command: "/usr/lib/amanda/amandad -auth=bsd amdump amindexd amidxtaped"}, Streams: ids}}
	return h
}

func (p *player) stream(id int) recording.Stream {
	label := p.label
	if label == "" {
		label = "fs3:/export/home%d level 0"
	}
	label = fmt.Sprintf(label, id)
	source := recording.Process{PID: 4000 + 10*id, StartTicks: uint64(9000 + id), Name: "tar", Command: "/bin/tar --create --file - --directory " + label}
	gzip := recording.Process{PID: 4001 + 10*id, StartTicks: uint64(9001 + id), Name: "gzip", Command: "/bin/gzip --fast"}
	return recording.Stream{ID: id, Label: label, Rule: "amanda", Source: source, Targets: []recording.Process{source}, Processes: []recording.Process{source, gzip}, SharedPID: 801, AgeNS: 300 * second}
}

// flow has all streams read one disk and go through one amandad.
func (p *player) flow() *recording.Flow {
	iface := p.iface
	if iface == "" {
		iface = "eth0"
	}
	f := &recording.Flow{Unread: []string{"listing unix sockets: this kernel can't"}, Nodes: []recording.FlowNode{
		{ID: 1, Kind: recording.FlowDisk, Name: "sda", Streams: p.live},
		{ID: 2, Kind: recording.FlowProcess, Name: "amandad", PID: 801, Streams: p.live},
		{ID: 3, Kind: recording.FlowInterface, Name: iface, Streams: p.live},
	}}
	for _, id := range p.live {
		s := p.stream(id)
		f.Streams = append(f.Streams, recording.FlowStream{ID: id, Label: s.Label})
		source := recording.FlowNode{ID: 3 + id, Kind: recording.FlowProcess, Name: s.Source.Name, PID: s.Source.PID, Streams: []int{id}}
		f.Nodes = append(f.Nodes, source)
		f.Edges = append(f.Edges,
			recording.FlowEdge{From: 1, To: source.ID, Via: recording.ViaFiles, Name: s.Label, Detail: "ext4 on sda1", Streams: []int{id}},
			recording.FlowEdge{From: source.ID, To: 2, Via: recording.ViaPipe, Inode: uint64(id), Streams: []int{id}},
			recording.FlowEdge{From: 2, To: 3, Via: recording.ViaTCP, Name: fmt.Sprintf("192.0.2.1:%d > 192.0.2.2:50000", 10000+id), SentBytes: 1 << 30, Streams: p.live})
	}
	return f
}

func (p *player) write(e recording.Event) {
	e.TNS = p.nowNS
	p.out = append(p.out, recording.Record{Event: &e})
}

func (p *player) play() {
	p.out = append(p.out, recording.Record{Header: p.header()})
	for id := 1; id <= p.streams; id++ {
		p.live = append(p.live, id)
	}
	p.active = slices.Clone(p.live)
	p.write(recording.Event{Kind: recording.FlowSeen, Flow: p.flow()})
	p.segment(recording.Segment{Phase: recording.PhaseBaseline, Active: p.live, MeasureNS: 5 * second}, 0)
	p.write(recording.Event{Kind: recording.Retimed, SettleNS: 3 * second / 2, MeasureNS: 3 * second / 2})
	for b := range p.blocks {
		if p.moves && b == 4 {
			p.live = p.live[1:]
			p.active = slices.Clone(p.live)
			p.write(recording.Event{Kind: recording.StreamEnded, Stream: 1})
		}
		if p.moves && b == 8 {
			p.live = append(p.live, p.streams+1)
			p.active = slices.Clone(p.live)
			p.write(recording.Event{Kind: recording.StreamAppeared, Stream: p.streams + 1, Appeared: new(p.stream(p.streams + 1))})
		}
		p.pair(recording.PhaseMain, []int{p.live[b%len(p.live)]}, false)
		if p.cut && b == 7 {
			return
		}
	}
	p.write(recording.Event{Kind: recording.Decided, Detail: "all blocks of the fixed design are done"})
	for k := 2; p.between && k < p.streams; k++ {
		for range 6 {
			p.pair(recording.PhaseBetween, p.live[:k], false)
		}
	}
	for range p.pairs {
		for a := 1; a <= p.streams; a++ {
			p.pair(recording.PhasePairs, []int{a}, false)
			for b := 1; b < a; b++ {
				p.pair(recording.PhasePairs, []int{b, a}, false)
			}
		}
	}
	for range p.placebo {
		p.pair(recording.PhasePlacebo, p.live, true)
	}
	p.segment(recording.Segment{Phase: recording.PhaseGap, Active: p.live, MeasureNS: 2 * second}, 0)
	p.write(recording.Event{Kind: recording.RunEnd, Detail: "done"})
}

func (p *player) pair(phase recording.Phase, some []int, placebo bool) {
	p.segment(recording.Segment{Phase: recording.PhaseGap, Active: p.live, MeasureNS: second}, 0)
	p.block++
	a := recording.Segment{Phase: phase, Block: p.block, Active: p.live, SettleNS: 3 * second / 2, MeasureNS: 3 * second / 2}
	b := a
	b.Active, b.Placebo = some, placebo
	if len(some) == 1 {
		a.Lead, b.Lead = some[0], some[0]
	} else if placebo {
		b.Lead = 1
	}
	if p.rng.IntN(2) == 0 {
		a, b = b, a
	}
	noise := max(p.noise, 0.03)
	p.segment(a, noise)
	p.segment(b, noise)
}

func (p *player) segment(s recording.Segment, noise float64) {
	p.number++
	s.Number = p.number
	s.Active = slices.Clone(s.Active)
	for _, id := range p.live {
		if !slices.Contains(s.Active, id) {
			p.write(recording.Event{Kind: recording.Pausing, Stream: id})
			p.write(recording.Event{Kind: recording.Paused, Stream: id})
		}
	}
	p.active = s.Active
	p.factor = math.Exp(noise * p.rng.NormFloat64())
	p.write(recording.Event{Kind: recording.SegmentBegin, Segment: &s})
	for end := p.nowNS + s.SettleNS + s.MeasureNS; p.nowNS < end; {
		p.nowNS += second / 10
		p.move()
	}
	p.write(recording.Event{Kind: recording.SegmentEnd, Number: s.Number})
	for _, id := range p.live {
		if !slices.Contains(s.Active, id) {
			p.write(recording.Event{Kind: recording.Resumed, Stream: id})
		}
	}
}

// move moves a tenth of a second's bytes and samples the counters.
func (p *player) move() {
	const alone = 26e6
	share := 0.0
	if p.streams > 1 {
		share = float64(len(p.active)-1) / float64(p.streams-1)
	}
	total := alone * math.Pow(p.ratio, share) * p.factor / 10
	s := recording.Sample{TNS: p.nowNS, AttributedTNS: p.nowNS + 1000}
	for _, id := range p.active {
		p.own[id] += total / float64(len(p.active))
	}
	p.sum += total
	if p.number%7 == 3 {
		s.LateNS = 61e6
	}
	s.Interface = &recording.InterfaceCounters{RxBytes: uint64(p.sum / 40), TxBytes: uint64(p.sum*1.04) + uint64(p.nowNS/1000)}
	if !p.uncounted {
		s.SocketBytes = new(uint64(p.sum))
		for _, id := range p.live {
			s.Streams = append(s.Streams, recording.StreamCounters{ID: id, IOBytes: new(uint64(p.own[id] * 1.01)), SocketBytes: new(uint64(p.own[id]))})
		}
	}
	p.out = append(p.out, recording.Record{Sample: &s})
	if p.program != "" {
		p.observe()
	}
}

// observe records that every running source waits to hand its data to a relay, and
// that the relay waits in a write to one of its sockets.
func (p *player) observe() {
	const relay, pipes, sockets = 4000, 100, 200
	v := recording.Vitals{TNS: p.nowNS, LooksNS: []int64{p.nowNS}, Disks: []recording.DiskVitals{{Device: "8:0", Name: "tank-disk"}},
		Host: &recording.HostVitals{CPUBusyNS: p.nowNS / 9, CPUIdleNS: p.nowNS, IOPressureNS: new(p.nowNS / 50)}}
	carrier := recording.Member{PID: relay, StartTicks: 9, Name: p.program, Streams: slices.Clone(p.live), Carrier: true}
	sees := func(pid int, a recording.Activity) {
		v.Processes = append(v.Processes, recording.ProcessVitals{PID: pid, Looks: []int{len(v.Seen)},
			CPU: &recording.CPUTimes{RunNS: p.nowNS / 20, BusiestNS: p.nowNS / 20}, IO: &recording.IOBytes{Written: uint64(p.own[pid-relay])}, VoluntarySwitches: new(uint64(p.nowNS)),
			MemoryDelays: &recording.MemoryDelays{Threads: 1, ReclaimNS: 5}})
		v.Seen = append(v.Seen, []recording.Activity{a})
	}
	for i, id := range p.live {
		carrier.Reads, carrier.Sockets = append(carrier.Reads, uint64(pipes+id)), append(carrier.Sockets, uint64(sockets+id))
		v.Members = append(v.Members, recording.Member{PID: relay + id, StartTicks: 9, Name: p.program, Streams: []int{id}, Source: true, Writes: []uint64{uint64(pipes + id)}})
		sees(relay+id, recording.Activity{Kind: recording.Writing, FD: new(1), To: recording.ToPipe, Inode: uint64(pipes + id), WaitChannel: "tank_write"})
		queued := int64(0)
		if i == 0 {
			queued = 65536
		}
		v.Sockets = append(v.Sockets, recording.SocketVitals{Inode: uint64(sockets + id), AckedBytes: uint64(p.own[id]), BusyNS: p.nowNS, RwndLimitedNS: p.nowNS / 2,
			SentSegments: uint64(p.nowNS / 1000), QueuedBytes: []int64{queued}})
	}
	v.Members = append(v.Members, carrier)
	sees(relay, recording.Activity{Kind: recording.Writing, FD: new(7), To: recording.ToSocket, Inode: uint64(sockets + p.live[0])})
	p.out = append(p.out, recording.Record{Vitals: &v})
}
