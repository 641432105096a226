package limiter

import (
	"fmt"
	"slices"

	"pausetest/internal/recording"
)

// cause says what speaks for a cause and against it.
func (c *conclusion) cause(s share) Cause {
	out := Cause{Kind: s.kind, Process: s.process(), Device: s.device, Share: rounded(s.share), For: []string{}, Against: []string{}}
	if c.alone != nil && c.alone.looks >= leastLooks {
		out.Alone = new(rounded(shareOf(c.lone, s.blamed)))
	}
	add := func(speaksFor bool, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); speaksFor {
			out.For = append(out.For, text)
		} else {
			out.Against = append(out.Against, text)
		}
	}
	switch s.kind {
	case BlockingWriter:
		c.blockingEvidence(s, add)
	case Receivers, SendBuffer, Network:
		c.socketEvidence(s, add)
	case Computing:
		c.computingEvidence(s, add)
	case HostCPU:
		c.hostEvidence(s, add)
	case Disk, SharedDisk, NetworkFS:
		c.diskEvidence(s, add)
	case Memory:
		c.memoryEvidence(s, add)
	default:
		add(s.share >= worthTelling, "%s of the streams' time", percent(s.share))
	}
	if s.share < worthTelling && len(out.For) == 0 && len(out.Against) == 0 {
		add(false, "seen in %s of the streams' time", percent(s.share))
	}
	return out
}

// shareOf is the share of the same cause at another level, where a disk may be shared
// or not.
func shareOf(causes []share, b blamed) float64 {
	sum := 0.0
	for _, s := range causes {
		same := s.kind == b.kind || isDisk(s.kind) && isDisk(b.kind)
		if same && (b.name == "" || s.name == b.name) && (b.device == "" || s.device == b.device) {
			sum += s.share
		}
	}
	return sum
}

func isDisk(k Kind) bool { return k == Disk || k == SharedDisk }

// An adder takes down a sentence for or against.
type adder func(speaksFor bool, format string, args ...any)

func (c *conclusion) blockingEvidence(s share, add adder) {
	writers := c.group(func(p *ProcessLevel) bool { return p.Role == Shared && p.ToSocket > 0 })
	if s.share == 0 && len(writers) == 0 {
		add(false, "no process that several streams flow through was seen waiting to write to a socket")
		return
	}
	for _, p := range writers {
		add(p.ToSocket >= decisive && s.share > 0, "%s waited in a write to a socket at %s of the looks", who(p), percent(p.ToSocket))
	}
	if several := float64(c.top.several) / float64(max(c.top.looks, 1)); several >= worthTelling {
		add(false, "it was in writes to several sockets at once at %s of the looks", percent(several))
	}
	if s.share > 0 {
		add(true, "in %s of the streams' time another of its sockets had room meanwhile, and data waited", percent(s.share))
	}
	c.ratioEvidence(add)
}

// ratioEvidence says what running together costs.
func (c *conclusion) ratioEvidence(add adder) {
	switch ratio := c.top.overOne(c.in); {
	case ratio != ratio:
	case ratio < loses && !c.top.movesLess(c.in):
		add(false, "that %s together move less than one alone is not decided", streams(c.top.active))
	default:
		add(ratio < loses, "%s together move %s of what one moves alone", streams(c.top.active), number(ratio))
	}
}

func (c *conclusion) socketEvidence(s share, add adder) {
	k := &c.top.sockets
	if s.share >= worthTelling {
		add(true, "data waited to leave by a socket in %s of the streams' time", percent(s.share))
	}
	if s.demoted >= worthTelling {
		add(true, "in %s another socket of the same process had room meanwhile, but nothing shows that it cost anything", percent(s.demoted))
	}
	if k.busyNS <= 0 {
		add(false, "the recording does not say how long the sockets had data to send")
		return
	}
	rwnd, sndbuf, again := part(k.rwndNS, k.busyNS), part(k.sndbufNS, k.busyNS), float64(k.retransmits)/float64(max(k.segments, 1))
	switch s.kind {
	case Receivers:
		add(rwnd >= windowShut, "with data to send, the sockets found the receivers' windows shut for %s of the time", percent(rwnd))
		if k.minRTTNS >= longWayNS && s.share >= worthTelling {
			add(false, "the way there and back takes %s ms: a small window alone would do the same", threeDigits(float64(k.minRTTNS)/1e6))
		}
	case SendBuffer:
		add(sndbuf >= windowShut, "with data to send, the sockets' own buffers were too small for %s of the time", percent(sndbuf))
	case Network:
		add(rwnd < windowShut, "the receivers' windows were shut for %s of the time with data to send", percent(rwnd))
		add(again >= 0.01, "%s of the segments were sent again", percent(again))
		if ratio := c.top.overOne(c.in); ratio >= loses && ratio <= 1/loses {
			add(true, "one stream alone moves as much")
		}
		c.linkEvidence(add)
	}
}

func (c *conclusion) linkEvidence(add adder) {
	rate := c.in.Rates[c.top.active]
	switch speed := c.in.LinkBytesPerSecond; {
	case speed <= 0:
		add(false, "the recording does not say how fast the link is")
	case rate > 0:
		add(rate >= linkFull*speed, "%s is %s of the interface's speed", throughput(rate), percent(rate/speed))
	}
}

func (c *conclusion) computingEvidence(s share, add adder) {
	busy := c.group(func(p *ProcessLevel) bool {
		return s.name == p.Name && s.role == p.Role || s.share == 0 && p.BusiestCPU >= decisive
	})
	for _, p := range busy {
		add(p.BusiestCPU >= decisive, "%s: the busiest thread used %s of a CPU", who(p), percent(p.BusiestCPU))
	}
	if len(busy) == 0 {
		if most := c.busiest(); most != nil {
			add(false, "no thread used much: %s used most, %s of a CPU", who(most), percent(most.BusiestCPU))
		}
	}
	if s.share >= worthTelling {
		add(true, "the streams waited for it in %s of their time", percent(s.share))
	}
}

func (c *conclusion) hostEvidence(s share, add adder) {
	if s.share >= worthTelling {
		add(true, "what the streams waited for was ready to run and got no CPU in %s of their time", percent(s.share))
	}
	h := c.level.Host
	if h == nil {
		return
	}
	add(h.CPUBusy >= 0.9, "the host's CPUs were busy for %s of the time", percent(h.CPUBusy))
}

func (c *conclusion) diskEvidence(s share, add adder) {
	for _, p := range c.group(func(p *ProcessLevel) bool { return p.Role == Source }) {
		add(p.OnDisk >= decisive, "%s waited for storage at %s of the looks", who(p), percent(p.OnDisk))
	}
	if s.kind == SharedDisk {
		add(true, "%s were seen waiting for the same disk", streams(len(c.top.waiters[s.device])))
		c.contentionEvidence(add)
	}
	for _, d := range c.level.Disks {
		if d.Device == s.device || s.device == "" {
			add(d.Busy >= decisive, "disk %s was busy for %s of the time and read %s", c.top.diskName(d.Device), percent(d.Busy), throughput(d.ReadRate))
		}
	}
	if h := c.level.Host; h != nil && h.IOPressure != nil {
		add(*h.IOPressure >= decisive, "somebody on the host waited for storage for %s of the time", percent(*h.IOPressure))
	}
}

// memoryEvidence says who stood still for want of memory. Note: who did not says
// nothing against it, for the kernel may not have accounted.
func (c *conclusion) memoryEvidence(s share, add adder) {
	add(s.share >= worthTelling, "%s of the streams' time", percent(s.share))
	for _, p := range c.group(func(p *ProcessLevel) bool { return forLong(p.MemoryDelay) }) {
		add(true, "%s: its threads stood still for want of memory for %s of the time, added up (taskstats)", who(p), percent(*p.MemoryDelay))
	}
}

// contentionEvidence says what the streams cost one another at a disk.
func (c *conclusion) contentionEvidence(add adder) {
	if ratio := c.top.overOne(c.in); ratio == ratio {
		add(ratio < contends*float64(c.top.active), "%s together move %s of what one moves alone", streams(c.top.active), number(ratio))
	}
}

// group are the processes at the highest level that match.
func (c *conclusion) group(match func(*ProcessLevel) bool) []*ProcessLevel {
	var out []*ProcessLevel
	for i := range c.level.Processes {
		if p := &c.level.Processes[i]; match(p) {
			out = append(out, p)
		}
	}
	return out
}

// busiest is the process whose busiest thread used most of a CPU.
func (c *conclusion) busiest() *ProcessLevel {
	var most *ProcessLevel
	for _, p := range c.group(func(*ProcessLevel) bool { return true }) {
		if most == nil || p.BusiestCPU > most.BusiestCPU {
			most = p
		}
	}
	return most
}

// process is who is blamed; nil where it is no process.
func (s *share) process() *Process {
	if s.who.name == "" {
		return nil
	}
	return &Process{PID: s.pid, Name: s.who.name}
}

// missing is what would have been needed and is not there.
func (c *conclusion) missing() []string {
	var out []string
	lacks := func(is bool, what string) {
		if is {
			out = append(out, what)
		}
	}
	t := c.top
	fault := faultOf(c.in.Vitals)
	lacks(fault != "", fault)
	lacks(t.looks < leastLooks, fmt.Sprintf("%d looks were had with %s running; %d are needed", t.looks, streams(t.active), leastLooks))
	lacks(t.active == 1, "it was not measured with more than one stream running")
	lacks(c.alone == nil, "it was not measured with one stream running")
	lacks(t.sockets.segments == 0, "what the sockets waited for was not recorded")
	blind := 0
	for _, p := range t.processes {
		if p.seen[recording.Other] == p.looks {
			blind++
		}
	}
	unseen := float64(t.sourceless) / float64(max(t.looks, 1))
	lacks(unseen >= worthTelling, fmt.Sprintf("not all processes of the streams were observed at %s of the looks", percent(unseen)))
	lacks(blind == len(t.processes), "what the processes waited for could not be read")
	lacks(t.host.known && !t.host.io.known, "the kernel does not count pressure (psi=1 on its command line makes it)")
	return slices.Clip(out)
}
