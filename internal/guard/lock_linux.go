package guard

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const lockName = "lock"

// A BusyError says that another run holds the lock.
type BusyError struct {
	PID int // the holder's, for information only; 0 when unknown
	Dir string
}

func (e *BusyError) Error() string {
	if e.PID == 0 {
		return "locking " + strconv.Quote(e.Dir) + ": another pausetest is at work"
	}
	return fmt.Sprintf("locking %q: another pausetest (pid %d) is at work", e.Dir, e.PID)
}

// acquireLock takes the lock of the directory or returns a BusyError. The file
// is close-on-exec, so that no child, and least of all the guard, keeps the lock
// of a dead run; the kernel releases it when the last descriptor closes.
//
// Note: it is a lock of the open file description, which has flock's lifetime
// and, unlike flock, can be asked about without being taken (locked); a
// question must not make a run that begins at the same moment fail.
func acquireLock(d *stateDir) (*os.File, error) {
	f, err := d.open(lockName, unix.O_RDWR|unix.O_CREAT)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	whole := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	err = unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &whole)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		busy := &BusyError{PID: readHolder(f), Dir: d.path}
		f.Close()
		return nil, busy
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %q: %w", d.path, err)
	}
	// Whoever is refused wants to know by whom. A full disk is no reason to stop.
	_ = f.Truncate(0)
	_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return f, nil
}

// locked says whether somebody holds the lock, without touching it.
func locked(d *stateDir) (bool, error) {
	f, err := d.open(lockName, unix.O_RDONLY)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("opening the lock: %w", err)
	}
	defer f.Close()
	whole := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &whole); err != nil {
		return false, fmt.Errorf("asking about the lock of %q: %w", d.path, err)
	}
	return whole.Type != unix.F_UNLCK, nil
}

// Busy returns a *BusyError while a run is alive. It touches nothing: not even for
// a moment does it hold the lock that a run which begins just now wants.
func Busy(path string) error {
	d, err := openStateDir(path, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.close()
	if live, err := locked(d); !live || err != nil {
		return err
	}
	busy := &BusyError{Dir: d.path}
	if f, err := d.open(lockName, unix.O_RDONLY); err == nil {
		busy.PID = readHolder(f)
		f.Close()
	}
	return busy
}

// readHolder reads the pid in a lock file; 0 when there is none.
func readHolder(f *os.File) int {
	var text [20]byte
	n, _ := f.ReadAt(text[:], 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	if err != nil || pid < 1 {
		return 0
	}
	return pid
}
