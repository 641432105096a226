package packaging_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// dump stands for a dump: "testdump ADDRESS DISK [HEAD]" sends blocks to ADDRESS.
// Two that share the file HEAD share a disk with one head: a block is read in 10 ms,
// but 100 ms if the other one has read last. So together they move less than one
// alone, and nobody has told them how many they are. (The times are long against
// those for which a busy machine lets a process wait.)
func dump(args []string) int {
	if len(args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: testdump ADDRESS DISK [HEAD]")
		return 2
	}
	last, err := head(args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	conn, err := net.Dial("tcp", args[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	block := make([]byte, 100_000)
	own := uint32(os.Getpid())
	for {
		if last.Swap(own) == own {
			time.Sleep(10 * time.Millisecond)
		} else {
			time.Sleep(100 * time.Millisecond)
		}
		if _, err := conn.Write(block); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
}

// head is who has read last from a disk: from a file that others see, too, or from
// a disk of one's own.
func head(file []string) (*atomic.Uint32, error) {
	if len(file) == 0 {
		return new(atomic.Uint32), nil
	}
	f, err := os.OpenFile(file[0], os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	memory, err := syscall.Mmap(int(f.Fd()), 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return (*atomic.Uint32)(unsafe.Pointer(unsafe.SliceData(memory))), nil
}

// sink stands for the backup server: "testsink ADDRESS" takes whatever comes.
func sink(args []string) int {
	listener, err := net.Listen("tcp", args[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		go io.Copy(io.Discard, conn)
	}
}
