package limiter

import (
	"slices"

	"pausetest/internal/recording"
)

// A where is what holds a stream up at a look.
type where struct {
	kind   Kind // far is Network until the sockets' counters are asked
	pid    int
	device string
	// socket is the only one that the process waits to write to; 0 for none or several.
	socket uint64
}

// far is a stream whose data waits to leave by a socket. Whether the receivers, the
// network or a send buffer is to blame is told by counters, not by looks.
const far = Network

// maxHops bounds the way along a path, whatever the descriptors say.
const maxHops = 32

// A direction is how the blame came to a process.
type direction int

const (
	atSource   direction = iota
	downstream           // somebody waits to write to it
	upstream             // somebody waits to read from it
)

// A walk follows one stream at one look.
type walk struct {
	*look
	stream int
	hops   int
	been   []int
}

// blame says what holds a running stream up.
func (l *look) blame(stream int) where {
	source := l.sources[stream]
	if source == nil {
		return where{kind: Unknown}
	}
	w := walk{look: l, stream: stream}
	return w.at(source, atSource)
}

// order is the one in which a process's activities are tried: of several threads the
// one that waits to write tells most. One that runs may only be tidying up.
var order = []recording.ActivityKind{
	recording.Writing, recording.OnDisk, recording.OnNFS, recording.OnRAM, recording.Running, recording.Reading,
}

func (w *walk) at(p *recording.Member, came direction) where {
	if w.hops++; w.hops > maxHops || slices.Contains(w.been, p.PID) {
		return where{kind: Unknown}
	}
	w.been = append(w.been, p.PID)
	doing := w.doing[p.PID]
	for _, kind := range order {
		for _, a := range doing {
			if a.Kind != kind {
				continue
			}
			if found := w.follow(p, a, came); found.kind != Unknown {
				return found
			}
		}
	}
	if came == upstream || slices.ContainsFunc(doing, func(a recording.Activity) bool { return tells(a, came) }) {
		return where{kind: Unknown}
	}
	return w.idle(p)
}

// tells reports whether an activity says what a process does with its work. One that
// somebody waits to write to has work: a thread of it that reads reads something else.
func tells(a recording.Activity, came direction) bool {
	return slices.Contains(order, a.Kind) && (a.Kind != recording.Reading || came != downstream)
}

// follow takes the step that an activity asks for.
func (w *walk) follow(p *recording.Member, a recording.Activity, came direction) where {
	switch a.Kind {
	case recording.Running:
		return where{kind: Computing, pid: p.PID}
	case recording.OnDisk:
		return where{kind: Disk, pid: p.PID, device: a.Device}
	case recording.OnNFS:
		return where{kind: NetworkFS, pid: p.PID}
	case recording.OnRAM:
		return where{kind: Memory, pid: p.PID}
	case recording.Writing:
		return w.write(p, a)
	case recording.Reading:
		if came != downstream { // else it has input, and this is something else
			return w.read(p, a)
		}
	}
	return where{kind: Unknown}
}

// write follows a write that waits to whoever has to read.
func (w *walk) write(p *recording.Member, a recording.Activity) where {
	switch {
	case a.To == recording.ToFile:
		return where{kind: Disk, pid: p.PID, device: a.Device}
	case a.To == recording.ToSocket && (p.Carrier || w.isTCP(a.Inode)):
		if len(w.writesTo(p)) > 1 { // which of them carries this stream is not known
			return where{kind: far, pid: p.PID}
		}
		return where{kind: far, pid: p.PID, socket: a.Inode}
	case a.To == recording.ToPipe:
		readers := others(w.readers[a.Inode], p)
		if len(readers) == 0 {
			return where{kind: Outside, pid: p.PID}
		}
		return w.first(readers, downstream)
	}
	// Another kind of socket: a pair that leads to a relay, as a rule.
	return w.first(others(w.carry[w.stream], p), downstream)
}

// read follows a read that waits to whoever has to write.
func (w *walk) read(p *recording.Member, a recording.Activity) where {
	switch a.To {
	case recording.ToFile:
		return where{kind: Disk, pid: p.PID, device: a.Device}
	case recording.ToPipe:
		writers := others(w.writers[a.Inode], p)
		if len(writers) == 0 {
			return where{kind: Input, pid: p.PID}
		}
		return w.first(writers, upstream)
	case recording.ToSocket:
		return where{kind: Input, pid: p.PID}
	}
	return where{kind: Unknown}
}

// idle judges a process that has work to hand on, or should have, and does nothing
// that tells: it waits for several descriptors at once, or for memory that it shares
// with another process. Then what carries the stream away decides.
func (w *walk) idle(p *recording.Member) where {
	if p.Carrier && w.waits(p) {
		return where{kind: far, pid: p.PID}
	}
	return w.first(others(w.carry[w.stream], p), downstream)
}

// waits reports whether data waits in a socket of a process.
func (w *walk) waits(p *recording.Member) bool {
	return slices.ContainsFunc(p.Sockets, func(inode uint64) bool { return w.queued[inode] > 0 })
}

func (w *walk) isTCP(inode uint64) bool {
	_, known := w.queued[inode]
	return known
}

// first asks several processes and takes the first that knows an answer.
func (w *walk) first(candidates []*recording.Member, came direction) where {
	for _, p := range candidates {
		if found := w.at(p, came); found.kind != Unknown {
			return found
		}
	}
	return where{kind: Unknown}
}

func others(members []*recording.Member, p *recording.Member) []*recording.Member {
	return slices.DeleteFunc(slices.Clone(members), func(m *recording.Member) bool { return m.PID == p.PID })
}

// heldUp reports whether a process that carries several of the blamed streams stands
// in one write while another stream's data could go: it is in a write to a single
// socket, and another of its sockets has room.
//
// Note: nothing tells which socket of a shared process carries which stream, so as
// many of the sockets with room are passed over as streams of it are paused.
func (l *look) heldUp(pid int, blamed []where, active []int, carries map[uint64]bool) bool {
	p := l.byPID[pid]
	if p == nil {
		return false
	}
	var at uint64
	waiting := 0
	for _, b := range blamed {
		if b.kind != far || b.pid != pid || b.socket == 0 {
			continue
		}
		waiting++
		at = b.socket
	}
	if waiting < 2 || l.queued[at] <= 0 {
		return false
	}
	room := 0
	for _, inode := range p.Sockets {
		if queued, known := l.queued[inode]; known && inode != at && carries[inode] && queued >= 0 && queued < l.queued[at]/2 {
			room++
		}
	}
	for _, stream := range p.Streams {
		if !slices.Contains(active, stream) {
			room--
		}
	}
	return room > 0
}

// writesTo are the sockets that threads of a process are in writes to.
func (l *look) writesTo(p *recording.Member) []uint64 {
	var sockets []uint64
	for _, a := range l.doing[p.PID] {
		if a.Kind == recording.Writing && a.To == recording.ToSocket && !slices.Contains(sockets, a.Inode) {
			sockets = append(sockets, a.Inode)
		}
	}
	return sockets
}
