package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pausetest/internal/analysis"
)

// hog takes memory until somebody stops it.
func hog() {
	var taken [][]byte
	for range 1024 {
		block := make([]byte, 1<<20)
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1
		}
		taken = append(taken, block)
	}
	fmt.Println("took all", len(taken))
}

// as runs a program under another name by way of a shell, which first does
// something to itself: "echo $$ > ...".
func (p *patient) as(first, name string, args ...string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	c := exec.Command("bash", append([]string{"-c", first + `; exec -a "$0" "$@"`, name, exe}, args...)...)
	c.Env = p.env
	return c
}

// The kernel kills the controller for want of memory.
func TestOutOfMemory(t *testing.T) {
	require(t, "root")
	const mount = "/sys/fs/cgroup/memory"
	if _, err := os.Stat(filepath.Join(mount, "memory.limit_in_bytes")); err != nil {
		unmet(t, "cgroup", "no version 1 memory hierarchy is mounted at "+mount)
	}
	folder := filepath.Join(mount, fmt.Sprintf("pausetest-test-%d", os.Getpid()))
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := waitFor(10*time.Second, func() error { return os.Remove(folder) }); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(filepath.Join(folder, "memory.limit_in_bytes"), []byte("300M"), 0); err != nil {
		t.Fatal(err)
	}
	join := "echo $$ > " + folder + "/cgroup.procs"
	p := newPatient(t, 3)
	p.launch(p.as(join, "pausetest", p.args()...))
	p.untilPaused()
	// The controller is the kernel's first choice; its guard is not.
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", p.run.Process.Pid), []byte("1000"), 0); err != nil {
		t.Fatal(err)
	}
	greedy := p.as(join, "hog")
	if err := greedy.Start(); err != nil {
		t.Fatal(err)
	}
	defer greedy.Wait()
	defer greedy.Process.Kill()
	select {
	case err := <-p.ended:
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the controller ended with %v; stderr: %s", err, &p.stderr)
		}
	case <-time.After(time.Minute):
		t.Fatal("the controller was not killed")
	}
	p.allRunning(10 * time.Second)
}

// A disk that can't be written to: nothing is paused, nothing half-written.
func TestReadOnlyRunFolder(t *testing.T) {
	t.Parallel()
	require(t, "root")
	p := newPatient(t, 2)
	place := t.TempDir()
	if err := syscall.Mount("pausetest-test", place, "tmpfs", syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Unmount(place, syscall.MNT_DETACH) })
	p.out = filepath.Join(place, "run")
	p.start()
	p.exits(exitUsage, "making the run folder", "read-only file system", "hint: name a new folder")
	p.allRunning(0)
}

// Somebody who may stop the streams but not read their counters: the interface
// decides, and the report says so.
func TestNoPermissionForCounters(t *testing.T) {
	t.Parallel()
	require(t, "root")
	p := newPatient(t, 2)
	home, err := os.MkdirTemp("", "pausetest-nobody-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	if err := os.Chmod(home, 0o777); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(home, "program")
	copyProgram(t, program)
	p.out = filepath.Join(home, "run")
	p.env = append(os.Environ(), "PAUSETEST_STATE_DIR="+filepath.Join(home, "state"))
	c := exec.Command("setpriv", append([]string{"--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+kill", "--ambient-caps=+kill",
		"bash", "-c", `exec -a pausetest "$0" "$@"`, program}, p.args("--blocks", "2", "--levels", "ends")...)...)
	c.Env = p.env
	p.launch(c)
	p.exits(exitDone)
	p.allRunning(0)
	if r := p.kept(); r.DecidedBy != analysis.Interface || r.Blocks != 2 {
		t.Errorf("decided by %s after %d blocks", r.DecidedBy, r.Blocks)
	}
	if !strings.Contains(p.stdout.String(), "the interface") {
		t.Errorf("the report does not name the interface: %s", &p.stdout)
	}
}

func copyProgram(t *testing.T, to string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	from, err := os.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, from); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
