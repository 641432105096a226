package report

import (
	"bytes"
	"encoding/base64"
	"html/template"
	"strings"

	"pausetest/internal/analysis"
	"pausetest/internal/flowchart"
)

// flowSection says which way the bytes went, and what several streams share on it.
func flowSection(r *analysis.Result) section {
	if r.Flow == nil {
		return section{}
	}
	sec := section{ID: "flow", Title: "Where the bytes flow", Chart: flowchart.Lines(&r.Flow.Flow)}
	for _, s := range r.Flow.Sentences {
		sec.List = append(sec.List, clean(s)+".")
	}
	var b bytes.Buffer
	if err := flowchart.SVG(&b, &r.Flow.Flow); err != nil {
		return sec // a buffer takes everything
	}
	picture := figure{
		Name: "flow", Alt: "The way of the bytes from disk to wire: " + strings.Join(sec.List, " "),
		Source: template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(b.Bytes())),
	}
	picture.Width, picture.Height = flowchart.Size(&r.Flow.Flow)
	sec.Figures = []figure{picture}
	return sec
}
