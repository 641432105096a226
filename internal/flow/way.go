package flow

import (
	"maps"
	"regexp"
	"slices"

	"pausetest/internal/disk"
	"pausetest/internal/procctl/proctable"
	"pausetest/internal/recording"
	"pausetest/internal/stream"
)

// A way is that of one stream's bytes.
type way struct {
	*holders
	stream    *Stream
	family    []int        // pids of the sources
	carriers  map[int]bool // where it ends; empty when the bytes don't leave by a socket
	processes map[int]bool // found on the way
	edges     []edge
}

func newWay(h *holders, s *Stream) *way {
	w := &way{holders: h, stream: s, carriers: map[int]bool{}, processes: map[int]bool{}}
	for _, id := range slices.Concat([]proctable.ProcID{s.Source}, s.Writers, s.Targets) {
		if p := h.living[id.PID]; p != nil && p.ID == id {
			w.family = with(w.family, id.PID)
		}
	}
	for _, id := range s.Carriers {
		if p := h.living[id.PID]; p != nil && p.ID == id {
			w.carriers[id.PID] = true
		}
	}
	w.pass()
	return w
}

// pass moves the end of the way from a carrier whose only sockets are pairs to who
// holds their other ends and a connection: where pipes would have led there, a
// stream's carriers say so already.
func (w *way) pass() {
	for _, carrier := range slices.Sorted(maps.Keys(w.carriers)) {
		if w.connected(carrier) {
			continue
		}
		for _, fd := range w.living[carrier].FDs {
			if fd.Kind != proctable.Socket || fd.Number == 2 {
				continue
			}
			for _, other := range w.usable(w.sockets[w.peers[fd.Inode]], false) {
				if other != carrier && w.connected(other) {
					delete(w.carriers, carrier)
					w.carriers[other] = true
				}
			}
		}
	}
}

// connected holds when a process has a TCP connection.
func (w *way) connected(pid int) bool {
	return slices.ContainsFunc(w.living[pid].FDs, func(fd proctable.FD) bool {
		return fd.Kind == proctable.Socket && w.tcp[fd.Inode] != nil
	})
}

func (w *way) process(pid int) place {
	return place{kind: recording.FlowProcess, pid: pid, name: stream.Name(w.living[pid])}
}

// find walks from the sources to the carriers, and adds what lies at both ends.
func (w *way) find() {
	if !w.walk(false) && !w.walk(true) {
		w.unseen()
	}
	leaves, comes := w.wire()
	if leaves || !comes {
		w.read()
	}
	if comes && !leaves || len(w.carriers) == 0 {
		w.written()
	}
}

// unseen stands for a way that no descriptor shows.
func (w *way) unseen() {
	source := w.stream.Source.PID
	if w.living[source] == nil {
		return
	}
	w.processes[source] = true
	for _, carrier := range slices.Sorted(maps.Keys(w.carriers)) {
		w.processes[carrier] = true
		w.edges = append(w.edges, edge{from: w.process(source), to: w.process(carrier), via: recording.ViaUnknown, assumed: true})
	}
}

// maxProcesses is how many are followed from a source: far more than any chain of
// a backup has, and a bound on what a user can make us walk.
const maxProcesses = 128

// walk keeps the channels that lie on a way from a source to a carrier, and
// reports whether there is one. Channels that lead back are left out: a way goes
// round in no circle. Without carriers, the stream's own processes are the way.
func (w *way) walk(inherited bool) bool {
	const under, done = 1, 2
	state, arrives := map[int]int{}, map[int]bool{}
	var edges []edge
	var visit func(pid int)
	visit = func(pid int) {
		state[pid] = under
		arrives[pid] = w.carriers[pid] || len(w.carriers) == 0
		if !w.carriers[pid] {
			for _, c := range w.channels(pid, inherited) {
				if state[c.to] == 0 && len(state) < maxProcesses && w.admits(c.to) {
					visit(c.to)
				}
				if state[c.to] == done && arrives[c.to] {
					arrives[pid] = true
					c.edge.from, c.edge.to = w.process(pid), w.process(c.to)
					edges = append(edges, c.edge)
				}
			}
		}
		state[pid] = done
	}
	found := false
	for _, pid := range w.family {
		if state[pid] == 0 {
			visit(pid)
		}
		found = found || arrives[pid]
	}
	if !found {
		return false
	}
	w.edges = edges
	for pid, arrived := range arrives {
		if arrived {
			w.processes[pid] = true
		}
	}
	return true
}

// admits holds for processes that may be on this stream's way.
func (w *way) admits(pid int) bool {
	if w.living[pid] == nil || w.aside[pid] {
		return false
	}
	owner, owned := w.owner[pid]
	mine := owned && &w.Streams[owner] == w.stream
	if len(w.carriers) == 0 {
		return mine || w.stream.Shared != nil && w.stream.Shared.PID == pid
	}
	return mine || !owned
}

// A channel leads from a process to another.
type channel struct {
	to   int
	edge edge // without its ends
}

// channels are by what the bytes that a process writes may reach another.
func (w *way) channels(pid int, inherited bool) []channel {
	var list []channel
	add := func(to []int, e edge) {
		for _, other := range to {
			if other != pid {
				list = append(list, channel{other, e})
			}
		}
	}
	fds := w.living[pid].FDs
	messages := uint64(0) // the pipe that is its standard error, and whatever else
	for _, fd := range fds {
		if fd.Kind == proctable.Pipe && fd.Number == 2 {
			messages = fd.Inode
		}
	}
	for i := range fds {
		fd := &fds[i]
		uses := func(e *end) bool { return slices.Contains(w.usable(e, inherited), pid) }
		switch {
		case fd.Kind == proctable.Pipe && fd.Write && fd.Inode != messages:
			// A process with both ends has a wake-up pipe or a job server.
			readers, writers := w.readers[fd.Inode], w.writers[fd.Inode]
			if uses(writers) && !readers.heldBy(pid) {
				oneWay := slices.DeleteFunc(slices.Clone(w.usable(readers, inherited)), writers.heldBy)
				add(oneWay, edge{via: recording.ViaPipe, inode: fd.Inode})
			}
		case fd.Kind == proctable.Socket && fd.Number != 2:
			if peer, paired := w.peers[fd.Inode]; paired && uses(w.sockets[fd.Inode]) {
				add(w.usable(w.sockets[peer], inherited), edge{via: recording.ViaUnix, inode: fd.Inode, assumed: true})
			}
		case fd.Write && isSegment(fd):
			add(w.usable(w.segments[w.segment(pid, fd)], true), edge{via: recording.ViaMemory, name: fd.Path, assumed: true})
		}
	}
	return list
}

// wire adds the connections of the carriers, and says whether bytes leave by them
// or come in.
func (w *way) wire() (leaves, comes bool) {
	for _, pid := range slices.Sorted(maps.Keys(w.carriers)) {
		if !w.processes[pid] {
			continue
		}
		for _, s := range w.busy(pid) {
			wire := place{kind: recording.FlowInterface, name: s.Interface}
			e := edge{via: recording.ViaTCP, name: s.Local.String() + " > " + s.Remote.String(), inode: s.Inode,
				sent: s.SentBytes, received: s.ReceivedBytes, assumed: s.SentBytes == s.ReceivedBytes}
			if s.leaves() {
				e.from, e.to, leaves = w.process(pid), wire, true
			} else {
				e.from, e.to, comes = wire, w.process(pid), true
			}
			w.edges = append(w.edges, e)
		}
	}
	return leaves, comes
}

// A connection that has carried less than messageBytes, and than a hundredth of the
// busiest one of its process, carries messages: Amanda has two to four beside each
// that carries data. Before the busiest has carried tellingBytes nothing can be told
// apart: the others may only not have begun.
const (
	messageBytes = 1 << 20
	messagePart  = 100
	tellingBytes = 16 << 20
)

// busy are the connections of a process that carry data.
func (w *way) busy(pid int) []*TCPSocket {
	carried := func(s *TCPSocket) uint64 { return max(s.SentBytes, s.ReceivedBytes) }
	var list []*TCPSocket
	most := uint64(0)
	for _, fd := range w.living[pid].FDs {
		if s := w.tcp[fd.Inode]; fd.Kind == proctable.Socket && s != nil && !slices.Contains(list, s) {
			list, most = append(list, s), max(most, carried(s))
		}
	}
	if most < tellingBytes {
		return list
	}
	return slices.DeleteFunc(list, func(s *TCPSocket) bool { return carried(s) < min(messageBytes, most/messagePart) })
}

// read adds where the sources read from: below the stream's own folder if any of
// them has a file open there, else wherever they read. Where descriptors may not be
// read, what the command line names has to do.
func (w *way) read() {
	var files []file
	reads := func(fd *proctable.FD) bool { return fd.Read && !fd.Write && fd.Number != 2 }
	for _, pid := range w.family {
		files = append(files, w.files(pid, reads)...)
	}
	if w.stream.Disk != "" && w.stream.Disk[0] == '/' {
		own := slices.DeleteFunc(slices.Clone(files), func(f file) bool {
			return !within(f.path, w.stream.Disk)
		})
		if len(own) > 0 {
			files = own
		} else if f, ok := w.named(); ok {
			files = append(files, f)
		}
	}
	for _, f := range files {
		for _, to := range w.entries(f.pid) {
			for _, p := range f.places() {
				w.edges = append(w.edges, edge{from: p, to: w.process(to), via: recording.ViaFiles, name: f.name, detail: f.where.Detail, assumed: f.assumed})
			}
		}
	}
}

// named is the stream's folder as its command line has it; !ok when the source's
// descriptors tell better.
func (w *way) named() (file, bool) {
	source := w.stream.Source.PID
	m := covering(w.Mounts[source], w.stream.Disk)
	if m == nil || w.living[source] == nil || w.living[source].FDs != nil {
		return file{}, false
	}
	where, ok := disk.Of(m, w.Blocks)
	return file{pid: source, where: where, name: m.Point, assumed: true}, ok
}

// entries are the processes by which what a source reads comes onto the way: the
// source itself, unless only what it has started is on it.
func (w *way) entries(pid int) []int {
	if w.processes[pid] {
		return []int{pid}
	}
	var list []int
	for _, other := range w.family {
		if w.processes[other] {
			list = append(list, other)
		}
	}
	return list
}

// logFile matches what is written beside the data.
var logFile = regexp.MustCompile(`/logs?/|\.(log|debug)$`)

// written adds the files that the last processes of the way write, when the bytes
// don't leave by a socket.
func (w *way) written() {
	goesOn := map[place]bool{}
	for _, e := range w.edges {
		goesOn[e.from] = true
	}
	writes := func(fd *proctable.FD) bool {
		return fd.Write && !fd.Read && fd.Number != 2 && !logFile.MatchString(fd.Path)
	}
	for _, pid := range slices.Sorted(maps.Keys(w.processes)) {
		if goesOn[w.process(pid)] {
			continue
		}
		for _, f := range w.files(pid, writes) {
			for _, p := range f.places() {
				w.edges = append(w.edges, edge{from: w.process(pid), to: p, via: recording.ViaFiles, name: f.name, detail: f.where.Detail})
			}
		}
	}
}

// A file is one that a process has open.
type file struct {
	pid     int
	path    string
	where   disk.Place
	name    string // of the mount
	assumed bool
}

func (w *way) files(pid int, wanted func(*proctable.FD) bool) []file {
	var list []file
	fds := w.living[pid].FDs
	for i := range fds {
		fd := &fds[i]
		if fd.Kind != proctable.File || isSegment(fd) || !wanted(fd) {
			continue
		}
		if where, name, ok := w.storage(pid, fd); ok {
			list = append(list, file{pid: pid, path: fd.Path, where: where, name: name})
		}
	}
	return list
}

func (f *file) places() []place {
	if f.where.FileSystem != "" {
		return []place{{kind: recording.FlowFileSystem, name: f.where.FileSystem}}
	}
	var list []place
	for _, name := range f.where.Disks {
		list = append(list, place{kind: recording.FlowDisk, name: name})
	}
	return list
}
