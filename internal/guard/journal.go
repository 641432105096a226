package guard

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"pausetest/internal/procctl/proctable"
)

// The journal is a sequence of JSON objects, one a line: a header, then one
// record for every intent and every forgetting. A line counts once it is whole;
// no signal is sent before the line of its intent is.
//
//	{"format":1,"boot_id":"...","pid_namespace":"pid:[4026531836]","controller":{"pid":7,"start_ticks":9},"started":"..."}
//	{"intend":[{"pid":4121,"start_ticks":88123},{"pid":4122,"start_ticks":88124}]}
//	{"forget":[{"pid":4121,"start_ticks":88123},{"pid":4122,"start_ticks":88124}]}

// journalFormat is the version written; readers accept no later one.
const journalFormat = 1

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
	Intend []journalProc `json:"intend,omitempty"`
	Forget []journalProc `json:"forget,omitempty"`
}

// A journalProc is a proctable.ProcID as the journal spells it.
type journalProc struct {
	PID        int    `json:"pid"`
	StartTicks uint64 `json:"start_ticks"`
}

// A journal is what a journal file says.
type journal struct {
	journalHeader
	// Outstanding are the processes that were intended and not forgotten, in
	// the order of their intents.
	Outstanding []proctable.ProcID
	// Notes are what was odd about the file, for the reader of a report.
	Notes []string
}

var errJournalHeader = errors.New("no readable header")

// parseJournal reads a journal as far as it can be read. A journal without one
// whole line is empty: its run never came to an intent. A damaged line is noted
// and skipped, for every other line still names processes that may need help.
func parseJournal(r io.Reader) (journal, error) {
	var j journal
	order := make(map[proctable.ProcID]int) // when each was intended
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
		for _, p := range record.Intend {
			if _, known := order[proctable.ProcID(p)]; !known {
				intents++
				order[proctable.ProcID(p)] = intents
			}
		}
		for _, p := range record.Forget {
			delete(order, proctable.ProcID(p))
		}
	}
	for id := range order {
		j.Outstanding = append(j.Outstanding, id)
	}
	slices.SortFunc(j.Outstanding, func(a, b proctable.ProcID) int { return order[a] - order[b] })
	return j, nil
}
