package stream

import (
	"fmt"
	"path"
	"slices"

	"pausetest/internal/printable"
)

// processes finds the streams of all rules with engine "process".
func (d *discovery) processes() {
	candidates := map[*process]*Rule{}
	for _, p := range d.procs {
		if r := d.ruleOf(p); r != nil {
			candidates[p] = r
		}
	}
	for _, p := range d.procs {
		r := candidates[p]
		if r == nil || !d.outermost(p, candidates) || d.fedBy(p, candidates) {
			continue
		}
		if d.claimed[p] {
			continue // the chain of another
		}
		d.add(d.fromRule(p, r))
	}
}

// ruleOf is the first rule that a process fits, nil for none.
func (d *discovery) ruleOf(p *process) *Rule {
	if d.claimed[p] || d.protected[p] || !d.wanted(p) {
		return nil
	}
	for i := range d.rules.Rules {
		r := &d.rules.Rules[i]
		if r.Engine != engineProcess || !d.ruleWanted(r) || r.Refuse != nil && r.Refuse.OnlyNamed || !r.fits(p) {
			continue
		}
		feeds := func(q *process) bool { return q.is(r.Feeds...) }
		if len(r.Feeds) == 0 || slices.ContainsFunc(d.downstream(p.subtree()), feeds) {
			return r
		}
	}
	return nil
}

// outermost holds for the candidate that stands for its family: the topmost,
// or, of a rule with workers, each innermost one.
func (d *discovery) outermost(p *process, candidates map[*process]*Rule) bool {
	r := candidates[p]
	if r.Workers {
		inner := func(q *process) bool { return q != p && candidates[q] == r }
		return !slices.ContainsFunc(p.subtree(), inner)
	}
	for a := range p.ancestors() {
		if candidates[a] != nil {
			return false
		}
	}
	return true
}

// fedBy holds when another candidate writes into p: the dd of "tar | dd | ssh"
// is no source.
func (d *discovery) fedBy(p *process, candidates map[*process]*Rule) bool {
	return slices.ContainsFunc(d.upstream(p), func(q *process) bool { return candidates[q] != nil })
}

func (d *discovery) fromRule(p *process, r *Rule) *draft {
	s := &draft{Stream: Stream{Rule: r.Name, MinimumAgeNS: int64(r.MinimumAge)}, root: p, sources: []*process{p}}
	if r.Refuse != nil {
		d.instead(s, r.Refuse)
	} else if heads := d.heads(p.subtree()); len(heads) > 0 {
		s.sources = heads
	}
	s.carriers = d.flow.carriers(subtrees(s.sources), r.Piped || len(r.Feeds) > 0 || r.Refuse != nil)
	s.processes = d.chained(p)
	d.labelByRule(s, p, r)
	return s
}

// instead makes the first program of the list that stands behind a fragile
// source the pause target. What is fragile then only waits for room in its
// pipe, as it does behind a slow network.
func (d *discovery) instead(s *draft, r *RefuseRule) {
	behind := filter(d.downstream(s.sources), func(p *process) bool { return p.is(r.Instead...) && !d.claimed[p] })
	if len(behind) > 0 {
		s.sources = behind[:1]
	}
}

func (d *discovery) labelByRule(s *draft, p *process, r *Rule) {
	l := &r.Label
	s.LabelSource = fromCommandLine
	if s.Label = take(l.Label, p.Args); s.Label != "" {
		s.Disk = s.Label
		return
	}
	s.Host, s.Disk, s.Level = take(l.Host, p.Args), take(l.Disk, p.Args), take(l.Level, p.Args)
	if point, ok := mountOf(s.Disk, p.ID.PID, d.evidence); ok {
		s.Disk, s.LabelSource = point, fromDevice
	}
	if s.Disk == "" {
		s.Host, s.Level = "", ""
	}
	for _, c := range s.carriers {
		if s.Host == "" && s.Disk != "" && c.is("ssh") {
			s.Host = sshDestination(c.Args)
		}
	}
}

// named makes a stream of every process that the operator named.
func (d *discovery) named() error {
	picked := map[*process]string{}
	for _, pid := range d.selection.PIDs {
		p := d.byPID[pid]
		if p == nil {
			return fmt.Errorf("finding pid %d: no such process, or it has ended", pid)
		}
		picked[p] = "pid"
	}
	for _, p := range d.matches() {
		if picked[p] == "" {
			picked[p] = "match"
		}
	}
	for _, p := range d.procs {
		if how := picked[p]; how != "" {
			d.add(d.fromName(p, how))
		}
	}
	return nil
}

func (d *discovery) fromName(p *process, how string) *draft {
	s := &draft{Stream: Stream{Rule: how}, root: p, sources: []*process{p}}
	// A carrier, init or one of ours is refused as it stands, not traded for
	// something below it.
	if s.Refusal = d.neverTarget(p); s.Refusal != nil {
		s.processes = []*process{p}
		return s
	}
	if heads := d.heads(p.subtree()); len(heads) > 0 {
		s.sources = heads
	}
	lead := s.sources[0]
	if root := amandaRoot(lead); root != nil {
		s.carriers, s.via, s.processes = d.amandaCarriers(root.parent), d.amandaVia(root.parent), p.subtree()
		app, _, _ := d.amandaParts(root)
		s.setLabel(amandaLabel(root, app, lead, d.evidence))
		return s
	}
	s.carriers = d.flow.carriers(subtrees(s.sources), false)
	s.processes = d.chained(p)
	for i := range d.rules.Rules {
		if r := &d.rules.Rules[i]; r.Engine == engineProcess && !r.Disabled && r.fits(lead) {
			d.labelByRule(s, lead, r)
			break
		}
	}
	if s.Label == "" && s.Disk == "" {
		s.Label, s.LabelSource = commandLabel(lead), fromCommandLine
	}
	return s
}

// commandLabel names a process that no rule knows by what tells it from others of
// its kind: the command line, without the folder of the program.
func commandLabel(p *process) string {
	args := slices.Clone(p.Args)
	if len(args) == 0 {
		return ""
	}
	args[0] = path.Base(args[0])
	return printable.Text(printable.CommandLine(args), nameRunes)
}

func (s *draft) setLabel(l dle) {
	s.Host, s.Disk, s.Level, s.LabelSource = l.host, l.disk, l.level, l.source
}
