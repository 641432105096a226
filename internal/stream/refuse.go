package stream

import (
	"fmt"
	"slices"

	"pausetest/internal/printable"
)

// nameRunes is where names in reasons are cut.
const nameRunes = 40

// who names a process in a reason or a warning.
func who(p *process) string {
	return withPID(printable.Text(p.name(), nameRunes), p.ID.PID)
}

// refusal says why a source family may not be paused, nil when it may.
func (d *discovery) refusal(sources []*process) *Refusal {
	for _, p := range sources {
		if r := d.neverTarget(p); r != nil {
			return r
		}
	}
	for _, root := range sources {
		for _, p := range root.subtree() {
			if r := d.fragile(p); r != nil {
				return r
			}
			if p != root && d.isRelay(p) {
				return &Refusal{Rule: refuseCarrier,
					Reason: fmt.Sprintf("%s, which carries other processes' bytes, would be stopped with it", who(p)),
					Hint:   "name the process that reads the disk"}
			}
		}
	}
	return nil
}

// neverTarget refuses what is no source of a stream by its nature.
func (d *discovery) neverTarget(p *process) *Refusal {
	switch {
	case p.ID.PID == 1:
		return &Refusal{Rule: refuseInit, Reason: "it is init: everything hangs on it"}
	case p.isKernel():
		return &Refusal{Rule: refuseKernel, Reason: who(p) + " is a thread of the kernel and can't be stopped"}
	case d.protected[p]:
		return &Refusal{Rule: refuseOwn, Reason: who(p) + " is pausetest itself or an ancestor of it",
			Hint: "start pausetest from outside of what is to be paused, for example by systemd-run"}
	case d.carries(p):
		return &Refusal{Rule: refuseCarrier, Reason: who(p) + " carries bytes over the network: stopped, its connection and everybody's on it stand still",
			Hint: d.feederHint(p)}
	}
	if feeders := d.feeders(p); len(feeders) > 1 && p.hasSocket() {
		return &Refusal{Rule: refuseShared, Reason: fmt.Sprintf("%s carries the bytes of %d processes", who(p), len(feeders)),
			Hint: d.feederHint(p)}
	}
	return nil
}

// feeders are the unrelated processes that write into p's pipes.
func (d *discovery) feeders(p *process) []*process {
	set := slices.DeleteFunc(d.before(p), func(q *process) bool { return p.within(q) })
	slices.SortFunc(set, byPID)
	return topmost(slices.Compact(set))
}

func (d *discovery) feederHint(p *process) string {
	feeders := d.feeders(p)
	if len(feeders) == 0 {
		return "name the process that reads the disk"
	}
	return "name the process that feeds it: " + who(feeders[0])
}

// fragile finds the rule that refuses a process.
func (d *discovery) fragile(p *process) *Refusal {
	for i := range d.rules.Rules {
		if r := &d.rules.Rules[i]; r.Refuse != nil && !r.Disabled && r.fits(p) {
			return &Refusal{Rule: r.Name, Reason: r.Refuse.Reason, Hint: r.Refuse.Hint}
		}
	}
	return nil
}

// refuseOverlaps leaves every process to at most one stream: the first by pid
// of its source.
func (d *discovery) refuseOverlaps() {
	slices.SortStableFunc(d.drafts, func(a, b *draft) int { return compareIDs(a.Source, b.Source) })
	taken := map[*process]*draft{}
	for _, s := range d.drafts {
		if s.Refusal != nil {
			continue
		}
		stopped := subtrees(s.sources)
		if i := slices.IndexFunc(stopped, func(p *process) bool { return taken[p] != nil }); i >= 0 {
			other := taken[stopped[i]]
			s.Refusal = &Refusal{Rule: refuseOverlap,
				Reason: fmt.Sprintf("%s belongs to another stream too: %s", who(stopped[i]), printable.Text(other.Label, 2*nameRunes))}
			continue
		}
		for _, p := range stopped {
			taken[p] = s
		}
	}
}

// refuseShared refuses to stop what another stream flows through.
func (d *discovery) refuseShared() {
	for _, s := range d.drafts {
		if s.Refusal != nil {
			continue
		}
		stopped := setOf(subtrees(s.sources))
		for _, other := range d.drafts {
			i := slices.IndexFunc(other.via, func(p *process) bool { return stopped[p] })
			if other != s && i >= 0 {
				s.Refusal = &Refusal{Rule: refuseShared,
					Reason: fmt.Sprintf("%s carries another stream too: %s", who(other.via[i]), printable.Text(other.Label, 2*nameRunes)),
					Hint:   d.feederHint(other.via[i])}
				break
			}
		}
	}
}
