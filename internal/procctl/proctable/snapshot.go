package proctable

import (
	"cmp"
	"slices"
)

// ByPID returns the process with a pid; nil if the snapshot has none.
func (s *Snapshot) ByPID(pid int) *Process {
	i, ok := slices.BinarySearchFunc(s.Processes, pid, func(p Process, pid int) int { return cmp.Compare(p.ID.PID, pid) })
	if !ok {
		return nil
	}
	return &s.Processes[i]
}

// Trees returns the processes with the given identities and all that descend from
// them, by pid. Zombies are left out.
func (s *Snapshot) Trees(roots []ProcID) []Process {
	in := map[int]bool{}
	for _, id := range roots {
		if p := s.ByPID(id.PID); p != nil && p.ID == id {
			in[id.PID] = true
		}
	}
	for grown := len(in) > 0; grown; {
		grown = false
		for i := range s.Processes {
			p := &s.Processes[i]
			if !in[p.ID.PID] && in[p.PPID] {
				in[p.ID.PID], grown = true, true
			}
		}
	}
	var out []Process
	for _, p := range s.Processes {
		if in[p.ID.PID] && p.State != 'Z' && p.State != 'X' {
			out = append(out, p)
		}
	}
	return out
}
