package metrics

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pausetest/internal/analysis"
)

// written writes into the folder and returns what is there then.
func written(t *testing.T, dir string, o *Outcome) map[string]float64 {
	t.Helper()
	if err := Write(dir, o); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != FileName(o.Check) {
			t.Errorf("%s was left behind", e.Name())
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, FileName(o.Check)))
	if err != nil {
		t.Fatal(err)
	}
	return read(t, text)
}

// TestWriteAnybodyReads: cron jobs often have a umask of 077, and the collector is
// not root.
func TestWriteAnybodyReads(t *testing.T) {
	dir := t.TempDir()
	defer syscall.Umask(syscall.Umask(0o077))
	path := filepath.Join(dir, FileName("nightly"))
	for _, before := range []string{"nothing", "an unreadable file"} {
		written(t, dir, measured(analysis.Collapse, night))
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o644 {
			t.Errorf("mode %v after %s", info.Mode(), before)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWriteCarriesOver(t *testing.T) {
	dir := t.TempDir()
	written(t, dir, measured(analysis.Collapse, night))
	got := written(t, dir, without(NoStreams, night.Add(time.Hour)))
	if got["last_success_timestamp_seconds"] != float64(night.Unix()) || got["verdict collapse"] != 1 {
		t.Errorf("%v", got)
	}
}

// TestWriteOverTraps: what is no file of ours is replaced and neither followed nor
// waited for.
func TestWriteOverTraps(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	theirs := string(Render(measured(analysis.Collapse, night), nil))
	for name, set := range map[string]func(path string) error{
		"pipe":          func(path string) error { return syscall.Mkfifo(path, 0o644) },
		"link":          func(path string) error { return os.Symlink(elsewhere, path) },
		"dangling link": func(path string) error { return os.Symlink("nowhere", path) },
		"endless":       func(path string) error { return errors.Join(os.WriteFile(path, nil, 0o644), os.Truncate(path, 1<<40)) },
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(elsewhere, []byte(theirs), 0o600); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			path := filepath.Join(dir, FileName("nightly"))
			if err := set(path); err != nil {
				t.Fatal(err)
			}
			got := written(t, dir, without(NoStreams, night.Add(time.Hour)))
			if got["last_success_timestamp_seconds"] != 0 {
				t.Errorf("something was taken from it: %v", got)
			}
			if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
				t.Errorf("%v, %v", info, err)
			}
			if text, err := os.ReadFile(elsewhere); err != nil || string(text) != theirs {
				t.Errorf("the file elsewhere was written to: %v", err)
			}
		})
	}
}

func TestWriteRefused(t *testing.T) {
	dir := t.TempDir()
	if err := Write(filepath.Join(dir, "none"), without(Busy, night)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder: %v", err)
	}
	for _, name := range []string{"", ".", "..", "../x", "a/b", "a.b", "-a", "a\n", strings.Repeat("a", 64)} {
		o := without(Busy, night)
		o.Check = name
		if IsCheckName(name) || Write(dir, o) == nil {
			t.Errorf("%q was taken for a name", name)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, FileName("nightly")), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, without(Busy, night)); err == nil || !strings.Contains(err.Error(), "writing metrics to "+dir) {
		t.Errorf("over a folder: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}
