package report

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"image/png"
	"io"
	"slices"

	"pausetest/internal/analysis"
	"pausetest/plots"
)

// A figure is a picture in a section.
type figure struct {
	Name string
	Alt  string // the finding, for those who don't see the picture
	draw func(io.Writer, plots.Format) error

	// Set when it is drawn.
	Source        template.URL
	Width, Height int // pixels
}

//go:embed report.html.tmpl
var pageText string

//go:embed report.css
var styleText string

var page = template.Must(template.New("report").Parse(pageText))

// HTML writes report.html: one file that needs neither network nor script.
//
// Note: figures are PNG. As SVG they would be smaller, but would depend on the
// fonts of whoever reads them.
func HTML(w io.Writer, s *analysis.Study) error { return sheetOf(s).html(w) }

func (sh *sheet) html(w io.Writer) error {
	for i := range sh.Sections {
		for k := range sh.Sections[i].Figures {
			if err := sh.Sections[i].Figures[k].paint(); err != nil {
				return err
			}
		}
	}
	var b bytes.Buffer
	for i := range sh.Sections {
		tables := &sh.Sections[i].Tables
		*tables = slices.DeleteFunc(*tables, func(t table) bool { return t.In == inBrief })
	}
	err := page.Execute(&b, struct {
		*sheet
		Style template.CSS
	}{sh, template.CSS(styleText)})
	if err != nil {
		return fmt.Errorf("setting the report: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// drawing binds a figure to its study.
func drawing(draw func(io.Writer, *analysis.Study, plots.Format) error, s *analysis.Study) func(io.Writer, plots.Format) error {
	return func(w io.Writer, f plots.Format) error { return draw(w, s, f) }
}

func (f *figure) paint() error {
	if f.Source != "" {
		return nil // it was drawn elsewhere
	}
	var b bytes.Buffer
	if err := f.draw(&b, plots.PNG); err != nil {
		return fmt.Errorf("drawing the %s figure: %w", f.Name, err)
	}
	size, err := png.DecodeConfig(bytes.NewReader(b.Bytes()))
	if err != nil {
		return fmt.Errorf("drawing the %s figure: %w", f.Name, err)
	}
	f.Width, f.Height = size.Width, size.Height
	f.Source = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()))
	return nil
}
