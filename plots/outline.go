package plots

import (
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// fillOutline draws a string as the shapes of its glyphs.
func fillOutline(c vg.Canvas, face font.Face, at vg.Point, s string) {
	var buf sfnt.Buffer
	em := fixed.Int26_6(face.Face.UnitsPerEm())
	scale := face.Font.Size / vg.Length(em)
	var last sfnt.GlyphIndex
	for i, r := range s {
		glyph, err := face.Face.GlyphIndex(&buf, r)
		if err != nil {
			continue
		}
		// Kerned, because the widths that the page was laid out with are.
		if kern, err := face.Face.Kern(&buf, last, glyph, em, 0); err == nil && i > 0 {
			at.X += vg.Length(kern) * scale
		}
		last = glyph
		outline, err := face.Face.LoadGlyph(&buf, glyph, em, nil)
		if err == nil && len(outline) > 0 {
			c.Fill(glyphPath(outline, at, scale))
		}
		if advance, err := face.Face.GlyphAdvance(&buf, glyph, em, 0); err == nil {
			at.X += vg.Length(advance) * scale
		}
	}
}

// glyphPath puts a glyph's outline, given in font units with y downwards, at a
// point of the page.
func glyphPath(outline sfnt.Segments, at vg.Point, scale vg.Length) vg.Path {
	place := func(p fixed.Point26_6) vg.Point {
		return vg.Point{X: at.X + vg.Length(p.X)*scale, Y: at.Y - vg.Length(p.Y)*scale}
	}
	var path vg.Path
	for i, s := range outline {
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			if i > 0 {
				path.Close()
			}
			path.Move(place(s.Args[0]))
		case sfnt.SegmentOpLineTo:
			path.Line(place(s.Args[0]))
		case sfnt.SegmentOpQuadTo:
			path.QuadTo(place(s.Args[0]), place(s.Args[1]))
		case sfnt.SegmentOpCubeTo:
			path.CubeTo(place(s.Args[0]), place(s.Args[1]), place(s.Args[2]))
		}
	}
	path.Close()
	return path
}
