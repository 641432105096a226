package limiter

import (
	"cmp"
	"maps"
	"slices"

	"pausetest/internal/recording"
)

// A blamed is whom a share of the time is put down to. Sources of one name are
// blamed together.
type blamed struct {
	kind   Kind
	name   string
	role   Role
	device string
	socket uint64 // what a stream's data waits to leave by, where that is known
}

// A tally is what was seen with one number of streams running.
type tally struct {
	active     int
	looks      int
	sourceless int // of them, those at which a running stream's source was not observed
	countedNS  int64
	shares     map[blamed]float64 // of looks and streams
	pids       map[blamed]int     // one that stands for the others
	several    int                // looks at which one process was in writes to several sockets
	processes  map[group]*processTally
	sockets    socketTally                      // of all streams together
	socket     map[uint64]*socketTally          // of each, by inode
	disks      map[string]*recording.DiskVitals // sums of growths, by device
	names      map[string]string                // of disks
	waiters    map[string]map[int]bool          // streams that were seen waiting for a device
	host       hostTally
}

// A group is the processes of one name and role.
type group struct {
	name string
	role Role
}

type processTally struct {
	pids  map[int]bool
	looks int
	// seen is by the first telling activity; writes to sockets are apart.
	seen     map[recording.ActivityKind]int
	toSocket int

	countedNS                  int64 // over which the following grew
	runNS, busiestNS, queuedNS int64
	read, written, switches    uint64
	delayedNS                  int64 // for want of memory
}

type socketTally struct {
	acked, segments, retransmits uint64
	busyNS, rwndNS, sndbufNS     int64
	minRTTNS                     int64 // of the socket for which it is longest
}

type hostTally struct {
	known           bool
	busyNS, idleNS  int64
	cpu, io, memory pressure
}

// A pressure is how long some task stood still for want of something.
type pressure struct {
	known bool
	sumNS int64
}

func (p *pressure) count(from, to *int64) {
	if from != nil && to != nil {
		p.known, p.sumNS = true, p.sumNS+*to-*from
	}
}

// share is the part of the time; nil where the kernel does not count.
func (p *pressure) share(countedNS int64) *float64 {
	if !p.known {
		return nil
	}
	return new(min(1, part(p.sumNS, countedNS)))
}

// tallyAll goes through the vitals and returns a tally for each number of running
// streams that was measured, ascending.
func tallyAll(in *Facts) []*tally {
	windows := byTime(in.Windows)
	tallies := map[int]*tally{}
	carries := in.Vitals.carrying()
	r := newReplay()
	var base *counters // at the last counter reading in the window under way
	at := -1           // that window
	for v := range in.Vitals.Again {
		r.play(v, func(tNS int64, l *look) {
			if w := windowAt(windows, tNS); w >= 0 {
				tallyOf(tallies, len(windows[w].Active)).look(l, windows[w].Active, carries)
			}
		})
		w := windowAt(windows, v.TNS)
		if w < 0 {
			base = nil
			continue
		}
		now := r.counters(v.TNS)
		if base != nil && w == at {
			tallyOf(tallies, len(windows[w].Active)).count(base, now, r.cast, windows[w].Active)
		}
		base, at = now, w
	}
	out := make([]*tally, 0, len(tallies))
	for _, k := range slices.Sorted(maps.Keys(tallies)) {
		out = append(out, tallies[k])
	}
	return out
}

// byTime are the windows in which anything ran; they don't overlap.
func byTime(windows []Window) []Window {
	ran := slices.DeleteFunc(slices.Clone(windows), func(w Window) bool { return len(w.Active) == 0 })
	slices.SortStableFunc(ran, func(a, b Window) int { return cmp.Compare(a.ToNS, b.ToNS) })
	return ran
}

// windowAt is the window at an instant, of those by time; negative for none.
func windowAt(windows []Window, tNS int64) int {
	i, _ := slices.BinarySearchFunc(windows, tNS, func(w Window, tNS int64) int { return cmp.Compare(w.ToNS, tNS) })
	if i == len(windows) || windows[i].FromNS > tNS {
		return -1
	}
	return i
}

func tallyOf(all map[int]*tally, active int) *tally {
	t := all[active]
	if t == nil {
		t = &tally{active: active, shares: map[blamed]float64{}, pids: map[blamed]int{}, processes: map[group]*processTally{},
			disks: map[string]*recording.DiskVitals{}, names: map[string]string{}, waiters: map[string]map[int]bool{}, socket: map[uint64]*socketTally{}}
		all[active] = t
	}
	return t
}

// look puts a look down to whoever held the running streams up.
func (t *tally) look(l *look, active []int, carries map[uint64]bool) {
	t.looks++
	var all []where
	for _, stream := range active {
		all = append(all, l.blame(stream))
	}
	if slices.ContainsFunc(active, func(stream int) bool { return l.sources[stream] == nil }) {
		t.sourceless++
	}
	held := map[int]bool{}
	for _, b := range all {
		if b.kind == far {
			held[b.pid] = l.heldUp(b.pid, all, active, carries)
		}
	}
	for i, b := range all {
		if held[b.pid] && b.kind == far {
			b.kind = BlockingWriter
		}
		who := blamed{kind: b.kind, device: b.device, socket: b.socket}
		if p := l.byPID[b.pid]; p != nil && b.kind != far {
			who.name, who.role = p.Name, roleOf(p)
		}
		t.shares[who] += 1 / float64(len(active))
		t.pids[who] = b.pid
		if b.kind == Disk {
			if t.waiters[b.device] == nil {
				t.waiters[b.device] = map[int]bool{}
			}
			t.waiters[b.device][active[i]] = true
		}
	}
	if slices.ContainsFunc(all, func(b where) bool { p := l.byPID[b.pid]; return b.kind == far && p != nil && len(l.writesTo(p)) > 1 }) {
		t.several++
	}
	for pid, p := range l.byPID {
		if runs(p, active) {
			t.process(p).look(l.doing[pid])
		}
	}
}

// runs reports whether a process has a running stream; the others are paused.
func runs(p *recording.Member, active []int) bool {
	return slices.ContainsFunc(p.Streams, func(stream int) bool { return slices.Contains(active, stream) })
}

func roleOf(p *recording.Member) Role {
	switch {
	case p.Source:
		return Source
	case len(p.Streams) > 1:
		return Shared
	case p.Carrier:
		return Carrier
	}
	return Between
}

func (t *tally) process(p *recording.Member) *processTally {
	g := group{p.Name, roleOf(p)}
	pt := t.processes[g]
	if pt == nil {
		pt = &processTally{pids: map[int]bool{}, seen: map[recording.ActivityKind]int{}}
		t.processes[g] = pt
	}
	pt.pids[p.PID] = true
	return pt
}

func (p *processTally) look(doing []recording.Activity) {
	if len(doing) == 0 {
		return
	}
	p.looks++
	for _, kind := range order {
		if i := slices.IndexFunc(doing, func(a recording.Activity) bool { return a.Kind == kind }); i >= 0 {
			if kind == recording.Writing && doing[i].To == recording.ToSocket {
				p.toSocket++
				return
			}
			p.seen[kind]++
			return
		}
	}
	p.seen[recording.Other]++
}

// counters are all counters at an instant.
type counters struct {
	tNS       int64
	processes map[int]recording.ProcessVitals
	sockets   map[uint64]recording.SocketVitals
	disks     map[string]recording.DiskVitals
	host      *recording.HostVitals
}

func (r *replay) counters(tNS int64) *counters {
	return &counters{tNS, maps.Clone(r.processes), maps.Clone(r.sockets), maps.Clone(r.disks), r.host}
}

// count adds what counters grew by.
func (t *tally) count(from, to *counters, c *cast, active []int) {
	spanNS := to.tNS - from.tNS
	t.countedNS += spanNS
	for pid, now := range to.processes {
		p := c.byPID[pid]
		before, known := from.processes[pid]
		if p != nil && known && runs(p, active) {
			t.process(p).count(&before, &now, spanNS)
		}
	}
	for inode, now := range to.sockets {
		if before, known := from.sockets[inode]; known {
			if t.socket[inode] == nil {
				t.socket[inode] = &socketTally{}
			}
			t.sockets.count(&before, &now)
			t.socket[inode].count(&before, &now)
		}
	}
	for device, now := range to.disks {
		before, known := from.disks[device]
		if !known || now.ReadBytes < before.ReadBytes || now.BusyNS < before.BusyNS {
			continue
		}
		if t.disks[device] == nil {
			t.disks[device] = &recording.DiskVitals{}
		}
		t.disks[device].ReadBytes += now.ReadBytes - before.ReadBytes
		t.disks[device].BusyNS += now.BusyNS - before.BusyNS
		t.names[device] = now.Name
	}
	t.host.count(from.host, to.host)
}

func (p *processTally) count(before, now *recording.ProcessVitals, spanNS int64) {
	if before.CPU == nil || now.CPU == nil || now.CPU.RunNS < before.CPU.RunNS {
		return
	}
	p.countedNS += spanNS
	p.runNS += now.CPU.RunNS - before.CPU.RunNS
	p.busiestNS += now.CPU.BusiestNS - before.CPU.BusiestNS
	p.queuedNS += now.CPU.QueuedNS - before.CPU.QueuedNS
	if before.IO != nil && now.IO != nil {
		p.read += growth(before.IO.Read, now.IO.Read)
		p.written += growth(before.IO.Written, now.IO.Written)
	}
	if before.VoluntarySwitches != nil && now.VoluntarySwitches != nil {
		p.switches += growth(*before.VoluntarySwitches, *now.VoluntarySwitches)
	}
	if before.MemoryDelays != nil && now.MemoryDelays != nil {
		p.delayedNS += delayed(before.MemoryDelays, now.MemoryDelays, spanNS)
	}
}

func (s *socketTally) count(before, now *recording.SocketVitals) {
	if now.BusyNS < before.BusyNS { // another socket has the inode
		return
	}
	s.acked += growth(before.AckedBytes, now.AckedBytes)
	s.segments += growth(before.SentSegments, now.SentSegments)
	s.retransmits += growth(before.Retransmits, now.Retransmits)
	s.busyNS += now.BusyNS - before.BusyNS
	s.minRTTNS = max(s.minRTTNS, now.MinRTTNS)
	s.rwndNS += max(0, now.RwndLimitedNS-before.RwndLimitedNS)
	s.sndbufNS += max(0, now.SndbufLimitedNS-before.SndbufLimitedNS)
}

func (h *hostTally) count(before, now *recording.HostVitals) {
	if before == nil || now == nil {
		return
	}
	h.known = true
	h.busyNS += now.CPUBusyNS - before.CPUBusyNS
	h.idleNS += now.CPUIdleNS - before.CPUIdleNS
	h.cpu.count(before.CPUPressureNS, now.CPUPressureNS)
	h.io.count(before.IOPressureNS, now.IOPressureNS)
	h.memory.count(before.MemoryPressureNS, now.MemoryPressureNS)
}

// growth is how much a counter grew; nothing when it went backwards.
func growth(before, now uint64) uint64 {
	if now < before {
		return 0
	}
	return now - before
}
