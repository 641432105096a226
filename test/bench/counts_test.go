package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pausetest/internal/procctl"
	"pausetest/internal/stream"
)

// What can be checked on any machine, however busy: counts. Times are for `make
// bench`.

// TestMain plays the program whose system calls are counted.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == counted {
		n, err := strconv.Atoi(os.Args[3])
		if err == nil {
			err = countedWork[os.Args[2]](n)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

const counted = "counted"

var countedWork = map[string]func(int) error{
	"look": func(times int) error {
		table, scope := procctl.NewTable(""), &stream.Scope{}
		for range times {
			if err := look(table, scope); err != nil {
				return err
			}
		}
		return nil
	},
	"stop": func(mother int) error {
		id, err := identify(mother)
		if err == nil {
			_, err = stopTree(id)
		}
		return err
	},
}

// Whatever is called to read files and to signal. The Go runtime's own waiting is
// left out: how often it waits depends on the clock.
const countedCalls = "trace=openat,read,pread64,close,readlinkat,getdents64,newfstatat,?fstat,fcntl,epoll_ctl,?poll,ppoll,pidfd_open,pidfd_send_signal"

// callsOf counts the system calls of a piece of work.
func callsOf(t *testing.T, work string, argument int) float64 {
	t.Helper()
	counts := filepath.Join(t.TempDir(), "counts")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(strace(t), "-f", "-c", "-o", counts, "-e", countedCalls, exe, counted, work, strconv.Itoa(argument))
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("strace: %v\n%s", err, said)
	}
	text, err := os.ReadFile(counts)
	if err != nil {
		t.Fatal(err)
	}
	total := regexp.MustCompile(`(?m)^\s*100\.00\s+\S+\s+\d+\s+(\d+)\s.*total$`).FindSubmatch(text)
	if total == nil {
		t.Fatalf("strace counted:\n%s", text)
	}
	n, err := strconv.Atoi(string(total[1]))
	if err != nil {
		t.Fatal(err)
	}
	return float64(n)
}

func strace(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("strace")
	require(t, "strace", err == nil)
	return path
}

// require skips a test for want of what PAUSETEST_REQUIRE does not name.
func require(t *testing.T, name string, have bool) {
	t.Helper()
	switch {
	case have:
	case slices.Contains(strings.Split(os.Getenv("PAUSETEST_REQUIRE"), ","), name):
		t.Fatalf("PAUSETEST_REQUIRE names %s, which is missing", name)
	default:
		t.Skipf("needs %s", name)
	}
}

// again runs a test once more where nobody else's processes are.
func again(t *testing.T) {
	t.Helper()
	require(t, "root", os.Geteuid() == 0)
	strace(t)
	cmd, err := inOwnProc("-test.run=^"+t.Name()+"$", "-test.v")
	if err != nil {
		t.Fatal(err)
	}
	said, err := cmd.CombinedOutput()
	t.Logf("%s", said)
	if err != nil {
		t.Error(err)
	}
}

// among runs test while there is a crowd of n.
func among(t *testing.T, n int, test func(*crowd)) {
	t.Helper()
	c, err := startCrowd(n)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.end(); err != nil {
			t.Error(err)
		}
	}()
	test(c)
}

// The cost of one process more is what is checked: the rest of a machine, and of a
// program that starts, is in both.

func TestCallsOfALook(t *testing.T) {
	if os.Getpid() != 1 {
		again(t)
		return
	}
	const few, many = 100, 1100
	var first, second []float64
	for range 3 { // and the middle counts: others come and go meanwhile, some in crowds
		var calls [2][2]float64
		for i, n := range []int{few, many} {
			among(t, n, func(*crowd) {
				calls[0][i] = callsOf(t, "look", 1)
				calls[1][i] = callsOf(t, "look", 2) - calls[0][i]
			})
		}
		first = append(first, (calls[0][1]-calls[0][0])/(many-few))
		second = append(second, (calls[1][1]-calls[1][0])/(many-few))
	}
	slices.Sort(first)
	slices.Sort(second)
	atMost(t, "a first look", first[1], 7) // stat, command line, executable
	atMost(t, "a rescan", second[1], 3)
}

func TestCallsOfAStop(t *testing.T) {
	const few, many = 20, 220
	var calls [2]float64
	for i, n := range []int{few, many} {
		among(t, n, func(c *crowd) {
			// The least of some: it looks again while somebody has not yet obeyed, and
			// how often that is depends on the clock.
			calls[i] = callsOf(t, "stop", c.mother)
			for range 4 {
				calls[i] = min(calls[i], callsOf(t, "stop", c.mother))
			}
		})
	}
	atMost(t, "a stop", (calls[1]-calls[0])/(many-few), 28)
}

// atMost allows for the processes of others that come and go meanwhile.
func atMost(t *testing.T, what string, calls, limit float64) {
	t.Helper()
	t.Logf("%s: %.2f system calls a process", what, calls)
	if calls > limit*1.15 {
		t.Errorf("%s: %.2f system calls a process, want at most %.0f", what, calls, limit)
	}
}

func TestAllocationsOfAReading(t *testing.T) {
	among(t, streams, func(c *crowd) {
		own, err := connections(streams)
		if err != nil {
			t.Fatal(err)
		}
		defer closeAll(own)
		r, err := newReadings(c, own)
		if err != nil {
			t.Fatal(err)
		}
		defer r.close()
		n := testing.AllocsPerRun(100, func() {
			if err := r.all(); err != nil {
				t.Error(err)
			}
		})
		if n != 0 {
			t.Errorf("a reading of interface, sockets and processes: %v allocations, want none", n)
		}
	})
}
