package procctl

import (
	"errors"
	"fmt"
	"path"
	"strings"

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

// thawing is what thaws, as a string so that nobody changes it.
func (v FreezerVersion) thawing() string {
	if v == FreezerV1 {
		return "THAWED"
	}
	return "0"
}

func (v FreezerVersion) freezing() string {
	if v == FreezerV1 {
		return "FROZEN"
	}
	return "1"
}

// freezeFile is the name of the file to which those words are written.
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

// ThawFD thaws the cgroup of a freeze file. Like Handle.Continue it opens
// nothing and allocates nothing; errno is ENODEV when the cgroup was removed.
func ThawFD(fd int, v FreezerVersion) error {
	words := thawedV1[:]
	if v == FreezerV2 {
		words = thawedV2[:]
	}
	for {
		if _, err := unix.Pwrite(fd, words, 0); err != unix.EINTR {
			return err
		}
	}
}

var thawedV1, thawedV2 = [...]byte{'T', 'H', 'A', 'W', 'E', 'D'}, [...]byte{'0'}

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
