package history

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pausetest/internal/analysis"
)

// A result is read only if it is this run's and this program's; else the recording is
// judged. What is no run is passed over.
func TestRead(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	tr := tree{}
	whole := tr.run(1 * day) // its result says collapse, its recording could not
	other := func(ago time.Duration, change func(files tree, name string)) string {
		name := tr.run(ago)
		change(tr, name+"/")
		return name
	}
	h := header(0)
	older, elsewhere, format := header(2*day), header(3*day), result(header(4*day), analysis.Collapse)
	older.Tool, elsewhere.Seed = "0.9", 8
	oldTool := other(2*day, func(f tree, n string) {
		f[n+RecordingFile], f[n+ResultFile] = text(older), result(older, analysis.Collapse)
	})
	otherRun := other(3*day, func(f tree, n string) { f[n+ResultFile] = result(elsewhere, analysis.Collapse) })
	otherFormat := other(4*day, func(f tree, n string) { f[n+ResultFile] = strings.Replace(format, `"format":1`, `"format":2`, 1) })
	noResult := other(5*day, func(f tree, n string) { delete(f, n+ResultFile) })
	tornResult := other(6*day, func(f tree, n string) { f[n+ResultFile] = f[n+ResultFile][:20] })
	cut := other(7*day, func(f tree, n string) {
		delete(f, n+ResultFile)
		f[n+RecordingFile] = f[n+RecordingFile][:len(f[n+RecordingFile])-9]
	})
	noise := other(8*day, func(f tree, n string) { f[n+RecordingFile] = "noise\n" })
	empty := other(9*day, func(f tree, n string) { f[n+RecordingFile] = "" })
	later := h
	later.Format = 99
	newer := other(10*day, func(f tree, n string) { f[n+RecordingFile] = text(later) })
	pipe := other(11*day, func(f tree, n string) { delete(f, n+RecordingFile) })
	tr["named by hand/"+RecordingFile] = text(header(12 * day))
	tr["old copy/"+RecordingFile] = tr["named by hand/"+RecordingFile]
	tr["foreign/readme"] = "hello"
	tr["trend.png"] = "a file"
	tr["link in"] = "-> named by hand"
	tr["link out"] = "-> " + outside
	tr.plant(t, dir, 0)
	if err := syscall.Mkfifo(filepath.Join(dir, pipe, RecordingFile), 0o600); err != nil {
		t.Fatal(err)
	}
	(tree{RecordingFile: text(h)}).plant(t, outside, 0)

	runs, skipped, err := Reader{Tool: tool}.Read(context.Background(), []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range runs {
		name, _ := filepath.Rel(dir, r.Path)
		got = append(got, fmt.Sprint(name, " ", r.Study.Result.Verdict))
	}
	want := []string{whole + " collapse"}
	for _, judged := range []string{oldTool, otherRun, otherFormat, noResult, tornResult, cut, "named by hand"} {
		want = append(want, judged+" inconclusive")
	}
	if !slices.Equal(got, want) {
		t.Errorf("runs\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	reasons := map[string]string{
		noise: "no header", empty: "no header", newer: "format 99", pipe: "no regular file",
		"foreign": "it holds no recording.jsonl", "link in": "it is a link", "link out": "it is a link", "old copy": "the same run as " + filepath.Join(dir, "named by hand"),
	}
	for _, s := range skipped {
		name, _ := filepath.Rel(dir, s.Path)
		if reason := reasons[name]; reason == "" || !strings.Contains(s.Reason.Error(), reason) {
			t.Errorf("%s skipped: %v, want %q", name, s.Reason, reason)
		}
		delete(reasons, name)
	}
	if len(reasons) > 0 {
		t.Errorf("not skipped: %v", reasons)
	}

	one, _, err := Reader{Tool: tool}.Read(context.Background(), []string{filepath.Join(dir, whole)})
	if err != nil || len(one) != 1 || one[0].Path != filepath.Join(dir, whole) {
		t.Errorf("a single run: %v, %v", one, err)
	}
	if _, _, err := (Reader{}).Read(context.Background(), []string{filepath.Join(dir, "absent")}); err == nil {
		t.Error("an absent folder was read")
	}
}

func TestFilter(t *testing.T) {
	h := header(day)
	for _, c := range []struct {
		name   string
		filter Filter
		want   bool
	}{
		{"all", Filter{}, true},
		{"since its start", Filter{Since: h.Started}, true},
		{"since later", Filter{Since: h.Started.Add(1)}, false},
		{"until its start", Filter{Until: h.Started}, false},
		{"until later", Filter{Until: h.Started.Add(1)}, true},
		{"host", Filter{Hosts: []string{"fs0", "fs1"}}, true},
		{"other host", Filter{Hosts: []string{"fs"}}, false},
		{"label", Filter{Labels: map[string]string{"site": "east"}}, true},
		{"other value", Filter{Labels: map[string]string{"site": "west"}}, false},
		{"other label", Filter{Labels: map[string]string{"site": "east", "ticket": ""}}, false},
	} {
		if got := c.filter.wants(&h); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// A thousand runs, by their results and by their recordings.
func BenchmarkRead(b *testing.B) {
	dir := b.TempDir()
	tr := tree{}
	for i := range 1000 {
		tr.run(time.Duration(i) * time.Hour)
	}
	tr.plant(b, dir, 0)
	for _, version := range []string{tool, "another"} {
		b.Run(version, func(b *testing.B) {
			for b.Loop() {
				if runs, _, err := (Reader{Tool: version}).Read(context.Background(), []string{dir}); err != nil || len(runs) != 1000 {
					b.Fatal(len(runs), err)
				}
			}
		})
	}
	os.RemoveAll(dir)
}
