package fdvol

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"pausetest/internal/fdvol/volume"
	"pausetest/internal/procctl/proctable"
)

// A Tracer counts, in the kernel, what the tracked processes move through their
// descriptors. While it is open, every system call of the host takes a little
// longer. It may be used by one goroutine at a time.
type Tracer struct {
	objects *ebpf.Collection
	links   []link.Link
	tracked map[int]bool
	sinceNS uint64 // when the last process was added
}

// Open loads the programs and attaches them; they count nobody until Track. When
// that can't be had here it returns an *UnavailableError.
func Open() (*Tracer, error) {
	if err := available(); err != nil {
		return nil, err
	}
	// Before Linux 5.11 maps count as locked memory.
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, unavailable("lifting the limit of locked memory", err)
	}
	objects, err := ebpf.NewCollection(collection())
	if err != nil {
		return nil, unavailable("loading the eBPF programs", err)
	}
	t := &Tracer{objects: objects}
	for _, at := range []struct{ tracepoint, program string }{{"sys_enter", enterProgram}, {"sys_exit", leaveProgram}} {
		l, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: at.tracepoint, Program: objects.Programs[at.program]})
		if err != nil {
			t.Close()
			return nil, unavailable("attaching to tracepoint "+at.tracepoint, err)
		}
		t.links = append(t.links, l)
	}
	return t, nil
}

// Close detaches the programs and frees what they counted.
func (t *Tracer) Close() error {
	err := t.detach()
	t.objects.Close()
	return err
}

func (t *Tracer) detach() error {
	var errs []error
	for _, l := range t.links {
		errs = append(errs, l.Close())
	}
	t.links = nil
	return errors.Join(errs...)
}

// Track says which processes are counted from now on.
func (t *Tracer) Track(pids []int) error {
	bitmap, next, added := make([]byte, trackedBytes), make(map[int]bool), false
	for _, pid := range pids {
		if pid <= 0 || pid >= 8*trackedBytes {
			return fmt.Errorf("tracking pid %d: no such process id", pid)
		}
		bitmap[pid/8] |= 1 << (pid % 8)
		next[pid] = true
		added = added || !t.tracked[pid]
	}
	if added {
		// A call that is only seen when it ends is given the time since the last
		// process was added: to some that is too little, to none too much.
		t.sinceNS = monotonicNS()
		if err := t.objects.Maps[sinceMap].Put(uint32(0), t.sinceNS); err != nil {
			return fmt.Errorf("tracking %d processes: %w", len(pids), err)
		}
	}
	if err := t.objects.Maps[trackedMap].Put(uint32(0), bitmap); err != nil {
		return fmt.Errorf("tracking %d processes: %w", len(pids), err)
	}
	t.tracked = next
	return nil
}

// A Reading is all that was counted.
type Reading struct {
	Counted []volume.Counted
	Pending []volume.Pending
	// LostCalls were not counted because the table of counters was full,
	// CompatCalls because a 32-bit program made them; of the latter only those are
	// known whose numbers would otherwise mean calls that are counted.
	LostCalls, CompatCalls uint64
}

// A tally is tallyMap's value.
type tally struct{ Lost, Compat uint64 }

// A counterKey is countersMap's key.
type counterKey struct {
	TID, PID uint32
	FD       int32
	Op       uint32 // twice the call's number, and one more for its second descriptor
}

// call is what a counterKey's Op stands for.
func (k counterKey) call() (name string, d volume.Direction) {
	shape := calls[k.Op/2]
	if k.Op%2 == 1 {
		return shape.name, shape.second
	}
	return shape.name, shape.direction
}

// Finish detaches the programs and returns what they counted. Calls that have not
// returned by then are pending.
func (t *Tracer) Finish() (Reading, error) {
	endedNS := monotonicNS()
	if err := t.detach(); err != nil {
		return Reading{}, fmt.Errorf("detaching the eBPF programs: %w", err)
	}
	var r Reading
	var key counterKey
	var counter volume.Counter
	entries := t.objects.Maps[countersMap].Iterate()
	for entries.Next(&key, &counter) {
		name, direction := key.call()
		r.Counted = append(r.Counted, volume.Counted{PID: int(key.PID), FD: int(key.FD), Call: name, Direction: direction, Counter: counter})
	}
	if err := entries.Err(); err != nil {
		return Reading{}, fmt.Errorf("reading the counters: %w", err)
	}
	var tallied tally
	if err := t.objects.Maps[tallyMap].Lookup(uint32(0), &tallied); err != nil {
		return Reading{}, fmt.Errorf("reading the counters: %w", err)
	}
	r.LostCalls, r.CompatCalls = tallied.Lost, tallied.Compat
	records, err := t.objects.Maps[recordsMap].LookupBytes(uint32(0))
	if err != nil {
		return Reading{}, fmt.Errorf("reading the calls in progress: %w", err)
	}
	for pid := range t.tracked {
		r.Pending = append(r.Pending, t.pending(pid, records, endedNS)...)
	}
	return r, nil
}

// pending finds the counted calls that the threads of a process are in. Their time
// comes from the records; a thread that has none has not entered a call since it
// was tracked, so that it has been in this one ever since.
func (t *Tracer) pending(pid int, records []byte, endedNS uint64) []volume.Pending {
	var out []volume.Pending
	threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid)) // none: it has ended
	for _, thread := range threads {
		tid, err := strconv.Atoi(thread.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/syscall", pid, tid))
		if err != nil {
			continue
		}
		call, running, err := proctable.ParseSyscall(text)
		number, args := uint32(call.Number), [3]uint64(call.Args[:3])
		shape, isCounted := calls[number]
		if err != nil || running || int64(number) != call.Number || !isCounted {
			continue
		}
		p := volume.Pending{PID: pid, TID: tid, Call: shape.name}
		switch r := recordOfThread(records, tid); {
		case r.thread == 0:
			p.BeganBefore, p.ForNS = true, endedNS-min(t.sinceNS, endedNS)
		case r.is(tid, number, args):
			p.ForNS = endedNS - min(r.beganNS, endedNS)
		default:
			continue // it began after we ended, or another thread took the record
		}
		first, second := shape.descriptors(args)
		p.FD, p.Direction = first, shape.direction
		out = append(out, p)
		if shape.second != "" {
			p.FD, p.Direction = second, shape.second
			out = append(out, p)
		}
	}
	return out
}

// A callRecord is a record of recordsMap.
type callRecord struct {
	thread  uint32
	beganNS uint64
	number  uint64
	args    [3]uint64
}

// recordOfThread is the record that a thread has, or shares with others.
func recordOfThread(records []byte, tid int) callRecord {
	raw := records[(tid&(recordCount-1))<<recordShift:][:1<<recordShift]
	word := func(offset int) uint64 { return binary.NativeEndian.Uint64(raw[offset:]) }
	return callRecord{
		thread: binary.NativeEndian.Uint32(raw[recordThread:]), beganNS: word(recordBegan), number: word(recordRegs + regNumber),
		args: [3]uint64{word(recordRegs + regArg0), word(recordRegs + regArg1), word(recordRegs + regArg2)},
	}
}

// is holds when the record is of the call that a thread was found in.
func (r callRecord) is(tid int, number uint32, args [3]uint64) bool {
	return r.thread == uint32(tid) && r.beganNS != 0 && r.number == uint64(number) && r.args == args
}

// descriptors are those that a call with these arguments is about.
func (s syscallShape) descriptors(args [3]uint64) (first, second int) {
	first = int(int32(args[0]))
	switch {
	case s.flags&firstIsArg1 != 0:
		first = int(int32(args[1]))
	case s.flags&secondIsArg1 != 0:
		second = int(int32(args[1]))
	case s.flags&secondIsArg2 != 0:
		second = int(int32(args[2]))
	}
	return first, second
}

// monotonicNS is the clock of the programs.
func monotonicNS() uint64 {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // fails for no clock that exists
	return uint64(now.Nano())
}

// The kernel's counters are read into this type as they are.
var _ [counterBytes]byte = [unsafe.Sizeof(volume.Counter{})]byte{}
