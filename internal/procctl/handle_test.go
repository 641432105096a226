package procctl

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl/proctable"
)

// require skips a test that needs something the environment lacks, unless the
// environment promised it.
func require(t *testing.T, name string, have bool) {
	t.Helper()
	if have {
		return
	}
	if slices.Contains(strings.Split(os.Getenv("PAUSETEST_REQUIRE"), ","), name) {
		t.Fatalf("PAUSETEST_REQUIRE names %s, which is missing", name)
	}
	t.Skipf("needs %s", name)
}

func open(t *testing.T, id ProcID) *Handle {
	t.Helper()
	h, err := Open(id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func allStopped(t *testing.T, h *Handle) func() bool {
	return func() bool {
		states, err := h.State()
		if err != nil {
			t.Fatal(err)
		}
		return states.AllStopped()
	}
}

func TestHandleStopsAndContinues(t *testing.T) {
	m := help(t, nil, "threads") // several threads
	h := open(t, m.id())
	if err := h.Stop(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all threads are stopped", func() bool {
		states, err := h.State()
		return err == nil && (states.AllStopped() || states.Pending())
	})
	if err := h.Continue(); err != nil {
		t.Fatal(err)
	}
	if states, err := h.State(); err != nil || states.Stopped > 0 {
		t.Errorf("after SIGCONT: %+v, %v", states, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	m := help(t, nil, "block")
	wrong := m.id()
	wrong.StartTicks--
	for name, c := range map[string]struct {
		id   ProcID
		want error
	}{
		"group":     {ProcID{PID: 0}, ErrForbidden},
		"broadcast": {ProcID{PID: -1}, ErrForbidden},
		"a group":   {ProcID{PID: -m.cmd.Process.Pid}, ErrForbidden},
		"init":      {identify(t, 1), ErrForbidden},
		"ourselves": {identify(t, os.Getpid()), ErrForbidden},
		"another":   {wrong, ErrGone},
		"nobody":    {ProcID{PID: 1 << 22, StartTicks: 1}, ErrGone},
	} {
		if h, err := Open(c.id); !errors.Is(err, c.want) && !errors.Is(err, unix.EINVAL) {
			t.Errorf("%s: %v, %v; want %v", name, h, err, c.want)
		}
	}
	if p, err := readStat(2); err == nil && p.Flags&proctable.KernelThread != 0 {
		if _, err := Open(p.ID()); !errors.Is(err, ErrForbidden) {
			t.Errorf("kernel thread: %v", err)
		}
	}
}

func TestHandleOfEndedProcess(t *testing.T) {
	m := help(t, nil, "block")
	h := open(t, m.id())
	if h.Exited() {
		t.Fatal("exited before its end")
	}
	id := m.id()
	_ = m.stdin.Close()
	eventually(t, "it has exited", h.Exited) // a zombie: nobody has waited for it
	if _, err := Open(id); !errors.Is(err, ErrGone) {
		t.Errorf("opening a zombie: %v", err)
	}
	_ = m.cmd.Wait()
	if err := h.Stop(); !errors.Is(err, ErrGone) {
		t.Errorf("stopping: %v", err)
	}
	if _, err := h.State(); !errors.Is(err, ErrGone) {
		t.Errorf("state: %v", err)
	}
}

func TestIdentitySurvivesExec(t *testing.T) {
	m := help(t, nil, "exec")
	id := m.id()
	eventually(t, "it runs cat", func() bool { p, err := readStat(id.PID); return err == nil && p.Comm == "cat" })
	if h := open(t, id); h.Comm() != "cat" {
		t.Errorf("comm %q", h.Comm())
	}
}

func TestClosedHandleSignalsNobody(t *testing.T) {
	m := help(t, nil, "block")
	h := open(t, m.id())
	_ = h.Close()
	if err := h.Stop(); err == nil {
		t.Error("a closed handle stopped somebody")
	}
	if err := h.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

func TestNotPermitted(t *testing.T) {
	require(t, "root", os.Geteuid() == 0)
	m := help(t, nil, "block")
	folder, err := os.MkdirTemp("", "procctl") // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	exe := folder + "/helper"
	copyFile(t, os.Args[0], exe)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "PROCCTL_TEST_HELPER=unprivileged", "PROCCTL_TEST_PID="+itoa(m.cmd.Process.Pid))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	cmd.Dir = "/"
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "refused as it should be") {
		t.Errorf("%v: %s", err, out)
	}
}

// A process whose pid was used before is not the one we knew. In a pid namespace
// of its own the next pid can be chosen.
func TestReusedPIDIsNeverSignalled(t *testing.T) {
	require(t, "root", os.Geteuid() == 0)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "PROCCTL_TEST_HELPER=reuse")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "no stranger was touched") {
		t.Errorf("%v: %s", err, out)
	}
}
