package report

import (
	"pausetest/internal/analysis"
)

// A sheet is what a report says, in order, before it is set for a medium. All
// its strings are printable.
type sheet struct {
	Verdict  string
	Headline string // the verdict in a few plain words
	Sentence string // the verdict for a ticket
	Place    string // host, interface, time
	Banner   string // what a reader must know before anything else; may be empty
	Keys     []fact // the numbers to know
	Sections []section
}

// A section is one heading with what stands under it.
type section struct {
	ID, Title  string
	Paragraphs []string
	Figures    []figure // for media that show figures
	Facts      []fact
	Tables     []table
	List       []string
	Command    string   // a command line to copy
	Chart      []string // lines that are drawn with characters and stay as they are; not where a figure is shown
	In         extent
}

// An extent says which reports something is in.
type extent int

const (
	everywhere extent = iota
	inBrief           // only for a terminal and a ticket
	inFull            // only where there is room: it is too long for those
)

// A fact is a name and what it is.
type fact struct{ Name, Value string }

// A table's rows are as long as its columns.
type table struct {
	Columns []column
	Rows    [][]string
	In      extent
	// Stack: on a narrow screen each row becomes a block of its own, because
	// one of its cells is long.
	Stack bool
}

// A column of a table.
type column struct {
	Name   string
	Number bool // set to the right
	// Elastic: a terminal may shorten it to keep its width.
	Elastic bool
}

// none stands in a table where there is no value.
const none = "–"

// sheetOf puts a study on a sheet.
func sheetOf(s *analysis.Study) *sheet {
	r := &s.Result
	sh := &sheet{
		Verdict:  clean(string(r.Verdict)),
		Headline: headlineOf(r.Verdict),
		Sentence: clean(r.Sentence),
		Place:    placeOf(r),
		Banner:   bannerOf(r),
		Keys:     keysOf(r),
	}
	for _, sec := range []section{
		levelsSection(s), recommendationSection(r), streamsSection(s), interactionsSection(s), sharedSection(s), flowSection(r), limitSection(r), sourcesSection(r),
		disturbanceSection(s), placeboSection(r), warningsSection(r), timelineSection(s), segmentsSection(s),
		candidatesSection(r), processesSection(s), refusedSection(s), countersSection(s), methodSection(s), runSection(s),
	} {
		if sec.Title != "" {
			sh.Sections = append(sh.Sections, sec)
		}
	}
	return sh
}

func headlineOf(v analysis.Verdict) string {
	switch v {
	case analysis.Collapse:
		return "Collapse: all streams together move less than one alone"
	case analysis.Saturated:
		return "Saturated: all streams together move about what one moves alone"
	case analysis.Scaling:
		return "Scaling: all streams together move more than one alone"
	case analysis.NoCollapse:
		return "No collapse: all streams together move more than 0.80 of what one moves alone"
	}
	return "Inconclusive: the data do not decide"
}

func placeOf(r *analysis.Result) string {
	host, iface := clean(r.Host.Name), clean(r.Interface.Name)
	if host == "" {
		host = "unknown host"
	}
	if iface != "" {
		host += ", " + iface
	}
	if r.Started.IsZero() {
		return host
	}
	return host + ", " + stamp(r.Started)
}

func bannerOf(r *analysis.Result) string {
	switch {
	case r.Simulated && r.CutShort:
		return "Simulated in virtual time, and cut short: no real backup was touched."
	case r.Simulated:
		return "Simulated in virtual time: no real backup was touched."
	case r.CutShort:
		return "The run did not reach its own end. What was recorded is judged as far as it goes."
	}
	return ""
}

func keysOf(r *analysis.Result) []fact {
	ratio := "not estimated"
	if r.Ratio > 0 {
		ratio = ratioText(r.Ratio) + " (" + intervalText(r.Interval) + ")"
	}
	longest := "nothing was paused"
	if r.LongestPauseSec > 0 {
		longest = atLeast(r) + limitText(r.LongestPauseSec, r.MaxPauseSec)
	}
	keys := []fact{
		{"all together over one alone", ratio},
		{"blocks counted", blocksText(r)},
		{"withheld from the backups", atLeast(r) + threeDigits(r.PausedStreamSec) + " stream-seconds"},
		{"longest pause", longest},
	}
	if rec := r.RecommendedStreams; rec != nil {
		keys = append(keys, fact{"moved most", count(rec.Streams, "stream")})
	}
	if n := len(r.Warnings); n > 0 {
		keys = append(keys, fact{"warnings", count(n, "warning")})
	}
	return keys
}

func blocksText(r *analysis.Result) string {
	if r.DiscardedBlocks == 0 {
		return count(r.Blocks, "block")
	}
	return count(r.Blocks, "block") + ", " + count(r.DiscardedBlocks, "other") + " discarded"
}

func limitText(seconds, limit float64) string {
	if limit <= 0 {
		return Seconds(seconds)
	}
	return Seconds(seconds) + " of " + Seconds(limit) + " allowed"
}
