package plots

import (
	"fmt"
	"strings"

	"golang.org/x/image/font/sfnt"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"pausetest/internal/printable"
)

// drawn makes a string from outside (a process name, a path, a note) fit
// to be drawn on one line: what can't be seen, isn't UTF-8 or has no glyph in
// our font is written as an escape.
func drawn(s string) string {
	face := fonts.Lookup(textStyle(bodySize, ink).Font, bodySize)
	var buf sfnt.Buffer
	var b strings.Builder
	for _, r := range printable.Text(s, 0) {
		if drawable(&buf, face, r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
	}
	return b.String()
}

func drawable(buf *sfnt.Buffer, face font.Face, r rune) bool {
	glyph, err := face.Face.GlyphIndex(buf, r)
	return err == nil && glyph != 0
}

const ellipsis = "…"

// elide shortens a string in its middle until it is no wider than width: both
// ends of a label such as "host:/path level 0" tell more than its middle.
func elide(s string, style draw.TextStyle, width vg.Length) string {
	// A width can't be reached by more runes than this; it bounds the search
	// for labels of a megabyte.
	const atMost = 400
	r := []rune(s)
	if len(r) <= atMost && style.Width(s) <= width {
		return s
	}
	short := func(keep int) string {
		head := (keep + 1) / 2
		return string(r[:head]) + ellipsis + string(r[len(r)-(keep-head):])
	}
	low, high := 0, min(len(r)-1, atMost) // short(low) fits, as far as anything does
	for low < high {
		mid := (low + high + 1) / 2
		if style.Width(short(mid)) <= width {
			low = mid
		} else {
			high = mid - 1
		}
	}
	// Widths don't grow evenly with the number of runes kept.
	for low > 0 && style.Width(short(low)) > width {
		low--
	}
	return short(max(low, 0))
}

// flow sets items of the given widths in lines no wider than width and returns
// the items of each line. An item wider than that has a line for itself.
func flow(widths []vg.Length, gap, width vg.Length) [][]int {
	var lines [][]int
	var used vg.Length
	for i, w := range widths {
		if len(lines) > 0 && used+gap+w <= width {
			lines[len(lines)-1] = append(lines[len(lines)-1], i)
			used += gap + w
			continue
		}
		lines = append(lines, []int{i})
		used = w
	}
	return lines
}

// wrap breaks text at the separator into lines no wider than width; pieces
// that are wider still are elided.
func wrap(pieces []string, separator string, style draw.TextStyle, width vg.Length) []string {
	fitted := make([]string, len(pieces))
	widths := make([]vg.Length, len(pieces))
	for i, p := range pieces {
		fitted[i] = elide(p, style, width)
		widths[i] = style.Width(fitted[i])
	}
	var lines []string
	for _, items := range flow(widths, style.Width(separator), width) {
		parts := make([]string, len(items))
		for k, i := range items {
			parts[k] = fitted[i]
		}
		lines = append(lines, strings.Join(parts, separator))
	}
	return lines
}
