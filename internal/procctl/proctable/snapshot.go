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
