package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"pausetest/internal/history"
)

// runsDir is where run folders go unless --runs names another place, or --out the
// folder itself.
const runsDir = "pausetest-runs"

// What a run folder holds.
const (
	recordingFile = history.RecordingFile
	resultFile    = history.ResultFile
	reportFile    = history.ReportFile
	curveFile     = history.CurveFile
	timelineFile  = history.TimelineFile
)

// A runFolder is the new folder of one run. It is opened once and files are
// made relative to it, so that nobody who can write to the folder above can
// lead us elsewhere by swapping it for a link.
type runFolder struct {
	path string
	root *os.Root
}

const runFolderHint = "name a new folder with --out DIR, in a place you may write to"

func folderExists(path string) error {
	return badInput("a run never writes into an older one's folder; "+runFolderHint, "the folder %s exists", path)
}

// canMakeRunFolder says beforehand what newRunFolder would say, as far as can be
// foreseen. It makes nothing.
func canMakeRunFolder(runs, out string) error {
	above := runs
	if out != "" {
		if _, err := os.Lstat(out); err == nil {
			return folderExists(out)
		}
		above = filepath.Dir(out)
	}
	err := unix.Access(above, unix.W_OK|unix.X_OK)
	for out == "" && errors.Is(err, fs.ErrNotExist) && filepath.Dir(above) != above { // folders for runs are made
		above = filepath.Dir(above)
		err = unix.Access(above, unix.W_OK|unix.X_OK)
	}
	if err != nil {
		return badInput(runFolderHint, "making a run folder in %s: %w", above, err)
	}
	return nil
}

// newRunFolder makes the folder of a run: the named one, which must not exist,
// or one named after time and host below runs.
func newRunFolder(runs, out, host string, started time.Time) (*runFolder, error) {
	const hint = runFolderHint
	path := out
	if path == "" {
		if err := os.MkdirAll(runs, 0o755); err != nil {
			return nil, badInput(hint, "making the folder for runs: %w", err)
		}
		path = filepath.Join(runs, history.FolderName(started, host))
	}
	// The folder above is opened once, and everything is made relative to it: what
	// somebody who may write there does to the name meanwhile leads nowhere.
	above, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, badInput(hint, "making the run folder: %w", err)
	}
	defer above.Close()
	name := filepath.Base(path)
	if err := above.Mkdir(name, 0o700); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil, folderExists(path)
		}
		return nil, badInput(hint, "making the run folder: %w", err)
	}
	root, err := above.OpenRoot(name)
	if err != nil {
		return nil, badInput(hint, "opening the run folder: %w", err)
	}
	info, err := root.Stat(".")
	if err == nil && (info.Mode().Perm() != 0o700 || info.Sys().(*syscall.Stat_t).Uid != uint32(os.Geteuid())) {
		err = errors.New("it is not the folder that was just made")
	}
	if err != nil {
		root.Close()
		return nil, badInput(hint, "opening the run folder %s: %w", path, err)
	}
	return &runFolder{path: path, root: root}, nil
}

// create makes a new file in the folder.
func (f *runFolder) create(name string) (*os.File, error) {
	return f.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND|syscall.O_NOFOLLOW, 0o600)
}

// write makes a file of what fn writes, all or nothing.
func (f *runFolder) write(name string, fn func(io.Writer) error) error {
	tmp := history.TemporaryName(name)
	file, err := f.create(tmp)
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Join(f.path, name), err)
	}
	err = fn(file)
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = f.root.Rename(tmp, name)
	}
	if err != nil {
		f.root.Remove(tmp)
		return fmt.Errorf("writing %s: %w", filepath.Join(f.path, name), err)
	}
	return nil
}

// remove takes away a folder in which nothing was written yet.
func (f *runFolder) remove() {
	f.root.Close()
	os.Remove(f.path)
}
