package flowchart

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"pausetest/internal/printable"
	"pausetest/internal/recording"
)

// All lengths of the picture are in pixels.
const (
	margin     = 16.0
	boxHeight  = 26.0
	rowHeight  = 56.0
	gap        = 76.0 // between two columns
	runeWidth  = 6.7  // of the fixed-width font at its size
	smallWidth = 5.5
	nodeRunes  = 24 // of a box
	shortRunes = 12 // of a label in a gap
)

// palette tells streams apart, also for those who see few colours (Okabe and Ito).
var palette = []string{"#0072b2", "#d55e00", "#009e73", "#b0558b", "#a87500", "#2f8fc4", "#6b4c9a", "#5f6b76"}

const (
	ink         = "#1a1d21"
	sharedFill  = "#ffe8cc"
	sharedInk   = "#8c2a00"
	privateFill = "#f3f5f7"
)

// A picture is a chart with coordinates.
type picture struct {
	*chart
	left          []float64 // of each column
	width         []float64 // likewise
	middle        map[*node]float64
	lane          map[int]float64 // middle of a stream's first row
	height, right float64
	b             strings.Builder
}

// SVG draws the flow, from disks on the left to interfaces on the right. Each
// stream has a row; what several share stands between theirs.
func SVG(w io.Writer, f *recording.Flow) error {
	p := newPicture(f)
	p.draw()
	_, err := io.WriteString(w, p.b.String())
	return err
}

// Size is the picture's width and height in pixels.
func Size(f *recording.Flow) (width, height int) {
	p := newPicture(f)
	return int(p.right), int(p.height)
}

func newPicture(f *recording.Flow) *picture {
	p := &picture{chart: newChart(f), middle: map[*node]float64{}, lane: map[int]float64{}}
	p.split()
	p.setWidths()
	p.setRows()
	p.right, p.height = math.Ceil(p.right), math.Ceil(max(p.height, 2*margin))
	return p
}

func (p *picture) columns() [][]*node {
	var columns [][]*node
	for _, n := range p.nodes {
		for len(columns) <= n.column {
			columns = append(columns, nil)
		}
		columns[n.column] = append(columns[n.column], n)
	}
	return columns
}

func (p *picture) setWidths() {
	x := margin
	for _, column := range p.columns() {
		width := 0.0
		for _, n := range column {
			width = max(width, float64(utf8.RuneCountInString(elided(n.text(), nodeRunes)))*runeWidth+16)
			if n.shared() {
				width = max(width, float64(len(p.part(n.Streams)))*smallWidth)
			}
		}
		p.left, p.width = append(p.left, x), append(p.width, width)
		x += width + gap
	}
	p.right = max(x-gap+margin, 320)
}

// setRows gives each stream as many rows as the fullest column has nodes of its
// own, and puts what is shared in the middle of its streams.
func (p *picture) setRows() {
	columns := p.columns()
	y := margin + 12 + boxHeight/2
	for _, s := range p.flow.Streams {
		if _, twice := p.lane[s.ID]; twice {
			continue
		}
		p.lane[s.ID] = y
		rows := 1
		for _, column := range columns {
			own := 0
			for _, n := range column {
				if slices.Equal(n.Streams, []int{s.ID}) {
					p.middle[n] = y + float64(own)*rowHeight
					own++
				}
			}
			rows = max(rows, own)
		}
		y += float64(rows) * rowHeight
	}
	for _, column := range columns {
		for _, n := range column {
			if _, placed := p.middle[n]; !placed {
				p.middle[n] = p.between(n)
			}
		}
		p.spread(column)
		for _, n := range column {
			p.height = max(p.height, p.middle[n]+boxHeight/2+12+margin)
		}
	}
}

// between is the mean row of a node's streams.
func (p *picture) between(n *node) float64 {
	sum, known := 0.0, 0
	for _, id := range n.Streams {
		if y, ok := p.lane[id]; ok {
			sum, known = sum+y, known+1
		}
	}
	if known == 0 {
		return margin + boxHeight/2
	}
	return sum / float64(known)
}

// spread moves the nodes of a column down until none covers another.
func (p *picture) spread(column []*node) {
	slices.SortStableFunc(column, func(a, b *node) int {
		return cmp.Or(cmp.Compare(p.middle[a], p.middle[b]), cmp.Compare(a.ID, b.ID))
	})
	for i := 1; i < len(column); i++ {
		p.middle[column[i]] = max(p.middle[column[i]], p.middle[column[i-1]]+rowHeight)
	}
}

func (p *picture) printf(format string, args ...any) { fmt.Fprintf(&p.b, format, args...) }

func (p *picture) draw() {
	p.printf(`<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" role="img" font-family="'DejaVu Sans Mono','Liberation Mono',Menlo,Consolas,monospace" font-size="11" fill="%s">`+"\n",
		p.right, p.height, p.right, p.height, ink)
	p.printf("<title>%s</title>\n<desc>%s</desc>\n", "Where the bytes flow", escaped(strings.Join(p.sentences(), ". ")))
	p.printf(`<rect width="100%%" height="100%%" fill="#ffffff"/>` + "\n")
	p.printf(`<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#4d5560"/></marker></defs>` + "\n")
	for _, b := range p.bundles {
		p.drawBundle(b)
	}
	for _, n := range p.nodes {
		p.drawNode(n)
	}
	p.drawLabels()
	p.printf("</svg>\n")
}

func (p *picture) drawBundle(b *bundle) {
	x1, y1 := p.left[b.from.column]+p.width[b.from.column], p.middle[b.from]
	x2, y2 := p.left[b.to.column], p.middle[b.to]
	colour, width, dashes := ink, 2.2, ""
	if len(b.streams) == 1 {
		colour, width = p.colour(b.streams[0]), 1.6
	}
	if b.via(recording.ViaUnknown) == len(b.edges) {
		dashes = ` stroke-dasharray="4 3"`
	}
	// The line bends within one gap; past other columns it keeps to the row of the
	// end that is a single stream's.
	bend1, bend2, at := x1, x2, 0.5
	switch {
	case b.from.shared() && !b.to.shared():
		bend2, at = min(x2, x1+gap), 0.68
	case b.to.shared() && !b.from.shared():
		bend1, at = max(x1, x2-gap), 0.32
	}
	reach := (bend2 - bend1) / 2
	if b.to.column <= b.from.column { // back, or beside: a bow
		bend1, bend2, reach = x1, x2, gap*0.8
	}
	p.printf(`<path d="M%.1f,%.1f H%.1f C%.1f,%.1f %.1f,%.1f %.1f,%.1f H%.1f" fill="none" stroke="%s" stroke-width="%.1f"%s marker-end="url(#tip)"><title>%s</title></path>`+"\n",
		x1, y1, bend1, bend1+reach, y1, bend2-reach, y2, bend2, y2, x2, colour, width, dashes, escaped(b.text()))
	text := elided(b.short(), shortRunes)
	half := float64(utf8.RuneCountInString(text)) * smallWidth / 2
	labelX := along(at, bend1, bend1+reach, bend2-reach, bend2)
	labelX = max(min(labelX, bend2-half-8), bend1+half+1)
	p.printf(`<text x="%.1f" y="%.1f" text-anchor="middle" font-size="9" fill="#4d5560" stroke="#ffffff" stroke-width="3" paint-order="stroke">%s</text>`+"\n",
		labelX, along(at, y1, y1, y2, y2)-5, escaped(text))
}

// along is a point of a Bézier curve, in one dimension.
func along(t, a, b, c, d float64) float64 {
	u := 1 - t
	return u*u*u*a + 3*u*u*t*b + 3*u*t*t*c + t*t*t*d
}

func (p *picture) drawNode(n *node) {
	x, y, width := p.left[n.column], p.middle[n], p.width[n.column]
	fill, stroke := privateFill, ink
	switch {
	case n.shared():
		fill, stroke = sharedFill, sharedInk
	case len(n.Streams) == 1:
		stroke = p.colour(n.Streams[0])
	}
	round := 3.0
	if n.Kind != recording.FlowProcess {
		round = boxHeight / 2
	}
	p.printf(`<g><title>%s</title><rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="%.1f" fill="%s" stroke="%s" stroke-width="1.4"/>`,
		escaped(n.text()), x, y-boxHeight/2, width, boxHeight, round, fill, stroke)
	p.printf(`<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, x+width/2, y+4, escaped(elided(n.text(), nodeRunes)))
	if n.shared() {
		p.printf(`<text x="%.1f" y="%.1f" text-anchor="middle" font-size="9" fill="%s">%s</text>`,
			x+width/2, y+boxHeight/2+11, sharedInk, escaped(p.part(n.Streams)))
	}
	p.printf("</g>\n")
}

// drawLabels writes each stream's name over the first box of its own.
func (p *picture) drawLabels() {
	for _, s := range p.flow.Streams {
		i := slices.IndexFunc(p.nodes, func(n *node) bool {
			return n.Kind == recording.FlowProcess && slices.Equal(n.Streams, []int{s.ID})
		})
		if i < 0 {
			continue
		}
		first := p.nodes[i]
		for _, n := range p.nodes {
			if n.Kind == recording.FlowProcess && slices.Equal(n.Streams, []int{s.ID}) && n.column < first.column {
				first = n
			}
		}
		x := p.left[first.column]
		room := int((p.right - margin - x) / smallWidth)
		p.printf(`<text x="%.1f" y="%.1f" font-size="9" font-weight="bold" fill="%s" stroke="#ffffff" stroke-width="3" paint-order="stroke">%s</text>`+"\n",
			x, p.middle[first]-boxHeight/2-4, p.colour(s.ID), escaped(elided(p.label(s.ID, 0), min(room, 44))))
	}
}

func (p *picture) colour(id int) string {
	i := slices.IndexFunc(p.flow.Streams, func(s recording.FlowStream) bool { return s.ID == id })
	return palette[max(i, 0)%len(palette)]
}

func elided(s string, runes int) string { return printable.Text(s, runes) }

// escaped is text within markup.
func escaped(s string) string { return html.EscapeString(s) }
