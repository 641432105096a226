package procctl

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Limits of what is read from one file: its length is a stranger's choice.
const (
	maxStatBytes  = 4 << 10
	maxTextBytes  = 2 << 20 // command lines and the like; what is longer is cut
	maxLinkBytes  = 4 << 10 // PATH_MAX
	direntsBuffer = 32 << 10
)

// A dir is an open directory below /proc. One of a process is bound to that very
// process: once it has ended, every access fails with ESRCH or ENOENT, even if
// the pid is in use again. So what is read through one dir is of one process.
//
// Note: the raw calls, instead of os.ReadFile, halve the cost of a scan; it is
// repeated while streams wait.
type dir int

// nowhere is for absolute paths.
const nowhere = dir(unix.AT_FDCWD)

func openDir(path string) (dir, error) {
	fd, err := retry(func() (int, error) {
		return unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	return dir(fd), err
}

func (d dir) sub(name string) (dir, error) {
	fd, err := retry(func() (int, error) {
		return unix.Openat(int(d), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	return dir(fd), err
}

func (d dir) close() { unix.Close(int(d)) }

// openFile opens for reading; O_NONBLOCK, so that a fifo in a made-up tree can't
// hold us.
func (d dir) openFile(name string) (int, error) {
	return retry(func() (int, error) {
		return unix.Openat(int(d), name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	})
}

// readInto reads a small file, in one go, and returns the part of buf it filled.
func (d dir) readInto(buf []byte, name string) ([]byte, error) {
	fd, err := d.openFile(name)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	n, err := retry(func() (int, error) { return unix.Read(fd, buf) })
	return buf[:max(n, 0)], err
}

// readAll reads a file up to limit bytes; what follows is cut off.
func (d dir) readAll(name string, limit int) ([]byte, error) {
	fd, err := d.openFile(name)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return readHead(fd, limit)
}

// readHead reads from the start of fd up to limit bytes.
func readHead(fd, limit int) ([]byte, error) {
	var text []byte
	chunk := make([]byte, min(limit, 4<<10))
	for len(text) < limit {
		n, err := retry(func() (int, error) {
			return unix.Pread(fd, chunk[:min(len(chunk), limit-len(text))], int64(len(text)))
		})
		if err != nil {
			return text, err
		}
		if n == 0 {
			break
		}
		text = append(text, chunk[:n]...)
		if n == len(chunk) && len(chunk) < 256<<10 {
			chunk = make([]byte, 2*len(chunk))
		}
	}
	return text, nil
}

func (d dir) readLink(name string) (string, error) {
	buf := make([]byte, maxLinkBytes)
	n, err := retry(func() (int, error) { return unix.Readlinkat(int(d), name, buf) })
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// numbers calls visit with every entry whose name is a number, until it returns
// an error.
func (d dir) numbers(visit func(name string, number int) error) error {
	return d.inodes(func(name string, number int, _ uint64) error { return visit(name, number) })
}

// inodes does the same and tells the inode number that the listing shows.
func (d dir) inodes(visit func(name string, number int, inode uint64) error) error {
	buf := make([]byte, direntsBuffer)
	for {
		n, err := retry(func() (int, error) { return unix.ReadDirent(int(d), buf) })
		if err != nil {
			return err
		}
		if n <= 0 {
			return nil
		}
		for rest := buf[:n]; len(rest) > nameOffset; {
			entry := rest[:min(max(int(binary.NativeEndian.Uint16(rest[lengthOffset:])), nameOffset), len(rest))]
			rest = rest[len(entry):]
			name, _, _ := bytes.Cut(entry[nameOffset:], []byte{0})
			if len(name) == 0 || name[0] < '0' || name[0] > '9' {
				continue
			}
			number, err := strconv.Atoi(string(name))
			if err != nil {
				continue
			}
			if err := visit(string(name), number, binary.NativeEndian.Uint64(entry)); err != nil {
				return err
			}
		}
	}
}

// Where an entry of getdents64(2) has its own length and its name; it begins with
// the inode number.
const (
	lengthOffset = int(unsafe.Offsetof(unix.Dirent{}.Reclen))
	nameOffset   = int(unsafe.Offsetof(unix.Dirent{}.Name))
)

// retry repeats a call that a signal interrupted; the Go runtime sends itself
// such signals.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}

// exhausted reports whether an error says that we are short of something. Then
// nothing follows about the process that was to be read, and nobody may be overlooked.
func exhausted(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM)
}

// descriptorLimit is how many descriptors we may have.
var descriptorLimit = sync.OnceValue(func() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return limit.Cur
})

// spare reports whether a file that only saves time may stay open: whether no more than
// a share of the descriptors that we may have is in use. The kernel gives the lowest
// number that is free.
func spare(fd int, share float64) bool { return float64(fd) < share*float64(descriptorLimit()) }

// vanished reports whether an error of reading a process only says that it ended.
func vanished(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) }
