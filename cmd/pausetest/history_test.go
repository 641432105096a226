package main

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"pausetest/internal/experiment"
	"pausetest/internal/history"
	"pausetest/internal/recording"
	"pausetest/internal/simulate"
)

// Whatever a run writes into its folder, prune knows as the run's own.
func TestRenderingsAreKnownToHistory(t *testing.T) {
	dir := t.TempDir()
	started := time.Now().Add(-48 * time.Hour)
	path := filepath.Join(dir, history.FolderName(started, "fs1"))
	newest := filepath.Join(dir, history.FolderName(started.Add(time.Hour), "fs1"))
	for path, at := range map[string]time.Time{path: started, newest: started.Add(time.Hour)} {
		if err := leaveRun(path, "quiet/flat", 1, func(h *recording.Header) { h.Started, h.Host.Name = at, "fs1" }); err != nil {
			t.Fatal(err)
		}
		for _, r := range renderings {
			if err := os.WriteFile(filepath.Join(path, r.name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := quiet(path, started); err != nil {
			t.Fatal(err)
		}
	}
	done, err := history.Prune(dir, history.Policy{Keep: time.Hour}, time.Now(), false)
	if err != nil || len(done.Deleted) != 1 || done.Deleted[0].Path != path {
		t.Errorf("%+v, %v", done, err)
	}
}

// recorded FOLDER WORLD SEED STARTED HOST [KEY=VALUE...]: leave the folder of a run that
// was played on a simulated host and passes for a real one. STARTED is a date or an age.
// A FOLDER that ends in a slash is where it goes, under the name that a run gives.
func recorded(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 5 {
		ts.Fatalf("usage: recorded FOLDER WORLD SEED STARTED HOST [KEY=VALUE...]")
	}
	seed, err := strconv.ParseUint(args[2], 10, 64)
	ts.Check(err)
	started, err := history.ParseSince(args[3], time.Now())
	ts.Check(err)
	path := args[0]
	if strings.HasSuffix(path, "/") {
		path = filepath.Join(path, history.FolderName(started, args[4]))
	}
	ts.Check(leaveRun(ts.MkAbs(path), args[1], seed, func(h *recording.Header) {
		h.Started, h.Host.Name, h.Interface.Name, h.Note, h.Labels = started.UTC(), args[4], "eth0", "", map[string]string{}
		for _, label := range args[5:] {
			key, value, _ := strings.Cut(label, "=")
			h.Labels[key] = value
		}
	}))
}

// leaveRun plays a world and leaves recording and result in a new folder.
func leaveRun(path, world string, seed uint64, change func(*recording.Header)) error {
	worlds, err := simulate.Builtin(world)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(path, recordingFile))
	if err != nil {
		return err
	}
	defer file.Close()
	protocol := simulate.Protocol{
		Plan:   recording.Plan{Design: recording.Sequential, Goal: recording.GoalClass, MaxBlocks: 24, Confidence: 0.95, UnattributedShare: 0},
		Limits: recording.Limits{MaxPauseNS: int64(10 * time.Second), MinRunNS: int64(time.Second)},
	}
	out := headerChanger{recording.NewWriter(file), change}
	if _, err := simulate.Play(context.Background(), &worlds[0], protocol, seed, out); err != nil {
		return err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	f := &runFolder{path: path, root: root}
	defer root.Close()
	s, err := study(path)
	if err != nil {
		return err
	}
	return f.write(resultFile, func(w io.Writer) error { return renderings[0].render(w, s) })
}

// A headerChanger changes the header on its way into a recording.
type headerChanger struct {
	experiment.Recorder
	change func(*recording.Header)
}

func (c headerChanger) Write(r recording.Record) error {
	if r.Header != nil {
		h := *r.Header
		h.Tool, h.Simulated = version(), false
		c.change(&h)
		r.Header = &h
	}
	return c.Recorder.Write(r)
}

// quiet AGE PATH...: make everything at these paths look as if it had changed last so long ago.
func quietCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: quiet AGE PATH...")
	}
	age, err := history.ParseAge(args[0])
	ts.Check(err)
	for _, path := range args[1:] {
		ts.Check(quiet(ts.MkAbs(path), time.Now().Add(-age)))
	}
}

func quiet(path string, at time.Time) error {
	return filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type() == fs.ModeSymlink {
			return err
		}
		return os.Chtimes(path, at, at)
	})
}

// folders DIR N: there are so many folders.
func folders(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: folders DIR N")
	}
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return !e.IsDir() })
	if strconv.Itoa(len(entries)) != args[1] {
		ts.Fatalf("%d folders in %s, want %s: %v", len(entries), args[0], args[1], entries)
	}
}
