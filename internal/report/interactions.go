package report

import (
	"fmt"
	"slices"
	"strconv"

	"pausetest/internal/analysis"
	"pausetest/plots"
)

// mostPairsInBrief are shown in a terminal and a ticket: those that move least.
const mostPairsInBrief = 10

// interactionsSection says which streams hurt each other; nothing where no two were
// measured.
func interactionsSection(s *analysis.Study) section {
	r := &s.Result
	if len(r.Interactions) == 0 {
		return section{}
	}
	sec := section{ID: "interactions", Title: "Which streams hurt each other"}
	sec.Paragraphs = []string{sentenceCase(clean(r.InteractionSentence)) + ".", ratioExplained(r)}
	measured := slices.DeleteFunc(slices.Clone(r.Interactions), func(x analysis.Interaction) bool { return x.Effect == analysis.NotMeasured })
	brief := analysis.WorstFirst(measured)[:min(len(measured), mostPairsInBrief)]
	names := labels(s)
	sec.Tables = []table{briefPairs(r, brief, names), fullPairs(r, measured, names)}
	if len(measured) > len(brief) {
		sec.List = append(sec.List, fmt.Sprintf("a short table has the %d pairs that move least; report.html and result.json have all %d", len(brief), len(measured)))
	}
	if n := len(r.Interactions) - len(measured); n > 0 {
		sec.List = append(sec.List, count(n, "pair")+" not measured")
	}
	if len(r.Streams) > 2 && slices.ContainsFunc(measured, decided) {
		sec.Figures = []figure{{Name: "pairs", Alt: clean(r.InteractionSentence), draw: drawing(plots.Pairs, s)}}
	}
	return sec
}

func ratioExplained(r *analysis.Result) string {
	text := fmt.Sprintf("The ratio is what two streams move together over what they move apart: at 1 they don't notice each other, at 0.50 both together move what one does. The %s intervals hold for all pairs at once; two hurt each other when theirs lies below 1, and don't when it lies above 0.80.",
		percentText(r.Confidence))
	if !slices.ContainsFunc(r.Interactions, func(x analysis.Interaction) bool { return x.Kept != nil }) {
		text += " Here the streams have no counters of their own, and other traffic may be in the rates: so only an interval below 0.50 says that two hurt each other."
	}
	return text
}

func decided(x analysis.Interaction) bool {
	return x.Effect == analysis.Hurt || x.Effect == analysis.NoHarm
}

var effectWords = map[analysis.Effect]string{
	analysis.Hurt: "hurt", analysis.NoHarm: "no harm", analysis.Undecided: "undecided",
}

// briefPairs are the numbers; the names have their numbers before them, because a
// terminal may leave little of them.
func briefPairs(r *analysis.Result, pairs []analysis.Interaction, names map[int]string) table {
	t := table{Columns: []column{
		{Name: "stream", Elastic: true}, {Name: "and", Elastic: true}, {Name: "ratio", Number: true},
		{Name: percentText(r.Confidence) + " interval", Number: true}, {Name: "effect"},
	}, In: inBrief}
	for i := range pairs {
		x := &pairs[i]
		t.Rows = append(t.Rows, []string{numbered(x.Streams[0], names), numbered(x.Streams[1], names), ratioText(x.Ratio), intervalText(x.Interval), effectWords[x.Effect]})
	}
	return t
}

func fullPairs(r *analysis.Result, pairs []analysis.Interaction, names map[int]string) table {
	percent := percentText(r.Confidence)
	t := table{Columns: []column{
		{Name: "stream"}, {Name: "and"}, {Name: "ratio", Number: true}, {Name: percent + " interval", Number: true}, {Name: "effect"},
		{Name: "segments together, alone", Number: true}, {Name: "the first keeps", Number: true}, {Name: "the second keeps", Number: true},
	}, Stack: true, In: inFull}
	for i := range pairs {
		x := &pairs[i]
		t.Rows = append(t.Rows, []string{
			numbered(x.Streams[0], names), numbered(x.Streams[1], names), ratioText(x.Ratio), intervalText(x.Interval), effectWords[x.Effect],
			fmt.Sprintf("%d, %d and %d", x.Together, x.Alone[0], x.Alone[1]), keptText(x, 0), keptText(x, 1),
		})
	}
	return t
}

func numbered(id int, names map[int]string) string { return strconv.Itoa(id) + ": " + names[id] }

func keptText(x *analysis.Interaction, which int) string {
	if which >= len(x.Kept) {
		return none
	}
	k := &x.Kept[which]
	return ratioText(k.Ratio) + " (" + intervalText(k.Interval) + ")"
}
