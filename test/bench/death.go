package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"pausetest/internal/guard"
	"pausetest/internal/procctl"
)

const familySize = 20

// death measures how long after a controller's kill -9 everything that it had stopped
// runs again: on the machine as it is, and with twice as many spinning processes as
// processors.
func death(s *session) error {
	c, err := startCrowd(familySize)
	if err != nil {
		return err
	}
	// The guards of controllers that died become ours to wait for.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return errors.Join(err, c.end())
	}
	err = s.deaths(c)
	return errors.Join(err, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), c.end())
}

func (s *session) deaths(c *crowd) error {
	quiet, err := deathsOf(c, 1000)
	if err != nil {
		return err
	}
	burners, err := burn(2 * runtime.NumCPU())
	if err != nil {
		return err
	}
	busy, err := deathsOf(c, 200)
	if err := errors.Join(err, burners()); err != nil {
		return err
	}
	s.within("all run after the controller's death, median", median(quiet.running), time.Millisecond)
	s.alone("... of it until the kernel has ended the controller", median(quiet.ended))
	s.alone(fmt.Sprintf("... worst of %d", len(quiet.running)), slices.Max(quiet.running))
	s.alone(fmt.Sprintf("... under CPU load, median of %d", len(busy.running)), median(busy.running))
	s.within("... under CPU load, worst", slices.Max(busy.running), 100*time.Millisecond)
	return nil
}

// alone prints a time that nothing is held against.
func (s *session) alone(what string, took time.Duration) {
	fmt.Fprintf(s.table, "%s\t%v\t\t\t\t\n", what, took)
}

// within prints a time beside what it should not exceed.
func (s *session) within(what string, took, reach time.Duration) {
	s.line(what, took.String(), reach.String(), float64(took)/float64(reach), 1)
}

// deathTimes are how long after a kill -9 the controller had ended, and everything ran.
type deathTimes struct{ ended, running []time.Duration }

func deathsOf(c *crowd, rounds int) (times deathTimes, err error) {
	pids, err := c.members()
	if err != nil {
		return times, err
	}
	var family []*procctl.Handle
	for _, pid := range pids {
		id, err := identify(pid)
		if err != nil {
			return times, err
		}
		h, err := procctl.Open(id)
		if err != nil {
			return times, err
		}
		defer h.Close()
		family = append(family, h)
	}
	dir, err := os.MkdirTemp("", "pausetest-bench-")
	if err != nil {
		return times, err
	}
	defer os.RemoveAll(dir)
	for begin := time.Now(); len(times.running) < rounds && time.Since(begin) < time.Minute; {
		ended, running, err := oneDeath(dir, pids[0], family)
		if err != nil {
			return times, err
		}
		times.ended, times.running = append(times.ended, ended), append(times.running, running)
	}
	return times, nil
}

func oneDeath(dir string, root int, family []*procctl.Handle) (ended, running time.Duration, err error) {
	if _, err := guard.Recover(dir); err != nil { // the last one's journal
		return 0, 0, err
	}
	cmd := exec.Command("/proc/self/exe", "controller", dir, strconv.Itoa(root))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, 0, err
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	var guardPID int
	if _, err := fmt.Fscanln(bufio.NewReader(out), &guardPID); err != nil {
		return 0, 0, fmt.Errorf("waiting for the controller: %w", err)
	}
	controller, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	if err != nil {
		return 0, 0, err
	}
	defer unix.Close(controller)
	begin := time.Now()
	if err := cmd.Process.Kill(); err != nil {
		return 0, 0, err
	}
	if _, err := unix.Poll([]unix.PollFd{{Fd: int32(controller), Events: unix.POLLIN}}, 60_000); err != nil && err != unix.EINTR {
		return 0, 0, err
	}
	ended = time.Since(begin)
	for slices.ContainsFunc(family, stands) {
		if time.Since(begin) > time.Minute {
			return 0, 0, errors.New("processes are still stopped after a minute")
		}
	}
	running = time.Since(begin)
	_ = cmd.Wait()
	_, err = unix.Wait4(guardPID, nil, 0, nil) // it holds nothing any more
	return ended, running, err
}

// stands reports whether a thread of a process is stopped.
func stands(h *procctl.Handle) bool {
	states, err := h.State()
	return err == nil && states.Stopped > 0
}

func isStopped(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && bytes.HasPrefix(text[bytes.LastIndexByte(text, ')'):], []byte(") T"))
}

// playController stops a tree under a guard, says so, and waits for its death.
func playController(dir string, root int) error {
	g, err := guard.Start(context.Background(), guard.Config{StateDir: dir, MaxPause: time.Minute, Lease: time.Minute})
	if err != nil {
		return err
	}
	id, err := identify(root)
	if err != nil {
		return err
	}
	table := procctl.NewTable("")
	stopped, err := table.StopTree(context.Background(), []procctl.ProcID{id}, g.Account(1), procctl.StopOptions{Timeout: time.Minute, Never: []int{g.PID()}})
	if err != nil {
		return errors.Join(err, g.Close())
	}
	fmt.Println(g.PID())
	_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed, or the measurement ends
	return errors.Join(stopped.Continue(), g.Close())
}

// burn starts processes that spin until the returned function ends them.
func burn(n int) (end func() error, err error) {
	var all []*exec.Cmd
	for range n {
		cmd := exec.Command("sh", "-c", "while :; do :; done")
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL} // should we be killed
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		all = append(all, cmd)
	}
	return func() error {
		for _, cmd := range all {
			if err := cmd.Process.Kill(); err != nil {
				return err
			}
			_ = cmd.Wait()
		}
		return nil
	}, nil
}
