package vitals

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pausetest/internal/netstat"
	"pausetest/internal/recording"
)

// require skips a test for want of something, or fails it when PAUSETEST_REQUIRE says
// that this machine has it.
func require(t *testing.T, what, missing string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("PAUSETEST_REQUIRE"), ","), what) {
		t.Fatalf("%s is required: %s", what, missing)
	}
	t.Skipf("needs %s: %s", what, missing)
}

// delayAccounting switches the kernel's accounting for delays until the end of the
// test. It counts for what is started from then on.
func delayAccounting(t *testing.T, on string) {
	t.Helper()
	const name = "/proc/sys/kernel/task_delayacct"
	before, err := os.ReadFile(name)
	if err != nil {
		require(t, "taskstats", err.Error())
	}
	if os.Geteuid() != 0 {
		require(t, "root", "only root switches it")
	}
	if err := os.WriteFile(name, []byte(on), 0); err != nil {
		require(t, "root", err.Error())
	}
	t.Cleanup(func() {
		if err := os.WriteFile(name, before, 0); err != nil {
			t.Error(err)
		}
	})
}

// smallMemory makes a group of processes that may have 8 MiB of memory, and returns
// the file that takes them in.
func smallMemory(t *testing.T) string {
	t.Helper()
	for _, in := range []struct{ hierarchy, limit string }{{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, {"/sys/fs/cgroup", "memory.max"}} {
		name := filepath.Join(in.hierarchy, fmt.Sprintf("pausetest-vitals-%d", os.Getpid()))
		if err := os.Mkdir(name, 0o755); err != nil {
			continue
		}
		t.Cleanup(func() {
			if err := os.Remove(name); err != nil {
				t.Error(err)
			}
		})
		limit := filepath.Join(name, in.limit)
		if _, err := os.Stat(limit); err != nil {
			continue // no such group, or one without this controller
		}
		if err := os.WriteFile(limit, []byte("8388608"), 0); err == nil {
			return filepath.Join(name, "cgroup.procs")
		}
	}
	require(t, "memcg", "no group of processes gets a limit of memory")
	return ""
}

// observed is an observer of one process.
func observed(t *testing.T, pid int) *Observer {
	t.Helper()
	s := snapshot(t)
	o := New(netstat.MonotonicNS)
	o.Watch(Members(s, []Path{{Stream: 1, Source: s.ByPID(pid).ID}}), nil)
	return o
}

// TestObserverDelays has a process read more through the page cache than it may have
// memory, so that it must make room itself.
func TestObserverDelays(t *testing.T) {
	delayAccounting(t, "1")
	group := smallMemory(t)
	hole := filepath.Join(t.TempDir(), "hole")
	if err := os.WriteFile(hole, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(hole, 1<<40); err != nil {
		t.Fatal(err)
	}
	reader := exec.Command("sh", "-c", `echo $$ > "$0" && exec cat "$1"`, group, hole)
	o := observed(t, start(t, reader))
	if o.delays == nil {
		require(t, "taskstats", "the delays can't be read")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var first, last *recording.MemoryDelays
	err := o.Run(ctx, func(v recording.Vitals) bool {
		for _, p := range v.Processes {
			if last = p.MemoryDelays; first == nil {
				first = last
			}
		}
		if first != nil && last != nil && last.ReclaimNS > first.ReclaimNS {
			cancel()
		}
		return true
	})
	if err != nil || first == nil || last == nil || last.ReclaimNS <= first.ReclaimNS || last.Threads != 1 {
		t.Errorf("from %+v to %+v, %v", first, last, err)
	}
}

// TestNoDelays has the kernel account for nothing.
func TestNoDelays(t *testing.T) {
	delayAccounting(t, "0")
	o := observed(t, start(t, exec.Command("sleep", "1000")))
	if o.delays != nil {
		t.Error("delays are read that nobody accounts for")
	}
	for _, v := range records(t, o, 1) {
		for _, p := range v.Processes {
			if p.MemoryDelays != nil || p.CPU == nil {
				t.Errorf("%+v", p)
			}
		}
	}
}
