package procctl

import (
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl/proctable"
)

// A Handle is a pidfd whose process was proved to be the one that was meant. It
// can only stop, continue and look; it is not safe to Close it while it is used.
type Handle struct {
	id   ProcID
	comm string         // for messages
	fd   int            // -1 when closed
	stat proctable.Stat // as it stood once it was pinned
	// statFD is its /proc/PID/stat, kept open: it is bound to the process as the
	// pidfd is, and to read it again costs a quarter of what opening it does. It is -1
	// when descriptors are short.
	statFD int
}

// Open opens a pidfd and then compares the start time: the pidfd pins whoever
// has the pid now, so if the start time read afterwards is the wanted one, the
// pidfd is the wanted process, and remains it. Otherwise the error is ErrGone.
// As it has not ended by then, the stat that was opened by its pid is its own.
func Open(id ProcID) (*Handle, error) {
	if id.PID <= 1 || id.PID == os.Getpid() {
		return nil, &ProcError{Op: "opening", ID: id, Err: ErrForbidden}
	}
	fd, err := unix.PidfdOpen(id.PID, 0)
	if err != nil {
		return nil, &ProcError{Op: "opening", ID: id, Err: classify(err)}
	}
	h := &Handle{id: id, fd: fd, statFD: -1}
	var stat proctable.Stat
	if h.statFD, err = nowhere.openFile(statPath(id.PID)); err == nil {
		stat, err = h.readStat()
	}
	switch {
	case err == nil && stat.ID() != id:
		err = ErrGone
	case err == nil && stat.Flags&proctable.KernelThread != 0:
		err = ErrForbidden
	case err == nil && h.Exited():
		err = ErrGone // a zombie, or it ended after the stat was read
	}
	if err != nil {
		h.Close()
		return nil, &ProcError{Op: "opening", ID: id, Comm: stat.Comm, Err: classify(err)}
	}
	h.comm, h.stat = stat.Comm, stat
	if !spare(h.statFD, 0.5) {
		h.closeStat()
	}
	return h, nil
}

// ID is the identity that was proved.
func (h *Handle) ID() ProcID { return h.id }

// Comm is the process's name when it was opened, raw.
func (h *Handle) Comm() string { return h.comm }

// FD is the pidfd, which remains the Handle's; -1 after Close.
func (h *Handle) FD() int { return h.fd }

// Close closes the descriptors. The process stays as it is.
func (h *Handle) Close() error {
	if h.fd < 0 {
		return nil
	}
	h.closeStat()
	err := unix.Close(h.fd)
	h.fd = -1
	return err
}

func (h *Handle) closeStat() {
	if h.statFD >= 0 {
		unix.Close(h.statFD)
		h.statFD = -1
	}
}

// Exited reports whether the process has ended; a zombie has, but a process whose
// first thread alone has ended has not.
func (h *Handle) Exited() bool {
	poll := []unix.PollFd{{Fd: int32(h.fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(poll, 0)
		if err == unix.EINTR {
			continue
		}
		return err == nil && n == 1
	}
}

// Stop sends SIGSTOP. Success means sent; State tells when it has been obeyed.
func (h *Handle) Stop() error { return h.signal(unix.SIGSTOP, "stopping") }

// Continue sends SIGCONT. It does nothing else: no file is read, nothing is
// allocated unless it fails.
func (h *Handle) Continue() error { return h.signal(unix.SIGCONT, "continuing") }

// Permitted asks the kernel whether we may signal the process, by signal 0,
// which disturbs nothing.
func (h *Handle) Permitted() error { return h.signal(0, "probing") }

func (h *Handle) signal(sig unix.Signal, op string) error {
	if err := unix.PidfdSendSignal(h.fd, sig, nil, 0); err != nil {
		return &ProcError{Op: op, ID: h.id, Comm: h.comm, Err: classify(err)}
	}
	return nil
}

// readStat reads the process's stat. It fails when somebody has waited for the
// process's end; one that has ended and was not waited for shows as a zombie. What is
// found by pid is its own if it has not ended after the reading.
func (h *Handle) readStat() (proctable.Stat, error) {
	if h.statFD < 0 {
		stat, err := readStat(h.id.PID)
		if h.Exited() {
			err = ErrGone
		}
		return stat, err
	}
	var buf [maxStatBytes]byte
	n, err := unix.Pread(h.statFD, buf[:], 0)
	for err == unix.EINTR { // not retry, whose closure would put buf on the heap
		n, err = unix.Pread(h.statFD, buf[:], 0)
	}
	if err != nil {
		return proctable.Stat{}, err
	}
	return proctable.ParseStat(buf[:n])
}

// readStat reads /proc/PID/stat of the running system.
func readStat(pid int) (proctable.Stat, error) {
	var buf [maxStatBytes]byte
	return readStatOf(nowhere, statPath(pid), buf[:])
}

func statPath(pid int) string { return "/proc/" + strconv.Itoa(pid) + "/stat" }

// classify turns the errors of the system into those of this package.
func classify(err error) error {
	switch {
	case errors.Is(err, unix.ESRCH), errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENODEV): // the last of a cgroup
		return ErrGone
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return ErrNotPermitted
	}
	return err
}
