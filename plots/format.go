package plots

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A Format is a kind of picture file.
type Format string

// The formats.
const (
	PNG Format = "png"
	SVG Format = "svg"
	PDF Format = "pdf"
)

// FormatOf tells the format by the extension of a file name, in any case of
// letters.
func FormatOf(filename string) (Format, error) {
	ext := filepath.Ext(filename)
	switch f := Format(strings.ToLower(strings.TrimPrefix(ext, "."))); f {
	case PNG, SVG, PDF:
		return f, nil
	}
	if ext == "" {
		return "", fmt.Errorf("choosing the figure format of %q: no extension, want .png, .svg or .pdf", filename)
	}
	return "", fmt.Errorf("choosing the figure format of %q: %q is not .png, .svg or .pdf", filename, ext)
}

// A figure is a page that knows all it shows.
type figure interface {
	height() vg.Length
	draw(draw.Canvas)
}

// render draws a figure and writes it whole or not at all.
func render(w io.Writer, f Format, fig figure) error {
	canvas, err := newCanvas(f, pageWidth, fig.height())
	if err != nil {
		return err
	}
	c := draw.NewCanvas(canvas, pageWidth, fig.height())
	if f != PNG { // whose pixels are white from the beginning
		fillBox(c, white, c.Min.X, c.Min.Y, c.Max.X, c.Max.Y)
	}
	fig.draw(c)
	// The vector back ends write in many small pieces: only a finished page
	// leaves this package.
	var page bytes.Buffer
	if _, err := canvas.WriteTo(&page); err != nil {
		return fmt.Errorf("drawing a %s figure: %w", f, err)
	}
	if _, err := w.Write(page.Bytes()); err != nil {
		return fmt.Errorf("writing a figure: %w", err)
	}
	return nil
}

func newCanvas(f Format, width, height vg.Length) (vg.CanvasWriterTo, error) {
	switch f {
	case PNG:
		return newPNG(width, height), nil
	case SVG:
		return svgCanvas{vgsvg.New(width, height)}, nil
	case PDF:
		timelessPDF()
		return pdfCanvas{vgpdf.New(width, height)}, nil
	}
	return nil, fmt.Errorf("drawing a figure: unknown format %q", string(f))
}

// timelessPDF makes the PDF library forget the clock and the order of its
// maps. It offers no way to do so for one document.
var timelessPDF = sync.OnceFunc(func() {
	epoch := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	fpdf.SetDefaultCreationDate(epoch)
	fpdf.SetDefaultModificationDate(epoch)
	fpdf.SetDefaultCatalogSort(true)
})

// A pdfCanvas draws text as shapes.
//
// Note: gonum's own way was rejected. It writes the fonts to temporary files
// and panics when it can't, confuses the faces of a family, and hands UTF-8 to
// a font encoded in Windows-1252. The price is that text can't be searched.
type pdfCanvas struct{ *vgpdf.Canvas }

func (c pdfCanvas) FillString(face font.Face, at vg.Point, s string) {
	fillOutline(c, face, at, s)
}

// An svgCanvas names fonts of the same widths for readers that lack ours.
type svgCanvas struct{ *vgsvg.Canvas }

func (c svgCanvas) WriteTo(w io.Writer) (int64, error) {
	var page bytes.Buffer
	if _, err := c.Canvas.WriteTo(&page); err != nil {
		return 0, err
	}
	// Text can't hold a quotation mark, so only attributes match.
	const family = `style="font-family:Liberation Sans`
	named := bytes.ReplaceAll(page.Bytes(), []byte(family+";"), []byte(family+",Arial,Helvetica,sans-serif;"))
	n, err := w.Write(named)
	return int64(n), err
}
