package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
	"pausetest/plots"
)

// The sections that say what was found.

func levelsSection(s *analysis.Study) section {
	r := &s.Result
	sec := section{ID: "levels", Title: "Throughput against active streams"}
	if len(r.Levels) == 0 {
		sec.Paragraphs = []string{"No level was measured."}
		return sec
	}
	t := table{Columns: []column{
		{Name: "active", Number: true}, {Name: "throughput", Number: true},
		{Name: percentText(r.Confidence) + " interval", Number: true}, {Name: "segments", Number: true},
	}}
	for _, l := range r.Levels {
		t.Rows = append(t.Rows, []string{strconv.Itoa(l.Active), Rate(l.BytesPerSecond), levelInterval(&l.LevelRate), strconv.Itoa(l.Segments)})
	}
	sec.Tables = []table{t}
	sec.Figures = []figure{{Name: "curve", Alt: curveAlt(r), draw: drawing(plots.Curve, s)}}
	return sec
}

// levelInterval is empty of numbers where one segment can't carry an interval.
func levelInterval(l *analysis.LevelRate) string {
	if l == nil || l.Segments < 2 {
		return none
	}
	return rateRange(l.Low, l.High)
}

func recommendationSection(r *analysis.Result) section {
	sec := section{ID: "recommendation", Title: "Recommended number of streams"}
	rec := r.RecommendedStreams
	switch {
	case rec == nil && r.RecommendationMissing != "":
		sec.Paragraphs = []string{sentenceCase(clean(r.RecommendationMissing)) + "."}
		return sec
	case rec == nil:
		sec.Paragraphs = []string{"None: the levels between one and all were not measured."}
		return sec
	}
	sec.Paragraphs = []string{sentenceCase(clean(rec.Note)) + "."}
	t := table{Columns: []column{{Name: "active", Number: true}, {Name: "over all running", Number: true}, {Name: "approximate interval", Number: true}}}
	for _, l := range rec.Relative {
		interval := intervalText(l.Interval)
		if l.Interval.Low == l.Interval.High {
			interval = none
		}
		t.Rows = append(t.Rows, []string{strconv.Itoa(l.Active), ratioText(l.Ratio), interval})
	}
	if len(t.Rows) > 0 {
		sec.Tables = []table{t}
	}
	return sec
}

func streamsSection(s *analysis.Study) section {
	r := &s.Result
	sec := section{ID: "streams", Title: "Streams"}
	if len(r.Streams) == 0 {
		sec.Paragraphs = []string{"No stream was managed."}
		return sec
	}
	short := table{Columns: []column{
		{Name: "stream", Elastic: true}, {Name: "alone", Number: true}, {Name: "together", Number: true},
		{Name: "paused", Number: true}, {Name: "longest", Number: true},
	}, In: inBrief}
	full := table{Columns: []column{
		{Name: "stream"}, {Name: "pid", Number: true}, {Name: "alone", Number: true}, {Name: percentText(r.Confidence) + " interval", Number: true},
		{Name: "together", Number: true}, {Name: percentText(r.Confidence) + " interval", Number: true},
	}, Stack: true, In: inFull}
	for i := range r.Streams {
		st := &r.Streams[i]
		short.Rows = append(short.Rows, []string{
			labelOf(st.Label, st.ID), rateOf(st.Alone), rateOf(st.Together), Seconds(st.PausedSeconds), Seconds(st.LongestPauseSec),
		})
		full.Rows = append(full.Rows, []string{
			strconv.Itoa(st.ID) + ": " + labelOf(st.Label, st.ID), strconv.Itoa(st.PID),
			rateOf(st.Alone), levelInterval(st.Alone), rateOf(st.Together), levelInterval(st.Together),
		})
	}
	sec.Tables = []table{short, full}
	sec.Figures = []figure{{Name: "streams", Alt: streamsAlt(r), draw: drawing(plots.Streams, s)}}
	for i := range r.Streams {
		if when := comeAndGone(&r.Streams[i]); when != "" {
			sec.List = append(sec.List, labelOf(r.Streams[i].Label, r.Streams[i].ID)+" "+when)
		}
	}
	return sec
}

func rateOf(l *analysis.LevelRate) string {
	if l == nil {
		return none
	}
	return Rate(l.BytesPerSecond)
}

// comeAndGone says that a stream was not there all the time.
func comeAndGone(st *analysis.StreamResult) string {
	var parts []string
	if st.AppearedSec != nil {
		parts = append(parts, "appeared "+Seconds(*st.AppearedSec)+" after the run began")
	}
	if st.EndedSec != nil {
		parts = append(parts, "ended "+Seconds(*st.EndedSec)+" after the run began")
	}
	return strings.Join(parts, ", ")
}

func sharedSection(s *analysis.Study) section {
	sec := section{ID: "shared", Title: "Shared process"}
	p := s.Result.SharedProcess
	if p == nil {
		sec.Paragraphs = []string{"None: no process was found that more than one stream flows through."}
		return sec
	}
	sec.Paragraphs = []string{fmt.Sprintf("%d of %s flow through %s (pid %d).",
		len(p.Streams), count(len(s.Streams), "stream"), clean(p.Name), p.PID)}
	sec.Command = clean(p.Command)
	return sec
}

func sourcesSection(r *analysis.Result) section {
	sec := section{ID: "sources", Title: "What each counter says"}
	if len(r.Sources) == 0 {
		sec.Paragraphs = []string{"No counter carried an estimate. The one meant to decide: " + r.DecidedBy.Words() + "."}
		return sec
	}
	t := table{Columns: []column{
		{Name: "counter", Elastic: true}, {Name: "ratio", Number: true}, {Name: percentText(r.Confidence) + " interval", Number: true},
		{Name: "all", Number: true}, {Name: "one", Number: true}, {Name: "decided"},
	}, Stack: true}
	for _, e := range r.Sources {
		decided := "no"
		if e.Source == r.DecidedBy {
			decided = "yes"
		}
		t.Rows = append(t.Rows, []string{e.Source.Words(), ratioText(e.Ratio), intervalText(e.Interval), Rate(e.All), Rate(e.One), decided})
	}
	sec.Tables = []table{t}
	return sec
}

func placeboSection(r *analysis.Result) section {
	p := r.Placebo
	if p == nil {
		return section{}
	}
	text := fmt.Sprintf("Streams that were stopped and continued at once moved %s of the untouched throughput (%s interval %s; %s).",
		ratioText(p.Ratio), percentText(r.Confidence), intervalText(p.Interval), count(p.Pairs, "pair"))
	if p.Interval.Low <= 1 && p.Interval.High >= 1 {
		text += " That cannot be told from no effect at all."
	} else {
		text += " Part of any effect is the tool's own."
	}
	return section{ID: "placebo", Title: "The tool's own footprint", Paragraphs: []string{text}}
}

func warningsSection(r *analysis.Result) section {
	sec := section{ID: "warnings", Title: "Warnings"}
	for _, w := range r.Warnings {
		sec.List = append(sec.List, clean(w))
	}
	if len(sec.List) == 0 {
		sec.Paragraphs = []string{"None."}
	}
	return sec
}

func curveAlt(r *analysis.Result) string {
	var points []string
	for _, l := range r.Levels {
		points = append(points, fmt.Sprintf("%s with %d active", Rate(l.BytesPerSecond), l.Active))
	}
	alt := "Throughput against active streams: " + strings.Join(points, ", ") + ". " + headlineOf(r.Verdict) + "."
	if limits := limitsAlt(r); limits != "" {
		alt += " The limit " + limits + "."
	}
	return alt
}

func limitsAlt(r *analysis.Result) string {
	if r.Limiter == nil {
		return ""
	}
	var limits []string
	for _, s := range r.Limiter.Stretches() {
		limits = append(limits, "with "+s.Active()+" active: "+clean(s.Limit.Name))
	}
	return strings.Join(limits, "; ")
}

func streamsAlt(r *analysis.Result) string {
	const most = 6
	var points []string
	for i := range r.Streams {
		st := &r.Streams[i]
		if i == most {
			points = append(points, fmt.Sprintf("and %d more in the table", len(r.Streams)-most))
			break
		}
		points = append(points, fmt.Sprintf("%s: %s alone, %s with all", labelOf(st.Label, st.ID), rateOf(st.Alone), rateOf(st.Together)))
	}
	return "Each stream alone and with all running. " + strings.Join(points, "; ") + "."
}

// sentenceCase makes the first letter a capital one.
func sentenceCase(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}

// labels are the streams' names by id.
func labels(s *analysis.Study) map[int]string {
	m := make(map[int]string, len(s.Streams))
	for i := range s.Streams {
		m[s.Streams[i].ID] = labelOf(s.Streams[i].Label, s.Streams[i].ID)
	}
	return m
}

func byID(streams []recording.Stream) []recording.Stream {
	return slices.SortedStableFunc(slices.Values(streams), func(a, b recording.Stream) int { return cmp.Compare(a.ID, b.ID) })
}
