package limiter

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"pausetest/internal/recording"
)

// The method's constants.
const (
	// decisive is the share of the time that a cause must account for to be named.
	decisive = 0.5
	// leastLooks at a level carry a statement.
	leastLooks = 20
	// windowShut is the share of the time with data to send in which the receivers'
	// windows were shut from which on the receivers are said to be what holds it up;
	// likewise for the send buffers. A full network leaves a few hundredths. One socket
	// for itself may have half of it, if all together have it: a receiver that is full
	// also drops segments, and what is sent again is no window's time.
	windowShut = 0.2
	// loses is the throughput of all streams together, over that of one alone, below
	// which a blocking writer is said to cost something.
	loses = 0.9
	// contends is the same over what the streams move one by one, below which they
	// are said to hold one another up at a disk.
	contends = 0.75
	// linkFull is the part of the interface's speed from which on it is said to be
	// full: headers take their part, and so do the counters' ends.
	linkFull = 0.88
	// longWayNS is the least time there and back over which a receiver that takes
	// everything at once can still shut its window, for being small.
	longWayNS = int64(5e6)
	// worthTelling is the least share of a cause that is listed though nobody asked.
	worthTelling = 0.05
)

// conclude turns tallies into a finding, about the highest level that was measured.
func conclude(in *Facts, tallies []*tally) *Finding {
	if len(tallies) == 0 {
		return undecided(cmp.Or(faultOf(in.Vitals), "no segment with vitals was measured"))
	}
	f := &Finding{}
	causes := make([][]share, len(tallies))
	for i, t := range tallies {
		causes[i] = t.causes(in)
		f.Levels = append(f.Levels, t.level(causes[i]))
	}
	last := len(tallies) - 1
	c := &conclusion{in: in, top: tallies[last], causes: causes[last], level: &f.Levels[last]}
	if tallies[0].active == 1 {
		c.alone, c.lone, c.aloneLevel = tallies[0], causes[0], &f.Levels[0]
	}
	f.Missing = c.missing()
	for _, share := range c.causes {
		f.Causes = append(f.Causes, c.cause(share))
	}
	best, limit := c.top.decide(c.causes), &c.level.Limit
	f.Active, f.Kind, f.Device, f.Process = c.level.Active, limit.Kind, limit.Device, limit.Process
	f.Statement, f.Cause = c.statement(best), c.line(best)
	return f
}

// undecided is the finding of a recording that says nothing.
func undecided(why string) *Finding {
	return &Finding{Kind: Unknown, Causes: []Cause{}, Levels: []Level{}, Missing: []string{why},
		Statement: "The recording does not say where the limit is: " + why + ".",
		Cause:     "the recording does not say where the limit is"}
}

// A conclusion is what words need.
type conclusion struct {
	in     *Facts
	top    *tally // with most streams running
	causes []share
	level  *Level
	// The same with one stream running; nil when that was not measured.
	alone      *tally
	lone       []share
	aloneLevel *Level
}

// A share is the part of the streams' time that somebody is blamed for.
type share struct {
	blamed
	share float64
	// who, of those that wait for it, waits most, and one of them; nobody for what
	// is not at a process.
	who  group
	pid  int
	most float64
	// demoted is the part of it that first looked like a blocking writer, for which
	// nothing else speaks.
	demoted float64
}

// causes ranks whom the time is put down to. Every kind that a reader may think of is
// there, if with nothing.
func (t *tally) causes(in *Facts) []share {
	sums := map[blamed]share{}
	add := func(b blamed, who group, pid int, part, demoted float64) {
		s := sums[b]
		s.blamed, s.share, s.demoted = b, s.share+part, s.demoted+demoted
		if part > s.most {
			s.who, s.pid, s.most = who, pid, part
		}
		sums[b] = s
	}
	var nobody group
	for _, b := range t.ordered() {
		part, pid, who := t.shares[b]/float64(max(t.looks, 1)), t.pids[b], group{b.name, b.role}
		switch b.kind {
		case far:
			add(blamed{kind: t.farKind(b.socket)}, nobody, 0, part, 0)
		case BlockingWriter:
			if kind := t.farKind(b.socket); t.costsNothing(in, kind) {
				add(blamed{kind: kind}, nobody, 0, part, part)
			} else {
				b.socket = 0
				add(b, who, pid, part, 0)
			}
		case Computing:
			queued := t.queuedPart(who)
			add(b, who, pid, part*(1-queued), 0)
			add(blamed{kind: HostCPU, name: b.name, role: b.role}, who, pid, part*queued, 0)
		case Disk:
			add(blamed{kind: t.diskKind(in, b.device), device: b.device}, who, pid, part, 0)
		default:
			add(b, who, pid, part, 0)
		}
	}
	asked := []Kind{BlockingWriter, Receivers, Network, Computing, HostCPU, Disk}
	if t.shortOfMemory() {
		asked = append(asked, Memory)
	}
	for _, kind := range asked {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(sums)), func(b blamed) bool { return b.kind == kind || kind == Disk && b.kind == SharedDisk }) {
			add(blamed{kind: kind}, nobody, 0, 0, 0)
		}
	}
	return rank(sums)
}

// ordered are those blamed, in an order that depends on nothing but them.
func (t *tally) ordered() []blamed {
	return slices.SortedFunc(maps.Keys(t.shares), compareBlamed)
}

func compareBlamed(a, b blamed) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name), cmp.Compare(a.role, b.role), cmp.Compare(a.device, b.device), cmp.Compare(a.socket, b.socket))
}

// rank sorts by share and leaves out what is not worth telling, save that each kind
// is there once.
func rank(sums map[blamed]share) []share {
	all := slices.SortedFunc(maps.Values(sums), func(a, b share) int {
		return cmp.Or(cmp.Compare(b.share, a.share), compareBlamed(a.blamed, b.blamed))
	})
	told := map[Kind]bool{}
	return slices.DeleteFunc(all, func(s share) bool {
		drop := s.share < worthTelling && (told[s.kind] || s.kind == Unknown || s.kind == Outside || s.kind == Input)
		told[s.kind] = true
		return drop && len(all) > 1
	})
}

// farKind says what keeps data in a socket: its own clocks tell, or those of all
// sockets where it is not known which one it is.
func (t *tally) farKind(socket uint64) Kind {
	all := &t.sockets
	s := t.socket[socket]
	if s == nil {
		s = all
	}
	most := func(of, ofAll int64) bool {
		own := part(of, s.busyNS)
		return own >= windowShut || own >= windowShut/2 && part(ofAll, all.busyNS) >= windowShut
	}
	switch {
	case most(s.rwndNS, all.rwndNS):
		return Receivers
	case most(s.sndbufNS, all.sndbufNS):
		return SendBuffer
	}
	return Network
}

// costsNothing reports whether the blocking of a writer, at a socket that is held up by
// kind, can't be what holds the streams up: either the receiver took all it was sent at
// once, so that something on the way is full, or the streams are not known to move less
// together than one alone.
func (t *tally) costsNothing(in *Facts, kind Kind) bool {
	return kind != Receivers || !t.movesLess(in)
}

// movesLess reports whether the streams are shown to move less together than one alone.
func (t *tally) movesLess(in *Facts) bool {
	return t.overOne(in) < loses && in.OverOne[t.active].High < 1
}

// overOne is the throughput at this level over that of one stream alone; not a number
// where it was not estimated.
//
// Note: not of the levels' mean rates. Levels between one and all are measured after
// the rest, and what has changed on the host since would be in their ratio.
func (t *tally) overOne(in *Facts) float64 {
	if r, known := in.OverOne[t.active]; known && r.Value > 0 {
		return r.Value
	}
	return math.NaN()
}

// queuedPart is the part of the time in which processes wanted to run that they did
// not get a CPU.
func (t *tally) queuedPart(g group) float64 {
	p := t.processes[g]
	if p == nil || p.runNS+p.queuedNS <= 0 {
		return 0
	}
	return min(1, max(0, part(p.queuedNS, p.runNS+p.queuedNS)))
}

// diskKind says whether a disk is shared: several streams wait for it, and together
// they move less than they would one by one.
func (t *tally) diskKind(in *Facts, device string) Kind {
	if device == "" || len(t.waiters[device]) < 2 {
		return Disk
	}
	if ratio := t.overOne(in); ratio < contends*float64(t.active) {
		return SharedDisk
	}
	return Disk
}

// diskName is the disk's name, or else its number.
func (t *tally) diskName(device string) string {
	if name := t.names[device]; name != "" {
		return name
	}
	return device
}

// level is what was seen, for tables, and the limit by the ranked causes.
func (t *tally) level(causes []share) Level {
	l := Level{Active: t.active, Limit: t.limit(t.decide(causes)), Looks: t.looks, Seconds: rounded(float64(t.countedNS) / 1e9), Processes: []ProcessLevel{}, Disks: []DiskLevel{}}
	groups := slices.SortedFunc(maps.Keys(t.processes), func(a, b group) int {
		return cmp.Or(slices.Index(roles, a.role)-slices.Index(roles, b.role), strings.Compare(a.name, b.name))
	})
	for _, g := range groups {
		if p := t.processes[g].level(g); p.CPU > 0.005 || p.Idle < 1-worthTelling || g.role != Between {
			l.Processes = append(l.Processes, p)
		}
	}
	if s := &t.sockets; s.segments > 0 {
		l.Sockets = &SocketLevel{
			BusySeconds: rounded(float64(s.busyNS) / 1e9), RwndLimited: part(s.rwndNS, s.busyNS), SndbufLimited: part(s.sndbufNS, s.busyNS),
			Retransmitted:  rounded(float64(s.retransmits) / float64(s.segments)),
			BytesPerSecond: perSecond(s.acked, t.countedNS),
		}
	}
	for _, device := range slices.Sorted(maps.Keys(t.disks)) {
		d := t.disks[device]
		l.Disks = append(l.Disks, DiskLevel{Device: device, Name: t.names[device], Busy: min(1, part(d.BusyNS, t.countedNS)), ReadRate: perSecond(d.ReadBytes, t.countedNS)})
	}
	if h := &t.host; h.known {
		l.Host = &HostLevel{CPUBusy: part(h.busyNS, h.busyNS+h.idleNS)}
		l.Host.CPUPressure, l.Host.IOPressure, l.Host.MemoryPressure = h.cpu.share(t.countedNS), h.io.share(t.countedNS), h.memory.share(t.countedNS)
	}
	return l
}

// roles in the order of a path.
var roles = []Role{Source, Between, Shared, Carrier}

func (p *processTally) level(g group) ProcessLevel {
	of := func(n int) float64 { return rounded(float64(n) / float64(max(p.looks, 1))) }
	toRead, onDisk := p.seen[recording.Reading], p.seen[recording.OnDisk]+p.seen[recording.OnNFS]
	told := p.seen[recording.Running] + onDisk + p.seen[recording.Writing] + p.toSocket + toRead
	return ProcessLevel{
		Name: g.name, Role: g.role, Count: len(p.pids),
		CPU: part(p.runNS, p.countedNS), BusiestCPU: part(p.busiestNS, p.countedNS), QueuedCPU: part(p.queuedNS, p.countedNS),
		Runs: of(p.seen[recording.Running]), OnDisk: of(onDisk), ToPipe: of(p.seen[recording.Writing]), ToSocket: of(p.toSocket),
		ToRead: of(toRead), Idle: of(p.looks - told),
		ReadRate: perSecond(p.read, p.countedNS), WrittenRate: perSecond(p.written, p.countedNS), SwitchRate: perSecond(p.switches, p.countedNS),
		MemoryDelay: p.memoryDelay(),
	}
}

// part is a/b; 0 when there is nothing to divide by.
func part(a, b int64) float64 {
	if b <= 0 {
		return 0
	}
	return rounded(float64(a) / float64(b))
}

func perSecond(n uint64, spanNS int64) float64 {
	if spanNS <= 0 {
		return 0
	}
	return math.Round(float64(n) / (float64(spanNS) / 1e9))
}

// rounded leaves four decimals: what the numbers carry, and what machines that fuse
// multiplications agree on.
func rounded(x float64) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0
	}
	return math.Round(x*1e4) / 1e4
}
