package report

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
	"pausetest/plots"
)

// The sections that let a reader check how it was found.

func timelineSection(s *analysis.Study) section {
	r := &s.Result
	if r.RecordedSamples == 0 {
		return section{}
	}
	alt := fmt.Sprintf("Throughput over the %s of the run, with every pause of every stream shaded: %.0f stream-seconds withheld, longest pause %s.",
		Seconds(r.WallSeconds), r.PausedStreamSec, Seconds(r.LongestPauseSec))
	return section{ID: "timeline", Title: "Throughput over time", In: inFull,
		Figures: []figure{{Name: "timeline", Alt: alt, draw: drawing(plots.Timeline, s)}}}
}

func segmentsSection(s *analysis.Study) section {
	sec := section{ID: "segments", Title: "Segments, planned and observed", In: inFull}
	t := table{Columns: []column{
		{Name: "no.", Number: true}, {Name: "phase"}, {Name: "block", Number: true}, {Name: "active"},
		{Name: "planned", Number: true}, {Name: "observed", Number: true},
		{Name: "throughput", Number: true}, {Name: "used"},
	}}
	gaps, used, cut := 0, 0, 0
	for i := range s.Segments {
		seg := &s.Segments[i]
		if seg.Phase == recording.PhaseGap {
			gaps++
			continue
		}
		use := "yes"
		switch {
		case seg.Used:
			used++
		case seg.Phase == recording.PhaseBaseline:
			use = "to know the counters"
		default:
			use = "no: " + clean(seg.Cut)
			cut++
		}
		t.Rows = append(t.Rows, []string{
			strconv.Itoa(seg.Number), phaseText(seg), blockText(seg.Block), activeText(seg, len(s.Streams)),
			planned(seg.SettleNS, seg.MeasureNS), planned(seg.FromNS-seg.BeginNS, seg.ToNS-seg.FromNS),
			segmentRate(seg, s.Result.DecidedBy), use,
		})
	}
	if len(t.Rows) == 0 {
		sec.Paragraphs = []string{"No segment was recorded."}
		return sec
	}
	text := fmt.Sprintf("%s used, %d not. Lengths are settling + measuring.", count(used, "segment"), cut)
	if gaps > 0 {
		text += " " + count(gaps, "gap") + " between blocks, with everything running, are left out."
	}
	sec.Paragraphs = []string{text}
	sec.Tables = []table{t}
	return sec
}

func phaseText(seg *analysis.Segment) string {
	text := clean(string(seg.Phase))
	if seg.Placebo {
		text += ", stopped"
	}
	return text
}

func blockText(block int) string {
	if block == 0 {
		return none
	}
	return strconv.Itoa(block)
}

// activeText names the active streams by their numbers.
func activeText(seg *analysis.Segment, streams int) string {
	if len(seg.Active) == streams && streams > 1 {
		return fmt.Sprintf("all %d", streams)
	}
	ids := make([]string, len(seg.Active))
	for i, id := range seg.Active {
		ids[i] = strconv.Itoa(id)
	}
	return strings.Join(ids, " ")
}

func planned(settleNS, measureNS int64) string {
	return fmt.Sprintf("%.2f + %.2f s", nsSeconds(settleNS), nsSeconds(measureNS))
}

func segmentRate(seg *analysis.Segment, source analysis.Source) string {
	rate, ok := seg.Rates[source]
	if !ok {
		return none
	}
	return Rate(rate)
}

func processesSection(s *analysis.Study) section {
	sec := section{ID: "processes", Title: "Processes", In: inFull}
	t := table{Columns: []column{{Name: "stream"}, {Name: "pid", Number: true}, {Name: "role"}, {Name: "name"}, {Name: "command"}}, Stack: true}
	add := func(stream, role string, p *recording.Process) {
		command := clean(p.Command)
		if command == "" {
			command = none
		}
		t.Rows = append(t.Rows, []string{stream, strconv.Itoa(p.PID), role, clean(p.Name), command})
	}
	for _, st := range byID(s.Streams) {
		paused := map[int]bool{}
		for i := range st.Targets {
			paused[st.Targets[i].PID] = true
		}
		label := strconv.Itoa(st.ID) + ": " + labelOf(st.Label, st.ID)
		seen := map[int]bool{}
		for _, p := range slices.Concat([]recording.Process{st.Source}, st.Targets, st.Processes) {
			if seen[p.PID] {
				continue
			}
			seen[p.PID] = true
			role := "left running"
			switch {
			case p.PID == st.Source.PID && paused[p.PID]:
				role = "source, paused"
			case p.PID == st.Source.PID:
				role = "source"
			case paused[p.PID]:
				role = "paused"
			}
			add(label, role, &p)
		}
	}
	for i := range s.Header.Shared {
		p := &s.Header.Shared[i]
		add(idList(p.Streams), "shared, never paused", &p.Process)
	}
	if len(t.Rows) == 0 {
		return section{}
	}
	sec.Tables = []table{t}
	return sec
}

func idList(ids []int) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = strconv.Itoa(id)
	}
	return strings.Join(words, ", ")
}

func refusedSection(s *analysis.Study) section {
	sec := section{ID: "refused", Title: "What was refused, and why", In: inFull}
	t := table{Columns: []column{{Name: "what"}, {Name: "pid", Number: true}, {Name: "why"}, {Name: "instead"}}, Stack: true}
	for i := range s.Header.Refused {
		f := &s.Header.Refused[i]
		hint := clean(f.Hint)
		if hint == "" {
			hint = none
		}
		t.Rows = append(t.Rows, []string{labelOf(f.Label, f.PID), strconv.Itoa(f.PID), clean(f.Reason) + " (" + clean(f.Rule) + ")", hint})
	}
	names := labels(s)
	for i := range s.Events {
		if e := &s.Events[i]; e.Kind == recording.StreamRefused {
			why := clean(e.Detail)
			t.Rows = append(t.Rows, []string{names[e.Stream], none, why + fmt.Sprintf(" (%s after the run began)", Seconds(nsSeconds(e.TNS))), none})
		}
	}
	if len(t.Rows) == 0 {
		sec.Paragraphs = []string{"Nothing: every stream that was found could be paused."}
		return sec
	}
	sec.Tables = []table{t}
	return sec
}

func countersSection(s *analysis.Study) section {
	r := &s.Result
	sec := section{ID: "counters", Title: "Counters", In: inFull}
	iface := interfaceText(&r.Interface)
	switch r.Interface.ChosenBy {
	case "route":
		iface += ", chosen because the streams' own sockets leave by it"
	case "flag":
		iface += ", named by the operator"
	case "default-route":
		iface += ", chosen because the default route leaves by it"
	}
	direction := "transmitted bytes"
	if s.Header.Direction == recording.Receive {
		direction = "received bytes"
	}
	refresh := "unknown"
	if r.RefreshSeconds > 0 {
		refresh = "changes every " + Seconds(r.RefreshSeconds)
		if r.LazyCounter {
			refresh += ", a lazy counter: segments were measured longer for it"
		}
	}
	samples := fmt.Sprintf("%d, one every %s", r.RecordedSamples, Seconds(nsSeconds(s.Header.SampleNS)))
	if s.Late.Samples > 0 {
		samples += fmt.Sprintf("; %d came late, by %s at worst", s.Late.Samples, Seconds(nsSeconds(s.Late.WorstNS)))
	}
	sec.Facts = []fact{
		{"decided by", r.DecidedBy.Words()}, {"interface", iface}, {"direction", direction},
		{"refresh of the deciding counter", refresh}, {"samples", samples},
	}
	if r.EffectiveSamples > 0 {
		sec.Facts = append(sec.Facts, fact{"effective sample size", fmt.Sprintf(
			"%.0f independent samples' worth; neighbours correlate by %.2f (no interval here is made from samples: segments are the unit)",
			r.EffectiveSamples, r.Lag1Correlation)})
	}
	return sec
}

func interfaceText(i *recording.Interface) string {
	text := clean(i.Name)
	if i.SpeedBitsPerSecond > 0 {
		text += " at " + linkText(i.SpeedBitsPerSecond)
	}
	return text
}

func methodSection(s *analysis.Study) section {
	r, plan := &s.Result, &s.Header.Plan
	texts := []string{
		"The backups that were already running were paused (SIGSTOP) and resumed (SIGCONT) on a schedule while byte counters were read. " +
			"Each stretch of time with one fixed set of active streams is a segment: it first settles, and only the rest is measured. " +
			"A block is one segment with all streams active beside one with a single stream active; a coin decides which comes first, and the stream that runs alone is dealt from a shuffled deck so that each gets its turn.",
		fmt.Sprintf("The ratio is the throughput with all streams active over the mean throughput of one alone, %s. Its interval is made from blocks, never from samples, which depend on one another. %s",
			estimatorText(r.Estimator), designText(plan)),
		"Collapse means that the whole interval lies below 0.80, scaling that it lies above 1.25, saturated that it lies between the two; anything else is not decided.",
	}
	if r.SettleSeconds > 0 {
		texts = append(texts, fmt.Sprintf("Segments settled for %s and were measured for %s.", Seconds(r.SettleSeconds), Seconds(r.MeasureSeconds)))
	}
	return section{ID: "method", Title: "Method", Paragraphs: texts, In: inFull}
}

func estimatorText(e analysis.Estimator) string {
	switch e {
	case analysis.Stratified:
		return "averaged over streams first, so that fast and slow ones count alike"
	case analysis.ShareAdjusted:
		return "adjusted for which streams happened to run alone"
	}
	return "a ratio of the means over blocks"
}

func designText(p *recording.Plan) string {
	switch p.Design {
	case recording.OpenEnded:
		return "The run could be stopped or extended at will: the interval stays valid whenever one looks."
	case recording.Fixed:
		return fmt.Sprintf("The number of blocks (%d) was fixed beforehand.", p.MaxBlocks)
	}
	return fmt.Sprintf("The run looked after every few blocks and stopped as soon as the answer was clear, at the latest after %d blocks; the interval allows for having looked often.", p.MaxBlocks)
}

// runSection says by what the run can be told from others, and done again.
func runSection(s *analysis.Study) section {
	r := &s.Result
	sec := section{ID: "run", Title: "The run"}
	sec.Facts = append(sec.Facts, fact{"ended because", clean(r.Stopped)})
	if r.Needed != "" {
		sec.Facts = append(sec.Facts, fact{"would decide", clean(r.Needed)})
	}
	if !r.Started.IsZero() {
		sec.Facts = append(sec.Facts, fact{"started", stamp(r.Started) + ", ran " + Seconds(r.WallSeconds)})
	}
	sec.Facts = append(sec.Facts, fact{"host", hostText(&r.Host)}, fact{"interface", interfaceText(&r.Interface)})
	if r.Note != "" {
		sec.Facts = append(sec.Facts, fact{"note", clean(r.Note)})
	}
	for _, k := range slices.Sorted(maps.Keys(r.Labels)) {
		sec.Facts = append(sec.Facts, fact{"label " + clean(k), clean(r.Labels[k])})
	}
	sec.Facts = append(sec.Facts, fact{"seed", strconv.FormatUint(r.Seed, 10)})
	if r.Tool != "" {
		sec.Facts = append(sec.Facts, fact{"pausetest", clean(r.Tool)})
	}
	sec.Command = shellLine(r.Argv)
	return sec
}

func hostText(h *recording.Host) string {
	var parts []string
	for _, p := range []string{h.Name, h.OS, h.Kernel} {
		if p != "" {
			parts = append(parts, clean(p))
		}
	}
	if h.CPUs > 0 {
		parts = append(parts, count(h.CPUs, "processor"))
	}
	if h.BootID != "" {
		parts = append(parts, "boot "+clean(h.BootID))
	}
	if len(parts) == 0 {
		return "unknown"
	}
	return strings.Join(parts, ", ")
}
