package flow

import (
	"fmt"
	"slices"
	"strings"

	"pausetest/internal/disk"
	"pausetest/internal/procctl/proctable"
)

// A holder is a process that holds an end.
type holder struct {
	pid      int
	standard bool // as its standard input or output
}

// An end is one end of a pipe or socket, or a segment, with all who hold it.
type end struct {
	holders []holder // by pid, as processes are in the snapshot
	users   []int    // see holders.usable; set when asked for
	known   bool
}

// Holders are who holds which end of what, by the inode of a pipe or socket or by
// the identity of a shared memory segment.
type holders struct {
	*Facts
	living   map[int]*proctable.Process
	owner    map[int]int // of the processes of a single stream, by pid: index into Streams
	aside    map[int]bool
	writers  map[uint64]*end
	readers  map[uint64]*end
	sockets  map[uint64]*end
	peers    map[uint64]uint64
	tcp      map[uint64]*TCPSocket
	segments map[string]*end
}

// maxHolders is how many processes may hold one end of something that counts as a
// data path: more have inherited it by a leak, and could make the search long.
const maxHolders = 32

func newHolders(f *Facts) *holders {
	h := &holders{
		Facts: f, living: map[int]*proctable.Process{}, owner: map[int]int{}, aside: map[int]bool{},
		writers: map[uint64]*end{}, readers: map[uint64]*end{}, sockets: map[uint64]*end{},
		peers: map[uint64]uint64{}, tcp: map[uint64]*TCPSocket{}, segments: map[string]*end{},
	}
	for i := range f.Snapshot.Processes {
		if p := &f.Snapshot.Processes[i]; p.ID.PID > 1 && h.living[p.ID.PID] == nil {
			h.living[p.ID.PID] = p
			h.hold(p)
		}
	}
	for _, id := range f.Aside {
		h.aside[id.PID] = true
	}
	h.own()
	for i := range f.TCP {
		h.tcp[f.TCP[i].Inode] = &f.TCP[i]
	}
	h.pair()
	return h
}

func (h *holders) hold(p *proctable.Process) {
	for i := range p.FDs {
		fd := &p.FDs[i]
		switch {
		case fd.Kind == proctable.Pipe:
			if fd.Read {
				hold(h.readers, fd.Inode, p, fd)
			}
			if fd.Write && fd.Number != 2 {
				hold(h.writers, fd.Inode, p, fd)
			}
		case fd.Kind == proctable.Socket && fd.Number != 2:
			hold(h.sockets, fd.Inode, p, fd)
		case isSegment(fd):
			hold(h.segments, h.segment(p.ID.PID, fd), p, fd)
		}
	}
}

// hold relies on one process's descriptors coming in a row.
func hold[K comparable](ends map[K]*end, key K, p *proctable.Process, fd *proctable.FD) {
	e := ends[key]
	if e == nil {
		e = &end{}
		ends[key] = e
	}
	if last := len(e.holders) - 1; last < 0 || e.holders[last].pid != p.ID.PID {
		e.holders = append(e.holders, holder{pid: p.ID.PID})
	}
	if fd.Number < 2 {
		e.holders[len(e.holders)-1].standard = true
	}
}

func (e *end) heldBy(pid int) bool {
	return e != nil && slices.ContainsFunc(e.holders, func(h holder) bool { return h.pid == pid })
}

// own notes whose process each is; one of several streams is nobody's own.
func (h *holders) own() {
	const several = -1
	for i := range h.Streams {
		for _, id := range h.Streams[i].Processes {
			if other, taken := h.owner[id.PID]; taken && other != i {
				h.owner[id.PID] = several
			} else if !taken {
				h.owner[id.PID] = i
			}
		}
	}
	for i := range h.Streams {
		for _, id := range h.Streams[i].Carriers {
			delete(h.owner, id.PID)
		}
	}
	for pid, i := range h.owner {
		if i == several {
			delete(h.owner, pid)
		}
	}
}

// pair keeps the unix sockets that can carry data: pairs without an address. One
// with an address belongs to a service that anybody may talk to, such as a log or
// a message bus.
func (h *holders) pair() {
	named := map[uint64]bool{}
	for _, s := range h.Unix {
		named[s.Inode] = s.Named
	}
	for _, s := range h.Unix {
		if s.Peer != 0 && !s.Named && !named[s.Peer] {
			h.peers[s.Inode] = s.Peer
		}
	}
}

// isSegment holds for POSIX shared memory (shm_overview(7)).
func isSegment(fd *proctable.FD) bool {
	return fd.Kind == proctable.File && strings.HasPrefix(fd.Path, "/dev/shm/")
}

// segment identifies a segment: containers have a /dev/shm each.
func (h *holders) segment(pid int, fd *proctable.FD) string {
	if m := h.mount(pid, fd); m != nil {
		return fmt.Sprintf("%d:%d %s", m.Major, m.Minor, fd.Path)
	}
	return fd.Path
}

// mount is the one that a file was opened through, nil when unknown.
func (h *holders) mount(pid int, fd *proctable.FD) *proctable.Mount {
	mounts := h.Mounts[pid]
	if i := slices.IndexFunc(mounts, func(m proctable.Mount) bool { return m.ID == fd.MountID }); i >= 0 && fd.MountID != 0 {
		return &mounts[i]
	}
	return covering(mounts, fd.Path)
}

// covering is the mount that a path lies in: the last of the longest.
func covering(mounts []proctable.Mount, path string) *proctable.Mount {
	var best *proctable.Mount
	for i := range mounts {
		if m := &mounts[i]; within(path, m.Point) && (best == nil || len(m.Point) >= len(best.Point)) {
			best = m
		}
	}
	return best
}

// within holds for a path at or below a folder.
func within(path, folder string) bool {
	rest, found := strings.CutPrefix(path, strings.TrimSuffix(folder, "/"))
	return found && (rest == "" || rest[0] == '/')
}

// storage says where a file lies, and under which name it is mounted.
func (h *holders) storage(pid int, fd *proctable.FD) (where disk.Place, name string, ok bool) {
	if device := h.Blocks.Named(fd.Path); device != nil {
		return disk.OfDevice(device, "raw device", h.Blocks), fd.Path, true
	}
	m := h.mount(pid, fd)
	if m == nil {
		return where, "", false
	}
	where, ok = disk.Of(m, h.Blocks)
	return where, m.Point, ok
}

// usable are the processes that use one end. Who only inherited it, or passed it
// on, is left out, unless inherited ones are wanted, too: of a family, whoever has
// it as standard input or output uses it (not the shell that started them, nor the
// tar that writes to the gzip it started); else the one that was there first (not
// what it started without closing it).
func (h *holders) usable(e *end, inherited bool) []int {
	if e == nil || len(e.holders) > maxHolders {
		return nil
	}
	if inherited {
		return pidsOf(e.holders)
	}
	if !e.known {
		e.known = true
		e.users = pidsOf(slices.DeleteFunc(slices.Clone(e.holders), func(one holder) bool {
			return slices.ContainsFunc(e.holders, func(other holder) bool {
				return other.standard && h.descends(other.pid, one.pid) || !one.standard && h.descends(one.pid, other.pid)
			})
		}))
	}
	return e.users
}

func pidsOf(list []holder) []int {
	pids := make([]int, len(list))
	for i, h := range list {
		pids[i] = h.pid
	}
	return pids
}

// maxGenerations ends the search among ancestors in a table that is no tree.
const maxGenerations = 64

func (h *holders) descends(pid, from int) bool {
	for range maxGenerations {
		p := h.living[pid]
		if p == nil || p.PPID <= 1 {
			return false
		}
		if pid = p.PPID; pid == from {
			return true
		}
	}
	return false
}
