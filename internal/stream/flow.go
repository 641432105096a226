package stream

import (
	"slices"

	"pausetest/internal/procctl/proctable"
)

// A flow is the way of the bytes through the table's pipes, with the programs
// at which it ends because they carry bytes over the network.
type flow struct {
	*table
	transports []string // started by or beside a source, for it alone: ssh
	relays     []string // daemons that carry for others: amandad, sshd
}

func (f *flow) isTransport(p *process) bool { return p.is(f.transports...) }
func (f *flow) isRelay(p *process) bool     { return p.is(f.relays...) }
func (f *flow) carries(p *process) bool     { return f.isTransport(p) || f.isRelay(p) }

// connects holds when what w writes into a pipe is read by r as part of the
// data path.
//
// Standard error is left out (by the table): it carries messages, and in a cron
// job or under sshd it leads to processes that all jobs share. So are pipes of
// which one side holds both ends (wake-up pipes, make's job server), and readers
// among the ancestors: a script's or cron's collecting of output is no data
// path. Relays are the exception, for they may start what they carry.
func (f *flow) connects(w, r *process, inode uint64) bool {
	return w != r && r.ID.PID != 1 && !w.hasEnd(inode, false) && !r.hasEnd(inode, true) &&
		(f.isRelay(r) || !w.within(r))
}

// after returns the processes that read what p writes into pipes.
func (f *flow) after(p *process) []*process {
	var next []*process
	for _, fd := range p.FDs {
		if fd.Kind == proctable.Pipe && fd.Write && fd.Number != 2 {
			next = append(next, filter(f.readers[fd.Inode], func(r *process) bool { return f.connects(p, r, fd.Inode) })...)
		}
	}
	return next
}

// before returns the processes whose pipes p reads; the inverse of after.
func (f *flow) before(p *process) []*process {
	var prev []*process
	for _, fd := range p.FDs {
		if fd.Kind == proctable.Pipe && fd.Read {
			prev = append(prev, filter(f.writers[fd.Inode], func(w *process) bool { return f.connects(w, p, fd.Inode) })...)
		}
	}
	return prev
}

// downstream returns all that the bytes of sources reach, nearest first. A
// carrier is an end: what it writes into pipes is no longer the stream.
func (f *flow) downstream(sources []*process) []*process {
	return f.reach(sources, f.after)
}

func (f *flow) upstream(sink *process) []*process {
	return f.reach([]*process{sink}, f.before)
}

// maxChain is how many processes are followed from a source: far more than any
// pipe chain of a backup has, and a bound on what a user can make us walk.
const maxChain = 128

func (f *flow) reach(from []*process, step func(*process) []*process) []*process {
	seen := setOf(from)
	queue, reached := slices.Clone(from), []*process(nil)
	for i := 0; i < len(queue) && len(reached) < maxChain; i++ {
		if i >= len(from) && f.carries(queue[i]) {
			continue
		}
		for _, q := range step(queue[i]) {
			if !seen[q] {
				seen[q] = true
				queue, reached = append(queue, q), append(reached, q)
			}
		}
	}
	return reached
}

// heads finds the members of a tree that feed a transport through pipes and
// are fed by no other member: of a shell that runs "tar | gzip | ssh" the tar.
func (f *flow) heads(tree []*process) []*process {
	inside := setOf(tree)
	var heads []*process
	for _, p := range tree {
		if f.carries(p) || !slices.ContainsFunc(f.downstream([]*process{p}), f.isTransport) {
			continue
		}
		fed := slices.ContainsFunc(f.upstream(p), func(q *process) bool { return inside[q] && !f.carries(q) })
		if !fed {
			heads = append(heads, p)
		}
	}
	return topmost(heads)
}

// carriers finds the processes whose sockets carry the bytes of a source
// family away. The nearest certain answer wins: a transport that the family
// started; a carrier that its pipes lead to; a socket of its own; a relay among
// its ancestors that its standard output leads to; and last any process
// downstream that has sockets. A piped family is known to write its data into
// a pipe, so that its own sockets (a name service's, say) don't count.
func (f *flow) carriers(family []*process, piped bool) []*process {
	if own := filter(family, f.isTransport); len(own) > 0 {
		return own
	}
	down := f.downstream(family)
	related := func(p *process) bool {
		return slices.ContainsFunc(family, func(q *process) bool { return q.within(p) })
	}
	if fed := filter(down, func(p *process) bool { return f.carries(p) && !related(p) }); len(fed) > 0 {
		return fed
	}
	if own := filter(family, (*process).hasSocket); len(own) > 0 && !piped {
		return own
	}
	if relay := f.ancestorRelay(family[0]); relay != nil && (slices.Contains(down, relay) || leadsOut(family[0])) {
		return []*process{relay}
	}
	return filter(down, func(p *process) bool { return p.hasSocket() && !related(p) })
}

func (f *flow) ancestorRelay(p *process) *process {
	for a := range p.ancestors() {
		if f.isRelay(a) {
			return a
		}
	}
	return nil
}

// leadsOut holds when standard output is a socket: a relay may have given it a
// socket pair instead of pipes, whose other end can't be found in a snapshot.
func leadsOut(p *process) bool {
	fd := p.fd(1)
	return fd != nil && fd.Kind == proctable.Socket
}

func filter(set []*process, keep func(*process) bool) []*process {
	var kept []*process
	for _, p := range set {
		if keep(p) {
			kept = append(kept, p)
		}
	}
	return kept
}
