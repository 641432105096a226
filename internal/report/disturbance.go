package report

import (
	"fmt"
	"strings"

	"pausetest/internal/analysis"
)

// disturbanceSection is the ledger: what the run took from the backups, and
// what became of them afterwards.
func disturbanceSection(s *analysis.Study) section {
	r := &s.Result
	sec := section{ID: "disturbance", Title: "What it cost the backups"}
	if r.PausedStreamSec == 0 && !anyPaused(r) {
		sec.Paragraphs = []string{"Nothing was paused."}
		return sec
	}
	pauses := 0
	for i := range r.Streams {
		pauses += r.Streams[i].Pauses
	}
	sec.Facts = []fact{
		{"withheld", atLeast(r) + withheldText(s)},
		{"pauses", count(pauses, "pause") + " of " + count(len(r.Streams), "stream")},
		{"longest pause", atLeast(r) + limitText(r.LongestPauseSec, r.MaxPauseSec) + exceeded(r.LongestPauseSec, r.MaxPauseSec)},
	}
	if total := nsSeconds(s.Header.Limits.MaxPausedTotalNS); total > 0 {
		most := 0.0
		for i := range r.Streams {
			most = max(most, r.Streams[i].PausedSeconds)
		}
		sec.Facts = append(sec.Facts, fact{"most for one stream", limitText(most, total) + exceeded(most, total)})
	}
	after := afterwards(s)
	sec.Facts = append(sec.Facts, fact{"resumed", resumedText(s)}, fact{"afterwards", afterwardsText(after)})
	t := table{Columns: []column{
		{Name: "stream"}, {Name: "pauses", Number: true}, {Name: "paused", Number: true},
		{Name: "longest", Number: true}, {Name: "after its last pause"},
	}, Stack: true, In: inFull}
	for i := range r.Streams {
		st := &r.Streams[i]
		t.Rows = append(t.Rows, []string{
			labelOf(st.Label, st.ID), fmt.Sprint(st.Pauses), Seconds(st.PausedSeconds), Seconds(st.LongestPauseSec), after[i].text(),
		})
	}
	sec.Tables = []table{t}
	return sec
}

func anyPaused(r *analysis.Result) bool {
	for i := range r.Streams {
		if r.Streams[i].Pauses > 0 {
			return true
		}
	}
	return false
}

// atLeast stands before what was withheld when the end of a pause was not recorded.
func atLeast(r *analysis.Result) string {
	for i := range r.Streams {
		if st := &r.Streams[i]; st.Pauses > 0 && !st.Resumed {
			return "at least "
		}
	}
	return ""
}

// withheldText gives the stream-seconds withheld against those the streams
// lived, and against the budget.
func withheldText(s *analysis.Study) string {
	r := &s.Result
	lived := 0.0
	for i := range r.Streams {
		from, to := 0.0, r.WallSeconds
		if t := r.Streams[i].AppearedSec; t != nil {
			from = *t
		}
		if t := r.Streams[i].EndedSec; t != nil {
			to = *t
		}
		lived += max(0, to-from)
	}
	text := threeDigits(r.PausedStreamSec) + " stream-seconds"
	if lived > 0 {
		text += fmt.Sprintf(", %.0f %% of the %.0f stream-seconds of the run", 100*r.PausedStreamSec/lived, lived)
	}
	if budget := nsSeconds(s.Header.Limits.BudgetNS); budget > 0 {
		text += fmt.Sprintf("; %.0f were allowed", budget) + exceeded(r.PausedStreamSec, budget)
	}
	return text
}

// exceeded cries when a limit was not kept. Bookkeeping ends after the last
// continue signal, a little later than the pause it bounds.
func exceeded(seconds, limit float64) string {
	const bookkeepingSec = 0.25
	if limit > 0 && seconds > limit+bookkeepingSec {
		return " (EXCEEDED)"
	}
	return ""
}

func resumedText(s *analysis.Study) string {
	var owed []string
	for i := range s.Result.Streams {
		if st := &s.Result.Streams[i]; !st.Resumed {
			owed = append(owed, labelOf(st.Label, st.ID))
		}
	}
	if len(owed) == 0 {
		return "yes, every pause was ended"
	}
	return "NOT RECORDED for " + strings.Join(owed, ", ") + ": check that it runs"
}

// An aftermath is what a stream did after its last pause, as far as it was seen.
type aftermath struct {
	paused bool // it was paused at all
	owed   bool // its resume was not recorded
	ended  bool
	// movedBytes after its last pause, by its own counter.
	movedBytes uint64
	counted    bool
}

func (q aftermath) text() string {
	var text string
	switch {
	case !q.paused:
		text = "never paused"
	case q.owed:
		return "resume not recorded"
	case q.counted && q.movedBytes == 0:
		text = "moved nothing more"
	case q.counted:
		text = "moved " + Bytes(float64(q.movedBytes))
	default:
		text = "not counted"
	}
	if q.ended {
		text += ", ended"
	}
	return text
}

// afterwards follows every stream of the result past its last pause.
func afterwards(s *analysis.Study) []aftermath {
	out := make([]aftermath, len(s.Result.Streams))
	for i := range s.Result.Streams {
		st := &s.Result.Streams[i]
		q := &out[i]
		q.paused, q.owed, q.ended = st.Pauses > 0, !st.Resumed, st.EndedSec != nil
		q.movedBytes, q.counted = s.MovedSincePause[st.ID]
	}
	return out
}

func afterwardsText(after []aftermath) string {
	var paused, moved, ended, idle, unknown int
	for _, q := range after {
		switch {
		case !q.paused:
			continue
		case q.owed:
			unknown++
		case q.counted && q.movedBytes > 0:
			moved++
		case q.ended:
			ended++
		case q.counted:
			idle++
		default:
			unknown++
		}
		paused++
	}
	if moved == paused {
		if paused == 1 {
			return "the paused stream moved bytes again after its last pause"
		}
		return fmt.Sprintf("all %d paused streams moved bytes again after their last pause", paused)
	}
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{moved, "moved bytes again after the last pause"}, {ended, "ended"}, {idle, "MOVED NOTHING more: look at it"}, {unknown, "could not be followed"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	return fmt.Sprintf("of %s, %s", count(paused, "paused stream"), strings.Join(parts, "; "))
}
