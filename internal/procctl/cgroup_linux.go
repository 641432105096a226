package procctl

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl/proctable"
)

// A CgroupID is the identity of one cgroup, in one boot and one mount
// namespace. The kernel gives an inode number to one cgroup only, so a folder
// that was made anew under the same path is another cgroup.
type CgroupID struct {
	Path   string // of its folder, where we see it
	Device uint64
	Inode  uint64
}

// FreezerVersion says which of the two interfaces a cgroup has.
type FreezerVersion byte

// The versions.
const (
	FreezerV1 FreezerVersion = 1 // freezer.state
	FreezerV2 FreezerVersion = 2 // cgroup.freeze
)

func (v FreezerVersion) freezing() string {
	if v == FreezerV1 {
		return "FROZEN"
	}
	return "1"
}

// freezeFile is the name of the file that takes these words.
func (v FreezerVersion) freezeFile() string {
	if v == FreezerV1 {
		return "freezer.state"
	}
	return "cgroup.freeze"
}

// A Cgroup is an open cgroup that was proved to be the one that was meant: its
// folder to look, and the file that freezes and thaws it, open for writing. Like
// a Handle it can be handed to the guard, which then needs to open nothing.
type Cgroup struct {
	id      CgroupID
	version FreezerVersion
	dir     dir
	fd      int // of the freeze file; -1 when closed
}

// FindCgroup is the identity of the cgroup that has the folder now.
func FindCgroup(folder string) (CgroupID, error) {
	d, err := openDir(folder)
	if err != nil {
		return CgroupID{}, fmt.Errorf("finding cgroup %q: %w", folder, classify(err))
	}
	defer d.close()
	id, _, err := identifyCgroup(d, folder)
	if err != nil {
		return CgroupID{}, fmt.Errorf("finding cgroup %q: %w", folder, err)
	}
	return id, nil
}

// OpenCgroup opens a cgroup for freezing and thawing. The error is ErrGone when
// the folder is gone or another's by now, and ErrNotPermitted when we may not
// write its freeze file.
func OpenCgroup(id CgroupID) (*Cgroup, error) {
	fail := func(err error) (*Cgroup, error) {
		return nil, fmt.Errorf("opening cgroup %q: %w", id.Path, classify(err))
	}
	d, err := openDir(id.Path)
	if err != nil {
		return fail(err)
	}
	c := &Cgroup{dir: d, fd: -1}
	if c.id, c.version, err = identifyCgroup(d, id.Path); err == nil && c.id != id {
		err = ErrGone
	}
	if err == nil {
		c.fd, err = retry(func() (int, error) {
			return unix.Openat(int(d), c.version.freezeFile(), unix.O_WRONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
		})
	}
	if err != nil {
		d.close()
		return fail(err)
	}
	return c, nil
}

var errNoCgroup = errors.New("not a folder of a cgroup hierarchy")

// identifyCgroup asks the file system itself what the folder is, so that no path
// can make us write to anything but a cgroup.
func identifyCgroup(d dir, folder string) (CgroupID, FreezerVersion, error) {
	version, err := hierarchy(int(d))
	if err != nil {
		return CgroupID{}, 0, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(d), &st); err != nil {
		return CgroupID{}, 0, err
	}
	return CgroupID{Path: folder, Device: st.Dev, Inode: st.Ino}, version, nil
}

func hierarchy(fd int) (FreezerVersion, error) {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return 0, err
	}
	switch fs.Type {
	case unix.CGROUP_SUPER_MAGIC:
		return FreezerV1, nil
	case unix.CGROUP2_SUPER_MAGIC:
		return FreezerV2, nil
	}
	return 0, errNoCgroup
}

// FreezeFileVersion says whose freeze file a descriptor is, and fails unless it
// is one and open for writing. The guard asks so before it relies on one.
func FreezeFileVersion(fd int) (FreezerVersion, error) {
	version, err := hierarchy(fd)
	if err != nil {
		return 0, err
	}
	name, err := dir(unix.AT_FDCWD).readLink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return 0, err
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return 0, err
	}
	if path.Base(name) != version.freezeFile() || flags&unix.O_ACCMODE == unix.O_RDONLY {
		return 0, fmt.Errorf("descriptor %q is no freeze file open for writing", name)
	}
	return version, nil
}

// What is written to thaw: variables, so that nothing is allocated for it.
var thawV1, thawV2 = []byte("THAWED"), []byte("0")

// ThawFD thaws the cgroup of a freeze file. Like Handle.Continue it opens
// nothing and allocates nothing. ENODEV says that the cgroup was removed, which
// it can be only when nobody is in it.
func ThawFD(fd int, v FreezerVersion) error {
	text := thawV2
	if v == FreezerV1 {
		text = thawV1
	}
	return writeWord(fd, text)
}

func writeWord(fd int, text []byte) error {
	for {
		if _, err := unix.Pwrite(fd, text, 0); err != unix.EINTR {
			return err
		}
	}
}

// Freeze asks the kernel to freeze the cgroup; State tells when it has.
func (c *Cgroup) Freeze() error {
	if err := writeWord(c.fd, []byte(c.version.freezing())); err != nil {
		return fmt.Errorf("freezing cgroup %q: %w", c.id.Path, classify(err))
	}
	return nil
}

// Thaw thaws the cgroup. One of its ancestors may still keep it frozen, and what
// was frozen below it by itself remains so.
func (c *Cgroup) Thaw() error {
	if err := ThawFD(c.fd, c.version); err != nil {
		return fmt.Errorf("thawing cgroup %q: %w", c.id.Path, classify(err))
	}
	return nil
}

// FreezeState is what a cgroup says of itself.
type FreezeState struct {
	// Own says that the cgroup itself was asked to freeze, by us or others.
	Own bool
	// Frozen says that everything in it stands still, for whatever reason.
	Frozen bool
}

// State reads the cgroup's own state. The letter of its processes tells nothing:
// frozen ones read D (version 1) or S (version 2).
func (c *Cgroup) State() (FreezeState, error) { return c.stateBelow(".") }

// stateBelow reads the state of the cgroup or of one below it.
func (c *Cgroup) stateBelow(name string) (s FreezeState, err error) {
	own, whole := "cgroup.freeze", "cgroup.events"
	if c.version == FreezerV1 {
		own, whole = "freezer.self_freezing", "freezer.state"
	}
	var texts [2][]byte
	for i, file := range []string{own, whole} {
		if texts[i], err = c.dir.readAll(name+"/"+file, maxStatBytes); err != nil {
			return s, fmt.Errorf("looking at cgroup %q: %w", c.id.Path, classify(err))
		}
	}
	return FreezeState{Own: proctable.ParseFrozen(string(texts[0])), Frozen: proctable.ParseAllFrozen(string(texts[1]))}, nil
}

// below visits the cgroup, as ".", and all below it.
func (c *Cgroup) below(visit func(name string) error) error {
	tree := os.DirFS("/proc/self/fd/" + strconv.Itoa(int(c.dir)))
	return fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case vanished(err):
			return nil // it was removed meanwhile, so nobody was in it
		case err != nil:
			return err
		case entry.IsDir():
			return ignoreVanished(visit(name))
		}
		return nil
	})
}

// list collects the numbers in one file of the cgroup and of all below it.
func (c *Cgroup) list(file string) (map[int]bool, error) {
	all := make(map[int]bool)
	err := c.below(func(name string) error {
		text, err := c.dir.readAll(name+"/"+file, maxTextBytes)
		if errors.Is(err, unix.EOPNOTSUPP) && name != "." {
			return nil // a threaded one; its processes are listed above it
		}
		if err != nil {
			return err
		}
		pids, err := proctable.ParseChildren(text)
		for _, pid := range pids {
			all[pid] = true
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing cgroup %q: %w", c.id.Path, classify(err))
	}
	return all, nil
}

// processes are those in the cgroup and below.
func (c *Cgroup) processes() (map[int]bool, error) { return c.list("cgroup.procs") }

// threads are those in the cgroup and below: version 1 can keep the threads of
// one process in several cgroups.
func (c *Cgroup) threads() (map[int]bool, error) {
	if c.version == FreezerV1 {
		return c.list("tasks")
	}
	return c.list("cgroup.threads")
}

// ID is the identity that was proved.
func (c *Cgroup) ID() CgroupID { return c.id }

// FD is the freeze file, which remains the Cgroup's; -1 after Close.
func (c *Cgroup) FD() int { return c.fd }

// Close closes the descriptors. The cgroup stays as it is.
func (c *Cgroup) Close() error {
	if c.fd < 0 {
		return nil
	}
	err := unix.Close(c.fd)
	c.fd = -1
	c.dir.close()
	return err
}
