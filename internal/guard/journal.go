package guard

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"pausetest/internal/procctl"
	"pausetest/internal/procctl/proctable"
)

// The journal is a sequence of JSON objects, one a line: a header, then one
// record for every intent and every forgetting. A line counts once it is whole;
// no signal is sent before the line of its intent is.
//
//	{"format":2,"boot_id":"...","pid_namespace":"pid:[4026531836]","controller":{"pid":7,"start_ticks":9},"started":"..."}
//	{"intend":[{"pid":4121,"start_ticks":88123},{"pid":4122,"start_ticks":88124}]}
//	{"forget":[{"pid":4121,"start_ticks":88123},{"pid":4122,"start_ticks":88124}]}
//	{"freeze":[{"path":"/sys/fs/cgroup/dump.service","device":28,"inode":4711}]}
//	{"thaw":[{"path":"/sys/fs/cgroup/dump.service","device":28,"inode":4711}]}

// journalFormat is the version written; readers accept no later one. Format 1
// knew no cgroups, and would have taken no notice of them.
const journalFormat = 2

// maxJournalBytes bounds what is read of a journal. A real one has some
// kilobytes: it shrinks to its header whenever nothing is paused.
const maxJournalBytes = 64 << 20

type journalHeader struct {
	Format int    `json:"format"`
	BootID string `json:"boot_id"`
	// PIDNamespace is the link /proc/self/ns/pid; pids mean nothing in another.
	PIDNamespace string      `json:"pid_namespace"`
	Controller   journalProc `json:"controller"`
	Started      time.Time   `json:"started"`
}

type journalRecord struct {
	Intend []journalProc   `json:"intend,omitempty"`
	Forget []journalProc   `json:"forget,omitempty"`
	Freeze []journalCgroup `json:"freeze,omitempty"`
	Thaw   []journalCgroup `json:"thaw,omitempty"`
}

// recordOf is the record of an intent, or of its end.
func recordOf(holds []hold, intent bool) (r journalRecord) {
	procs, cgroups := &r.Intend, &r.Freeze
	if !intent {
		procs, cgroups = &r.Forget, &r.Thaw
	}
	for _, s := range holds {
		if s.Cgroup != (procctl.CgroupID{}) {
			*cgroups = append(*cgroups, journalCgroup(s.Cgroup))
		} else {
			*procs = append(*procs, journalProc(s.Process))
		}
	}
	return r
}

// A journalProc is a proctable.ProcID as the journal spells it.
type journalProc struct {
	PID        int    `json:"pid"`
	StartTicks uint64 `json:"start_ticks"`
}

// A journalCgroup is a procctl.CgroupID as the journal spells it.
type journalCgroup struct {
	Path   string `json:"path"`
	Device uint64 `json:"device"`
	Inode  uint64 `json:"inode"`
}

// A Subject is what a run can hold: a process or a cgroup. The other is zero.
type Subject struct {
	Process proctable.ProcID
	Cgroup  procctl.CgroupID
}

// intended and ended list the subjects of a record.
func (r journalRecord) intended() []Subject { return subjects(r.Intend, r.Freeze) }
func (r journalRecord) ended() []Subject    { return subjects(r.Forget, r.Thaw) }

func subjects(procs []journalProc, cgroups []journalCgroup) (all []Subject) {
	for _, p := range procs {
		all = append(all, Subject{Process: proctable.ProcID(p)})
	}
	for _, c := range cgroups {
		all = append(all, Subject{Cgroup: procctl.CgroupID(c)})
	}
	return all
}

// A journal is what a journal file says.
type journal struct {
	journalHeader
	// Outstanding is what was intended and not forgotten, in the order of the
	// intents.
	Outstanding []Subject
	// Notes are what was odd about the file, for the reader of a report.
	Notes []string
}

var errJournalHeader = errors.New("no readable header")

// parseJournal reads a journal as far as it can be read. A journal without one
// whole line is empty: its run never came to an intent. A damaged line is noted
// and skipped, for every other line still names processes that may need help.
func parseJournal(r io.Reader) (journal, error) {
	var j journal
	order := make(map[Subject]int) // when each was intended
	intents := 0
	in := bufio.NewReader(io.LimitReader(r, maxJournalBytes))
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		if err != nil {
			if len(line) > 0 {
				j.Notes = append(j.Notes, fmt.Sprintf("journal line %d is cut off", number))
			}
			if err != io.EOF {
				return j, fmt.Errorf("reading the journal: %w", err)
			}
			break
		}
		if number == 1 {
			if err := json.Unmarshal(line, &j.journalHeader); err != nil || j.Format < 1 || j.BootID == "" {
				return j, fmt.Errorf("reading the journal: %w", errJournalHeader)
			}
			if j.Format > journalFormat {
				return j, fmt.Errorf("reading the journal: its format %d is newer than ours (%d)", j.Format, journalFormat)
			}
			continue
		}
		var record journalRecord
		if err := json.Unmarshal(line, &record); err != nil {
			j.Notes = append(j.Notes, fmt.Sprintf("journal line %d is damaged", number))
			continue
		}
		for _, s := range record.intended() {
			if _, known := order[s]; !known {
				intents++
				order[s] = intents
			}
		}
		for _, s := range record.ended() {
			delete(order, s)
		}
	}
	j.Outstanding = slices.SortedFunc(maps.Keys(order), func(a, b Subject) int { return order[a] - order[b] })
	return j, nil
}

// outstanding is Outstanding by kind.
func (j *journal) outstanding() (processes []proctable.ProcID, cgroups []procctl.CgroupID) {
	for _, s := range j.Outstanding {
		if s.Cgroup != (procctl.CgroupID{}) {
			cgroups = append(cgroups, s.Cgroup)
		} else {
			processes = append(processes, s.Process)
		}
	}
	return processes, cgroups
}
