package fdvol

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"pausetest/internal/fdvol/volume"
)

// The descriptors that the caller's calls go through, far above those of its
// runtime, and what each is.
const (
	fdNull       = 100 + iota // /dev/null
	fdFile                    // a regular file
	fdFileCopy                // another one
	fdPipeRead                // a pipe
	fdPipeWrite               //
	fdTeeRead                 // another pipe
	fdTeeWrite                //
	fdSocket                  // a pair of datagram sockets
	fdPeer                    //
	fdEmptyRead               // a pipe that nobody writes into, not blocking
	fdEmptyWrite              //
	fdSpare                   // is closed again and again
	fdBlockRead               // a pipe that only the test writes into
	fdBlockWrite              //
)

// caller is another process: the test binary again, which does what it is told on
// its standard input and says "done".
func caller() {
	if err := openKnown(); err != nil {
		fmt.Println(err)
		return
	}
	unblocked := make(chan error)
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var err error
		switch lines.Text() {
		case "every kind":
			err = everyKind()
		case "sizes":
			err = everySize()
		case "many":
			err = throughMany()
		case "threads":
			err = fromThreads()
		case "block":
			go func() {
				// Not a raw one: the runtime would interrupt that again and again.
				n, _, errno := syscall.Syscall(unix.SYS_READ, fdBlockRead, ptr(&block), 8)
				unblocked <- called(3)(int(n), errno)
			}()
		case "unblock":
			err = errors.Join(called(3)(sys(unix.SYS_WRITE, fdBlockWrite, ptr(&block), 3)), <-unblocked)
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("done")
	}
}

// openKnown opens the descriptors that the calls go through.
func openKnown() error {
	move := func(from, to int) error {
		if err := unix.Dup3(from, to, unix.O_CLOEXEC); err != nil {
			return err
		}
		return unix.Close(from)
	}
	null, err := unix.Open("/dev/null", unix.O_RDWR, 0)
	if err != nil {
		return err
	}
	file, err := unix.MemfdCreate("fdvol-test", 0)
	if err != nil {
		return err
	}
	copied, err := unix.MemfdCreate("fdvol-test-copy", 0)
	if err != nil {
		return err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	for _, p := range [][2]int{{null, fdNull}, {file, fdFile}, {copied, fdFileCopy}, {pair[0], fdSocket}, {pair[1], fdPeer}} {
		if err := move(p[0], p[1]); err != nil {
			return err
		}
	}
	for _, to := range []struct{ read, flags int }{{fdPipeRead, 0}, {fdTeeRead, 0}, {fdEmptyRead, unix.O_NONBLOCK}, {fdBlockRead, 0}} {
		var ends [2]int
		if err := unix.Pipe2(ends[:], to.flags); err != nil {
			return err
		}
		for i, end := range ends {
			if err := move(end, to.read+i); err != nil {
				return err
			}
		}
	}
	return nil
}

// sys is a system call that the Go runtime knows nothing of, so that nothing is
// added or repeated.
func sys(number uintptr, args ...uintptr) (int, error) {
	args = append(args, make([]uintptr, 6)...)
	n, _, errno := syscall.RawSyscall6(number, args[0], args[1], args[2], args[3], args[4], args[5])
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

func ptr[T any](v *T) uintptr { return uintptr(unsafe.Pointer(v)) }

// called checks that a call returned what was planned: the truth that the counters
// are held against.
func called(want int) func(int, error) error {
	return func(got int, err error) error {
		if got != want {
			_, _, line, _ := runtime.Caller(1)
			return fmt.Errorf("line %d: the call returned %d (%v), want %d", line, got, err, want)
		}
		return nil
	}
}

// block is what is written and read into.
var block [64 << 10]byte

func iov(sizes ...int) []unix.Iovec {
	var v []unix.Iovec
	for _, n := range sizes {
		v = append(v, unix.Iovec{Base: &block[0], Len: uint64(n)})
	}
	return v
}

type mmsghdr struct {
	header unix.Msghdr
	_      [2]uint32 // the length, and padding
}

// messages is an array for sendmmsg and recvmmsg.
func messages(sizes ...int) []mmsghdr {
	list := make([]mmsghdr, len(sizes))
	for i, n := range sizes {
		v := iov(n)
		list[i].header.Iov, list[i].header.Iovlen = &v[0], 1
	}
	return list
}

// A kind of call and what it is to be counted as.
type known struct {
	returns int
	number  uintptr
	args    []uintptr
	counts  []volume.Counted
}

// truth is one call that moved so many bytes, or failed when they are negative.
func truth(fd int, call string, d volume.Direction, bytes int) volume.Counted {
	c := volume.Counted{FD: fd, Call: call, Direction: d}
	if bytes < 0 {
		c.Counter.Failed = 1
		return c
	}
	c.Counter.Bytes = uint64(bytes)
	c.Counter.Sizes[volume.SizeClass(uint64(bytes))] = 1
	return c
}

// What the calls of kinds point at. The garbage collector does not see that.
var (
	two                              = iov(100, 23)
	message                          = unix.Msghdr{Iov: &two[0], Iovlen: 2}
	three                            = messages(10, 2000, 5)
	room                             = messages(4096, 4096, 4096)
	sendOffset, fromOffset, toOffset int64
)

// kinds are calls of every kind, in an order in which each finds what it moves.
func kinds() []known {
	sendOffset, fromOffset, toOffset = 0, 0, 0 // the calls move them on
	b := ptr(&block)
	one := func(returns int, number uintptr, name string, d volume.Direction, fd int, args ...uintptr) known {
		return known{returns, number, append([]uintptr{uintptr(fd)}, args...), []volume.Counted{truth(fd, name, d, returns)}}
	}
	both := func(moved int, number uintptr, name string, from, to int, args ...uintptr) known {
		return known{moved, number, args, []volume.Counted{truth(from, name, volume.In, moved), truth(to, name, volume.Out, moved)}}
	}
	return []known{
		one(5000, unix.SYS_WRITE, "write", volume.Out, fdFile, b, 5000),
		one(300, unix.SYS_PWRITE64, "pwrite64", volume.Out, fdFile, b, 300, 0),
		one(123, unix.SYS_WRITEV, "writev", volume.Out, fdFile, ptr(&two[0]), 2),
		one(123, unix.SYS_PWRITEV, "pwritev", volume.Out, fdFile, ptr(&two[0]), 2, 0, 0),
		one(123, unix.SYS_PWRITEV2, "pwritev2", volume.Out, fdFile, ptr(&two[0]), 2, 0, 0, 0),
		one(0, unix.SYS_READ, "read", volume.In, fdNull, b, 77),
		one(77, unix.SYS_PREAD64, "pread64", volume.In, fdFile, b, 77, 0),
		one(0, unix.SYS_READV, "readv", volume.In, fdNull, ptr(&two[0]), 2),
		one(123, unix.SYS_PREADV, "preadv", volume.In, fdFile, ptr(&two[0]), 2, 0, 0),
		one(123, unix.SYS_PREADV2, "preadv2", volume.In, fdFile, ptr(&two[0]), 2, 0, 0, 0),

		one(900, unix.SYS_SENDTO, "sendto", volume.Out, fdSocket, b, 900, 0, 0, 0),
		one(900, unix.SYS_RECVFROM, "recvfrom", volume.In, fdPeer, b, 4096, 0, 0, 0),
		one(123, unix.SYS_SENDMSG, "sendmsg", volume.Out, fdSocket, ptr(&message), 0),
		one(123, unix.SYS_RECVMSG, "recvmsg", volume.In, fdPeer, ptr(&message), 0),
		{3, unix.SYS_SENDMMSG, []uintptr{fdSocket, ptr(&three[0]), 3, 0}, []volume.Counted{truth(fdSocket, "sendmmsg", volume.Out, 2015)}},
		{3, unix.SYS_RECVMMSG, []uintptr{fdPeer, ptr(&room[0]), 3, 0, 0}, []volume.Counted{truth(fdPeer, "recvmmsg", volume.In, 2015)}},

		one(1500, unix.SYS_WRITE, "write", volume.Out, fdPipeWrite, b, 1500),
		both(600, unix.SYS_TEE, "tee", fdPipeRead, fdTeeWrite, fdPipeRead, fdTeeWrite, 600, 0),
		both(600, unix.SYS_SPLICE, "splice", fdTeeRead, fdNull, fdTeeRead, 0, fdNull, 0, 600, 0),
		both(1500, unix.SYS_SPLICE, "splice", fdPipeRead, fdNull, fdPipeRead, 0, fdNull, 0, 1500, 0),
		one(123, unix.SYS_VMSPLICE, "vmsplice", volume.Out, fdPipeWrite, ptr(&two[0]), 2, 0),
		one(123, unix.SYS_READ, "read", volume.In, fdPipeRead, b, 4096),
		{4000, unix.SYS_SENDFILE, []uintptr{fdPipeWrite, fdFile, ptr(&sendOffset), 4000},
			[]volume.Counted{truth(fdFile, "sendfile", volume.In, 4000), truth(fdPipeWrite, "sendfile", volume.Out, 4000)}},
		one(4000, unix.SYS_READ, "read", volume.In, fdPipeRead, b, 4096),
		{2500, unix.SYS_COPY_FILE_RANGE, []uintptr{fdFile, ptr(&fromOffset), fdFileCopy, ptr(&toOffset), 2500, 0},
			[]volume.Counted{truth(fdFile, "copy_file_range", volume.In, 2500), truth(fdFileCopy, "copy_file_range", volume.Out, 2500)}},

		one(-1, unix.SYS_READ, "read", volume.In, fdEmptyRead, b, 10), // EAGAIN
		one(-1, unix.SYS_WRITE, "write", volume.Out, fdEmptyRead, b, 10),
		{-1, unix.SYS_SENDMMSG, []uintptr{fdNull, ptr(&three[0]), 3, 0}, []volume.Counted{truth(fdNull, "sendmmsg", volume.Out, -1)}},
		{fdSpare, unix.SYS_DUP2, []uintptr{fdNull, fdSpare}, []volume.Counted{truth(fdSpare, "dup2", volume.Close, fdSpare)}},
		{fdSpare, unix.SYS_DUP3, []uintptr{fdNull, fdSpare, 0}, []volume.Counted{truth(fdSpare, "dup3", volume.Close, fdSpare)}},
		one(0, unix.SYS_CLOSE, "close", volume.Close, fdSpare),
		{-1, unix.SYS_CLOSE, []uintptr{fdSpare}, nil}, // EBADF
	}
}

// repeats is how often every kind of call is made.
const repeats = 7

func everyKind() error {
	for range repeats {
		for i, k := range kinds() {
			if err := called(k.returns)(sys(k.number, k.args...)); err != nil {
				return fmt.Errorf("call %d: %w", i, err)
			}
		}
	}
	return nil
}

// allSizes are the edges of every size class; /dev/null takes any size without
// touching the memory.
func allSizes() []int {
	sizes := []int{0}
	for bit := range 31 {
		sizes = append(sizes, 1<<bit, 1<<bit+1, 1<<(bit+1)-1)
	}
	return sizes
}

// maxTransfer is MAX_RW_COUNT: no call moves more.
const maxTransfer = 1<<31 - 4096

func everySize() error {
	for _, n := range allSizes() {
		if err := called(min(n, maxTransfer))(sys(unix.SYS_WRITE, fdNull, ptr(&block), uintptr(n))); err != nil {
			return err
		}
	}
	return nil
}

// manyDescriptors are more than there is room for.
const manyDescriptors = counterCount + 1000

// throughMany writes through descriptors that are not open, and closes them.
func throughMany() error {
	for i := range uintptr(manyDescriptors) {
		_, writeErr := sys(unix.SYS_WRITE, 1000+i, ptr(&block), 1)
		_, closeErr := sys(unix.SYS_CLOSE, 1000+i)
		if writeErr != unix.EBADF || closeErr != unix.EBADF {
			return fmt.Errorf("descriptor %d: %v, %v", 1000+i, writeErr, closeErr)
		}
	}
	return nil
}

const (
	threads         = 4
	writesPerThread = 5000
)

// fromThreads writes through one descriptor from several threads at once.
func fromThreads() error {
	var all sync.WaitGroup
	errs := make([]error, threads)
	for i := range threads {
		all.Go(func() {
			runtime.LockOSThread()
			for range writesPerThread {
				if err := called(10)(sys(unix.SYS_WRITE, fdNull, ptr(&block), 10)); err != nil {
					errs[i] = err
				}
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
