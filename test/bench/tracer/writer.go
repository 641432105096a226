package tracer

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// WriterArg makes the program the one that is watched.
const WriterArg = "writer"

// What a writer is told to do: how fast, and for how long. A rate of 0 is as fast
// as it can.
type order struct {
	perSecond int
	lastsNS   int64
}

// What it did.
type done struct {
	calls  uint64
	wallNS int64
	callNS float64 // of one call, in the median burst: others on this machine stretch some
}

// WriterMain makes one-byte writes into /dev/null as ordered on in, one order a line.
func WriterMain(in io.Reader, out io.Writer) {
	runtime.LockOSThread()
	// Before the others on this machine, where that is allowed.
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, -20)
	null, err := unix.Open("/dev/null", unix.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var o order
		if _, err := fmt.Sscan(lines.Text(), &o.perSecond, &o.lastsNS); err != nil {
			panic(err)
		}
		d := o.carryOut(null)
		fmt.Fprintln(out, d.calls, d.wallNS, d.callNS)
	}
}

// carryOut writes in bursts of a millisecond's worth. As fast as it can it writes in
// short ones: they end before somebody else gets the processor, however slow each
// write is made.
func (o order) carryOut(fd int) done {
	burst := 100
	if o.perSecond > 0 {
		burst = o.perSecond / 1000
	}
	var b [1]byte
	var callNS []float64
	began := clock()
	for next := began; ; {
		before := clock()
		for range burst {
			unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b)), 1)
		}
		now := clock()
		callNS = append(callNS, float64(now-before)/float64(burst))
		// Sleeping would let the processor slow down, and wake too late.
		for next += int64(time.Millisecond); o.perSecond > 0 && now < next; {
			now = clock()
		}
		if now-began >= o.lastsNS {
			return done{uint64(burst * len(callNS)), now - began, middle(callNS)}
		}
	}
}

var started = time.Now()

// clock is read without a system call, which would be watched.
func clock() int64 { return int64(time.Since(started)) }

// A writer is the program that is watched.
type writer struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     io.Reader
}

func startWriter() (*writer, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.Command(exe, WriterArg)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &writer{c, in, out}, c.Start()
}

func (w *writer) pid() int { return w.command.Process.Pid }

func (w *writer) end() {
	w.in.Close()
	w.command.Wait()
}

// do has the writer carry out an order.
func (w *writer) do(o order) (done, error) {
	if _, err := fmt.Fprintln(w.in, o.perSecond, o.lastsNS); err != nil {
		return done{}, err
	}
	var d done
	_, err := fmt.Fscan(w.out, &d.calls, &d.wallNS, &d.callNS)
	return d, err
}
