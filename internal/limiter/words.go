package limiter

import (
	"fmt"
	"strconv"
	"strings"
)

// statement says where the limit is, and on what evidence.
func (c *conclusion) statement(s share) string {
	running := "With " + streams(c.top.active) + " running"
	var parts []string
	say := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	subject, disk := s.subject(), c.top.disk(s.device)
	switch s.kind {
	case BlockingWriter:
		// Not how many: it need not carry all that run.
		say("The limit is %s, a single blocking writer: it carries several streams and writes to one socket at a time.", subject)
		for _, p := range c.group(func(p *ProcessLevel) bool { return p.Name == s.name && p.Role == s.role }) {
			say("%s it used %s of a CPU and stood in a write to a socket at %s of the looks; for %s of the streams' time another socket had room while data waited.",
				running, percent(p.BusiestCPU), percent(p.ToSocket), percent(s.share))
		}
		say("The receivers stall (windows shut for %s of the time with data to send), and each stall holds up all that it carries.", percent(part(c.top.sockets.rwndNS, c.top.sockets.busyNS)))
	case Computing:
		say("The limit is the CPU time of %s.", subject)
		for _, p := range c.group(func(p *ProcessLevel) bool { return p.Name == s.name && p.Role == s.role }) {
			say("%s its busiest thread used %s of a CPU, and the streams waited for it in %s of their time.", running, percent(p.BusiestCPU), percent(s.share))
		}
	case HostCPU:
		say("The limit is this host's CPUs: %s gets too little of them.", subject)
		say("%s, it was ready to run and got no CPU in %s of the streams' time.", running, percent(s.share))
	case Receivers:
		say("The limit is the receivers: they don't take the data faster.")
		say("%s, data waited to leave in %s of the streams' time, and with data to send the receivers' windows were shut for %s of the time.",
			running, percent(s.share), percent(part(c.top.sockets.rwndNS, c.top.sockets.busyNS)))
	case SendBuffer:
		say("The limit is the sockets' send buffers: they are too small for the way.")
		say("%s, data waited to leave in %s of the streams' time.", running, percent(s.share))
	case Network:
		say("The limit is the network between here and the receivers.")
		say("%s, data waited to leave in %s of the streams' time, while the receivers' windows were open.", running, percent(s.share))
	case Disk:
		say("The limit is %s: %s wait%s for it, each stream for itself.", disk, subject, singular(s.who.role != Source))
		say("%s the streams waited for storage in %s of their time.", running, percent(s.share))
	case SharedDisk:
		say("The limit is %s, which %s share: %s wait%s for it.", disk, streams(len(c.top.waiters[s.device])), subject, singular(s.who.role != Source))
		say("%s the streams waited for storage in %s of their time.", running, percent(s.share))
	case NetworkFS:
		say("The limit is a network file system that the sources read, in %s of the streams' time.", percent(s.share))
	case Memory:
		say("The limit is this host's memory: %s waited for some in %s of the streams' time.", subject, percent(s.share))
	case Input:
		say("The limit is what feeds %s: it waited for input in %s of the streams' time.", subject, percent(s.share))
	case Outside:
		say("The limit is outside: %s waited to write a pipe that none of the streams' processes reads, in %s of their time.", subject, percent(s.share))
	default:
		say("The recording does not say where the limit is%s.", c.nearest())
	}
	if s.kind == Receivers || s.kind == SendBuffer || s.kind == Network {
		for _, p := range c.group(func(p *ProcessLevel) bool { return p.ToSocket >= worthTelling }) {
			say("%s waited in a write to a socket at %s of the looks.", whoBegins(p), percent(p.ToSocket))
		}
	}
	if s.kind != Unknown {
		parts = append(parts, c.sources(s)...)
	}
	return strings.Join(parts, " ")
}

// nearest says what came nearest to a limit.
func (c *conclusion) nearest() string {
	if c.top.looks < leastLooks {
		return fmt.Sprintf(": %d looks are too few", c.top.looks)
	}
	var most []string
	for _, s := range c.causes {
		if s.kind != Unknown && s.share >= worthTelling && len(most) < 3 {
			most = append(most, c.top.name(s)+" "+percent(s.share))
		}
	}
	if len(most) == 0 {
		return ""
	}
	return ": no single cause accounts for half of the streams' time (" + strings.Join(most, "; ") + ")"
}

// sources says what the sources did, and so whether they are the limit.
func (c *conclusion) sources(s share) []string {
	var out []string
	for _, p := range c.group(func(p *ProcessLevel) bool { return p.Role == Source }) {
		text := whoBegins(p)
		if rates := c.sourceRates(p); rates != "" {
			text += " moved " + rates + " and"
		}
		text += fmt.Sprintf(" waited to hand its data on at %s of the looks", percent(p.ToPipe+p.ToSocket))
		if p.ToPipe+p.ToSocket >= decisive && s.role != Source {
			text += ": the sources are not the limit"
		}
		out = append(out, text+".")
	}
	return out
}

// sourceRates is what a source moved alone and together.
func (c *conclusion) sourceRates(together *ProcessLevel) string {
	if c.alone == nil || c.alone == c.top {
		return ""
	}
	for _, p := range c.aloneLevel.Processes {
		if p.Name == together.Name && p.Role == together.Role {
			return throughput(p.WrittenRate) + " alone, " + throughput(together.WrittenRate) + " with " + streams(c.top.active) + " running,"
		}
	}
	return ""
}

// line is the cause in one line.
func (c *conclusion) line(s share) string {
	subject, disk := s.subject(), c.top.disk(s.device)
	switch s.kind {
	case BlockingWriter:
		return subject + " waits in a write to one socket while data for others waits (single blocking writer)"
	case Computing:
		return subject + " use" + singular(s.who.role != Source) + " a CPU up"
	case HostCPU:
		return subject + " get" + singular(s.who.role != Source) + " too little of this host's CPUs"
	case Receivers:
		return "the receivers don't take the data faster"
	case SendBuffer:
		return "the sockets' send buffers are too small"
	case Network:
		return "the network to the receivers is the limit"
	case Disk:
		return subject + " wait" + singular(s.who.role != Source) + " for " + disk
	case SharedDisk:
		return subject + " wait" + singular(s.who.role != Source) + " for " + disk + ", which several streams share"
	case NetworkFS:
		return "the sources wait for a network file system"
	case Memory:
		return subject + " wait" + singular(s.who.role != Source) + " for memory"
	case Input:
		return subject + " wait" + singular(s.who.role != Source) + " for input"
	case Outside:
		return "what reads the streams' pipes is the limit"
	}
	return "the recording does not say where the limit is"
}

func singular(one bool) string {
	if one {
		return "s"
	}
	return ""
}

// who names the processes of a row.
func who(p *ProcessLevel) string {
	if p.Count == 1 {
		return p.Name
	}
	return "each " + p.Name
}

// whoBegins is the same where a sentence begins; a name stays as it is.
func whoBegins(p *ProcessLevel) string {
	if p.Count == 1 {
		return p.Name
	}
	return "Each " + p.Name
}

func streams(n int) string {
	if n == 1 {
		return "1 stream"
	}
	return strconv.Itoa(n) + " streams"
}

func percent(share float64) string {
	if share > 0 && share < 0.005 {
		return "under 1 %"
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

func number(x float64) string {
	if x > 0 && x < 0.005 {
		return "under 0.01"
	}
	return strconv.FormatFloat(x, 'f', 2, 64)
}

// threeDigits writes a number with three of them, or with all that stand before the
// point; never with a power of ten.
func threeDigits(x float64) string {
	if x >= 999.5 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	if x < 0.0001 {
		return "0"
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

// throughput is a rate in a sentence. Note: tables of a report choose their own
// units; a sentence that is stored has to choose here.
func throughput(bytesPerSecond float64) string {
	return threeDigits(bytesPerSecond/1e6) + " MB/s"
}
