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
	sec.Paragraphs = []string{sentenceCase(clean(r.InteractionSentence)) + ".", fmt.Sprintf(
		"The ratio is what two streams move together over what they move apart: at 1 they don't notice each other, at 0.50 both together move what one does. The %s intervals hold for all pairs at once; two hurt each other when theirs lies below 1, and don't when it lies above 0.80.",
		percentText(r.Confidence))}
	worst := analysis.WorstFirst(r.Interactions)
	brief := worst[:min(len(worst), mostPairsInBrief)]
	names := labels(s)
	sec.Tables = []table{briefPairs(r, brief, names), fullPairs(r, names)}
	if more := len(worst) - len(brief); more > 0 {
		sec.List = []string{fmt.Sprintf("of %d pairs, the %d that move least are in short tables; result.json and report.html have all", len(worst), len(brief))}
	}
	if len(r.Streams) > 2 && slices.ContainsFunc(worst, decided) {
		sec.Figures = []figure{{Name: "pairs", Alt: clean(r.InteractionSentence), draw: drawing(plots.Pairs, s)}}
	}
	return sec
}

func decided(x analysis.Interaction) bool {
	return x.Effect == analysis.Hurt || x.Effect == analysis.NoHarm
}

var effectWords = map[analysis.Effect]string{
	analysis.Hurt: "hurt", analysis.NoHarm: "no harm", analysis.Undecided: "undecided", analysis.NotMeasured: "not measured",
}

// briefPairs leaves both names room on a terminal.
func briefPairs(r *analysis.Result, pairs []analysis.Interaction, names map[int]string) table {
	const width = 20
	t := table{Columns: []column{
		{Name: "stream"}, {Name: "and"}, {Name: "ratio", Number: true}, {Name: percentText(r.Confidence) + " interval", Number: true}, {Name: "effect"},
	}, In: inBrief}
	for i := range pairs {
		x := &pairs[i]
		ratio, interval := pairNumbers(x)
		t.Rows = append(t.Rows, []string{elide(names[x.Streams[0]], width), elide(names[x.Streams[1]], width), ratio, interval, effectWords[x.Effect]})
	}
	return t
}

func fullPairs(r *analysis.Result, names map[int]string) table {
	percent := percentText(r.Confidence)
	t := table{Columns: []column{
		{Name: "stream"}, {Name: "and"}, {Name: "ratio", Number: true}, {Name: percent + " interval", Number: true}, {Name: "effect"},
		{Name: "segments together, alone", Number: true}, {Name: "the first keeps", Number: true}, {Name: "the second keeps", Number: true},
	}, Stack: true, In: inFull}
	for i := range r.Interactions {
		x := &r.Interactions[i]
		ratio, interval := pairNumbers(x)
		a, b := x.Streams[0], x.Streams[1]
		t.Rows = append(t.Rows, []string{
			strconv.Itoa(a) + ": " + names[a], strconv.Itoa(b) + ": " + names[b], ratio, interval, effectWords[x.Effect],
			fmt.Sprintf("%d, %d and %d", x.Together, x.Alone[0], x.Alone[1]), keptText(x, 0), keptText(x, 1),
		})
	}
	return t
}

func pairNumbers(x *analysis.Interaction) (ratio, interval string) {
	if x.Effect == analysis.NotMeasured {
		return none, none
	}
	return ratioText(x.Ratio), intervalText(x.Interval)
}

func keptText(x *analysis.Interaction, which int) string {
	if which >= len(x.Kept) {
		return none
	}
	k := &x.Kept[which]
	return ratioText(k.Ratio) + " (" + intervalText(k.Interval) + ")"
}
