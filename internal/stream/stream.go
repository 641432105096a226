// Package stream finds backup streams in a snapshot of the process table: which
// processes move one file system's data, what the stream is called, which of
// them may be stopped to pause it, and which process several streams share.
//
// It is pure. A stream is found by ancestry and by the pipes that connect its
// processes; names only say what a process is. What counts as a stream is data
// (rules.yaml and the operator's own rule files), except for the shape of
// Amanda's process trees, which is code (amanda.go).
//
// Labels are made of hostile text (paths, command lines) and kept raw: whoever
// prints one uses printable.Text. Reasons, hints and warnings are printable
// already.
package stream

import (
	"cmp"
	"regexp"
	"slices"
	"time"

	"pausetest/internal/procctl/proctable"
)

// A Stream is one concurrent dump.
type Stream struct {
	// Label is unique among the streams of one Found: "fs3:/export/home level 0".
	Label string
	// Rule that found it: the name of a rule, or "match" or "pid" for one that
	// the operator named.
	Rule string
	// Host, Disk and Level are the label's parts; each may be empty.
	Host, Disk, Level string
	// LabelSource says where the label came from: "application", "listed-incremental",
	// "debug-log", "device", "command-line" or "pid".
	LabelSource string

	// Processes are all that belong to this stream alone, ancestors first.
	Processes []proctable.ProcID
	// Targets are the roots of the source family: they and their descendants,
	// save those below Spared, are stopped to pause the stream. Empty when the
	// stream is refused.
	Targets []proctable.ProcID
	// Spared are descendants of a target that must run on, with all theirs: an
	// ssh that an rsync started.
	Spared []proctable.ProcID
	// Source is the process whose written bytes are the stream's bytes, and
	// the stream's identity from one snapshot to the next.
	Source proctable.ProcID
	// Writers write the stream's bytes. Mostly Source alone; in a family that
	// shares the work (Linux dump) its innermost members, whose written bytes
	// add up to the stream's.
	Writers []proctable.ProcID
	// Carriers hold the sockets by which the bytes leave: amandad, sshd, ssh or
	// the source itself. Several may hold the same socket. Empty when the bytes
	// don't leave by one.
	Carriers []proctable.ProcID
	// Shared is the nearest process that other streams flow through as well;
	// refused streams neither have one nor count.
	Shared *proctable.ProcID

	// AgeNS is how long Source has run, to a clock tick.
	AgeNS int64
	// MinimumAgeNS is what its rule asks for before a first pause; see Youth.
	MinimumAgeNS int64
	// Refusal says why the stream may not be paused; nil when it may.
	Refusal *Refusal
}

// A Refusal is why a stream may not be paused, and what can be done instead.
type Refusal struct {
	Rule   string // name of the safety rule
	Reason string
	Hint   string // may be empty
}

// An Ignored is a process that resembles a stream and is none.
type Ignored struct {
	Process proctable.ProcID
	Rule    string
	Reason  string
}

// A SharedProcess is one that more than one stream flows through.
type SharedProcess struct {
	Process proctable.ProcID
	Name    string // raw
	Streams []int  // indices into Found.Streams
}

// Found is what Discover found, in an order that depends on the processes only.
type Found struct {
	Streams  []Stream // by label
	Ignored  []Ignored
	Shared   []SharedProcess
	Warnings []string
}

// Evidence reads what a snapshot doesn't hold. Errors mean "unknown".
type Evidence interface {
	// ReadFD returns up to max bytes from the beginning of the file that a
	// process has open.
	ReadFD(pid, fd, max int) ([]byte, error)
	// Mounts returns the mounts that a process sees.
	Mounts(pid int) ([]proctable.Mount, error)
}

// A Selection says which streams are wanted.
type Selection struct {
	// Rules to find streams by; nil means Builtin.
	Rules *Rules
	// Only the rules of these names find streams, when any are given. All keep
	// their say in what may be paused.
	Only []string
	// Match and PIDs name streams directly. When either is given, no rule is
	// used to find streams. Match is held against the command line as
	// printable.CommandLine writes it.
	Match []*regexp.Regexp
	PIDs  []int
	// Below restricts the rules and Match to descendants of a process; 0: all.
	Below int
	// Protect are processes that are never paused, nor any of their ancestors:
	// the controller and its guard.
	Protect []int
}

// byRules holds when nothing was named, so that the rules find the streams.
func (sel *Selection) byRules() bool { return len(sel.PIDs)+len(sel.Match) == 0 }

// The rules that refuse a stream, beside those of rules.yaml.
const (
	refuseInit    = "init"
	refuseKernel  = "kernel-thread"
	refuseOwn     = "own-process"
	refuseCarrier = "carrier"
	refuseShared  = "shared-process"
	refuseOverlap = "overlap"
	// RefuseYouth is the one that time heals.
	RefuseYouth = "youth"
)

// Youth refuses a stream that is still being set up: its peers' start-up time
// limits are short, and a stop then fails the dump. A stream is too young below
// the minimum age, or while it is known to have moved no bytes; movedBytes is
// nil when unknown.
func Youth(ageNS, minimumNS int64, movedBytes *uint64) *Refusal {
	if ageNS < minimumNS {
		return &Refusal{
			Rule:   RefuseYouth,
			Reason: "it has run for " + seconds(ageNS) + " only, less than " + seconds(minimumNS) + ": a stop while a dump starts can fail it",
			Hint:   "try again in " + seconds(minimumNS-ageNS),
		}
	}
	if movedBytes != nil && *movedBytes == 0 {
		return &Refusal{
			Rule:   RefuseYouth,
			Reason: "it has moved no bytes yet: a stop while a dump starts can fail it",
			Hint:   "try again when data flows",
		}
	}
	return nil
}

func seconds(ns int64) string {
	return time.Duration(ns).Round(time.Second).String()
}

// labelled joins the parts of a label; without a disk there is none.
func labelled(host, disk, level string) string {
	if disk == "" {
		return ""
	}
	label := disk
	if host != "" {
		label = host + ":" + disk
	}
	if level != "" {
		label += " level " + level
	}
	return label
}

// disambiguate appends the pid to every label that several streams have. A
// label made so may meet another that looked like it from the beginning, hence
// the loop; it ends because two streams never get the same ending.
func disambiguate(streams []Stream) {
	for range len(streams) {
		count := map[string]int{}
		for _, s := range streams {
			count[s.Label]++
		}
		clean := true
		for i := range streams {
			if s := &streams[i]; count[s.Label] > 1 {
				s.Label = withPID(s.Label, s.Source.PID)
				clean = false
			}
		}
		if clean {
			return
		}
	}
}

func compareIDs(a, b proctable.ProcID) int {
	return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.StartTicks, b.StartTicks))
}

// order sorts everything by what it says, so that neither pids' order in the
// snapshot nor the rules' order shows.
func (f *Found) order() {
	slices.SortFunc(f.Streams, func(a, b Stream) int {
		return cmp.Or(cmp.Compare(a.Label, b.Label), compareIDs(a.Source, b.Source))
	})
	slices.SortFunc(f.Ignored, func(a, b Ignored) int {
		return cmp.Or(compareIDs(a.Process, b.Process), cmp.Compare(a.Reason, b.Reason))
	})
	slices.Sort(f.Warnings)
	f.Warnings = slices.Compact(f.Warnings)
}
