package report

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
)

// Recordings of every format that was ever written still load, and still say what
// they said. They are real runs of pausetest demo, kept for ever; a new format adds
// a file here.
func TestRecordingsOfEveryFormat(t *testing.T) {
	want := map[string]struct {
		verdict analysis.Verdict
		blocks  int
		streams int
	}{
		"1.jsonl": {analysis.Collapse, 4, 3},
	}
	files, err := filepath.Glob("../recording/testdata/formats/*.jsonl")
	if err != nil || len(files) != recording.Format {
		t.Fatalf("%d recordings for %d formats, error %v", len(files), recording.Format, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := analysis.Analyze(recording.NewFile(bytes.NewReader(text), int64(len(text))))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		w, r := want[filepath.Base(name)], s.Result
		if r.Verdict != w.verdict || r.Blocks != w.blocks || len(r.Streams) != w.streams || r.CutShort {
			t.Errorf("%s: %s after %d blocks of %d streams, cut short %v; want %+v", name, r.Verdict, r.Blocks, len(r.Streams), r.CutShort, w)
		}
		for _, render := range []func(io.Writer, *analysis.Study) error{Text, Markdown, HTML, JSON} {
			if err := render(io.Discard, s); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
