package procctl

import (
	"cmp"
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl/proctable"
)

// A tableRow is one process of a snapshot that is being read.
type tableRow struct {
	name  string // its folder
	pid   int
	there bool // it was read; else it has ended
	stat  proctable.Stat
	line  commandLine
}

func (r *tableRow) process() proctable.Process {
	return proctable.Process{ID: r.stat.ID(), PPID: r.stat.PPID, PGID: r.stat.PGID, Session: r.stat.Session,
		State: r.stat.State, Comm: r.stat.Comm, Threads: r.stat.Threads, Args: r.line.args, Exe: r.line.exe}
}

// snapshotReading reads rows, some at once.
type snapshotReading struct {
	root  dir
	known map[int]commandLine // by pid; read only
	rows  []tableRow
	next  atomic.Int64 // the first row that nobody has taken
}

// rowsAtOnce is how many rows a reader takes: few enough that all are done at about
// the same time, many enough that a small host needs one reader only.
const rowsAtOnce = 128

// run reads all rows, by as many readers as may run at once.
//
// Note: it is the kernel's making of the texts that takes the time, and two processors
// take half as long. While an experiment runs there is one reader, for then nobody
// waits (and Go has one processor).
func (s *snapshotReading) run(ctx context.Context) error {
	errs := make([]error, max(1, min(runtime.GOMAXPROCS(0), (len(s.rows)+rowsAtOnce-1)/rowsAtOnce)))
	var others sync.WaitGroup
	for i := 1; i < len(errs); i++ {
		others.Go(func() { errs[i] = s.work(ctx) })
	}
	errs[0] = s.work(ctx) // here: a fault of ours must be the caller's, who has streams to resume
	others.Wait()
	return cmp.Or(errs...)
}

func (s *snapshotReading) work(ctx context.Context) error {
	buf := make([]byte, maxStatBytes)
	for ctx.Err() == nil {
		from := int(s.next.Add(rowsAtOnce)) - rowsAtOnce
		if from >= len(s.rows) {
			return nil
		}
		for i := from; i < min(from+rowsAtOnce, len(s.rows)); i++ {
			if err := s.read(&s.rows[i], buf); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// read reads one row: of a process that was there before, only what can change
// without an exec. It fails when the process may be there all the same.
func (s *snapshotReading) read(r *tableRow, buf []byte) (err error) {
	line, known := s.known[r.pid]
	if known {
		r.stat, err = readStatOf(s.root, r.name+"/stat", buf)
		known = line.isOf(&r.stat) || r.stat.Flags&proctable.KernelThread != 0
	}
	if !known {
		r.stat, line, err = s.whole(r.name, buf)
	}
	if exhausted(err) {
		return err
	}
	r.there = err == nil
	r.line = commandLine{r.stat.ID(), r.stat.Comm, r.stat.ArgStart, line.args, line.exe}
	return nil
}

// whole reads stat, executable and command line of one process, with as few calls as
// they need.
//
// A file of /proc is bound to the process that has the pid when it is opened. Had
// the first one's ended before the others were read, it could not be read
// afterwards; as it can, all are of the same process. The command line is read last:
// one that an exec has just changed must not be kept under the later address.
func (s *snapshotReading) whole(name string, buf []byte) (stat proctable.Stat, line commandLine, err error) {
	cmdline, err := s.root.openFile(name + "/cmdline")
	if err != nil {
		return stat, line, err
	}
	defer unix.Close(cmdline)
	if stat, err = readStatOf(s.root, name+"/stat", buf); err != nil || stat.Flags&proctable.KernelThread != 0 {
		return stat, line, err
	}
	if n, err := retry(func() (int, error) { return unix.Readlinkat(int(s.root), name+"/exe", buf) }); err == nil {
		line.exe = string(buf[:n])
	}
	n, err := retry(func() (int, error) { return unix.Read(cmdline, buf) })
	text := buf[:max(n, 0)]
	if n == len(buf) {
		text, err = readHead(cmdline, maxTextBytes)
	}
	line.args = proctable.ParseCmdline(text)
	return stat, line, err
}
