package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl"
	"pausetest/internal/procctl/proctable"
)

// pausing measures how long it takes until every thread of a family is seen stopped,
// beside a kill of the same pids and looking whether they are.
func pausing(s *session) error {
	for _, n := range []int{1, 10, 100, 1000} {
		c, err := startCrowd(n)
		if err != nil {
			return err
		}
		if err := errors.Join(s.pause(c, n), c.end()); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) pause(c *crowd, n int) error {
	pids, err := c.members()
	if err != nil {
		return err
	}
	root, err := identify(c.mother)
	if err != nil {
		return err
	}
	return s.compare(fmt.Sprintf("%d processes stopped", len(pids)), max(7, 300/n), []float64{1},
		contender{"StopTree", func() (time.Duration, error) { return stopTree(root) }},
		contender{"kill -STOP", func() (time.Duration, error) { return killStop(pids) }})
}

func identify(pid int) (procctl.ProcID, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return procctl.ProcID{}, err
	}
	stat, err := proctable.ParseStat(text)
	return stat.ID(), err
}

// unguarded is the ledger of a measurement: the guard's part is measured by itself.
type unguarded struct{}

func (unguarded) Intend([]*procctl.Handle) error { return nil }
func (unguarded) Forget([]*procctl.Handle) error { return nil }

func stopTree(root procctl.ProcID) (time.Duration, error) {
	begin := time.Now()
	s, err := procctl.NewTable("").StopTree(context.Background(), []procctl.ProcID{root}, unguarded{}, procctl.StopOptions{})
	took := time.Since(begin)
	if err != nil {
		return 0, err
	}
	return took, s.Continue()
}

// killStop is what an operator would do: kill, and look until all show T.
func killStop(pids []int) (time.Duration, error) {
	args := []string{"-STOP"}
	for _, pid := range pids {
		args = append(args, strconv.Itoa(pid))
	}
	begin := time.Now()
	if err := exec.Command("/bin/kill", args...).Run(); err != nil {
		return 0, err
	}
	for _, pid := range pids {
		for !isStopped(pid) {
		}
	}
	took := time.Since(begin)
	for _, pid := range pids {
		if err := unix.Kill(pid, unix.SIGCONT); err != nil {
			return 0, err
		}
	}
	return took, nil
}
