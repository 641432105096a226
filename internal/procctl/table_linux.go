package procctl

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl/proctable"
)

// A Table reads the process table. It may be used by several goroutines.
type Table struct {
	root string

	mu   sync.Mutex
	args map[int]commandLine // by pid, of the last Snapshot
}

// A commandLine is kept from one snapshot to the next. Exec changes it while pid
// and start time stay, but then the arguments also get another address.
type commandLine struct {
	id       ProcID
	comm     string
	argStart uint64
	args     []string
	exe      string
}

func (c *commandLine) isOf(stat *proctable.Stat) bool {
	// Without an address an exec would go unnoticed.
	return c.argStart != 0 && c.argStart == stat.ArgStart && c.id == stat.ID() && c.comm == stat.Comm
}

// NewTable reads the /proc that is mounted at root; "" means "/proc". A folder of
// saved texts works as well. StopTree needs the real one.
func NewTable(root string) *Table {
	if root == "" {
		root = "/proc"
	}
	return &Table{root: root}
}

// Snapshot reads who there is: identities, parents, states, names, command lines and
// executables. Processes that end meanwhile are left out, and what may not be read of one
// is left empty. The scan takes some milliseconds, so the rows are not of one
// instant, but each is of one process.
func (t *Table) Snapshot(ctx context.Context) (*proctable.Snapshot, error) {
	root, err := openDir(t.root)
	if err != nil {
		return nil, fmt.Errorf("reading the process table: %w", err)
	}
	defer root.close()

	snap := &proctable.Snapshot{TicksPerSecond: proctable.TicksPerSecond}
	if snap.BootID, err = bootID(root); err != nil && !vanished(err) {
		return nil, fmt.Errorf("reading the boot id: %w", err)
	}
	if snap.TakenTicks, err = uptime(root); err != nil && !vanished(err) {
		return nil, fmt.Errorf("reading the process table: %w", err)
	}
	reading := snapshotReading{root: root, known: t.knownArgs()}
	if err := root.numbers(func(name string, pid int) error {
		reading.rows = append(reading.rows, tableRow{name: name, pid: pid})
		return nil
	}); err != nil {
		return nil, fmt.Errorf("reading the process table: %w", err)
	}
	if err := reading.run(ctx); err != nil {
		return nil, fmt.Errorf("reading the process table: %w", err)
	}
	seen := make(map[int]commandLine, len(reading.rows))
	snap.Processes = make([]proctable.Process, 0, len(reading.rows))
	for i := range reading.rows {
		if r := &reading.rows[i]; r.there {
			seen[r.pid] = r.line
			snap.Processes = append(snap.Processes, r.process())
		}
	}
	t.keepArgs(seen)
	slices.SortFunc(snap.Processes, func(a, b proctable.Process) int { return cmp.Compare(a.ID.PID, b.ID.PID) })
	return snap, nil
}

// Examine reads the network namespaces and descriptors of processes of a snapshot,
// given by pid. That costs many times a row.
func (t *Table) Examine(ctx context.Context, s *proctable.Snapshot, pids []int) error {
	return t.revisit(ctx, s, pids, func(d dir, p *proctable.Process) {
		p.Examined = true
		if link, err := d.readLink("ns/net"); err == nil {
			p.NetNS, _ = proctable.ParseNamespace(link)
		}
		p.FDs = readFDs(d)
	})
}

// ReadCgroups reads everybody's cgroups.
func (t *Table) ReadCgroups(ctx context.Context, s *proctable.Snapshot) error {
	pids := make([]int, len(s.Processes))
	for i := range s.Processes {
		pids[i] = s.Processes[i].ID.PID
	}
	return t.revisit(ctx, s, pids, func(d dir, p *proctable.Process) {
		text, _ := d.readAll("cgroup", maxTextBytes)
		p.Cgroups = nil
		for line := range strings.Lines(string(text)) {
			p.Cgroups = append(p.Cgroups, strings.TrimSuffix(line, "\n"))
		}
	})
}

// revisit calls read for those of the processes that are still the same, and takes
// the others out of the snapshot: they have ended.
func (t *Table) revisit(ctx context.Context, s *proctable.Snapshot, pids []int, read func(dir, *proctable.Process)) error {
	root, err := openDir(t.root)
	if err != nil {
		return fmt.Errorf("reading the process table: %w", err)
	}
	defer root.close()
	buf := make([]byte, maxStatBytes)
	ended := make(map[int]bool)
	for _, pid := range pids {
		p := s.ByPID(pid)
		if p == nil {
			continue
		}
		ended[pid] = true
		if d, err := root.sub(strconv.Itoa(pid)); err == nil {
			if stat, err := readStatOf(d, "stat", buf); err == nil && stat.ID() == p.ID {
				read(d, p)
				ended[pid] = false
			}
			d.close()
		}
		if ctx.Err() != nil {
			return fmt.Errorf("reading the process table: %w", ctx.Err())
		}
	}
	s.Processes = slices.DeleteFunc(s.Processes, func(p proctable.Process) bool { return ended[p.ID.PID] })
	return nil
}

func (t *Table) knownArgs() map[int]commandLine {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.args // read only, never changed once it is here
}

func (t *Table) keepArgs(seen map[int]commandLine) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.args = seen
}

// BootID is the id that the kernel gave to this boot.
func (t *Table) BootID() (string, error) {
	root, err := openDir(t.root)
	if err != nil {
		return "", fmt.Errorf("reading the boot id: %w", err)
	}
	defer root.close()
	id, err := bootID(root)
	if err != nil {
		return "", fmt.Errorf("reading the boot id: %w", err)
	}
	return id, nil
}

func bootID(root dir) (string, error) {
	text, err := root.readAll("sys/kernel/random/boot_id", 100)
	return string(bytes.TrimSpace(text)), err
}

// uptime is the clock of start times, in ticks.
func uptime(root dir) (uint64, error) {
	text, err := root.readAll("uptime", 100)
	if err != nil {
		return 0, err
	}
	return proctable.ParseUptime(text)
}

func readStatOf(d dir, name string, buf []byte) (proctable.Stat, error) {
	text, err := d.readInto(buf, name)
	if err != nil {
		return proctable.Stat{}, err
	}
	return proctable.ParseStat(text)
}

// readChildren collects what the children files of all threads list, sorted.
func readChildren(d dir) ([]int, error) {
	tasks, err := d.sub("task")
	if err != nil {
		return nil, err
	}
	defer tasks.close()
	var pids []int
	err = tasks.numbers(func(name string, _ int) error {
		text, err := tasks.readAll(name+"/children", maxTextBytes)
		if exhausted(err) {
			return err
		}
		if err == nil {
			more, _ := proctable.ParseChildren(text)
			pids = append(pids, more...)
		}
		return nil
	})
	slices.Sort(pids)
	return pids, err
}

// readFDs lists the descriptors; nil when they may not be read.
func readFDs(d dir) []proctable.FD {
	links, err := d.sub("fd")
	if err != nil {
		return nil
	}
	defer links.close()
	infos, err := d.sub("fdinfo")
	if err != nil {
		return nil
	}
	defer infos.close()
	fds := []proctable.FD{}
	buf := make([]byte, maxStatBytes)
	err = links.numbers(func(name string, number int) error {
		target, err := links.readLink(name)
		if err != nil {
			return ignoreVanished(err)
		}
		fd := proctable.ParseFDLink(number, target)
		info, err := infos.readInto(buf, name)
		if err != nil {
			return ignoreVanished(err)
		}
		fd.Read, fd.Write, _ = proctable.ParseFDAccess(info)
		fd.MountID = proctable.ParseFDMount(info)
		fds = append(fds, fd)
		return nil
	})
	if err != nil {
		return nil
	}
	slices.SortFunc(fds, func(a, b proctable.FD) int { return cmp.Compare(a.Number, b.Number) })
	return fds
}

func ignoreVanished(err error) error {
	if vanished(err) {
		return nil
	}
	return err
}

// Mounts reads the mounts as a process sees them.
func (t *Table) Mounts(pid int) ([]proctable.Mount, error) {
	root, err := openDir(t.root)
	if err != nil {
		return nil, fmt.Errorf("reading mounts: %w", err)
	}
	defer root.close()
	text, err := root.readAll(strconv.Itoa(pid)+"/mountinfo", 4*maxTextBytes)
	if err != nil {
		return nil, &ProcError{Op: "reading mounts of", ID: ProcID{PID: pid}, Err: classify(err)}
	}
	return proctable.ParseMountinfo(string(text))
}

// ReadFD reads the first max bytes of the file behind a process's descriptor. It
// takes regular files only and never blocks. The file is first looked at through
// O_PATH: really opening a device can have effects, such as rewinding a tape.
func (t *Table) ReadFD(pid, fd, max int) ([]byte, error) {
	fail := func(err error) ([]byte, error) {
		return nil, &ProcError{Op: "reading descriptor " + strconv.Itoa(fd) + " of", ID: ProcID{PID: pid}, Err: classify(err)}
	}
	root, err := openDir(t.root)
	if err != nil {
		return fail(err)
	}
	defer root.close()
	path, err := retry(func() (int, error) {
		return unix.Openat(int(root), fmt.Sprintf("%d/fd/%d", pid, fd), unix.O_PATH|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return fail(err)
	}
	defer unix.Close(path)
	var st unix.Stat_t
	if err := unix.Fstat(path, &st); err != nil {
		return fail(err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return fail(errNotRegular)
	}
	file, err := retry(func() (int, error) {
		return unix.Open("/proc/self/fd/"+strconv.Itoa(path), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	})
	if err != nil {
		return fail(err)
	}
	defer unix.Close(file)
	text, err := readHead(file, max)
	if err != nil {
		return fail(err)
	}
	return text, nil
}
