package history

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
)

// tool is the version that judges in these tests.
const tool = "1.0"

// now is when these tests look.
var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// header is that of a run of fs1, so long ago.
func header(ago time.Duration) recording.Header {
	return recording.Header{
		Format: recording.Format, Tool: tool, Started: now.Add(-ago), Host: recording.Host{Name: "fs1"}, Seed: 7,
		Labels: map[string]string{"site": "east"}, SampleNS: 1e8,
		Streams: []recording.Stream{{ID: 1, Label: "fs1:/a"}, {ID: 2, Label: "fs1:/b"}},
	}
}

// text is a recording with this header.
func text(h recording.Header) string {
	var b bytes.Buffer
	w := recording.NewWriter(&b)
	for _, r := range []recording.Record{{Header: &h}, {Sample: &recording.Sample{TNS: 1}}, {Event: &recording.Event{TNS: 2, Kind: recording.RunEnd}}} {
		if err := w.Write(r); err != nil {
			panic(err)
		}
	}
	return b.String()
}

// result is what a run with this header is said to have given.
func result(h recording.Header, v analysis.Verdict) string {
	b, err := json.Marshal(analysis.Result{Format: analysis.ResultFormat, Verdict: v, Tool: h.Tool, Started: h.Started, Host: h.Host, Seed: h.Seed})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// A tree is files and folders by path; a folder's path ends in a slash, a link's
// content begins with "-> ".
type tree map[string]string

// plant makes the tree, all of it changed last so long before now.
func (tr tree) plant(t testing.TB, dir string, quiet time.Duration) {
	t.Helper()
	check := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	for name, content := range tr {
		path := filepath.Join(dir, name)
		check(os.MkdirAll(filepath.Dir(path), 0o700))
		target, link := bytes.CutPrefix([]byte(content), []byte("-> "))
		switch {
		case name[len(name)-1] == '/':
			check(os.MkdirAll(path, 0o700))
		case link:
			check(os.Symlink(string(target), path))
		default:
			check(os.WriteFile(path, []byte(content), 0o600))
		}
	}
	age(t, dir, now.Add(-quiet))
}

// age makes everything in a folder look as if it had changed last at that time.
func age(t testing.TB, dir string, at time.Time) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type() == fs.ModeSymlink {
			return err
		}
		return os.Chtimes(path, at, at)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// grown reads a folder back as a tree.
func grown(t testing.TB, dir string) tree {
	t.Helper()
	out := tree{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			out[name+"/"] = ""
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			out[name] = "-> " + target
		case d.Type().IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			out[name] = string(content)
		default:
			out[name] = d.Type().String()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// run adds a whole run to a tree and returns the name of its folder.
func (tr tree) run(ago time.Duration) string {
	h := header(ago)
	name := FolderName(h.Started, h.Host.Name)
	tr[name+"/"] = ""
	tr[name+"/"+RecordingFile] = text(h)
	tr[name+"/"+ResultFile] = result(h, analysis.Collapse)
	for _, file := range []string{CurveFile, TimelineFile, ReportFile} {
		tr[name+"/"+file] = file
	}
	return name
}
