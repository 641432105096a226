package simulate

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
)

// DocumentFormat is the version of the JSON that `pausetest simulate` prints.
const DocumentFormat = 1

// A Document is everything that was played: what `pausetest simulate --json`
// prints. It depends on the worlds, the protocol, the runs and the seed alone.
type Document struct {
	Format     int              `json:"format"`
	Seed       uint64           `json:"seed"`
	Runs       int              `json:"runs"` // of each world
	Design     recording.Design `json:"design"`
	Goal       recording.Goal   `json:"goal"`
	Confidence float64          `json:"confidence"`
	MaxBlocks  int              `json:"max_blocks"`
	Between    bool             `json:"between"` // the levels between one and all were measured
	// UnattributedShare is what the tool was told of the traffic that belongs
	// to no stream; negative: nothing.
	UnattributedShare float64 `json:"unattributed_share"`
	PairRounds        int     `json:"pair_rounds"` // how often every two streams were measured
	Worlds            []Score `json:"worlds"`
}

// NewDocument returns a document without worlds yet.
func NewDocument(p Protocol, runs int, seed uint64) *Document {
	return &Document{
		Format: DocumentFormat, Seed: seed, Runs: runs, Design: p.Plan.Design, Goal: p.Plan.Goal,
		Confidence: p.Plan.Confidence, MaxBlocks: p.Plan.MaxBlocks, Between: p.Plan.Between,
		UnattributedShare: p.Plan.UnattributedShare, PairRounds: p.Plan.PairRounds, Worlds: []Score{},
	}
}

// JSON writes the document for machines.
func (d *Document) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(d)
}

// Text writes the document as tables for people.
func (d *Document) Text(w io.Writer) error {
	t := table{{"world", "R", "col", "sat", "scal", "noC", "inc", "cov", "n", "wall", "P", "longest", "again"}}
	for i := range d.Worlds {
		t = append(t, d.Worlds[i].cells())
	}
	legend := fmt.Sprintf(`
R        true ratio: throughput of all streams over the mean of one alone
col sat scal noC inc
         %% of %d runs that said collapse, saturated, scaling, no-collapse, inconclusive
cov      %% of runs whose last %.0f %% interval held R
n        mean number of pairs measured
wall     mean duration, seconds
P        mean disturbance, stream-seconds withheld
longest  longest single pause of a stream in any run, seconds
again    %% of runs that began anew because settling had been too short
`, d.Runs, 100*d.Confidence)
	text := t.String() + legend
	if d.Between {
		text += "\n" + d.levels()
	}
	if d.PairRounds > 0 {
		text += "\n" + d.pairs()
	}
	_, err := io.WriteString(w, text)
	return err
}

func percent(x float64) string {
	switch x {
	case 0, 1:
		return fmt.Sprintf("%.0f", 100*x)
	}
	return fmt.Sprintf("%.1f", 100*x)
}

func (s *Score) cells() []string {
	cells := []string{s.World, fmt.Sprintf("%.2f", s.TrueRatio)}
	for _, v := range []analysis.Verdict{analysis.Collapse, analysis.Saturated, analysis.Scaling, analysis.NoCollapse, analysis.Inconclusive} {
		cells = append(cells, percent(s.Verdicts[v]))
	}
	return append(cells, percent(s.Coverage), fmt.Sprintf("%.1f", s.MeanBlocks), fmt.Sprintf("%.0f", s.MeanWallSec),
		fmt.Sprintf("%.0f", s.MeanPausedSec), fmt.Sprintf("%.1f", s.LongestPauseSec), percent(s.Restarted))
}

// levels is the table of the best number of streams.
func (d *Document) levels() string {
	t := table{{"world", "best", "gain", "near", "loss", "advised", "near", "cov"}}
	for i := range d.Worlds {
		s := &d.Worlds[i]
		if l := s.Levels; l != nil {
			t = append(t, []string{s.World, fmt.Sprint(l.Best), fmt.Sprintf("%.2f", l.BestRelative), percent(l.NearBest), percent(l.MeanLoss),
				percent(l.Advised), percent(l.AdvisedNearBest), percent(l.Coverage)})
		}
	}
	return t.String() + `
best     number of streams that move most
gain     what they move, relative to all
near     % of runs in which the level that looked best moves within 10 % of that
loss     mean throughput lost by following the looks, %
advised  % of runs that recommended a number; near: of these, within 10 % of the best
cov      % of the approximate intervals of the levels between that held the truth
`
}

// pairs is the table of which streams hurt each other.
func (d *Document) pairs() string {
	t := table{{"world", "pairs", "hurting", "false", "found", "cleared", "missed", "cov", "width"}}
	for i := range d.Worlds {
		s := &d.Worlds[i]
		if p := s.Pairs; p != nil {
			t = append(t, []string{s.World, fmt.Sprint(p.Pairs), fmt.Sprint(p.Hurting), percent(p.FalseHurt), percent(p.Found),
				percent(p.Cleared), percent(p.Missed), percent(p.Coverage), fmt.Sprintf("%.2f", p.MeanWidth)})
		}
	}
	return t.String() + fmt.Sprintf(`
hurting  pairs of streams that move less than %.2f of what they move apart
false    %% of runs that said of any other pair that the two hurt each other
found    %% of the hurting pairs of all runs of which that was said
cleared  %% of the others of which it was said that they don't
missed   %% of runs that said so of any pair that moves less than 0.80
cov      %% of runs in which the intervals of all pairs held the truth
width    mean of high over low of these intervals, geometric
`, hurting)
}

// A table is cells to be aligned: the first column to the left, the others to
// the right.
type table [][]string

func (t table) String() string {
	width := make([]int, len(t[0]))
	for _, cells := range t {
		for i, c := range cells {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	for _, cells := range t {
		for i, c := range cells {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			if i == 0 {
				b.WriteString(c + pad)
			} else {
				b.WriteString("  " + pad + c)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}
