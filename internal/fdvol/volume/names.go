package volume

import (
	"cmp"
	"fmt"
	"slices"

	"pausetest/internal/printable"
	"pausetest/internal/procctl/proctable"
)

// Names keep what descriptors were at each look, for a number is not a name: it is
// used again as soon as it was closed. Everything they return may be printed.
type Names struct {
	processes map[int]string
	targets   map[fdKey]*target
	ends      map[uint64][]end // by inode, of the members' pipes
}

type fdKey struct{ pid, fd int }

// A target is what a descriptor was at the last look, and how many other things
// it was before.
type target struct {
	fd   proctable.FD
	seen map[string]bool
}

// An end is one side of a pipe.
type end struct {
	pid         int
	name        string
	read, write bool
}

const maxNameRunes = 60

// NewNames knows nothing yet.
func NewNames() *Names {
	return &Names{processes: map[int]string{}, targets: map[fdKey]*target{}, ends: map[uint64][]end{}}
}

// See takes in the descriptors of the members among a snapshot's processes, and
// whoever has the other ends of their pipes.
func (n *Names) See(s *proctable.Snapshot, member func(pid int) bool) {
	for i := range s.Processes {
		p := &s.Processes[i]
		if !member(p.ID.PID) {
			continue
		}
		n.processes[p.ID.PID] = p.Comm
		for _, fd := range p.FDs {
			n.seeTarget(fdKey{p.ID.PID, fd.Number}, fd)
		}
	}
	for i := range s.Processes {
		p := &s.Processes[i]
		for _, fd := range p.FDs {
			e := end{p.ID.PID, p.Comm, fd.Read, fd.Write}
			if known, ours := n.ends[fd.Inode]; ours && fd.Kind == proctable.Pipe && !slices.Contains(known, e) {
				n.ends[fd.Inode] = append(known, e)
			}
		}
	}
}

func (n *Names) seeTarget(key fdKey, fd proctable.FD) {
	t := n.targets[key]
	if t == nil {
		t = &target{seen: map[string]bool{}}
		n.targets[key] = t
	}
	t.fd = fd
	t.seen[fmt.Sprint(fd.Kind, fd.Inode, fd.Path)] = true
	if fd.Kind == proctable.Pipe && n.ends[fd.Inode] == nil {
		n.ends[fd.Inode] = []end{}
	}
}

// Sockets are the inodes of all sockets seen.
func (n *Names) Sockets() map[uint64]bool {
	inodes := map[uint64]bool{}
	for _, t := range n.targets {
		if t.fd.Kind == proctable.Socket {
			inodes[t.fd.Inode] = true
		}
	}
	return inodes
}

// Process is a process's name; empty when it was never seen.
func (n *Names) Process(pid int) string { return printable.Text(n.processes[pid], maxNameRunes) }

// Descriptor is what a descriptor was when it was last seen, and how many other
// things it was at earlier looks. Sockets are described by what the caller knows of
// their inodes.
func (n *Names) Descriptor(pid, fd int, sockets map[uint64]string) (what string, others int) {
	t := n.targets[fdKey{pid, fd}]
	if t == nil {
		return "unknown: it was not open when we looked", 0
	}
	return n.describe(pid, t.fd, sockets), len(t.seen) - 1
}

func (n *Names) describe(pid int, fd proctable.FD, sockets map[uint64]string) string {
	switch fd.Kind {
	case proctable.File:
		return printable.Text(fd.Path, maxNameRunes)
	case proctable.Pipe:
		return n.pipe(pid, fd)
	case proctable.Socket:
		if what := sockets[fd.Inode]; what != "" {
			return printable.Text(what, maxNameRunes)
		}
		return fmt.Sprintf("socket:[%d]", fd.Inode)
	}
	return "neither file nor pipe nor socket"
}

// pipe names the processes at the other end.
func (n *Names) pipe(pid int, fd proctable.FD) string {
	var others []end
	for _, e := range n.ends[fd.Inode] {
		if e.pid != pid && (fd.Read && e.write || fd.Write && e.read) {
			others = append(others, e)
		}
	}
	if len(others) == 0 {
		return fmt.Sprintf("pipe:[%d]", fd.Inode)
	}
	slices.SortFunc(others, func(a, b end) int { return cmp.Compare(a.pid, b.pid) })
	word := "pipe to"
	if fd.Read {
		word = "pipe from"
	}
	text := fmt.Sprintf("%s %s[%d]", word, printable.Text(others[0].name, maxNameRunes), others[0].pid)
	if len(others) > 1 {
		text += fmt.Sprintf(" and %d more", len(others)-1)
	}
	return text
}
