package history

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// month is the policy of these tests.
var month = Policy{Keep: 30 * day}

// prune deletes what is older than a month, and fails the test if it can't.
func prune(t testing.TB, dir string, dryRun bool) Pruning {
	t.Helper()
	out, err := Prune(dir, month, now, dryRun)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// leftReasons are the reasons by folder.
func leftReasons(p Pruning) map[string]string {
	out := map[string]string{}
	for _, l := range p.Left {
		out[filepath.Base(l.Path)] = l.Reason.Error()
	}
	return out
}

func TestPruneDeletesOldRuns(t *testing.T) {
	dir := t.TempDir()
	tr := tree{"trend.png": "a file beside the runs"}
	newest, recent := tr.run(day), tr.run(29*day)
	rest := maps.Clone(tr)
	var old []string
	for _, d := range []int{90, 60, 31} {
		old = append(old, filepath.Join(dir, tr.run(time.Duration(d)*day)))
	}
	tr[filepath.Base(old[1])+"/"+TemporaryName(ReportFile)] = "half a report"
	tr.plant(t, dir, 2*time.Hour)

	before := grown(t, dir)
	would := prune(t, dir, true)
	if diff := cmp.Diff(before, grown(t, dir)); diff != "" {
		t.Errorf("a dry run changed something: %s", diff)
	}
	done := prune(t, dir, false)
	if diff := cmp.Diff(would, done); diff != "" {
		t.Errorf("the dry run said otherwise: %s", diff)
	}
	if diff := cmp.Diff(rest, grown(t, dir)); diff != "" {
		t.Errorf("what is left (-want +got): %s", diff)
	}
	var deleted []string
	for _, r := range done.Deleted {
		deleted = append(deleted, r.Path)
	}
	var bytes int64
	for _, name := range []string{newest, recent} {
		for path, content := range tr {
			if strings.HasPrefix(path, name+"/") {
				bytes += int64(len(content))
			}
		}
	}
	if !slices.Equal(deleted, old) || done.Kept != 2 || done.KeptBytes != bytes || len(done.Left) != 0 {
		t.Errorf("%+v, want %v deleted and %d bytes kept", done, old, bytes)
	}
	if again := prune(t, dir, false); len(again.Deleted) != 0 {
		t.Errorf("a second time: %v", again.Deleted)
	}
}

// Whatever is not wholly a run's own stays, and the reason is given.
func TestPruneLeavesAlone(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		change       func(t *testing.T, tr tree, dir, run string)
	}{
		{"another name", "not one that a run gives", func(t *testing.T, tr tree, dir, run string) {
			must(t, os.Rename(filepath.Join(dir, run), filepath.Join(dir, "before-bsdtcp")))
		}},
		{"the name of another run", "of another run", func(t *testing.T, tr tree, dir, run string) {
			must(t, os.Rename(filepath.Join(dir, run), filepath.Join(dir, "2026-01-01T000000Z-fs1")))
		}},
		{"a note beside it", `"notes.txt", which no run writes`, func(t *testing.T, tr tree, dir, run string) {
			must(t, os.WriteFile(filepath.Join(dir, run, "notes.txt"), nil, 0o600))
		}},
		{"a folder in it", `"more", which no run writes`, func(t *testing.T, tr tree, dir, run string) {
			must(t, os.Mkdir(filepath.Join(dir, run, "more"), 0o700))
		}},
		{"a link in it", `"curve.png", which no run writes`, func(t *testing.T, tr tree, dir, run string) {
			must(t, os.Remove(filepath.Join(dir, run, CurveFile)))
			must(t, os.Symlink("/etc/passwd", filepath.Join(dir, run, CurveFile)))
		}},
		{"a pipe in it", `"recording.jsonl", which no run writes`, func(t *testing.T, tr tree, dir, run string) {
			must(t, os.Remove(filepath.Join(dir, run, RecordingFile)))
			must(t, syscall.Mkfifo(filepath.Join(dir, run, RecordingFile), 0o600))
		}},
		{"no recording", "recording.jsonl: no such file", func(t *testing.T, tr tree, dir, run string) {
			must(t, os.Remove(filepath.Join(dir, run, RecordingFile)))
		}},
		{"noise for a recording", "no header", func(t *testing.T, tr tree, dir, run string) {
			must(t, os.WriteFile(filepath.Join(dir, run, RecordingFile), []byte("noise\n"), 0o600))
		}},
		{"a link to it", "it is a link", func(t *testing.T, tr tree, dir, run string) {
			must(t, os.Rename(filepath.Join(dir, run), filepath.Join(dir, ".moved")))
			must(t, os.Symlink(".moved", filepath.Join(dir, run)))
		}},
		{"others may write", "mode is 0770", func(t *testing.T, tr tree, dir, run string) {
			must(t, os.Chmod(filepath.Join(dir, run), 0o770))
		}},
		{"just changed", "within the last hour", func(t *testing.T, tr tree, dir, run string) {
			must(t, os.Chtimes(filepath.Join(dir, run, ReportFile), now, now.Add(-59*time.Minute)))
		}},
		{"changed in the future", "within the last hour", func(t *testing.T, tr tree, dir, run string) {
			must(t, os.Chtimes(filepath.Join(dir, run, RecordingFile), now, now.Add(day)))
		}},
		{"still being written", "still going on", func(t *testing.T, tr tree, dir, run string) {
			file, err := os.OpenFile(filepath.Join(dir, run, RecordingFile), os.O_WRONLY|os.O_APPEND, 0)
			must(t, err)
			t.Cleanup(func() { file.Close() })
			Claim(file)
		}},
		{"another owner", "belongs to uid 1", func(t *testing.T, tr tree, dir, run string) {
			if os.Getuid() != 0 {
				unmet(t, "root", "giving a folder away needs root")
			}
			must(t, os.Chown(filepath.Join(dir, run), 1, 1))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			tr := tree{}
			tr.run(day)
			run := tr.run(60 * day)
			tr.plant(t, dir, 2*time.Hour)
			c.change(t, tr, dir, run)
			for _, entry := range []string{run, "before-bsdtcp", "2026-01-01T000000Z-fs1"} { // as old as before
				if info, err := os.Lstat(filepath.Join(dir, entry)); err == nil && info.IsDir() {
					must(t, os.Chtimes(filepath.Join(dir, entry), now.Add(-2*time.Hour), now.Add(-2*time.Hour)))
				}
			}
			before := contents(t, dir)
			done := prune(t, dir, false)
			if diff := cmp.Diff(before, contents(t, dir)); diff != "" {
				t.Errorf("something was deleted: %s", diff)
			}
			reasons := slices.Collect(maps.Values(leftReasons(done)))
			if len(done.Deleted) > 0 || !slices.ContainsFunc(reasons, func(r string) bool { return strings.Contains(r, c.reason) }) {
				t.Errorf("%+v, want %q", done, c.reason)
			}
		})
	}
}

// contents are the names in a folder, and in those below it.
func contents(t testing.TB, dir string) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(grown(t, dir)))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// unmet skips a test, unless the environment says that what it lacks has to be there.
func unmet(t *testing.T, what, reason string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("PAUSETEST_REQUIRE"), ","), what) {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// A deletion that was cut off anywhere leaves a run that can still be judged, or an
// empty folder, and is finished the next time.
func TestPruneFinishesWhatWasCutOff(t *testing.T) {
	files := append(slices.Clone(madeFromRecording), RecordingFile)
	for done := range len(files) + 1 {
		dir := t.TempDir()
		tr := tree{}
		tr.run(day)
		run := tr.run(60 * day)
		for _, name := range files[:done] {
			delete(tr, run+"/"+name)
		}
		tr.plant(t, dir, 2*time.Hour)
		out := prune(t, dir, false)
		if _, err := os.Lstat(filepath.Join(dir, run)); !errors.Is(err, os.ErrNotExist) || len(out.Deleted) != 1 || out.Kept != 1 {
			t.Errorf("after %d files: %v, %+v", done, err, out)
		}
	}
}

// An empty folder that was made just now is where a run begins.
func TestPruneSparesABeginning(t *testing.T) {
	dir := t.TempDir()
	name := FolderName(now, "fs1")
	(tree{name + "/": ""}).plant(t, dir, time.Minute)
	if done := prune(t, dir, false); len(done.Deleted) != 0 || len(done.Left) != 1 {
		t.Errorf("%+v", done)
	}
}

func TestPruneRefusesNonsense(t *testing.T) {
	for _, p := range []Policy{{}, {Keep: -1}, {MaxBytes: -1}} {
		if _, err := Prune(t.TempDir(), p, now, false); err == nil {
			t.Errorf("%+v was accepted", p)
		}
	}
	if _, err := Prune(filepath.Join(t.TempDir(), "absent"), month, now, false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an absent folder: %v", err)
	}
}

// Random trees of runs, half runs, foreign files and links: only files that a run
// writes go, only from folders that hold nothing else, and never outside.
func TestPruneNeverDeletesOthers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		above, err := os.MkdirTemp(t.TempDir(), "")
		must(t, err)
		tr := tree{"outside/keep": "me", "outside/" + RecordingFile: text(header(60 * day))}
		for i := range rapid.IntRange(0, 5).Draw(rt, "folders") {
			ago := time.Duration(rapid.IntRange(0, 90).Draw(rt, "days"))*day + time.Duration(i)*time.Minute
			name := tr.run(ago)
			spoil(rt, tr, name)
		}
		all := tree{}
		for path, content := range tr {
			if strings.HasPrefix(path, "outside/") {
				all[path] = content
			} else {
				all["runs/"+path] = content
			}
		}
		all["runs/"] = ""
		all.plant(t, above, 2*time.Hour)
		before := grown(t, above)
		p := Policy{Keep: time.Duration(rapid.IntRange(0, 60).Draw(rt, "keep")) * day, MaxBytes: rapid.Int64Range(1, 5000).Draw(rt, "most")}
		done, err := Prune(filepath.Join(above, "runs"), p, now, false)
		must(t, err)
		after := grown(t, above)
		deleted := map[string]bool{}
		for _, r := range done.Deleted {
			deleted["runs/"+filepath.Base(r.Path)] = true
		}
		for path, content := range before {
			folder := strings.Join(strings.SplitN(path, "/", 3)[:2], "/")
			got, still := after[path]
			switch {
			case still && got != content:
				rt.Fatalf("%s was changed", path)
			case still == deleted[folder]:
				rt.Fatalf("%s: there is %v, deleted %v", path, still, deleted[folder])
			case !still && strings.Count(path, "/") == 2 && path[len(path)-1] != '/' && !writtenByRun(filepath.Base(path)):
				rt.Fatalf("%s was deleted", path)
			}
		}
		for path := range after {
			if _, was := before[path]; !was {
				rt.Fatalf("%s is new", path)
			}
		}
	})
}

// spoil changes a run's folder in one of the ways in which it is not wholly a run's.
func spoil(t *rapid.T, tr tree, name string) {
	switch rapid.IntRange(0, 9).Draw(t, "spoilt") {
	case 0:
		tr[name+"/"+rapid.SampledFrom([]string{"notes", ".hidden", "recording.jsonl.gz", "RESULT.JSON", " ", "curve.png~"}).Draw(t, "file")] = "foreign"
	case 1:
		tr[name+"/sub/"+RecordingFile] = "deeper"
	case 2:
		tr[name+"/"+TemporaryName(CurveFile)] = "-> ../../outside/keep"
	case 3:
		tr[name+"/"+RecordingFile] = "noise"
	case 4:
		delete(tr, name+"/"+RecordingFile)
	case 5:
		for path := range maps.Clone(tr) {
			if strings.HasPrefix(path, name+"/") {
				tr["kept-"+path] = tr[path]
				delete(tr, path)
			}
		}
	case 6:
		for path := range maps.Clone(tr) {
			if strings.HasPrefix(path, name+"/") {
				tr["kept-"+path] = tr[path]
				delete(tr, path)
			}
		}
		tr[name] = "-> kept-" + name
	case 7:
		for path := range maps.Clone(tr) {
			if strings.HasPrefix(path, name+"/") {
				delete(tr, path)
			}
		}
		tr[name] = rapid.SampledFrom([]string{"-> ../outside", "-> .", "-> absent", "a file"}).Draw(t, "instead")
	}
}

// Somebody who may write to the folder of runs exchanges a run for a link to another one
// that is to be kept, again and again, while it is pruned. That one stays.
func TestPruneWhileExchanged(t *testing.T) {
	dir := t.TempDir()
	runs, vault := tree{}, tree{}
	runs.run(day)
	name := runs.run(60 * day)
	vault.run(60 * day)
	runs.plant(t, dir, 2*time.Hour)
	kept := filepath.Join(dir, "vault")
	vault.plant(t, kept, 2*time.Hour)
	want := grown(t, kept)

	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		run, aside := filepath.Join(dir, name), filepath.Join(dir, "aside")
		for {
			select {
			case <-stop:
				return
			default:
			}
			if os.Rename(run, aside) != nil {
				vault.plantAgain(dir) // it was deleted
				continue
			}
			os.Symlink("vault/"+name, run)
			os.Remove(run)
			os.Rename(aside, run)
		}
	}()
	for range 500 {
		Prune(dir, month, now, false) // an error is as good as none
		if diff := cmp.Diff(want, grown(t, kept)); diff != "" {
			t.Errorf("what a link led to was deleted: %s", diff)
			break
		}
	}
	close(stop)
	<-stopped
}

// plantAgain makes the tree while it may be deleted at any moment.
func (tr tree) plantAgain(dir string) {
	at := now.Add(-2 * time.Hour)
	for name, content := range tr {
		path := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(path), 0o700)
		if content != "" {
			os.WriteFile(path, []byte(content), 0o600)
			os.Chtimes(path, at, at)
		}
	}
	for name := range tr {
		os.Chtimes(filepath.Dir(filepath.Join(dir, name)), at, at)
	}
}
