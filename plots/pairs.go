package plots

import (
	"fmt"
	"image/color"
	"io"
	"slices"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"pausetest/internal/analysis"
)

// Pairs draws which streams hurt each other: a matrix of what every two of them
// move together over what they move apart.
func Pairs(w io.Writer, s *analysis.Study, f Format) error { return render(w, f, pairsOf(s)) }

// mostInMatrix streams have a row; a number in a smaller cell can't be read.
const mostInMatrix = 16

// A pairMatrix is what the figure shows.
type pairMatrix struct {
	page
	labels []string     // of each row, with its number
	heads  []string     // of each column
	alone  []string     // on the diagonal
	cells  [][]pairCell // cells[row][column], column < row
	why    string
}

// A pairCell is one pair.
type pairCell struct {
	text     string // the ratio; empty if it was not measured
	interval string
	shade    color.RGBA
	effect   analysis.Effect
}

// harmShades are the colours of ratios below their bounds. Their luminance falls
// with the ratio, so that they can be told apart in grey.
var harmShades = []struct {
	below float64
	shade color.RGBA
	text  string
}{
	{0.50, vermillion, "below 0.50"},
	{0.65, mixed(vermillion, 65), "to 0.65"},
	{0.80, mixed(vermillion, 40), "to 0.80"},
	{0.95, mixed(vermillion, 17), "to 0.95"},
}

func pairsOf(s *analysis.Study) pairMatrix {
	r := &s.Result
	fig := pairMatrix{page: pageOf(s)}
	if r.Interactions == nil {
		fig.why = "No two streams were measured together and apart; pausetest run --pairs does that."
		return fig
	}
	ids, left := inMatrix(r.Interactions)
	fig.title, fig.facts = pairsTitle(r), pairsFacts(r)
	if left > 0 {
		fig.caption = append(fig.caption, count(left, "stream that is hurt less is", "streams that are hurt less are")+" not shown")
	}
	unit := unitFor(fastestAlone(r))
	fig.cells = make([][]pairCell, len(ids))
	for i, id := range ids {
		fig.labels = append(fig.labels, strconv.Itoa(id)+"  "+labelIn(r, id))
		fig.heads = append(fig.heads, strconv.Itoa(id))
		fig.alone = append(fig.alone, aloneText(r, id, unit))
		fig.cells[i] = make([]pairCell, i)
	}
	for i := range r.Interactions {
		x := &r.Interactions[i]
		column, row := slices.Index(ids, x.Streams[0]), slices.Index(ids, x.Streams[1])
		if column >= 0 && row > column {
			fig.cells[row][column] = cellOf(x)
		}
	}
	fig.keys = matrixKeys(unit)
	return fig
}

func matrixKeys(unit rateUnit) []key {
	var keys []key
	for _, h := range harmShades {
		keys = append(keys, key{h.text, swatchKey(h.shade)})
	}
	return append(keys,
		key{"hurt each other", pointKey(downTriangle, 4.5, ink)},
		key{"don't: 0.80 or more", pointKey(ring, 4, ink)},
		key{"not measured", hatchKey()},
		key{"alone, " + unit.name, swatchKey(windowTint)})
}

// inMatrix picks the streams to be shown, ascending: where there are too many, those
// in the pairs that move least. left is how many others there are.
func inMatrix(pairs []analysis.Interaction) (ids []int, left int) {
	for _, x := range analysis.WorstFirst(pairs) {
		for _, id := range x.Streams {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	left = max(0, len(ids)-mostInMatrix)
	ids = ids[:len(ids)-left]
	slices.Sort(ids)
	return ids, left
}

func pairsTitle(r *analysis.Result) string {
	hurt := 0
	for i := range r.Interactions {
		if r.Interactions[i].Effect == analysis.Hurt {
			hurt++
		}
	}
	switch n := len(r.Interactions); {
	case hurt == 0:
		return "no two streams were found to hurt each other"
	case n == 1:
		return "the two streams hurt each other"
	default:
		return fmt.Sprintf("%d of %d pairs of streams hurt each other", hurt, n)
	}
}

func pairsFacts(r *analysis.Result) []string {
	var facts []string
	if r.Simulated {
		facts = append(facts, "SIMULATED: no real backup was touched")
	}
	least, most := r.Interactions[0].Together, 0
	for i := range r.Interactions {
		least, most = min(least, r.Interactions[i].Together), max(most, r.Interactions[i].Together)
	}
	segments := strconv.Itoa(most)
	if least != most {
		segments = strconv.Itoa(least) + " to " + segments
	}
	return append(facts,
		"what two streams move together over what they move apart",
		confidenceText(r.Confidence)+" intervals, all pairs at once",
		segments+" segments of each pair")
}

func fastestAlone(r *analysis.Result) float64 {
	fastest := 0.0
	for i := range r.Streams {
		if rate := drawableRate(r.Streams[i].Alone); rate != nil {
			fastest = max(fastest, rate.BytesPerSecond)
		}
	}
	return fastest
}

func streamIn(r *analysis.Result, id int) *analysis.StreamResult {
	i := slices.IndexFunc(r.Streams, func(s analysis.StreamResult) bool { return s.ID == id })
	if i < 0 {
		return &analysis.StreamResult{ID: id}
	}
	return &r.Streams[i]
}

func labelIn(r *analysis.Result, id int) string { return labelOf(streamIn(r, id).Label, id) }

func aloneText(r *analysis.Result, id int, unit rateUnit) string {
	rate := drawableRate(streamIn(r, id).Alone)
	if rate == nil {
		return ""
	}
	return significant(rate.BytesPerSecond / unit.bytesPerSecond)
}

func cellOf(x *analysis.Interaction) pairCell {
	c := pairCell{effect: x.Effect, shade: white}
	if x.Effect == analysis.NotMeasured || !finite(x.Ratio) {
		c.effect = analysis.NotMeasured
		return c
	}
	c.text = strconv.FormatFloat(min(x.Ratio, 99), 'f', 2, 64)
	if finite(x.Interval.Low) && finite(x.Interval.High) {
		c.interval = fmt.Sprintf("%.2f–%.2f", min(x.Interval.Low, 99), min(x.Interval.High, 99))
	}
	for _, h := range harmShades {
		if x.Ratio < h.below {
			c.shade = h.shade
			break
		}
	}
	return c
}

// cellSize is small enough for all rows to stand on a page, and large enough for a
// number.
func (fig pairMatrix) cellSize() vg.Length {
	return min(72, (pageWidth-2*pageMargin-leastLabels)/vg.Length(max(1, len(fig.labels))))
}

// leastLabels is the room there is for the streams' names beside a large matrix.
const leastLabels vg.Length = 190

func (fig pairMatrix) height() vg.Length {
	return max(pageHeight*0.7, 190+vg.Length(len(fig.labels))*fig.cellSize())
}

func (fig pairMatrix) draw(dc draw.Canvas) {
	dc = fig.page.draw(dc)
	if fig.why != "" {
		empty(dc, fig.why)
		return
	}
	style := textStyle(smallSize, ink)
	style.YAlign = draw.YCenter
	foot := lineHeight(style)
	size := min(fig.cellSize(), (dc.Max.Y-dc.Min.Y-foot)/vg.Length(len(fig.labels)))
	names := vg.Length(0)
	labels := make([]string, len(fig.labels))
	for i, label := range fig.labels {
		labels[i] = elide(label, style, dc.Max.X-dc.Min.X-size*vg.Length(len(fig.labels))-8)
		names = max(names, style.Width(labels[i]))
	}
	left := dc.Min.X + names + 8
	at := func(row, column int) vg.Rectangle {
		corner := vg.Point{X: left + vg.Length(column)*size, Y: dc.Max.Y - vg.Length(row+1)*size}
		return vg.Rectangle{Min: corner, Max: corner.Add(vg.Point{X: size, Y: size})}
	}
	for row, label := range labels {
		name, head := style, style
		name.XAlign, head.XAlign = draw.XRight, draw.XCenter
		box := at(row, row)
		dc.FillText(name, vg.Point{X: left - 8, Y: middle(box).Y}, label)
		dc.FillText(head, vg.Point{X: middle(box).X, Y: at(len(fig.labels)-1, row).Min.Y - foot/2}, fig.heads[row])
		fillBox(dc, windowTint, box.Min.X, box.Min.Y, box.Max.X, box.Max.Y)
		write(dc, box, fig.alone[row], 0)
		for column, c := range fig.cells[row] {
			c.draw(dc, at(row, column))
		}
	}
}

func (c pairCell) draw(dc draw.Canvas, box vg.Rectangle) {
	if c.effect == analysis.NotMeasured || c.effect == "" {
		hatch(dc, box)
	} else {
		fillBox(dc, c.shade, box.Min.X, box.Min.Y, box.Max.X, box.Max.Y)
	}
	frame := draw.LineStyle{Color: rule, Width: 0.7}
	if c.effect == analysis.Hurt {
		frame = draw.LineStyle{Color: ink, Width: 1.6}
		box.Min, box.Max = box.Min.Add(vg.Point{X: 1, Y: 1}), box.Max.Sub(vg.Point{X: 1, Y: 1})
	}
	dc.SetLineStyle(frame)
	dc.Stroke(rectangle(box))
	size := box.Size().X
	switch {
	case c.interval != "" && size >= 60:
		write(dc, box, c.text, 7)
		write(dc, box, c.interval, -9)
	case size < 32: // below the mark
		write(dc, box, c.text, -4)
	default:
		write(dc, box, c.text, 0)
	}
	radius := min(4.5, size/8)
	corner := box.Max.Sub(vg.Point{X: radius + 2, Y: radius + 2})
	switch c.effect {
	case analysis.Hurt:
		drawPoint(dc, downTriangle, corner, radius, ink)
	case analysis.NoHarm:
		drawPoint(dc, ring, corner, radius*0.8, ink)
	}
}

// write sets a text in the middle of a cell, or so much above it, as large as there
// is room for.
func write(dc draw.Canvas, box vg.Rectangle, text string, above vg.Length) {
	style := textStyle(smallSize, ink)
	style.XAlign, style.YAlign = draw.XCenter, draw.YCenter
	if room := box.Size().X - 4; style.Width(text) > room {
		style.Font.Size *= room / style.Width(text)
	}
	at := middle(box)
	at.Y += above
	dc.FillText(style, at, text)
}

// hatch strikes a box through, for what is not known.
func hatch(dc draw.Canvas, box vg.Rectangle) {
	const lines = 4
	line := draw.LineStyle{Color: rule, Width: 1}
	w, h := box.Size().X/lines, box.Size().Y/lines
	for i := vg.Length(0); i < lines; i++ {
		dc.StrokeLine2(line, box.Min.X+i*w, box.Min.Y, box.Max.X, box.Max.Y-i*h)
		dc.StrokeLine2(line, box.Min.X, box.Min.Y+i*h, box.Max.X-i*w, box.Max.Y)
	}
}

func hatchKey() specimen {
	return specimen{pointWidth, func(c draw.Canvas, box vg.Rectangle) {
		hatch(c, box)
		c.SetLineStyle(gridLine)
		c.Stroke(rectangle(box))
	}}
}
