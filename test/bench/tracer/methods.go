package tracer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"pausetest/internal/fdvol"
)

// A method is a way to watch the writer.
type method struct {
	name   string
	counts bool // whether it counts the writer's calls
	// needs is the program it runs, if any.
	needs string
	// attach begins to watch the writer and returns how to end that, which says how
	// many writes were counted.
	attach func(w *writer) (detach func() (uint64, error), err error)
}

// result is what one round says of a method.
type result struct {
	callNS    float64 // time of one write, made as fast as it can
	keptShare float64 // of 500,000 writes a second
	// possibleShare is what keptShare would be if nobody else wanted the processor: how
	// much of a second the writes of a second fit into.
	possibleShare float64
	countedShare  float64
}

const (
	watchedByFdvol = "fdvol"
	// SameCounting is the peer that counts what fdvol counts.
	SameCounting = "bpftrace (same counting)"
	paceHz       = 500_000
	phaseNS      = int64(300 * time.Millisecond)
)

func (m method) present() bool {
	_, err := exec.LookPath(m.needs)
	return m.needs == "" || err == nil
}

func (m method) measure(w *writer) (result, error) {
	detach, err := m.attach(w)
	if err != nil {
		return result{}, err
	}
	flat, err := w.do(order{0, phaseNS})
	if err != nil {
		return result{}, err
	}
	paced, err := w.do(order{paceHz, phaseNS})
	if err != nil {
		return result{}, err
	}
	seen, err := detach()
	if err != nil {
		return result{}, err
	}
	return result{
		callNS:        flat.callNS,
		keptShare:     float64(paced.calls) / (float64(paced.wallNS) / 1e9 * paceHz),
		possibleShare: min(1, 1e9/(paced.callNS*paceHz)),
		countedShare:  float64(seen) / float64(flat.calls+paced.calls),
	}, nil
}

// The counting of fdvol, put into bpftrace's language: all calls of one process by
// descriptor and call, with sizes and times as histograms.
const sameCounting = `
tracepoint:raw_syscalls:sys_enter /pid == $1/ { @began[tid] = nsecs; @fd[tid] = args->args[0]; }
tracepoint:raw_syscalls:sys_exit /@began[tid]/ {
	$ns = nsecs - @began[tid];
	@calls[pid, @fd[tid], args->id] = count();
	@bytes[pid, @fd[tid], args->id] = sum(args->ret);
	@sizes[pid, @fd[tid], args->id] = hist(args->ret);
	@time[pid, @fd[tid], args->id] = sum($ns);
	@longest[pid, @fd[tid], args->id] = max($ns);
	@times[pid, @fd[tid], args->id] = hist($ns);
	delete(@began[tid]);
}`

// The least that says anything: bytes of one call by descriptor.
const leastCounting = `
tracepoint:syscalls:sys_enter_write /pid == $1/ { @fd[tid] = args->fd; }
tracepoint:syscalls:sys_exit_write /pid == $1/ { @calls[@fd[tid]] = count(); @bytes[@fd[tid]] = sum(args->ret); }`

func methods() []method {
	return []method{
		{name: "nobody", attach: func(*writer) (func() (uint64, error), error) {
			return func() (uint64, error) { return 0, nil }, nil
		}},
		{name: watchedByFdvol, counts: true, attach: func(w *writer) (func() (uint64, error), error) { return fdvolOn(w.pid()) }},
		{name: "fdvol of another process", attach: func(*writer) (func() (uint64, error), error) { return fdvolOn(os.Getpid()) }},
		{name: SameCounting, needs: "bpftrace", counts: true, attach: bpftrace(sameCounting, `(?m)^@calls\[\d+, \d+, 1\]: (\d+)$`)},
		{name: "bpftrace (bytes of write alone)", needs: "bpftrace", counts: true, attach: bpftrace(leastCounting, `(?m)^@calls\[\d+\]: (\d+)$`)},
		{name: "strace -c", needs: "strace", counts: true, attach: func(w *writer) (func() (uint64, error), error) {
			return run(said("attached"), `(?m)^\s*\S+\s+\S+\s+\S+\s+(\d+)\s+(?:\d+\s+)?write$`, "strace", "-f", "-c", "-p", strconv.Itoa(w.pid()))
		}},
		{name: "perf trace -s", needs: "perf", counts: true, attach: func(w *writer) (func() (uint64, error), error) {
			return run(w.slowed(), `(?m)^\s*write\s+(\d+)`, "perf", "trace", "-s", "-p", strconv.Itoa(w.pid()))
		}},
	}
}

// fdvolOn has this program watch a process, as `pausetest fdvol` does.
func fdvolOn(pid int) (func() (uint64, error), error) {
	t, err := fdvol.Open()
	if err != nil {
		return nil, err
	}
	if err := t.Track([]int{pid}); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return func() (uint64, error) {
		defer t.Close()
		r, err := t.Finish()
		var n uint64
		for _, c := range r.Counted {
			if c.Call == "write" {
				n += c.Counter.Calls()
			}
		}
		return n, err
	}, nil
}

func bpftrace(script, calls string) func(*writer) (func() (uint64, error), error) {
	return func(w *writer) (func() (uint64, error), error) {
		// It says nothing when all is attached, but fires this then.
		const ready = "interval:ms:20 { printf(\"ready\\n\"); }\n"
		return run(said("ready"), calls, "bpftrace", "-B", "line", "-e", ready+script, strconv.Itoa(w.pid()))
	}
}

// said is ready when a peer has said a word.
func said(word string) func(*output) bool {
	return func(o *output) bool { return strings.Contains(o.String(), word) }
}

// slowed is ready when writes have become ten times as slow: perf does not tell.
func (w *writer) slowed() func(*output) bool {
	try := order{0, int64(2 * time.Millisecond)}
	alone, err := w.do(try)
	return func(*output) bool {
		now, again := w.do(try)
		return err != nil || again != nil || now.callNS > 10*alone.callNS
	}
}

// run starts a peer in a mount namespace of its own, with the folders that tracers
// want, and waits until it is ready. Detaching interrupts it; the calls it counted are
// the sum of what the expression finds in its output.
func run(ready func(*output) bool, calls string, command ...string) (func() (uint64, error), error) {
	const mounted = `mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null; mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null; exec "$@"`
	c := exec.Command("sh", append([]string{"-c", mounted, "sh"}, command...)...)
	c.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	var out output
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(20 * time.Second); !ready(&out); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.Process.Kill()
			c.Wait()
			return nil, fmt.Errorf("%s was not ready after 20 s: %s", command[0], &out)
		}
	}
	return func() (uint64, error) {
		c.Process.Signal(syscall.SIGINT)
		c.Wait() // its exit code tells of the signal
		var sum uint64
		for _, match := range regexp.MustCompile(calls).FindAllStringSubmatch(out.String(), -1) {
			n, err := strconv.ParseUint(match[1], 10, 64)
			if err != nil {
				return 0, err
			}
			sum += n
		}
		return sum, nil
	}, nil
}

// output is what a program says, to be read while it is still talking.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
