package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"pausetest/internal/recording"
)

// quietFor is how long nothing may have changed in a folder before it is deleted. A run
// that is being drawn holds no lock any more.
const quietFor = time.Hour

// Claim marks a recording as being written, until the file is closed or the process
// dies: Prune leaves the run alone. Where the file system knows no locks the hour's
// quiet that Prune asks for has to do.
func Claim(recording *os.File) { unix.Flock(int(recording.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// Prune deletes the runs in a folder that a policy does not keep; with dryRun it only
// says which. It never deletes what no run of ours wrote: of what it leaves alone it
// gives the reasons. An error says what it could not delete; the Pruning is true all the
// same.
//
// A folder is a run of ours only if it is a real one, belongs to us with nobody else
// allowed to write into it, is named after its recording's header, and holds nothing but
// files that a run writes. Deleting goes by the open folder, never again by its path,
// and the recording goes last: what a crash leaves is either a run as good as before, or
// empty.
func Prune(dir string, p Policy, now time.Time, dryRun bool) (Pruning, error) {
	if err := p.check(); err != nil {
		return Pruning{}, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Pruning{}, fmt.Errorf("opening the folder of runs: %w", err)
	}
	defer root.Close()
	names, err := foldersIn(root)
	if err != nil {
		return Pruning{}, err
	}
	var out Pruning
	var runs, remains []facts
	for _, name := range names {
		switch f, err := look(root, name, now); {
		case err != nil:
			out.Left = append(out.Left, Skipped{filepath.Join(dir, name), err})
		case f.empty:
			remains = append(remains, f)
		default:
			runs = append(runs, f)
			out.Kept++
			out.KeptBytes += f.bytes
		}
	}
	gone, busy := p.due(runs, now)
	for _, f := range busy {
		out.Left = append(out.Left, Skipped{filepath.Join(dir, f.name), f.busy})
	}
	var errs []error
	for _, f := range append(remains, gone...) {
		if !dryRun {
			if err := remove(root, f.name, now); err != nil {
				errs = append(errs, fmt.Errorf("deleting %s: %w", filepath.Join(dir, f.name), err))
				continue
			}
		}
		out.Deleted = append(out.Deleted, Removal{filepath.Join(dir, f.name), f.started, f.bytes})
		if !f.empty {
			out.Kept--
			out.KeptBytes -= f.bytes
		}
	}
	return out, errors.Join(errs...)
}

// look takes down the facts about a folder, or why it is none of ours.
func look(above *os.Root, name string, now time.Time) (facts, error) {
	d, err := openRun(above, name, now)
	if err != nil {
		return facts{}, err
	}
	defer d.close()
	return d.facts, nil
}

// remove deletes a run that may have changed since it was looked at.
func remove(above *os.Root, name string, now time.Time) error {
	d, err := openRun(above, name, now)
	if err != nil {
		return err
	}
	defer d.close()
	if d.busy != nil {
		return d.busy
	}
	return d.remove(above)
}

// A runDir is the open folder of a run that is ours to delete.
type runDir struct {
	facts
	root      *os.Root
	files     []string
	recording *os.File // locked unless busy; nil in what is left of a run
}

// openRun opens the folder of a run that is ours to delete. Any error is a reason to
// leave it alone.
func openRun(above *os.Root, name string, now time.Time) (*runDir, error) {
	if !isFolderName(name) {
		return nil, errors.New("its name is not one that a run gives")
	}
	before, err := above.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.IsDir() {
		return nil, errors.New("it is a link")
	}
	root, err := above.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	d := &runDir{facts: facts{name: name}, root: root}
	if err := d.inspect(before, now); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// inspect checks that the folder is the one that was seen, that nobody else may change
// it, and what it holds.
func (d *runDir) inspect(seen os.FileInfo, now time.Time) error {
	info, err := d.root.Stat(".")
	if err != nil {
		return err
	}
	if !os.SameFile(seen, info) {
		return errors.New("it was exchanged while it was looked at")
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; uid != uint32(os.Geteuid()) {
		return fmt.Errorf("it belongs to uid %d, not to us (uid %d)", uid, os.Geteuid())
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("its mode is %04o: others may have written into it", mode)
	}
	changed, err := d.list(info.ModTime())
	if err != nil {
		return err
	}
	if now.Sub(changed) < quietFor {
		d.busy = errors.New("it was changed within the last hour; its run may not have ended")
	}
	if d.empty = len(d.files) == 0; d.empty {
		return d.busy // a run that begins, or what is left of one
	}
	return d.readHeader()
}

// list lists the files, the recording last, and says when anything last changed.
func (d *runDir) list(changed time.Time) (time.Time, error) {
	dir, err := d.root.Open(".")
	if err != nil {
		return changed, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return changed, err
	}
	for _, name := range names {
		info, err := d.root.Lstat(name)
		if err != nil {
			return changed, err
		}
		if !writtenByRun(name) || !info.Mode().IsRegular() {
			return changed, fmt.Errorf("it holds %q, which no run writes", name)
		}
		if name != RecordingFile {
			d.files = append(d.files, name)
		}
		d.bytes += info.Size()
		if info.ModTime().After(changed) {
			changed = info.ModTime()
		}
	}
	if slices.Contains(names, RecordingFile) {
		d.files = append(d.files, RecordingFile)
	}
	return changed, nil
}

// readHeader checks that the recording is that of the run which the folder is named
// after, and locks it.
func (d *runDir) readHeader() error {
	var err error
	if d.recording, err = openRegular(d.root, RecordingFile); err != nil {
		return err
	}
	first, err := recording.NewReader(d.recording).Next()
	if err != nil {
		return err
	}
	h := first.Header
	if d.name != FolderName(h.Started, h.Host.Name) {
		return errors.New("its recording is of another run")
	}
	d.started = h.Started
	if err := unix.Flock(int(d.recording.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == unix.EWOULDBLOCK {
		d.busy = errors.New("its run is still going on")
	}
	return nil
}

// remove deletes the files and then the folder. Between the last file made from the
// recording and the recording itself, what was done reaches the disk.
func (d *runDir) remove(above *os.Root) error {
	dir, err := d.root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	for _, name := range d.files {
		if name == RecordingFile {
			if err := dir.Sync(); err != nil {
				return err
			}
		}
		if err := d.root.Remove(name); err != nil {
			return err
		}
	}
	parent, err := above.Open(".")
	if err != nil {
		return err
	}
	defer parent.Close()
	// Not above.Remove: it would delete a file, too, that took the folder's name.
	if err := unix.Unlinkat(int(parent.Fd()), d.name, unix.AT_REMOVEDIR); err != nil {
		return &os.PathError{Op: "rmdir", Path: d.name, Err: err}
	}
	return nil
}

func (d *runDir) close() {
	if d.recording != nil {
		d.recording.Close()
	}
	d.root.Close()
}
