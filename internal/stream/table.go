package stream

import (
	"cmp"
	"iter"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"pausetest/internal/procctl/proctable"
)

// A process is a living process in its surroundings.
type process struct {
	proctable.Process
	parent   *process   // nil when it is not in the table
	children []*process // by pid
	names    []string   // what it may be called, see programNames
}

// A table is a snapshot's living processes, with the edges between them.
type table struct {
	procs   []*process // by pid
	byPID   map[int]*process
	readers map[uint64][]*process // of a pipe, by inode
	writers map[uint64][]*process // likewise, but not through standard error
}

// newTable leaves out zombies, which have no descriptors, no arguments and no
// living children, and repairs what no kernel reports but a fuzzer does: a pid
// given twice, parents in a circle, a parent of init.
func newTable(s *proctable.Snapshot) *table {
	t := &table{
		byPID:   make(map[int]*process, len(s.Processes)),
		readers: map[uint64][]*process{}, writers: map[uint64][]*process{},
	}
	all := make([]process, len(s.Processes)) // in one piece: there may be ten thousand
	for i := range s.Processes {
		p := &s.Processes[i]
		if p.ID.PID <= 0 || isZombie(p) {
			continue
		}
		if known := t.byPID[p.ID.PID]; known != nil && known.ID.StartTicks >= p.ID.StartTicks {
			continue
		}
		all[i] = process{Process: *p, names: programNames(p)}
		t.byPID[p.ID.PID] = &all[i]
	}
	t.procs = make([]*process, 0, len(t.byPID))
	for i := range all {
		if p := &all[i]; t.byPID[p.ID.PID] == p {
			t.procs = append(t.procs, p)
		}
	}
	slices.SortFunc(t.procs, byPID)
	for _, p := range t.procs {
		t.link(p)
	}
	crowded := func(_ uint64, holders []*process) bool { return len(holders) > maxPipeHolders }
	maps.DeleteFunc(t.readers, crowded)
	maps.DeleteFunc(t.writers, crowded)
	return t
}

// maxPipeHolders is how many processes may hold one end of a pipe that counts
// as a data path. More have inherited it by a leak; and without a bound, any user
// could make the search take for ever by sharing pipes among thousands.
const maxPipeHolders = 64

// isZombie holds when nothing of the process runs any more. A process whose
// first thread has ended looks like a zombie too while its others run on.
func isZombie(p *proctable.Process) bool {
	return (p.State == 'Z' || p.State == 'X') && p.Threads <= 1
}

func byPID(a, b *process) int { return cmp.Compare(a.ID.PID, b.ID.PID) }

func (t *table) link(p *process) {
	if parent := t.byPID[p.PPID]; parent != nil && p.ID.PID != 1 && !parent.within(p) {
		p.parent = parent
		parent.children = append(parent.children, p)
	}
	for _, fd := range p.FDs {
		if fd.Kind != proctable.Pipe {
			continue
		}
		if fd.Read {
			appendOnce(t.readers, fd.Inode, p)
		}
		if fd.Write && fd.Number != 2 {
			appendOnce(t.writers, fd.Inode, p)
		}
	}
}

// appendOnce relies on one process's descriptors coming in a row.
func appendOnce(ends map[uint64][]*process, inode uint64, p *process) {
	if list := ends[inode]; len(list) == 0 || list[len(list)-1] != p {
		ends[inode] = append(list, p)
	}
}

// ancestors yields p's parent, its parent, and so on.
func (p *process) ancestors() iter.Seq[*process] {
	return func(yield func(*process) bool) {
		for a := p.parent; a != nil && yield(a); a = a.parent {
		}
	}
}

// within holds for root itself and for its descendants.
func (p *process) within(root *process) bool {
	if p == root {
		return true
	}
	for a := range p.ancestors() {
		if a == root {
			return true
		}
	}
	return false
}

// subtree is the process and its descendants, ancestors first.
func (p *process) subtree() []*process {
	all := []*process{p}
	for i := 0; i < len(all); i++ {
		all = append(all, all[i].children...)
	}
	return all
}

func subtrees(roots []*process) []*process {
	var all []*process
	for _, r := range roots {
		all = append(all, r.subtree()...)
	}
	return all
}

// topmost leaves out the processes below others of the set.
func topmost(set []*process) []*process {
	inside := setOf(set)
	return slices.DeleteFunc(slices.Clone(set), func(p *process) bool {
		for a := range p.ancestors() {
			if inside[a] {
				return true
			}
		}
		return false
	})
}

func setOf(list []*process) map[*process]bool {
	set := make(map[*process]bool, len(list))
	for _, p := range list {
		set[p] = true
	}
	return set
}

// isKernel holds for kthreadd and its children, the kernel's threads.
func (p *process) isKernel() bool {
	return len(p.Args) == 0 && p.Exe == "" && (p.ID.PID == 2 || p.PPID == 2)
}

// is holds when the process goes by one of the names.
func (p *process) is(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(p.names, n) })
}

// name is the best single name for a person to read; raw. It is the one that
// the program was called by, save for scripts, which the kernel names better.
func (p *process) name() string {
	if len(p.Args) > 0 && len(p.names) > 0 && !interpreter.MatchString(p.names[0]) {
		return p.names[0]
	}
	return cmp.Or(p.Comm, "process")
}

// Name is the best single name of a process for a person to read; raw.
func Name(p *proctable.Process) string {
	return (&process{Process: *p, names: programNames(p)}).name()
}

// interpreter matches the programs whose first argument is the real program.
var interpreter = regexp.MustCompile(`^(perl|python|ruby|sh|bash|dash|ksh|zsh|busybox)[0-9.]*$`)

// commBytes is where the kernel cuts a process's name (proc_pid_comm(5)).
const commBytes = 15

// programNames are the names by which a process may be known: its executable's,
// the one it was called by (Amanda's dumper calls itself dumper0), the script's
// when an interpreter runs one, and the kernel's name for it unless that may
// have been cut.
func programNames(p *proctable.Process) []string {
	var names []string
	add := func(file string) {
		if file != "" {
			if base := path.Base(file); !slices.Contains(names, base) {
				names = append(names, base)
			}
		}
	}
	if len(p.Args) > 0 {
		// A login shell is called "-bash", sshd "sshd: user@notty".
		called, _, _ := strings.Cut(strings.TrimPrefix(p.Args[0], "-"), ":")
		add(called)
	}
	add(strings.TrimSuffix(p.Exe, " (deleted)"))
	if slices.ContainsFunc(names, interpreter.MatchString) {
		for _, arg := range p.Args[min(1, len(p.Args)):] {
			if !strings.HasPrefix(arg, "-") {
				add(arg)
				break
			}
			if strings.ContainsAny(arg, "ce") && !strings.HasPrefix(arg, "--") {
				break // -c and -e take program text
			}
		}
	}
	if len(p.Comm) < commBytes {
		add(p.Comm)
	}
	return names
}

// fd is the descriptor of that number, nil when closed or unknown.
func (p *process) fd(number int) *proctable.FD {
	i := slices.IndexFunc(p.FDs, func(fd proctable.FD) bool { return fd.Number == number })
	if i < 0 {
		return nil
	}
	return &p.FDs[i]
}

// hasEnd holds when the process has the reading (or writing) end of a pipe.
func (p *process) hasEnd(inode uint64, writing bool) bool {
	return slices.ContainsFunc(p.FDs, func(fd proctable.FD) bool {
		return fd.Kind == proctable.Pipe && fd.Inode == inode && (writing && fd.Write || !writing && fd.Read)
	})
}

// hasSocket holds when the process has a socket that may carry data. Standard
// error doesn't count: under a service manager it is the log's socket.
func (p *process) hasSocket() bool {
	return slices.ContainsFunc(p.FDs, func(fd proctable.FD) bool {
		return fd.Kind == proctable.Socket && fd.Number != 2
	})
}

func ids(set []*process) []proctable.ProcID {
	var list []proctable.ProcID
	for _, p := range set {
		if !slices.Contains(list, p.ID) {
			list = append(list, p.ID)
		}
	}
	return list
}
