package procctl

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl/proctable"
)

// A FactReader reads what Judge needs to know, against one look at the process
// table: take a new one for every look.
type FactReader struct {
	now    scan
	mounts []proctable.Mount
	us     ourselves
}

// FactReader looks at the process table, the mounts and ourselves.
func (t *Table) FactReader() (*FactReader, error) {
	now, err := t.scan(nil, nil)
	if err != nil {
		return nil, err
	}
	mounts, err := t.Mounts(os.Getpid())
	if err != nil {
		return nil, err
	}
	us, err := readOurselves(now)
	return &FactReader{now: now, mounts: mounts, us: us}, err
}

// Read reads the facts of every process that is to be paused as one target: an end
// within it orphans no group of it unnoticed, for then all of it is stopped. A
// process that has ended fails with ErrGone. Nothing is signalled (but for signal
// 0, which has no effect).
func (r *FactReader) Read(target []ProcID) ([]Facts, error) {
	var all []Facts
	for _, id := range target {
		f, err := r.us.facts(id, r.now, target, r.mounts)
		if err != nil {
			return nil, &ProcError{Op: "examining", ID: id, Comm: r.now[id.PID].Comm, Err: classify(err)}
		}
		all = append(all, f)
	}
	return all, nil
}

// ourselves is our side of the facts.
type ourselves struct {
	status    proctable.Status
	label     string
	ancestors map[int]bool
}

func readOurselves(now scan) (ourselves, error) {
	us := ourselves{ancestors: neverSignalled(now, nil)}
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return us, err
	}
	if us.status, err = proctable.ParseStatus(text); err != nil {
		return us, err
	}
	d, err := openDir("/proc/self")
	if err != nil {
		return us, err
	}
	defer d.close()
	us.label, err = readLabel(d)
	return us, err
}

func (us ourselves) facts(id ProcID, now scan, target []ProcID, mounts []proctable.Mount) (Facts, error) {
	f := Facts{ID: id, Self: id.PID == os.Getpid(), Ancestor: us.ancestors[id.PID] && id.PID != os.Getpid(),
		OurRealUID: us.status.UIDs.Real, OurEffectiveUID: us.status.UIDs.Effective,
		OurKillCap: us.status.EffectiveCaps&(1<<unix.CAP_KILL) != 0, OurLabel: us.label}
	d, err := openDir("/proc/" + strconv.Itoa(id.PID))
	if err != nil {
		return f, err
	}
	defer d.close()
	buf := make([]byte, maxStatBytes)
	text, err := d.readInto(buf, "stat")
	if err != nil {
		return f, err
	}
	stat, err := proctable.ParseStat(text)
	if err != nil {
		return f, err
	}
	if stat.ID() != id {
		return f, ErrGone
	}
	f.Comm, f.Zombie = stat.Comm, zombie(stat)
	f.KernelThread = stat.Flags&proctable.KernelThread != 0
	text, err = d.readAll("status", maxTextBytes)
	if err != nil {
		return f, err
	}
	status, err := proctable.ParseStatus(text)
	if err != nil {
		return f, err
	}
	f.RealUID, f.SavedUID, f.TracerPID = status.UIDs.Real, status.UIDs.Saved, status.TracerPID
	if environ, err := d.readAll("environ", maxTextBytes); err == nil { // another user's may not be read
		f.WatchdogNS = proctable.ParseWatchdog(environ, id.PID)
	}
	f.IgnoresHangup = status.IgnoredSignals&(1<<(uint(unix.SIGHUP)-1)) != 0
	if parent, ok := now[stat.PPID]; ok && !slices.Contains(target, parent.ID()) {
		f.ParentComm = parent.Comm
		f.OwnJob = parent.Session == stat.Session && parent.PGID != stat.PGID
	}
	f.OrphanedBy = orphanedBy(stat, now, target)
	if f.FrozenBy, err = frozenBy(d, mounts); err != nil {
		return f, err
	}
	if f.Label, err = readLabel(d); err != nil {
		return f, err
	}
	return f, f.probe()
}

// probe asks by pidfd what only an opened process tells.
func (f *Facts) probe() error {
	if f.ID.PID <= 1 || f.Self || f.KernelThread || f.Zombie {
		return nil // refused already
	}
	h, err := Open(f.ID)
	if err != nil {
		return err
	}
	defer h.Close()
	switch err := h.Permitted(); {
	case err == nil:
		f.SignalAllowed = true
	case !errors.Is(err, ErrNotPermitted):
		return err
	}
	f.Threads, err = h.State()
	return err
}

// readLabel reads the security module's label; none is no error.
func readLabel(d dir) (string, error) {
	text, err := d.readAll("attr/current", maxStatBytes)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EOPNOTSUPP) {
		return "", nil
	}
	return strings.TrimRight(string(text), "\x00\n"), err
}

// frozenBy finds the frozen cgroups from the process's own upwards. Hierarchies
// that are not mounted where we are can't be asked and are passed over.
func frozenBy(d dir, mounts []proctable.Mount) ([]string, error) {
	text, err := d.readAll("cgroup", maxTextBytes)
	if err != nil {
		return nil, err
	}
	var frozen []string
	for line := range strings.Lines(string(text)) {
		c, err := proctable.ParseCgroup(line)
		if err != nil {
			return nil, err
		}
		file := "cgroup.events" // its own flag or one inherited
		if !c.V2() {
			if !slices.Contains(c.Controllers, "freezer") {
				continue
			}
			file = "freezer.state"
		}
		for _, folder := range proctable.CgroupDirs(c, mounts) {
			state, err := os.ReadFile(folder + "/" + file)
			if err == nil && proctable.ParseFrozen(string(state)) {
				frozen = append(frozen, folder)
			}
		}
	}
	return frozen, nil
}

// orphanedBy finds the process outside of the target that alone keeps the
// process's group from being orphaned (setpgid(2)): a group is orphaned when no
// member has a parent in the same session but another group. If there are two
// such parents or more, the end of one does nothing.
func orphanedBy(p proctable.Stat, now scan, target []ProcID) ProcID {
	var link ProcID
	for _, member := range now {
		if member.PGID != p.PGID || zombie(member) {
			continue
		}
		parent, ok := now[member.PPID]
		if !ok || parent.PGID == p.PGID || parent.Session != p.Session {
			continue
		}
		if link != (ProcID{}) && link != parent.ID() {
			return ProcID{}
		}
		link = parent.ID()
	}
	if slices.Contains(target, link) {
		return ProcID{}
	}
	return link
}
