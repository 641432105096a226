package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"pausetest/internal/demo"
)

// watchingRun is a whole pausetest run that looks at the streams of a demo and
// samples lo ten times a second, its guard beside it, and pauses nobody.
type watchingRun struct {
	cmd  *exec.Cmd
	dir  string
	said strings.Builder
}

// A schedule that lets everything run for longer than any measurement.
const withoutPauses = "repeat: 100\nsettle: 100ms\nsegments:\n  - active: all\n    hold: 9s\n"

// startWatching returns when the recording grows.
func startWatching(binary string, streams []demo.Stream) (*watchingRun, error) {
	dir, err := os.MkdirTemp("", "pausetest-bench-")
	if err != nil {
		return nil, err
	}
	w := &watchingRun{dir: dir}
	schedule := filepath.Join(dir, "schedule.yaml")
	if err := os.WriteFile(schedule, []byte(withoutPauses), 0o600); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	args := []string{"run", "--quiet", "--config", "", "--iface", "lo", "--schedule", schedule, "--out", filepath.Join(dir, "run")}
	for _, s := range streams {
		args = append(args, "--pid", strconv.Itoa(s.SourcePID))
	}
	w.cmd = exec.Command(binary, args...)
	w.cmd.Env = append(os.Environ(), "PAUSETEST_STATE_DIR="+filepath.Join(dir, "state"))
	w.cmd.Stdout, w.cmd.Stderr = &w.said, &w.said
	if err := w.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	for deadline := time.Now().Add(10 * time.Second); w.recorded() < 5; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			return nil, errors.Join(w.end(), fmt.Errorf("starting to watch: %s", &w.said))
		}
	}
	return w, nil
}

// recorded counts the lines of the recording.
func (w *watchingRun) recorded() int {
	text, _ := os.ReadFile(filepath.Join(w.dir, "run", "recording.jsonl")) // may not be there yet
	return bytes.Count(text, []byte("\n"))
}

// end interrupts it: it has nothing to resume, and what it says is not wanted.
func (w *watchingRun) end() error {
	err := w.cmd.Process.Signal(unix.SIGINT)
	_ = w.cmd.Wait() // its exit code tells of the signal
	return errors.Join(err, os.RemoveAll(w.dir))
}

// usage is what a process and its children have cost: pausetest has a guard, sar a
// collector.
type usage struct {
	cpu time.Duration
	// residentBytes counts what they share with each other, or with others, by halves
	// (Pss, proc_pid_smaps(5)).
	residentBytes int64
}

// usageOf reads it from /proc. What the kernel tells a parent that waits begins with
// the memory of the parent itself.
func usageOf(pid int) (u usage, err error) {
	family := []string{strconv.Itoa(pid)}
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // each thread has its own
	if err != nil {
		return u, err
	}
	for _, list := range lists {
		children, _ := os.ReadFile(list) // unless that thread has just ended
		family = append(family, strings.Fields(string(children))...)
	}
	for _, one := range family {
		threads, err := filepath.Glob("/proc/" + one + "/task/*/schedstat")
		if err != nil {
			return u, err
		}
		for _, thread := range threads {
			// Time on a processor in nanoseconds. What stat has is in ticks, and a task
			// that a tick wakes is charged for whole ones, or for none.
			text, _ := os.ReadFile(thread)
			var ns int64
			fmt.Sscan(string(text), &ns)
			u.cpu += time.Duration(ns)
		}
		maps, err := os.ReadFile("/proc/" + one + "/smaps_rollup")
		if err != nil {
			return u, err
		}
		for line := range strings.Lines(string(maps)) {
			if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
				var kB int64
				fmt.Sscan(rest, &kB)
				u.residentBytes += kB * 1024
			}
		}
	}
	return u, nil
}

// during is what it costs meanwhile, and what it holds at the end.
func during(pid int, span time.Duration) (usage, error) {
	before, err := usageOf(pid)
	if err != nil {
		return usage{}, err
	}
	time.Sleep(span)
	after, err := usageOf(pid)
	after.cpu -= before.cpu
	return after, err
}

// costOf starts a watcher that goes on until it is killed, and lets it get going
// first.
func costOf(args []string) (u usage, err error) {
	cmd := exec.Command(args[0], args[1:]...)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = io.Discard, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // sar's collector is to end with it
	if err := cmd.Start(); err != nil {
		return u, err
	}
	time.Sleep(time.Second)
	if u, err = during(cmd.Process.Pid, watchSpan); err != nil {
		err = fmt.Errorf("%s", cmp.Or(strings.TrimSpace(said.String()), err.Error()))
	}
	_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
	_ = cmd.Wait()
	return u, err
}

func startDemo(linkBytesPerSecond int64) (*demo.Demo, error) {
	return demo.Start(context.Background(), demo.Config{
		Topology: demo.Separate, Receivers: demo.Equal, LinkBytesPerSecond: linkBytesPerSecond, Arg: demoArg,
	})
}
