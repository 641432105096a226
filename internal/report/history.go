package report

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"pausetest/internal/analysis"
	"pausetest/internal/printable"
)

// HistoryFormat is the version of what History.JSON writes. Its schema is
// docs/history.schema.json.
const HistoryFormat = 1

// A History is a list of runs, and what changed from run to run.
type History struct {
	Format  int              `json:"format"`
	Runs    []HistoryRun     `json:"runs"` // newest first
	Series  []HistorySeries  `json:"series"`
	Skipped []HistorySkipped `json:"skipped"`
}

// A HistoryRun is one run, as short as a line.
type HistoryRun struct {
	Path            string            `json:"path"`
	Started         time.Time         `json:"started"`
	Host            string            `json:"host"`
	Interface       string            `json:"interface"`
	Streams         []string          `json:"streams"` // labels of those that the run began with
	Verdict         analysis.Verdict  `json:"verdict"`
	Ratio           float64           `json:"ratio"` // 0: none could be estimated
	Interval        analysis.Interval `json:"interval"`
	Confidence      float64           `json:"confidence"`
	Blocks          int               `json:"blocks"`
	DecidedBy       analysis.Source   `json:"decided_by"`
	CutShort        bool              `json:"cut_short"`
	Simulated       bool              `json:"simulated"`
	PausedStreamSec float64           `json:"paused_stream_seconds"`
	LongestPauseSec float64           `json:"longest_pause_seconds"`
	WallSeconds     float64           `json:"wall_seconds"`
	Note            string            `json:"note"`
	Labels          map[string]string `json:"labels"`
	Tool            string            `json:"tool"`
}

// A HistorySeries is runs that may be held against one another, and their changes.
type HistorySeries struct {
	Host         string            `json:"host"`
	Interface    string            `json:"interface"`
	Streams      []string          `json:"streams"`       // without what passes, such as levels; none where any will do
	StreamCounts string            `json:"stream_counts"` // every N that went into the ratios: "3" or "3, 2"
	DecidedBy    analysis.Source   `json:"decided_by"`
	Simulated    bool              `json:"simulated"`
	Runs         int               `json:"runs"` // that gave a ratio
	Changes      []analysis.Change `json:"changes"`

	words string
}

// A HistorySkipped is a folder that could not be read as a run.
type HistorySkipped struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Add adds a run; the newest is added first.
func (h *History) Add(path string, s *analysis.Study) {
	r := &s.Result
	run := HistoryRun{
		Path: path, Started: r.Started, Host: r.Host.Name, Interface: r.Interface.Name, Streams: []string{},
		Verdict: r.Verdict, Ratio: r.Ratio, Interval: r.Interval, Confidence: r.Confidence, Blocks: r.Blocks, DecidedBy: r.DecidedBy,
		CutShort: r.CutShort, Simulated: r.Simulated,
		PausedStreamSec: r.PausedStreamSec, LongestPauseSec: r.LongestPauseSec, WallSeconds: r.WallSeconds,
		Note: r.Note, Labels: map[string]string{}, Tool: r.Tool,
	}
	for _, stream := range s.Header.Streams {
		run.Streams = append(run.Streams, stream.Label)
	}
	maps.Copy(run.Labels, r.Labels)
	h.Runs = append(h.Runs, run)
}

// AddSeries adds a series with its changes.
func (h *History) AddSeries(s analysis.Series) {
	out := HistorySeries{
		Host: s.Host, Interface: s.Interface, Streams: []string{}, StreamCounts: s.StreamCounts, DecidedBy: s.DecidedBy,
		Simulated: s.Simulated, Runs: len(s.Studies), Changes: []analysis.Change{}, words: s.Words(),
	}
	if s.Streams != "" {
		out.Streams = strings.Split(s.Streams, "\n")
	}
	out.Changes = append(out.Changes, s.Changes...)
	h.Series = append(h.Series, out)
}

// AddSkipped adds a folder that could not be read.
func (h *History) AddSkipped(path string, reason error) {
	h.Skipped = append(h.Skipped, HistorySkipped{path, reason.Error()})
}

// JSON writes the history for programs.
func (h *History) JSON(w io.Writer) error {
	out := *h
	out.Format = HistoryFormat
	out.Runs = append([]HistoryRun{}, h.Runs...) // [], not null
	out.Series = append([]HistorySeries{}, h.Series...)
	out.Skipped = append([]HistorySkipped{}, h.Skipped...)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

// Text writes a line for each run, and one for each change.
func (h *History) Text(w io.Writer) error {
	if len(h.Runs) == 0 {
		_, err := fmt.Fprintln(w, "no runs")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "STARTED (UTC)\tHOST\tSTREAMS\tVERDICT\tRATIO\tDECIDED BY\tWITHHELD\tRUN\tNOTE")
	for i := range h.Runs {
		r := &h.Runs[i]
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Started.UTC().Format("2006-01-02 15:04"), printable.Text(r.Host, 40), len(r.Streams),
			r.verdictText(), r.ratioText(), r.DecidedBy, Seconds(r.PausedStreamSec), printable.Text(r.Path, 0), r.noteText())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, s := range h.Series {
		for _, c := range s.Changes {
			if _, err := fmt.Fprintln(w, changeText(c)+": "+printable.Text(s.words, 160)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *HistoryRun) verdictText() string {
	text := string(r.Verdict)
	if r.CutShort {
		text += ", cut short"
	}
	if r.Simulated {
		text += ", SIMULATED"
	}
	return text
}

func (r *HistoryRun) ratioText() string {
	if r.Blocks < 2 {
		return "-"
	}
	return fmt.Sprintf("%s (%s interval %s)", ratioText(r.Ratio), percentText(r.Confidence), intervalText(r.Interval))
}

// noteText is the note, and then the labels.
func (r *HistoryRun) noteText() string {
	var parts []string
	if r.Note != "" {
		parts = append(parts, printable.Text(r.Note, 60))
	}
	for _, key := range slices.Sorted(maps.Keys(r.Labels)) {
		parts = append(parts, printable.Text(key+"="+r.Labels[key], 40))
	}
	return strings.Join(parts, ", ")
}

// changeText says when a ratio changed and how: by the days, or to the minute if they
// are the same.
func changeText(c analysis.Change) string {
	layout := time.DateOnly
	before, after := c.LastBefore.UTC(), c.FirstAfter.UTC()
	if before.Format(layout) == after.Format(layout) {
		layout = "2006-01-02 15:04"
	}
	return fmt.Sprintf("changed between %s and %s: %s -> %s", before.Format(layout), after.Format(layout), ratioText(c.From), ratioText(c.To))
}
