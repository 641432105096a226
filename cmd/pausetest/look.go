package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"pausetest/internal/printable"
	"pausetest/internal/procctl"
	"pausetest/internal/procctl/proctable"
	"pausetest/internal/recording"
	"pausetest/internal/stream"
)

// rulesDir holds the operator's own stream rules.
const rulesDir = "/etc/pausetest/rules.d"

// demoRule finds the streams of a demo.
const demoRule = "demo"

// selection is which streams the operator wants; its flags are the same for
// every command that looks at live streams.
type selection struct {
	match  []string
	pids   []int
	rules  []string
	minAge time.Duration
	below  int
	only   []string
}

func (s *selection) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&s.match, "match", nil, "take processes whose command line matches `REGEXP` as streams (repeatable)")
	f.IntSliceVar(&s.pids, "pid", nil, "take the tree of process `PID` as a stream (repeatable)")
	f.StringArrayVar(&s.rules, "rules", nil, "read further stream rules from `FILE`, after those in "+rulesDir+" (repeatable)")
	f.DurationVar(&s.minAge, "min-age", 0, "youngest stream that may be paused (default: the rule's own, 2m for Amanda)")
}

// parse turns the flags into what package stream wants.
func (s *selection) parse() (stream.Selection, error) {
	sel := stream.Selection{PIDs: s.pids, Below: s.below, Only: s.only}
	for _, text := range s.match {
		re, err := regexp.Compile(text)
		if err != nil {
			return sel, badInput("the syntax is Go's (RE2); quote it for the shell", "--match %q: %w", text, err)
		}
		sel.Match = append(sel.Match, re)
	}
	rules, err := s.readRules(rulesDir)
	if err != nil {
		return sel, err
	}
	if len(s.only) == 0 {
		// Somebody's demo is no backup of this host; only the demo itself looks for it.
		rules = rules.Merge(&stream.Rules{Rules: []stream.Rule{{Name: demoRule, Disabled: true}}})
	}
	sel.Rules = rules
	return sel, nil
}

// readRules puts the built-in rules together with those in a folder, which nobody
// asked for just now, and those that the operator names.
func (s *selection) readRules(dir string) (*stream.Rules, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", dir, err)
	}
	rules := stream.Builtin()
	for i, name := range append(files, s.rules...) {
		read := readText
		if i < len(files) {
			read = readTrusted
		}
		text, err := read(name)
		if _, ok := errors.AsType[*distrusted](err); ok {
			return nil, badInput(distrustedHint, "reading stream rules: %w", err)
		}
		if err != nil {
			return nil, badInput("the built-in rules show how one looks: pausetest streams --print-rules", "reading stream rules: %w", err)
		}
		more, err := stream.ParseRules(name, text)
		if err != nil {
			return nil, badInput("the built-in rules show every key: pausetest streams --print-rules", "%w", err)
		}
		rules = rules.Merge(more)
	}
	return rules, nil
}

// A look is what one look at the host found.
type look struct {
	snapshot *proctable.Snapshot
	found    stream.Found
	handicap string // why there may be more than was found; empty: there isn't
}

// A looker looks at the host again and again.
type looker struct {
	table  *procctl.Table
	sel    stream.Selection
	scope  stream.Scope
	minAge *time.Duration           // overrides the rules' own minimum
	named  map[int]proctable.ProcID // who the operator's pids were at the first look
}

func newLooker(s *selection, f *pflag.FlagSet) (*looker, error) {
	sel, err := s.parse()
	if err != nil {
		return nil, err
	}
	l := &looker{table: procctl.NewTable(""), sel: sel}
	if f.Changed("min-age") {
		l.minAge = &s.minAge
	}
	return l, nil
}

func (l *looker) look(ctx context.Context) (look, error) {
	snapshot, err := l.table.Snapshot(ctx)
	if err != nil {
		return look{}, err
	}
	l.keepNamed(snapshot)
	if err := l.examine(ctx, snapshot); err != nil {
		return look{}, err
	}
	if len(l.named) > 0 && len(l.sel.PIDs) == 0 && len(l.sel.Match) == 0 {
		return look{snapshot: snapshot}, nil // all that was named has ended; the rules were not asked for
	}
	found, err := stream.Discover(snapshot, l.sel, l.table)
	if err != nil {
		return look{}, badInput("list what is running: pausetest streams", "%w", err)
	}
	facts, err := l.table.FactReader()
	if err != nil {
		return look{}, fmt.Errorf("looking at the host: %w", err)
	}
	for i := range found.Streams {
		s := &found.Streams[i]
		if s.Refusal == nil {
			for _, text := range preflight(facts, s) {
				if !slices.Contains(found.Warnings, text) {
					found.Warnings = append(found.Warnings, text)
				}
			}
		}
		if s.Refusal == nil {
			l.youth(s)
		}
	}
	k := look{snapshot: snapshot, found: found}
	if k.handicap = l.handicap(k); k.handicap != "" {
		k.found.Warnings = append(k.found.Warnings, k.handicap)
	}
	return k, nil
}

// handicap says which capabilities we lack to see all streams, and all of them;
// it is empty if we see what we were asked for. Whoever named the streams, or
// plays the demo, isn't told of the processes beside them.
func (l *looker) handicap(k look) string {
	unseen := func(p proctable.Process) bool { return p.Examined && len(p.Args) > 0 && p.FDs == nil }
	seen := k.snapshot.Processes
	if named := len(l.named) > 0 || len(l.sel.Match) > 0 || len(l.sel.Only) > 0; named && len(k.found.Streams) > 0 {
		seen = nil
		for i := range k.found.Streams {
			for _, id := range k.found.Streams[i].Processes {
				if p := k.snapshot.ByPID(id.PID); p != nil {
					seen = append(seen, *p)
				}
			}
		}
	}
	if !slices.ContainsFunc(seen, unseen) {
		return ""
	}
	missing, err := procctl.MissingCapabilities()
	if err != nil || len(missing) == 0 { // what could not be read has ended meanwhile
		return ""
	}
	return "other users' processes can't be looked into, so streams among them, and what streams share, may go unseen; missing: " +
		strings.Join(missing, "; ")
}

// examine reads of as many processes as the discovery needs what a snapshot does
// not hold.
func (l *looker) examine(ctx context.Context, s *proctable.Snapshot) error {
	for {
		l.sel.Protect = protected(s)
		pids := l.scope.Unexamined(s, l.sel)
		if len(pids) == 0 {
			return nil
		}
		if err := l.table.Examine(ctx, s, pids); err != nil {
			return err
		}
	}
}

// keepNamed holds the pids that the operator named to the processes they were at
// the first look: one that has ended is no error later on, and whoever has its pid
// then is a stranger.
func (l *looker) keepNamed(s *proctable.Snapshot) {
	first := l.named == nil
	if first {
		l.named = map[int]proctable.ProcID{}
	}
	l.sel.PIDs = slices.DeleteFunc(slices.Clone(l.sel.PIDs), func(pid int) bool {
		p := s.ByPID(pid)
		if first && p != nil {
			l.named[pid] = p.ID
		}
		return !first && (p == nil || p.ID != l.named[pid])
	})
}

// preflight refuses a stream that the system would not let us pause and resume
// without harm, and returns what is to be said about one that it would.
func preflight(r *procctl.FactReader, s *stream.Stream) (warnings []string) {
	facts, err := r.Read(s.Targets)
	if err != nil {
		s.Refusal = &stream.Refusal{Rule: "preflight", Reason: "it can't be examined: " + err.Error()}
		return nil
	}
	for _, f := range facts {
		refused, warned := f.Judge()
		who := fmt.Sprintf("%s (pid %d)", printable.Text(f.Comm, 20), f.ID.PID)
		if len(refused) > 0 {
			r := refused[0]
			s.Refusal = &stream.Refusal{Rule: r.Rule, Reason: who + ": " + r.Reason, Hint: r.Hint}
			return nil
		}
		for _, w := range warned {
			warnings = append(warnings, fmt.Sprintf("%s: %s; %s", who, w.Reason, w.Hint))
		}
	}
	return warnings
}

// protected are the processes that are never paused: ourselves, any other
// pausetest and its guard, and whoever reads what we print. A pager or a logger
// that stands still makes us stand still, with streams paused.
func protected(s *proctable.Snapshot) []int {
	pids := []int{os.Getpid()}
	own := s.ByPID(os.Getpid())
	if own == nil {
		return pids
	}
	output := map[uint64]bool{}
	for _, fd := range own.FDs {
		if fd.Kind == proctable.Pipe && (fd.Number == 1 || fd.Number == 2) {
			output[fd.Inode] = true
		}
	}
	for _, p := range s.Processes {
		if isPausetest(&p) || slices.ContainsFunc(p.FDs, func(fd proctable.FD) bool { return fd.Kind == proctable.Pipe && fd.Read && output[fd.Inode] }) {
			pids = append(pids, p.ID.PID)
		}
	}
	return pids
}

// isPausetest recognises another run, or a guard; the parts of a demo go by other
// names.
func isPausetest(p *proctable.Process) bool {
	if len(p.Args) == 0 {
		return false
	}
	name := filepath.Base(p.Args[0])
	return name == "pausetest" || name == "pausetest-guard"
}

// youth refuses a stream that is too young or has not moved bytes yet.
func (l *looker) youth(s *stream.Stream) {
	s.Refusal = stream.Youth(s.AgeNS, l.minimumAgeNS(s), l.written(s))
}

// minimumAgeNS is how old a stream must be to be paused.
func (l *looker) minimumAgeNS(s *stream.Stream) int64 {
	if l.minAge != nil {
		return int64(*l.minAge)
	}
	return s.MinimumAgeNS
}

// written is what a stream has written so far; nil when it may not be known, or
// says nothing: what a process sends by its own socket (send(2)) isn't counted.
func (l *looker) written(s *stream.Stream) *uint64 {
	if slices.Contains(s.Carriers, s.Source) {
		return nil
	}
	var sum uint64
	for _, id := range s.Writers {
		c, err := procctl.OpenIO(id)
		if err != nil {
			return nil
		}
		n, err := c.Read()
		c.Close()
		if err != nil {
			return nil
		}
		sum += n
	}
	return &sum
}

// process is a process of the snapshot as a recording keeps it.
func (l look) process(id proctable.ProcID) recording.Process {
	out := recording.Process{PID: id.PID, StartTicks: id.StartTicks}
	if p := l.snapshot.ByPID(id.PID); p != nil && p.ID == id {
		out.Name = printable.Text(p.Comm, 0)
		out.Command = printable.Text(printable.CommandLine(p.Args), maxCommandRunes)
	}
	return out
}

// maxCommandRunes keeps a process with 2 MiB of arguments from filling the
// recording.
const maxCommandRunes = 400

func (l look) processes(ids []proctable.ProcID) []recording.Process {
	out := make([]recording.Process, len(ids))
	for i, id := range ids {
		out[i] = l.process(id)
	}
	return out
}

// recorded is a stream as a recording keeps it.
func (l look) recorded(id int, s *stream.Stream) recording.Stream {
	out := recording.Stream{
		ID: id, Label: printable.Text(s.Label, 0), Rule: s.Rule,
		Source: l.process(s.Source), Targets: l.processes(s.Targets), Processes: l.processes(s.Processes),
		AgeNS: s.AgeNS,
	}
	if s.Shared != nil {
		out.SharedPID = s.Shared.PID
	}
	return out
}

func refusalOf(s *stream.Stream) recording.Refusal {
	return recording.Refusal{
		Label: printable.Text(s.Label, 0), PID: s.Source.PID,
		Rule: s.Refusal.Rule, Reason: s.Refusal.Reason, Hint: s.Refusal.Hint,
	}
}

// sockets are the inodes of all sockets that carry a stream's bytes.
func (l look) sockets(s *stream.Stream) map[uint64]bool {
	inodes := map[uint64]bool{}
	for _, id := range s.Carriers {
		p := l.snapshot.ByPID(id.PID)
		if p == nil {
			continue
		}
		for _, fd := range p.FDs {
			if fd.Kind == proctable.Socket {
				inodes[fd.Inode] = true
			}
		}
	}
	return inodes
}

// mixed reports whether a process carries the bytes of streams that may be paused
// and of others that may not: its sockets then say nothing about the former.
func (l look) mixed() bool {
	carries := map[proctable.ProcID]bool{}
	for _, s := range l.found.Streams {
		for _, id := range s.Carriers {
			if s.Refusal == nil {
				carries[id] = true
			}
		}
	}
	return slices.ContainsFunc(l.found.Streams, func(s stream.Stream) bool {
		return s.Refusal != nil && slices.ContainsFunc(s.Carriers, func(id proctable.ProcID) bool { return carries[id] })
	})
}

// elsewhere reports the streams whose carriers live in another network
// namespace than we do, where no socket and no interface can be seen.
func (l look) elsewhere() (labels []string, pid int) {
	own := l.snapshot.ByPID(os.Getpid())
	if own == nil || own.NetNS == 0 {
		return nil, 0
	}
	for _, s := range l.found.Streams {
		for _, id := range s.Carriers {
			if p := l.snapshot.ByPID(id.PID); p != nil && p.NetNS != 0 && p.NetNS != own.NetNS {
				labels, pid = append(labels, s.Label), id.PID
				break
			}
		}
	}
	return labels, pid
}

// missing turns "nothing found" into what the operator can do.
func (l look) missing(need int) error {
	allowed, refused := 0, []string(nil)
	for _, s := range l.found.Streams {
		if s.Refusal == nil {
			allowed++
		} else {
			refused = append(refused, fmt.Sprintf("%s (%s)", printable.Text(s.Label, 60), s.Refusal.Reason))
		}
	}
	if allowed >= need {
		return nil
	}
	const hint = "see what is running with: pausetest streams; name others with --match or --pid; try it with: pausetest demo"
	switch {
	case len(l.found.Streams) == 0:
		return badInput(hint, "no streams found")
	case len(refused) > 0:
		slices.Sort(refused)
		return badInput(hint, "%d of %d streams may be paused; at least %d are needed; refused: %s",
			allowed, len(l.found.Streams), need, strings.Join(refused, ", "))
	}
	return badInput(hint, "only one stream found (%s); at least %d are needed", printable.Text(l.found.Streams[0].Label, 60), need)
}
