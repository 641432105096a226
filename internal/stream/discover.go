package stream

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"pausetest/internal/printable"
	"pausetest/internal/procctl/proctable"
)

// Discover finds the selected streams in a snapshot. It fails only when the
// selection names a pid that is no living process, or a rule that doesn't
// exist; a snapshot without streams, or one in which descriptors could not be
// read, gives what can be known.
func Discover(s *proctable.Snapshot, sel Selection, ev Evidence) (Found, error) {
	d := newDiscovery(s, sel, ev)
	for _, name := range sel.Only {
		if d.rules.named(name) == nil {
			return Found{}, fmt.Errorf("selecting rules: no rule is named %s", strconv.Quote(name))
		}
	}
	if !sel.byRules() {
		if err := d.named(); err != nil {
			return Found{}, err
		}
	} else {
		d.byRules()
	}
	return d.result(), nil
}

// A discovery is one call of Discover on its way.
type discovery struct {
	*flow
	snapshot  *proctable.Snapshot
	selection Selection
	rules     *Rules
	evidence  Evidence

	drafts    []*draft
	claimed   map[*process]bool // part of a stream, or known to be none
	protected map[*process]bool // with all ancestors
	ignored   []Ignored
	warnings  []string
}

// A draft is a stream before processes become ids.
type draft struct {
	Stream
	root      *process   // of the processes that belong to the stream alone
	sources   []*process // the source family's roots
	writers   []*process // empty: the first source
	carriers  []*process
	via       []*process // relays and carriers on the way, nearest first
	processes []*process
}

func newDiscovery(s *proctable.Snapshot, sel Selection, ev Evidence) *discovery {
	rules := sel.Rules
	if rules == nil {
		rules = Builtin()
	}
	t := newTable(s)
	d := &discovery{
		flow:     &flow{table: t, transports: rules.Transports, relays: rules.Relays},
		snapshot: s, selection: sel, rules: rules, evidence: ev,
		claimed: map[*process]bool{}, protected: map[*process]bool{},
	}
	for _, pid := range sel.Protect {
		if p := t.byPID[pid]; p != nil {
			d.protected[p] = true
			for a := range p.ancestors() {
				d.protected[a] = true
			}
		}
	}
	return d
}

// wanted holds for the processes that may be looked at.
func (d *discovery) wanted(p *process) bool {
	if p.isKernel() || p.ID.PID == 1 {
		return false
	}
	below := d.byPID[d.selection.Below]
	return d.selection.Below == 0 || below != nil && p != below && p.within(below)
}

func (d *discovery) ruleWanted(r *Rule) bool {
	return !r.Disabled && (len(d.selection.Only) == 0 || slices.Contains(d.selection.Only, r.Name))
}

// byRules lets the engines that know whole topologies go first, whether their
// streams are wanted or not: an Amanda's tar is no rule's stream but Amanda's.
func (d *discovery) byRules() {
	for i := range d.rules.Rules {
		if r := &d.rules.Rules[i]; r.Engine == engineAmanda && !r.Disabled {
			d.amanda(r)
		}
	}
	d.processes()
}

func (d *discovery) ignore(p *process, rule, reason string) {
	d.ignored = append(d.ignored, Ignored{Process: p.ID, Rule: rule, Reason: reason})
}

func (d *discovery) claim(tree []*process) {
	for _, p := range tree {
		d.claimed[p] = true
	}
}

func (d *discovery) warn(format string, args ...any) {
	d.warnings = append(d.warnings, fmt.Sprintf(format, args...))
}

// add completes a draft whose rule, root, sources and label are known, and
// refuses it where it may not be paused.
func (d *discovery) add(s *draft) {
	s.Source = s.sources[0].ID
	s.AgeNS = ageNS(d.snapshot, s.Source)
	if s.Label == "" {
		s.Label = labelled(s.Host, s.Disk, s.Level)
	}
	if s.Label == "" {
		s.Label, s.LabelSource = withPID(s.sources[0].name(), s.Source.PID), fromPID
	}
	if len(s.writers) == 0 {
		s.writers = s.sources[:1]
	}
	if len(s.via) == 0 {
		s.via = s.carriers
	}
	if s.Refusal == nil {
		s.Refusal = d.refusal(s.sources)
	}
	d.claim(s.processes)
	d.drafts = append(d.drafts, s)
}

func withPID(name string, pid int) string { return fmt.Sprintf("%s (pid %d)", name, pid) }

// ageNS is how long a process had run when the snapshot was taken.
func ageNS(s *proctable.Snapshot, id proctable.ProcID) int64 {
	if s.TicksPerSecond == 0 || s.TakenTicks <= id.StartTicks {
		return 0
	}
	perTick := uint64(time.Second) / s.TicksPerSecond
	ticks := s.TakenTicks - id.StartTicks
	if perTick == 0 || ticks > uint64(1<<62)/perTick {
		return 0
	}
	return int64(ticks * perTick)
}

// result settles what depends on all streams: what is shared, and that no
// process is a target twice.
func (d *discovery) result() Found {
	d.refuseOverlaps()
	d.refuseShared()
	users := map[*process]int{}
	for _, s := range d.drafts {
		for p := range setOf(s.via) {
			if s.Refusal == nil {
				users[p]++
			}
		}
	}
	d.warnUnread()
	d.warnTwice()
	found := Found{Ignored: d.ignored, Warnings: d.warnings}
	for _, s := range d.drafts {
		found.Streams = append(found.Streams, d.finished(s, users))
	}
	disambiguate(found.Streams)
	found.order()
	for _, p := range d.procs {
		if users[p] < 2 {
			continue
		}
		shared := SharedProcess{Process: p.ID, Name: p.name()}
		for i, s := range found.Streams {
			if s.Shared != nil && *s.Shared == p.ID {
				shared.Streams = append(shared.Streams, i)
			}
		}
		if len(shared.Streams) > 0 {
			found.Shared = append(found.Shared, shared)
		}
	}
	return found
}

// finished turns a draft into a stream. A refused one has no targets, so that
// nobody stops it by mistake.
func (d *discovery) finished(s *draft, users map[*process]int) Stream {
	out := s.Stream
	shared := func(p *process) bool { return users[p] > 1 }
	own := filter(s.processes, func(p *process) bool { return p == s.root || !shared(p) })
	out.Processes, out.Carriers, out.Writers = ids(own), ids(s.carriers), ids(s.writers)
	if out.Refusal != nil {
		return out
	}
	out.Targets = ids(s.sources)
	out.Spared = ids(topmost(filter(subtrees(s.sources), d.isTransport)))
	if i := slices.IndexFunc(s.via, shared); i >= 0 {
		out.Shared = &s.via[i].ID
	}
	return out
}

// warnUnread says when descriptors were hidden, for then pipes and sockets are
// unknown and only ancestry speaks.
func (d *discovery) warnUnread() {
	unread := 0
	for _, s := range d.drafts {
		if s.Refusal != nil {
			continue
		}
		unread += len(filter(s.processes, func(p *process) bool { return p.FDs == nil }))
	}
	if unread > 0 {
		d.warn("the descriptors of %d of the streams' processes could not be read: what carries the streams is known by ancestry only; root may read them", unread)
	}
}

// warnTwice says when Amanda dumps an entry twice at once: the server gave one
// up and has started anew.
func (d *discovery) warnTwice() {
	count := map[string]int{}
	for _, s := range d.drafts {
		if amandaRoot(s.sources[0]) != nil && s.LabelSource != fromPID {
			count[s.Label]++
		}
	}
	for label, n := range count {
		if n > 1 {
			d.warn("%s is dumped %d times at once: probably a retry beside a dump that the server has given up", printable.Text(label, 2*nameRunes), n)
		}
	}
}

// chained returns what belongs to a stream: a tree, and what its bytes reach
// through pipes on the way to the carriers, those that are its own included.
func (d *discovery) chained(root *process) []*process {
	tree := root.subtree()
	inside := setOf(tree)
	for _, p := range d.downstream(tree) {
		if !inside[p] && !d.isRelay(p) {
			inside[p] = true
			tree = append(tree, p)
		}
	}
	return tree
}
