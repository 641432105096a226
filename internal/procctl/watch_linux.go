package procctl

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl/proctable"
)

// maxWatchedThreads bounds the cost of one process. A backup's path has few
// threads; a database that somebody named with --pid may have thousands.
const maxWatchedThreads = 64

// A Watch looks at one process again and again: at what its threads are doing, and
// at its counters. It only reads, and everything it reads comes through a folder of
// /proc that is bound to this very process. It may be used by one goroutine at a
// time.
type Watch struct {
	id      ProcID
	proc    dir
	tasks   dir
	threads map[int]*watchedThread
	listed  int // threads when they were last listed, also those beyond the bound
	cpu     CPUTimes
	// switches is the sum over all threads, also ended ones.
	switches uint64
	devices  map[int]string // of mounts, by id
	buf      [maxStatBytes]byte
}

// A watchedThread is one thread's folder, and what it had run when it was last read.
type watchedThread struct {
	dir      dir
	last     proctable.Schedstat
	switches uint64
	seen     bool // still listed
	// What every look reads stays open, by name: to open and close a file costs more
	// than to read it.
	open map[string]int
}

func watchThread(d dir) *watchedThread {
	t := &watchedThread{dir: d, seen: true, open: map[string]int{}}
	for _, name := range []string{"stat", "syscall"} {
		if fd, err := d.openFile(name); err == nil {
			t.open[name] = fd
		}
	}
	for name, fd := range t.open {
		if !spare(fd, 0.25) { // whoever pauses streams needs some, too
			unix.Close(fd)
			delete(t.open, name)
		}
	}
	return t
}

func (t *watchedThread) close() {
	for _, fd := range t.open {
		unix.Close(fd)
	}
	t.dir.close()
}

// A Sight is what one thread or more were seen doing.
type Sight struct {
	Activity proctable.Activity
	FD       int // the descriptor it waits at; -1 where none is known
	// WaitChannel is the kernel's function it sleeps in, where the activity was
	// told by it.
	WaitChannel string
}

// CPUTimes are cumulative over all threads of a process, including those that have
// ended since it was first watched.
type CPUTimes struct {
	RunNS int64
	// BusiestNS grows from reading to reading by what the busiest thread ran
	// meanwhile, whichever that was.
	BusiestNS int64
	QueuedNS  int64 // ready to run, waiting for a CPU
}

// Counters are what a process has done so far. What may not be read is nil.
type Counters struct {
	CPU               *CPUTimes
	IO                *proctable.IO
	VoluntarySwitches *uint64
	Threads           int
}

// OpenWatch begins to watch a process. ErrGone says that it has ended.
func OpenWatch(id ProcID) (*Watch, error) {
	fail := func(err error) (*Watch, error) {
		return nil, &ProcError{Op: "watching", ID: id, Err: classify(err)}
	}
	proc, err := openDir("/proc/" + strconv.Itoa(id.PID))
	if err != nil {
		return fail(err)
	}
	w := &Watch{id: id, proc: proc, threads: map[int]*watchedThread{}}
	text, err := proc.readInto(w.buf[:], "stat")
	if err == nil {
		var stat proctable.Stat
		if stat, err = proctable.ParseStat(text); err == nil && stat.ID() != id {
			err = ErrGone
		}
	}
	if err == nil {
		w.tasks, err = proc.sub("task")
	}
	if err != nil {
		proc.close()
		return fail(err)
	}
	if err := w.refresh(); err != nil {
		w.Close()
		return fail(err)
	}
	return w, nil
}

// ID is the process that is watched.
func (w *Watch) ID() ProcID { return w.id }

// Close releases the folders.
func (w *Watch) Close() {
	for _, t := range w.threads {
		t.close()
	}
	w.tasks.close()
	w.proc.close()
	w.threads = nil
}

// refresh takes in new threads and lets ended ones go.
func (w *Watch) refresh() error {
	for _, t := range w.threads {
		t.seen = false
	}
	if _, err := unix.Seek(int(w.tasks), 0, unix.SEEK_SET); err != nil { // list from the start once more
		return err
	}
	w.listed = 0
	err := w.tasks.numbers(func(name string, tid int) error {
		w.listed++
		if t := w.threads[tid]; t != nil {
			t.seen = true
			return nil
		}
		if len(w.threads) >= maxWatchedThreads {
			return nil
		}
		d, err := w.tasks.sub(name)
		if err != nil {
			return ignoreVanished(err)
		}
		w.threads[tid] = watchThread(d)
		return nil
	})
	for tid, t := range w.threads {
		if !t.seen {
			t.close()
			delete(w.threads, tid)
		}
	}
	if err == nil && len(w.threads) == 0 {
		err = ErrGone
	}
	return err
}

// Look says what the process is doing at this instant: every telling thing that some
// thread does, or else the one thing that an idle process does. It is sorted and
// has no duplicates; it is empty when the process has ended.
func (w *Watch) Look() []Sight {
	var sights []Sight
	for _, t := range w.threads {
		if s, ok := w.look(t); ok && !slices.Contains(sights, s) {
			sights = append(sights, s)
		}
	}
	slices.SortFunc(sights, func(a, b Sight) int {
		return cmp.Or(cmp.Compare(a.Activity, b.Activity), cmp.Compare(a.FD, b.FD), strings.Compare(a.WaitChannel, b.WaitChannel))
	})
	idle := slices.IndexFunc(sights, func(s Sight) bool { return !s.Activity.Telling() })
	if idle >= 0 {
		sights = sights[:max(idle, 1)]
	}
	return sights
}

func (w *Watch) look(t *watchedThread) (Sight, bool) {
	s := Sight{FD: -1}
	text, err := w.read(t, "stat")
	if err != nil {
		return s, false
	}
	stat, err := proctable.ParseStat(text)
	if err != nil || stat.State == 'Z' || stat.State == 'X' {
		return s, false
	}
	call := proctable.NoCall
	if stat.State == 'S' || stat.State == 'D' {
		if text, err := w.read(t, "syscall"); err == nil {
			got, running, err := proctable.ParseSyscall(text)
			switch {
			case err == nil && running:
				stat.State = 'R' // it woke up between the two
			case err == nil && !foreign(got):
				call = calls[got.Number]
				if takesFD(call) && got.Args[0] < 1<<31 {
					s.FD = int(got.Args[0])
				}
			}
		}
	}
	if stat.State == 'D' || stat.State == 'S' && call == proctable.NoCall {
		if text, err := w.read(t, "wchan"); err == nil && string(text) != "0" {
			s.WaitChannel = string(text)
		}
	}
	s.Activity = proctable.Judge(stat.State, call, s.WaitChannel)
	if !s.Activity.Telling() {
		s.FD = -1
		if s.Activity != proctable.OtherActivity {
			s.WaitChannel = "" // idle is idle
		}
	}
	return s, true
}

// read reads a file of a thread, from its start.
func (w *Watch) read(t *watchedThread, name string) ([]byte, error) {
	fd, open := t.open[name]
	if !open {
		return t.dir.readInto(w.buf[:], name)
	}
	n, err := retry(func() (int, error) { return unix.Pread(fd, w.buf[:], 0) })
	return w.buf[:max(n, 0)], err
}

func takesFD(call proctable.Call) bool {
	return call == proctable.ReadCall || call == proctable.WriteCall || call == proctable.FileCall
}

// foreign reports a thread of a 32-bit program on a 64-bit kernel: its calls have
// other numbers than ours. Its stack lies below 4 GiB, where no other has one.
func foreign(c proctable.Syscall) bool {
	return bits.UintSize == 64 && c.StackPointer != 0 && c.StackPointer < 1<<32
}

// Counters reads the counters of the process, and takes in its new threads. ErrGone
// says that it has ended.
func (w *Watch) Counters() (Counters, error) {
	if err := w.refresh(); err != nil {
		return Counters{}, &ProcError{Op: "watching", ID: w.id, Err: classify(err)}
	}
	c := Counters{Threads: w.listed}
	var busiestNS int64
	for _, t := range w.threads {
		if text, err := t.dir.readInto(w.buf[:], "schedstat"); err == nil {
			if now, err := proctable.ParseSchedstat(text); err == nil {
				ran := now.RunNS - t.last.RunNS
				w.cpu.RunNS += ran
				w.cpu.QueuedNS += now.QueuedNS - t.last.QueuedNS
				busiestNS = max(busiestNS, ran)
				t.last = now
				c.CPU = &CPUTimes{}
			}
		}
		if text, err := t.dir.readInto(w.buf[:], "status"); err == nil {
			if status, err := proctable.ParseStatus(text); err == nil {
				w.switches += status.VoluntarySwitches - t.switches
				t.switches = status.VoluntarySwitches
				c.VoluntarySwitches = new(w.switches)
			}
		}
	}
	w.cpu.BusiestNS += busiestNS
	if c.CPU != nil {
		c.CPU = new(w.cpu)
	}
	if text, err := w.proc.readInto(w.buf[:], "io"); err == nil {
		if io, err := proctable.ParseIO(text); err == nil {
			c.IO = &io
		}
	}
	return c, nil
}

// Descriptor says what a descriptor leads to, and for a file on which block device
// ("8:1") it lies; empty where that is not known. Nothing is opened: another end of
// a pipe would count as a reader or writer, and a file may be on a server that does
// not answer.
func (w *Watch) Descriptor(number int) (fd proctable.FD, device string, err error) {
	name := strconv.Itoa(number)
	target, err := w.proc.readLink("fd/" + name)
	if err != nil {
		return fd, "", &ProcError{Op: "watching", ID: w.id, Err: classify(err)}
	}
	fd = proctable.ParseFDLink(number, target)
	if fd.Kind != proctable.File {
		return fd, "", nil
	}
	if strings.HasPrefix(fd.Path, "/dev/") {
		return fd, w.blockDevice(name), nil
	}
	text, err := w.proc.readInto(w.buf[:], "fdinfo/"+name)
	if err != nil {
		return fd, "", nil
	}
	mount := proctable.ParseFDMount(text)
	if mount == 0 {
		return fd, "", nil
	}
	return fd, w.deviceOf(mount), nil
}

// blockDevice is the device that a descriptor of a file below /dev stands for. To
// ask a device file for its attributes disturbs no device.
func (w *Watch) blockDevice(name string) string {
	var st unix.Stat_t
	if err := unix.Fstatat(int(w.proc), "fd/"+name, &st, 0); err != nil || st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return ""
	}
	return fmt.Sprintf("%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
}

// deviceOf is the device of a mount. The list of mounts is read again for an
// unknown one.
func (w *Watch) deviceOf(mount int) string {
	if device, known := w.devices[mount]; known {
		return device
	}
	w.devices = map[int]string{mount: ""}
	if text, err := w.proc.readAll("mountinfo", 4*maxTextBytes); err == nil {
		mounts, _ := proctable.ParseMountinfo(string(text))
		for _, m := range mounts {
			w.devices[m.ID] = fmt.Sprintf("%d:%d", m.Major, m.Minor)
		}
	}
	return w.devices[mount]
}
