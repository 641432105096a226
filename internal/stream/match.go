package stream

import (
	"regexp"
	"slices"

	"pausetest/internal/printable"
)

// matches returns the processes that one of the expressions matches and that
// stand for themselves.
//
// A match above another match is a wrapper (a shell whose text holds the
// command it runs) and gives way to what it runs. A match whose command line is
// the same as its parent's is a fork of one program, and gives way to the
// parent.
func (d *discovery) matches() []*process {
	hit := map[*process]bool{}
	for _, p := range d.procs {
		if !d.wanted(p) || len(p.Args) == 0 {
			continue
		}
		line := printable.CommandLine(p.Args)
		if !slices.ContainsFunc(d.selection.Match, func(m *regexp.Regexp) bool { return m.MatchString(line) }) {
			continue
		}
		if d.protected[p] {
			d.ignore(p, "match", "it is pausetest itself or an ancestor of it")
			continue
		}
		hit[p] = true
	}
	for _, m := range d.selection.Match {
		d.warnUnmatched(m, hit)
	}
	d.dropChained(hit)
	wrapper := map[*process]bool{}
	var own []*process
	for _, p := range d.procs {
		if !hit[p] || isFork(p) && hit[p.parent] {
			continue
		}
		own = append(own, p)
		for a := range p.ancestors() {
			if hit[a] {
				wrapper[a] = true
			}
		}
	}
	return slices.DeleteFunc(own, func(p *process) bool { return wrapper[p] })
}

// dropChained leaves out what belongs to the stream of another match: what its
// pipes lead to, and the ssh that it started with half its own command line.
func (d *discovery) dropChained(hit map[*process]bool) {
	isHit := func(p *process) bool { return hit[p] }
	var chained []*process
	for _, p := range d.procs {
		if !hit[p] {
			continue
		}
		started := d.isTransport(p) && slices.ContainsFunc(slices.Collect(p.ancestors()), isHit)
		if started || slices.ContainsFunc(d.upstream(p), isHit) {
			chained = append(chained, p)
		}
	}
	for _, p := range chained {
		delete(hit, p)
		d.ignore(p, "match", "it only carries on what another match writes")
	}
}

func isFork(p *process) bool {
	return p.parent != nil && slices.Equal(p.Args, p.parent.Args)
}

func (d *discovery) warnUnmatched(m *regexp.Regexp, hit map[*process]bool) {
	for p := range hit {
		if m.MatchString(printable.CommandLine(p.Args)) {
			return
		}
	}
	d.warn("no process matches %s", printable.Text(m.String(), 2*nameRunes))
}
