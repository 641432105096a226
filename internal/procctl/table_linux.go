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
	args map[argsKey][]string // command lines seen in the last Snapshot
}

// argsKey says which command line it is: exec changes it while pid and start
// time stay, but then the arguments also get another address.
type argsKey struct {
	id       ProcID
	comm     string
	argStart uint64
}

// NewTable reads the /proc that is mounted at root; "" means "/proc". A folder of
// saved texts works as well. StopTree needs the real one.
func NewTable(root string) *Table {
	if root == "" {
		root = "/proc"
	}
	return &Table{root: root}
}

// SnapshotOptions say how much to read; each costs some system calls a process.
type SnapshotOptions struct {
	// Details says whose command line, executable, user, tracer, network
	// namespace, cgroups and children are read; nil means everybody's. It sees
	// what stat tells: identity, parents, state, Comm, Threads.
	Details func(*proctable.Process) bool
	// FDs says whose descriptors are read, and sees the details if they were
	// read; nil means nobody's.
	FDs func(*proctable.Process) bool
}

// Snapshot reads the process table. Processes that end meanwhile are left out,
// and what may not be read of one is left empty. The scan takes some
// milliseconds, so the rows are not of one instant, but each is of one process.
func (t *Table) Snapshot(ctx context.Context, o SnapshotOptions) (*proctable.Snapshot, error) {
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
	reader := processReader{root: root, options: o, buf: make([]byte, maxStatBytes),
		known: t.knownArgs(), seen: make(map[argsKey][]string)}
	err = root.numbers(func(name string, _ int) error {
		if p, ok := reader.read(name); ok {
			snap.Processes = append(snap.Processes, p)
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("reading the process table: %w", err)
	}
	t.keepArgs(reader.seen)
	slices.SortFunc(snap.Processes, func(a, b proctable.Process) int { return cmp.Compare(a.ID.PID, b.ID.PID) })
	return snap, nil
}

func (t *Table) knownArgs() map[argsKey][]string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.args // read only, never changed once it is here
}

func (t *Table) keepArgs(seen map[argsKey][]string) {
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

// A processReader reads one row after the other.
type processReader struct {
	root    dir
	options SnapshotOptions
	buf     []byte
	known   map[argsKey][]string
	seen    map[argsKey][]string
}

func (r *processReader) read(name string) (proctable.Process, bool) {
	var p proctable.Process
	d, err := r.root.sub(name)
	if err != nil {
		return p, false
	}
	defer d.close()
	text, err := d.readInto(r.buf, "stat")
	if err != nil {
		return p, false
	}
	stat, err := proctable.ParseStat(text)
	if err != nil {
		return p, false
	}
	p = proctable.Process{ID: stat.ID(), PPID: stat.PPID, PGID: stat.PGID, Session: stat.Session,
		State: stat.State, Comm: stat.Comm, Threads: stat.Threads}
	if r.options.Details == nil || r.options.Details(&p) {
		r.details(d, stat, &p)
	}
	if r.options.FDs != nil && r.options.FDs(&p) {
		p.FDs = readFDs(d)
	}
	return p, true
}

func (r *processReader) details(d dir, stat proctable.Stat, p *proctable.Process) {
	if text, err := d.readInto(r.buf, "status"); err == nil {
		if status, err := proctable.ParseStatus(text); err == nil {
			p.RealUID, p.EffectiveUID = status.UIDs.Real, status.UIDs.Effective
			p.TracerPID = status.TracerPID
		}
	}
	p.Children = readChildren(d)
	if text, err := d.readAll("cgroup", maxTextBytes); err == nil {
		for line := range strings.Lines(string(text)) {
			p.Cgroups = append(p.Cgroups, strings.TrimSuffix(line, "\n"))
		}
	}
	if stat.Flags&proctable.KernelThread != 0 {
		return
	}
	p.Args = r.cmdline(d, stat)
	p.Exe, _ = d.readLink("exe")
	if link, err := d.readLink("ns/net"); err == nil {
		p.NetNS, _ = proctable.ParseNamespace(link)
	}
}

func (r *processReader) cmdline(d dir, stat proctable.Stat) []string {
	key := argsKey{stat.ID(), stat.Comm, stat.ArgStart}
	args, known := r.known[key]
	if !known {
		text, err := d.readAll("cmdline", maxTextBytes)
		if err != nil {
			return nil
		}
		args = proctable.ParseCmdline(text)
	}
	if stat.ArgStart != 0 { // else an exec would go unnoticed
		r.seen[key] = args
	}
	return args
}

// readChildren collects what the children files of all threads list, sorted.
func readChildren(d dir) []int {
	tasks, err := d.sub("task")
	if err != nil {
		return nil
	}
	defer tasks.close()
	var pids []int
	_ = tasks.numbers(func(name string, _ int) error {
		if text, err := tasks.readAll(name+"/children", maxTextBytes); err == nil {
			more, _ := proctable.ParseChildren(text)
			pids = append(pids, more...)
		}
		return nil
	})
	slices.Sort(pids)
	return pids
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
