package procctl

import (
	"slices"

	"pausetest/internal/procctl/proctable"
)

// kin decides which processes belong to the tree that is being stopped, from one
// scan after the other. It is pure.
//
// Three rules, in falling certainty:
//
//  1. A child of a member is a member. So is everything below it.
//  2. A process whose session was founded by a member is a member, whoever its
//     parent is now: nobody can join a session, so all of it descends from the
//     founder. This takes a session that is wholly inside the tree whole.
//  3. A process that appeared during the operation and lost its parent before we
//     saw the two together (a double fork) is a member if it stands in a session
//     that it shares only with members and with ancestors of the roots: then
//     nobody else was there to fork it. If others were, or if it may be a natural
//     child of an ancestor, it is a suspect: it is not touched, but while there
//     is a suspect the tree is not at rest, and in the end not pausable. So is one
//     that was there before, and whose parent ended before the two were seen, or
//     proved, to belong together.
//
// Some descendants may have been named to be spared, with everything below them:
// they are strangers that happen to hang below a member. A session that a member
// founded and in which a spared process stands is then not wholly the tree's, so
// rule 2 does not take it: who lost its parent there is a suspect.
//
// Note: what a spared process forks twice, so that nobody sees the two together,
// can't be told from what a member forks twice. It is a suspect like any other,
// and if a member is a subreaper and thus its new parent, even a newcomer.
//
// Note: the session alone must not decide. Under Amanda's auth bsd, all streams
// and amandad share one session and one process group; what existed before the
// operation, or has a parent elsewhere, is never taken.
//
// Note: what rule 3 can't see is a process that within the few milliseconds
// between two scans is forked twice, founds its own session, and runs another
// program, on a host where cgroups tell nothing. Fork events (the proc
// connector) would close that, but need CAP_NET_ADMIN and are lost under
// pressure; a cgroup freezer closes it by construction.
type kin struct {
	beganTicks uint64
	baseline   scan // who was there before the first signal
	members    map[ProcID]member
	// lost are those that were there before and of whose parent nobody knows whether
	// it was one of the tree, with the pid that they named. It counts from when they
	// name another: who may not see all processes (hidepid) misses many a parent that
	// has not ended.
	lost     map[ProcID]int
	founders map[int]ProcID // members that were seen leading a session, by pid
	sessions map[int]bool   // every session in which a member was seen
	// above are the pids above the tree: those, and only those, to which the
	// kernel can reparent an orphan of it; with them init, always.
	above map[int]bool

	spared         map[ProcID]bool // whoever was seen to be one of them
	sparedFounders map[int]ProcID  // of them, those that lead a session, by pid
	sparedSessions map[int]bool    // every session in which one was seen
}

// A member is what kin remembers of a member, even after it ended.
type member struct{ comm string }

// A newcomer is a process found to belong to the tree.
type newcomer struct {
	proctable.Stat
	parent ProcID // as the scan shows it; zero when it does not
	// byParent says that it is a member because its parent is one.
	byParent bool
}

// A suspect may belong to the tree; nobody can tell from the scan alone.
type suspect struct {
	proctable.Stat
	// ownSession says that it left every session we know, so that only a
	// likeness with a member speaks against it.
	ownSession bool
}

// A scan is the table at one look, by pid.
type scan map[int]proctable.Stat

func newKin(beganTicks uint64, baseline scan) *kin {
	k := &kin{beganTicks: beganTicks, baseline: baseline,
		members: make(map[ProcID]member), lost: make(map[ProcID]int), founders: make(map[int]ProcID), sessions: make(map[int]bool),
		above:  map[int]bool{1: true},
		spared: make(map[ProcID]bool), sparedFounders: make(map[int]ProcID), sparedSessions: make(map[int]bool)}
	for _, p := range baseline {
		if _, known := baseline[p.PPID]; !known && p.PPID != 0 {
			k.lose(p)
		}
	}
	return k
}

// lose notes that a process may have lost its parent, if it has not ended itself: then
// no later scan shows it.
func (k *kin) lose(p proctable.Stat) { k.lost[p.ID()] = p.PPID }

// add makes a process a member.
func (k *kin) add(p proctable.Stat) {
	k.members[p.ID()] = member{comm: p.Comm}
	k.observe(p)
}

// observe notes what a member's row tells about sessions.
func (k *kin) observe(p proctable.Stat) {
	k.sessions[p.Session] = true
	if p.Session == p.PID {
		k.founders[p.PID] = p.ID()
	}
}

// spare makes a process, and everything that a scan shows below it, no members.
func (k *kin) spare(p proctable.Stat) {
	k.spared[p.ID()] = true
	k.sparedSessions[p.Session] = true
	if p.Session == p.PID {
		k.sparedFounders[p.PID] = p.ID()
	}
}

// spareBelow spares what descends from the spared, as far as the scan shows it.
func (k *kin) spareBelow(now scan) {
	if len(k.spared) == 0 {
		return
	}
	for _, p := range now {
		if k.spared[p.ID()] {
			k.spare(p) // it may lead a session by now
		}
	}
	for grown := true; grown; {
		grown = false
		for _, p := range now {
			if k.spared[p.ID()] || k.isMember(p) {
				continue
			}
			parent, ok := now[p.PPID]
			if ok && k.spared[parent.ID()] || founded(k.sparedFounders, p, now) {
				k.spare(p)
				grown = true
			}
		}
	}
}

// settled says that nothing is to be decided about a process.
func (k *kin) settled(p proctable.Stat) bool {
	return k.isMember(p) || k.spared[p.ID()] || zombie(p)
}

func (k *kin) isMember(p proctable.Stat) bool {
	_, ok := k.members[p.ID()]
	return ok
}

// sort finds the newcomers of a scan, parents before their children, and the
// suspects, both otherwise in the order of pids. The newcomers are not members
// until they are added.
func (k *kin) sort(now scan) (newcomers []newcomer, suspects []suspect) {
	for _, p := range now {
		if k.isMember(p) {
			k.observe(p)
		}
	}
	k.spareBelow(now)
	taken := make(map[int]bool) // newcomers of this scan
	k.lookUp(now)
	for generation := now.sorted(); ; {
		var next []newcomer
		for _, p := range generation {
			if taken[p.PID] || k.settled(p) {
				continue
			}
			if n, ok := k.certain(p, now, taken); ok {
				next = append(next, n)
			} else if k.orphan(p, now) {
				next = append(next, newcomer{Stat: p})
			}
		}
		if len(next) == 0 {
			break
		}
		for _, n := range next {
			taken[n.PID] = true
		}
		newcomers = append(newcomers, next...)
	}
	for _, p := range now.sorted() {
		if taken[p.PID] || k.settled(p) {
			continue
		}
		if s, ok := k.suspect(p, now); ok {
			suspects = append(suspects, s)
		}
	}
	return newcomers, suspects
}

// certain applies the first two rules.
func (k *kin) certain(p proctable.Stat, now scan, taken map[int]bool) (newcomer, bool) {
	if parent, ok := now[p.PPID]; ok && (k.isMember(parent) || taken[parent.PID]) {
		return newcomer{Stat: p, parent: parent.ID(), byParent: true}, true
	}
	if founded(k.founders, p, now) && !k.sparedSessions[p.Session] {
		return newcomer{Stat: p}, true
	}
	return newcomer{}, false
}

// founded reports whether one of the founders began the process's session.
func founded(founders map[int]ProcID, p proctable.Stat, now scan) bool {
	founder, ok := founders[p.Session]
	leader, lives := now[p.Session]
	return ok && (!lives || leader.ID() == founder) // else the pid is another's by now
}

// orphan applies the third rule in its certain form: the process lost its
// parent, and of its session only members and ancestors could have forked it.
func (k *kin) orphan(p proctable.Stat, now scan) bool {
	parent, ok := now[p.PPID]
	if !ok || !k.appeared(p) || !k.above[p.PPID] || !k.sessions[p.Session] {
		return false
	}
	// A natural child is in its parent's session or leads its own.
	if p.Session == parent.Session || p.Session == p.PID {
		return false
	}
	for _, other := range k.baseline { // even if it has ended since
		if other.Session == p.Session && !k.isMember(other) && !k.above[other.PID] {
			return false
		}
	}
	return true
}

// suspect applies the third rule in its uncertain form.
func (k *kin) suspect(p proctable.Stat, now scan) (suspect, bool) {
	if founded(k.founders, p, now) {
		return suspect{Stat: p}, true // a session that we share with the spared
	}
	if !k.unplaced(p) {
		return suspect{}, false
	}
	if _, known := now[p.PPID]; known && !k.above[p.PPID] {
		return suspect{}, false // it has its own parent elsewhere
	}
	if k.sessions[p.Session] {
		return suspect{Stat: p}, true
	}
	if leader, ok := now[p.Session]; ok && !k.unplaced(leader) {
		return suspect{}, false // an old session of others, which ours can't join
	}
	return suspect{Stat: p, ownSession: true}, true
}

// appeared reports whether a process began after the operation did.
func (k *kin) appeared(p proctable.Stat) bool {
	old, ok := k.baseline[p.PID]
	return p.StartTicks >= k.beganTicks && !(ok && old.ID() == p.ID())
}

// unplaced reports whether a process may have lost its parent before we knew it.
func (k *kin) unplaced(p proctable.Stat) bool {
	named, lost := k.lost[p.ID()]
	return k.appeared(p) || lost && p.PPID != named
}

// matters reports whether a later row of a process could change what becomes of
// anybody. That of one that was there before, is not of the tree and not above it,
// can't: no member can have forked it, and it can't join a member's session.
func (k *kin) matters(p proctable.Stat) bool {
	_, lost := k.lost[p.ID()]
	return k.isMember(p) || k.spared[p.ID()] || k.above[p.PID] || lost || k.baseline[p.PID].ID() != p.ID()
}

// resembles reports whether a member had the same name.
func (k *kin) resembles(p proctable.Stat) bool {
	for _, m := range k.members {
		if m.comm == p.Comm {
			return true
		}
	}
	return false
}

// lookUp notes the ancestors of the members that are there.
func (k *kin) lookUp(now scan) {
	for _, p := range now {
		if !k.isMember(p) {
			continue
		}
		// Bounded, for a scan is not of one instant and might show a circle.
		for range len(now) {
			parent, ok := now[p.PPID]
			if !ok {
				break
			}
			if !k.isMember(parent) {
				k.above[parent.PID] = true
			}
			p = parent
		}
	}
}

// zombie reports whether a process has ended. One whose first thread alone has
// ended also shows Z, but counts more threads, and can still fork.
func zombie(p proctable.Stat) bool { return (p.State == 'Z' || p.State == 'X') && p.Threads <= 1 }

// sorted lists the rows by pid, so that what we do does not hang on chance.
func (s scan) sorted() []proctable.Stat {
	rows := make([]proctable.Stat, 0, len(s))
	for _, p := range s {
		rows = append(rows, p)
	}
	slices.SortFunc(rows, func(a, b proctable.Stat) int { return a.PID - b.PID })
	return rows
}
