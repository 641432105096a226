package guard

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// DefaultStateDir is where lock and journal live: $PAUSETEST_STATE_DIR if that
// is set; /run/pausetest for root; else pausetest in $XDG_RUNTIME_DIR, or
// /tmp/pausetest-UID. All but the first are emptied by a reboot.
func DefaultStateDir() string {
	if dir := os.Getenv("PAUSETEST_STATE_DIR"); dir != "" {
		return dir
	}
	uid := os.Geteuid()
	if uid == 0 {
		return "/run/pausetest"
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "pausetest")
	}
	return "/tmp/pausetest-" + strconv.Itoa(uid)
}

// A stateDir is an open directory that belongs to us alone. Its files are opened
// relative to it, so that nobody can exchange it under our hands.
type stateDir struct {
	path string
	dir  *os.File
}

// openStateDir opens the directory; with create it makes it first, mode 0700,
// but not its parents. Under a parent that others may write to, such as /tmp,
// somebody else may have been there first: a symbolic link, another owner or
// others' right to write are refused. Their right to look is not, for service
// managers grant it by default; the files in it are 0600.
func openStateDir(path string, create bool) (*stateDir, error) {
	if create {
		if err := os.Mkdir(path, 0o700); err != nil && !os.IsExist(err) {
			return nil, fmt.Errorf("creating the state directory: %w", err)
		}
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the state directory: %w", &os.PathError{Op: "open", Path: path, Err: err})
	}
	d := &stateDir{path, os.NewFile(uintptr(fd), path)}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		d.close()
		return nil, fmt.Errorf("reading the rights of the state directory %q: %w", path, err)
	}
	if uid := os.Geteuid(); int(stat.Uid) != uid {
		d.close()
		return nil, fmt.Errorf("opening the state directory %q: it belongs to uid %d, not to us (uid %d)", path, stat.Uid, uid)
	}
	if mode := stat.Mode & 0o777; mode&0o022 != 0 {
		d.close()
		return nil, fmt.Errorf("opening the state directory %q: its mode is %04o, others may write to it; want 0700", path, mode)
	}
	return d, nil
}

// open opens one of the directory's files and never follows a symbolic link.
func (d *stateDir) open(name string, flags int) (*os.File, error) {
	fd, err := unix.Openat(int(d.dir.Fd()), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	path := filepath.Join(d.path, name)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

func (d *stateDir) remove(name string) error {
	if err := unix.Unlinkat(int(d.dir.Fd()), name, 0); err != nil && err != unix.ENOENT {
		return &os.PathError{Op: "remove", Path: filepath.Join(d.path, name), Err: err}
	}
	return nil
}

func (d *stateDir) close() error { return d.dir.Close() }
