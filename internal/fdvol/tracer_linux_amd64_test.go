package fdvol

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"pausetest/internal/fdvol/volume"
)

// callerEnv makes the test binary a caller, or one who tries to open a tracer.
const callerEnv = "FDVOL_TEST_PART"

func TestMain(m *testing.M) {
	switch os.Getenv(callerEnv) {
	case "caller":
		caller()
		syscall.Exit(0) // not os.Exit, which under the race detector waits for a second
	case "open":
		_, err := Open()
		fmt.Println(err)
		if no, ok := errors.AsType[*UnavailableError](err); ok {
			fmt.Println("hint:", no.Hint)
		}
		syscall.Exit(0)
	}
	os.Exit(m.Run())
}

// open opens a tracer, or skips the test where that can't be done.
func open(t *testing.T) *Tracer {
	t.Helper()
	tracer, err := Open()
	if err != nil {
		if slices.Contains(strings.Split(os.Getenv("PAUSETEST_REQUIRE"), ","), "bpf") {
			t.Fatalf("bpf is required: %v", err)
		}
		t.Skipf("no bpf here: %v", err)
	}
	t.Cleanup(func() { tracer.Close() })
	return tracer
}

// A child is a caller.
type child struct {
	t       *testing.T
	command *exec.Cmd
	in      io.Writer
	lines   *bufio.Scanner
}

func startCaller(t *testing.T) *child {
	t.Helper()
	c := exec.Command("/proc/self/exe")
	c.Env = append(os.Environ(), callerEnv+"=caller")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	kid := &child{t, c, in, bufio.NewScanner(out)}
	kid.hear("ready")
	return kid
}

func (c *child) pid() int { return c.command.Process.Pid }

func (c *child) hear(want string) {
	c.t.Helper()
	if c.lines.Scan(); c.lines.Text() != want {
		c.t.Fatalf("the caller said %q, want %q", c.lines.Text(), want)
	}
}

// do has the caller do something and waits until it has.
func (c *child) do(what string) {
	c.t.Helper()
	fmt.Fprintln(c.in, what)
	c.hear("done")
}

// untilBlocked waits until a thread of the caller is in read(fdBlockRead).
func (c *child) untilBlocked() {
	c.t.Helper()
	want := fmt.Sprintf("%d %#x ", unix.SYS_READ, fdBlockRead)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", c.pid()))
		for _, thread := range threads {
			if text, _ := os.ReadFile(thread); strings.HasPrefix(string(text), want) {
				return
			}
		}
		if time.Now().After(deadline) {
			c.t.Fatal("the caller does not block")
		}
	}
}

func track(t *testing.T, tracer *Tracer, pids ...int) {
	t.Helper()
	if err := tracer.Track(pids); err != nil {
		t.Fatal(err)
	}
}

// counted ends the counting and returns the sums over threads of the known
// descriptors of one process, without times, which nobody planned. It checks that
// every call has a time.
func finish(t *testing.T, tracer *Tracer, pid int) ([]volume.Counted, Reading) {
	t.Helper()
	r, err := tracer.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if r.LostCalls != 0 || r.CompatCalls != 0 {
		t.Errorf("%d calls lost, %d of a 32-bit program", r.LostCalls, r.CompatCalls)
	}
	var all []volume.Counted
	for _, c := range r.Counted {
		if c.PID != pid {
			t.Errorf("counted for process %d, which is not tracked: %+v", c.PID, c)
		}
		var timed uint64
		for _, n := range c.Counter.Times {
			timed += n
		}
		if timed+c.Counter.Untimed != c.Counter.Calls() {
			t.Errorf("%d timed and %d untimed of %d calls: %+v", timed, c.Counter.Untimed, c.Counter.Calls(), c)
		}
		if c.Counter.Untimed != 0 || c.Counter.InCallNS < c.Counter.LongestNS || c.Counter.LongestNS == 0 {
			t.Errorf("implausible times: %+v", c)
		}
		if c.FD >= fdNull && c.FD <= fdBlockWrite {
			c.PID, c.Counter.InCallNS, c.Counter.LongestNS, c.Counter.Times = 0, 0, 0, [volume.TimeClasses]uint64{}
			all = append(all, c)
		}
	}
	return summed(all), r
}

// summed adds up counters of the same call, direction and descriptor.
func summed(list []volume.Counted) []volume.Counted {
	var out []volume.Counted
	for i := range list {
		c := &list[i]
		if j := slices.IndexFunc(out, func(o volume.Counted) bool { return o.FD == c.FD && o.Call == c.Call && o.Direction == c.Direction }); j >= 0 {
			out[j].Counter.Add(&c.Counter)
		} else {
			out = append(out, *c)
		}
	}
	slices.SortFunc(out, func(a, b volume.Counted) int {
		return cmp.Or(cmp.Compare(a.FD, b.FD), cmp.Compare(a.Call, b.Call), cmp.Compare(a.Direction, b.Direction))
	})
	return out
}

// Calls of every kind, from a program that knows what it did.
func TestEveryKind(t *testing.T) {
	tracer, tracked, other := open(t), startCaller(t), startCaller(t)
	tracked.do("every kind") // not counted yet
	track(t, tracer, tracked.pid())
	tracked.do("every kind")
	other.do("every kind") // never counted
	got, _ := finish(t, tracer, tracked.pid())
	tracked.do("every kind") // not counted any more
	var want []volume.Counted
	for range repeats {
		for _, k := range kinds() {
			want = append(want, k.counts...)
		}
	}
	if diff := gocmp.Diff(summed(want), got); diff != "" {
		t.Errorf("want(-) got(+):\n%s", diff)
	}
	for _, shape := range calls {
		if !slices.ContainsFunc(got, func(c volume.Counted) bool { return c.Call == shape.name }) {
			t.Errorf("%s was not called", shape.name)
		}
	}
}

// The kernel's classes are those of package volume.
func TestSizeClasses(t *testing.T) {
	tracer, kid := open(t), startCaller(t)
	track(t, tracer, kid.pid())
	kid.do("sizes")
	got, _ := finish(t, tracer, kid.pid())
	var want []volume.Counted
	for _, n := range allSizes() {
		want = append(want, truth(fdNull, "write", volume.Out, min(n, maxTransfer)))
	}
	if diff := gocmp.Diff(summed(want), got); diff != "" {
		t.Errorf("want(-) got(+):\n%s", diff)
	}
}

// No call is lost between threads that use one descriptor at once.
func TestThreads(t *testing.T) {
	tracer, kid := open(t), startCaller(t)
	track(t, tracer, kid.pid())
	kid.do("threads")
	got, _ := finish(t, tracer, kid.pid())
	want := truth(fdNull, "write", volume.Out, 10)
	want.Counter.Bytes = 10 * threads * writesPerThread
	want.Counter.Sizes[volume.SizeClass(10)] = threads * writesPerThread
	if diff := gocmp.Diff([]volume.Counted{want}, got); diff != "" {
		t.Errorf("want(-) got(+):\n%s", diff)
	}
}

// Calls that began before they could be seen, or have not returned at the end.
func TestBlockedCalls(t *testing.T) {
	read := truth(fdBlockRead, "read", volume.In, 3)
	write := truth(fdBlockWrite, "write", volume.Out, 3)
	t.Run("returns", func(t *testing.T) {
		tracer, kid := open(t), startCaller(t)
		track(t, tracer, kid.pid())
		kid.do("block")
		kid.untilBlocked()
		kid.do("unblock")
		got, _ := finish(t, tracer, kid.pid())
		if diff := gocmp.Diff([]volume.Counted{read, write}, got); diff != "" {
			t.Errorf("want(-) got(+):\n%s", diff)
		}
	})
	t.Run("began before", func(t *testing.T) {
		tracer, kid := open(t), startCaller(t)
		kid.do("block")
		kid.untilBlocked()
		track(t, tracer, kid.pid())
		kid.do("unblock")
		got, _ := finish(t, tracer, kid.pid())
		if diff := gocmp.Diff([]volume.Counted{read, write}, got); diff != "" {
			t.Errorf("want(-) got(+):\n%s", diff)
		}
	})
	for _, before := range []bool{false, true} {
		t.Run(fmt.Sprintf("does not return, began before: %t", before), func(t *testing.T) {
			tracer, kid := open(t), startCaller(t)
			if !before {
				track(t, tracer, kid.pid())
			}
			kid.do("block")
			kid.untilBlocked()
			if before {
				track(t, tracer, kid.pid())
			}
			got, r := finish(t, tracer, kid.pid())
			if len(got) != 0 {
				t.Errorf("counted %+v", got)
			}
			// The caller's main thread waits for what it is told, on descriptor 0.
			i := slices.IndexFunc(r.Pending, func(p volume.Pending) bool { return p.FD == fdBlockRead })
			if i < 0 {
				t.Fatalf("not pending: %+v", r.Pending)
			}
			p := r.Pending[i]
			if p.ForNS == 0 || p.TID == 0 {
				t.Errorf("no time or no thread: %+v", p)
			}
			p.ForNS, p.TID = 0, 0
			if want := (volume.Pending{PID: kid.pid(), FD: fdBlockRead, Call: "read", Direction: volume.In, BeganBefore: before}); p != want {
				t.Errorf("%+v, want %+v", p, want)
			}
		})
	}
}

// Processes may be added and taken away.
func TestTrack(t *testing.T) {
	tracer, one, two := open(t), startCaller(t), startCaller(t)
	track(t, tracer, one.pid())
	two.do("sizes")
	track(t, tracer, one.pid(), two.pid())
	two.do("sizes")
	track(t, tracer)
	two.do("sizes")
	got, _ := finish(t, tracer, two.pid())
	if len(got) != 1 || got[0].Counter.Calls() != uint64(len(allSizes())) {
		t.Errorf("%+v", got)
	}
	for _, pid := range []int{-1, 0, 1 << 22} {
		if tracer.Track([]int{pid}) == nil {
			t.Errorf("tracking pid %d", pid)
		}
	}
}

// More descriptors than there is room for: what is left out is known.
func TestTableFull(t *testing.T) {
	tracer, kid := open(t), startCaller(t)
	track(t, tracer, kid.pid())
	kid.do("many")
	r, err := tracer.Finish()
	if err != nil {
		t.Fatal(err)
	}
	var seen uint64
	for _, c := range r.Counted {
		if c.FD < 1000 {
			continue
		}
		if c.Call != "write" || c.Counter.Failed != 1 {
			t.Fatalf("%+v", c)
		}
		seen++
	}
	// The caller's own reading and writing may be left out as well.
	if seen == 0 || r.LostCalls == 0 || seen+r.LostCalls < manyDescriptors || seen+r.LostCalls > manyDescriptors+100 {
		t.Errorf("%d seen and %d lost of %d", seen, r.LostCalls, manyDescriptors)
	}
}

func TestTiming(t *testing.T) {
	tracer, kid := open(t), startCaller(t)
	track(t, tracer, kid.pid())
	timing, err := tracer.StartTiming()
	if err != nil {
		t.Fatal(err)
	}
	kid.do("sizes")
	cost, err := timing.Stop()
	if err != nil {
		t.Fatal(err)
	}
	// Both programs run for each call.
	if runs := uint64(2 * len(allSizes())); cost.Runs < runs || cost.RunNS == 0 || cost.TimedNS == 0 {
		t.Errorf("%+v, want at least %d runs", cost, runs)
	}
}

// Somebody without the right to do so is told what is needed.
func TestUnprivileged(t *testing.T) {
	if os.Getuid() == 0 {
		open(t) // it is the right that will be missing, nothing else
	} else if err := available(); err != nil {
		t.Skip(err)
	}
	exe := filepath.Join(t.TempDir(), "test")
	copyProgram(t, exe)
	c := exec.Command(exe)
	c.Env = append(os.Environ(), callerEnv+"=open")
	if os.Getuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"eBPF is not available: ", ": operation not permitted\n", "hint: run it as root, or with CAP_BPF and CAP_PERFMON\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in %q", want, out)
		}
	}
}

// copyProgram puts the test binary where anybody may run it.
func copyProgram(t *testing.T, to string) {
	t.Helper()
	for dir := filepath.Dir(to); strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, program, 0o755); err != nil {
		t.Fatal(err)
	}
}
