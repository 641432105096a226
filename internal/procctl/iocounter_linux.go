package procctl

import (
	"strconv"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl/proctable"
)

// An IOCounter reads the bytes that one process wrote, again and again. Its
// descriptor was opened in the directory of the process that was proved to be
// the right one, and keeps referring to it: a later owner of the pid is never
// read. It may be used by one goroutine at a time.
type IOCounter struct {
	id  ProcID
	fd  int // -1 when closed
	buf [1 << 10]byte
}

// OpenIO opens the counters of a process. Those of another user's need root or
// CAP_SYS_PTRACE: otherwise the error is ErrNotPermitted.
func OpenIO(id ProcID) (*IOCounter, error) { return openIO("/proc", id) }

func openIO(root string, id ProcID) (*IOCounter, error) {
	fail := func(err error) (*IOCounter, error) {
		return nil, &ProcError{Op: "opening the counters of", ID: id, Err: classify(err)}
	}
	d, err := openDir(root + "/" + strconv.Itoa(id.PID))
	if err != nil {
		return fail(err)
	}
	defer d.close()
	fd, err := d.openFile("io")
	if err != nil {
		return fail(err)
	}
	c := &IOCounter{id: id, fd: fd}
	text, err := d.readInto(c.buf[:], "stat")
	if err == nil {
		var stat proctable.Stat
		if stat, err = proctable.ParseStat(text); err == nil && stat.ID() != id {
			err = ErrGone
		}
	}
	if err != nil {
		unix.Close(fd)
		return fail(err)
	}
	return c, nil
}

// Read returns the bytes written so far by all the process's threads: write(2)
// and its kin, not send(2) or splice(2). ErrGone says that the process ended.
func (c *IOCounter) Read() (writtenBytes uint64, err error) {
	n, err := retry(func() (int, error) { return unix.Pread(c.fd, c.buf[:], 0) })
	if err == nil && n == 0 {
		err = ErrGone
	}
	if err != nil {
		return 0, &ProcError{Op: "reading the counters of", ID: c.id, Err: classify(err)}
	}
	io, err := proctable.ParseIO(c.buf[:n])
	return io.WrittenBytes, err
}

// Close closes the descriptor.
func (c *IOCounter) Close() error {
	if c.fd < 0 {
		return nil
	}
	err := unix.Close(c.fd)
	c.fd = -1
	return err
}

// WrittenBytes reads the counter once.
func (t *Table) WrittenBytes(id ProcID) (uint64, error) {
	c, err := openIO(t.root, id)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	return c.Read()
}
