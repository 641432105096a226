package stream

import (
	"regexp"
	"slices"

	"pausetest/internal/printable"
	"pausetest/internal/procctl/proctable"
)

// A Scope says whose descriptors a discovery needs: reading everybody's costs many
// times the rest of a look at a busy host.
//
// A search for it goes outwards. Names and command lines tell who may be a stream;
// its family and session are where pipes lead, as a rule. Only if one of its pipes
// has no other end there, everybody is asked; and if nobody has it either, that pipe
// is not searched for again. The zero value is ready for use.
type Scope struct {
	alone map[uint64]bool // pipes whose other end nobody has, by inode
}

// Unexamined returns the pids of the processes that Discover needs to know more
// about than the snapshot tells; none when it has all. Examining some may show
// that more are needed.
func (sc *Scope) Unexamined(s *proctable.Snapshot, sel Selection) []int {
	d := newDiscovery(s, sel, nil)
	seeds := filter(d.procs, d.mayMatter)
	if near := unexamined(d.neighbours(seeds)); len(near) > 0 {
		return near
	}
	single := d.singlePipes(seeds)
	if !slices.ContainsFunc(single, func(inode uint64) bool { return !sc.alone[inode] }) {
		return nil
	}
	everybody := unexamined(filter(d.procs, func(p *process) bool { return len(p.Args) > 0 }))
	if len(everybody) == 0 {
		sc.alone = make(map[uint64]bool, len(single))
		for _, inode := range single {
			sc.alone[inode] = true
		}
	}
	return everybody
}

func unexamined(set []*process) []int {
	var pids []int
	for _, p := range set {
		if !p.Examined {
			pids = append(pids, p.ID.PID)
		}
	}
	return pids
}

// mayMatter holds for what could be a stream, or stand in a stream's way, and for
// ourselves, whose output somebody reads.
func (d *discovery) mayMatter(p *process) bool {
	sel := &d.selection
	if slices.Contains(sel.Protect, p.ID.PID) || slices.Contains(sel.PIDs, p.ID.PID) {
		return true
	}
	if p.isKernel() || len(p.Args) == 0 {
		return false
	}
	if len(sel.Match) > 0 {
		line := printable.CommandLine(p.Args)
		if slices.ContainsFunc(sel.Match, func(m *regexp.Regexp) bool { return m.MatchString(line) }) {
			return true
		}
	}
	if !sel.byRules() {
		return false
	}
	return p.is("amandad", "sendbackup") ||
		slices.ContainsFunc(d.rules.Rules, func(r Rule) bool { return r.Engine == engineProcess && d.ruleWanted(&r) && r.fits(p) })
}

// neighbours are the seeds' trees, ancestors, siblings and sessions.
func (d *discovery) neighbours(seeds []*process) []*process {
	sessions, parents, near := map[int]bool{}, map[*process]bool{}, map[*process]bool{}
	for _, p := range seeds {
		near[p] = true
		if p.Session > 1 {
			sessions[p.Session] = true
		}
		for a := range p.ancestors() {
			near[a] = true
		}
		if p.parent != nil && p.parent.ID.PID != 1 {
			parents[p.parent] = true
		}
	}
	return filter(d.procs, func(p *process) bool {
		if near[p] || sessions[p.Session] || parents[p.parent] {
			return true
		}
		for a := range p.ancestors() {
			if near[a] && slices.Contains(seeds, a) {
				return true
			}
		}
		return false
	})
}

// singlePipes are those that the seeds' bytes go through and of which only one end
// was found. Standard error is no way of the bytes, but whoever reads ours must not
// be paused.
func (d *discovery) singlePipes(seeds []*process) []uint64 {
	family := subtrees(seeds)
	var single []uint64
	for p := range setOf(append(family, d.downstream(family)...)) {
		for _, fd := range p.FDs {
			if fd.Kind != proctable.Pipe || fd.Number == 2 && !d.protected[p] {
				continue
			}
			if fd.Write && len(d.readers[fd.Inode]) == 0 || fd.Read && len(d.writers[fd.Inode]) == 0 {
				single = append(single, fd.Inode)
			}
		}
	}
	slices.Sort(single)
	return slices.Compact(single)
}
