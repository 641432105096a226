package vitals

import (
	"cmp"
	"slices"

	"pausetest/internal/printable"
	"pausetest/internal/procctl/proctable"
	"pausetest/internal/recording"
)

// A Path is the way of one stream's bytes.
type Path struct {
	Stream    int // its id
	Source    proctable.ProcID
	Carriers  []proctable.ProcID // whose sockets the bytes leave by
	Processes []proctable.ProcID // all others
}

// Members are the processes on the paths, by pid, as they stand in a snapshot.
func Members(s *proctable.Snapshot, paths []Path) []recording.Member {
	of := map[proctable.ProcID]*recording.Member{}
	add := func(id proctable.ProcID, stream int) *recording.Member {
		m := of[id]
		if m == nil {
			m = member(s, id)
			of[id] = m
		}
		if !slices.Contains(m.Streams, stream) {
			m.Streams = append(m.Streams, stream)
		}
		return m
	}
	for _, p := range paths {
		for _, id := range p.Processes {
			add(id, p.Stream)
		}
		for _, id := range p.Carriers {
			add(id, p.Stream).Carrier = true
		}
		add(p.Source, p.Stream).Source = true
	}
	members := make([]recording.Member, 0, len(of))
	for _, m := range of {
		members = append(members, *m)
	}
	slices.SortFunc(members, func(a, b recording.Member) int { return cmp.Compare(a.PID, b.PID) })
	return members
}

func member(s *proctable.Snapshot, id proctable.ProcID) *recording.Member {
	m := &recording.Member{PID: id.PID, StartTicks: id.StartTicks}
	p := s.ByPID(id.PID)
	if p == nil || p.ID != id {
		return m
	}
	m.Name = printable.Text(p.Comm, 0)
	for _, fd := range p.FDs {
		switch {
		case fd.Kind == proctable.Socket:
			m.Sockets = appendNew(m.Sockets, fd.Inode)
		case fd.Kind == proctable.Pipe:
			if fd.Read {
				m.Reads = appendNew(m.Reads, fd.Inode)
			}
			if fd.Write {
				m.Writes = appendNew(m.Writes, fd.Inode)
			}
		}
	}
	return m
}

// mostTelling are n of the members at most. Without its source nothing can be said of a
// stream, and without its carriers little.
func mostTelling(members []recording.Member, n int) []recording.Member {
	if len(members) <= n {
		return members
	}
	weight := func(m recording.Member) int {
		switch {
		case m.Source:
			return 2
		case m.Carrier:
			return 1
		}
		return 0
	}
	members = slices.Clone(members)
	slices.SortStableFunc(members, func(a, b recording.Member) int { return cmp.Compare(weight(b), weight(a)) })
	return members[:n]
}

func appendNew(inodes []uint64, inode uint64) []uint64 {
	if slices.Contains(inodes, inode) {
		return inodes
	}
	return append(inodes, inode)
}
