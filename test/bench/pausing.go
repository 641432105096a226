package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
		freezers, remove, err := freezersFor(c)
		if err == nil {
			err = s.pause(c, n, freezers)
		}
		if err := errors.Join(err, c.end(), remove()); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) pause(c *crowd, n int, freezers []contender) error {
	pids, err := c.members()
	if err != nil {
		return err
	}
	root, err := identify(c.mother)
	if err != nil {
		return err
	}
	contenders := append([]contender{
		{"StopTree", func() (time.Duration, error) { return stopTree(root) }},
		{"kill -STOP", func() (time.Duration, error) { return killStop(pids) }},
	}, freezers...)
	return s.compare(fmt.Sprintf("%d processes stopped", len(pids)), max(7, 300/n), []float64{1, 0, 0}, contenders...)
}

// freezersFor puts the crowd into a cgroup of each mounted hierarchy that can freeze.
// The cgroups can be removed when the crowd has ended.
func freezersFor(c *crowd) (all []contender, remove func() error, err error) {
	var folders []string
	remove = func() (err error) {
		for _, folder := range folders {
			err = errors.Join(err, os.Remove(folder))
		}
		return err
	}
	pids, err := c.members()
	if err != nil {
		return nil, remove, err
	}
	mounts, err := procctl.NewTable("").Mounts(os.Getpid())
	if err != nil {
		return nil, remove, err
	}
	path := fmt.Sprintf("/pausetest-bench-%d", os.Getpid())
	for _, in := range []proctable.Cgroup{{Path: path}, {Path: path, Controllers: []string{"freezer"}}} {
		candidates := proctable.CgroupDirs(in, mounts)
		if len(candidates) == 0 || os.Mkdir(candidates[0], 0o755) != nil {
			continue // not mounted, or not ours to use
		}
		folders = append(folders, candidates[0])
		for _, pid := range pids {
			if err := os.WriteFile(filepath.Join(candidates[0], "cgroup.procs"), fmt.Append(nil, pid), 0); err != nil {
				return nil, remove, err
			}
		}
		name := "cgroup freezer, version 2"
		if in.Controllers != nil {
			name = "cgroup freezer, version 1"
		}
		all = append(all, contender{name, func() (time.Duration, error) { return freeze(candidates[0]) }})
	}
	return all, remove, nil
}

// freeze freezes a cgroup, looks until all in it stands still, and thaws it.
func freeze(folder string) (took time.Duration, err error) {
	begin := time.Now()
	id, err := procctl.FindCgroup(folder)
	if err != nil {
		return 0, err
	}
	cgroup, err := procctl.OpenCgroup(id)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, cgroup.Thaw(), cgroup.Close()) }()
	if err := cgroup.Freeze(); err != nil {
		return 0, err
	}
	for {
		state, err := cgroup.State()
		if err != nil || state.Frozen {
			return time.Since(begin), err
		}
	}
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
	s, err := procctl.NewTable("").StopTree(context.Background(), []procctl.ProcID{root}, unguarded{}, procctl.StopOptions{Timeout: time.Minute})
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
