package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pausetest/internal/fdvol"
)

// requireBPF skips a test where calls can't be counted in the kernel.
func requireBPF(t *testing.T) {
	t.Helper()
	tracer, err := fdvol.Open()
	if err != nil {
		unmet(t, "bpf", err.Error())
	}
	tracer.Close()
}

// startWriter starts a writer: 10,000 bytes every 10 ms.
func startWriter(t *testing.T) int {
	t.Helper()
	exe, err := exec.LookPath("writer")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	if err := waitFor(30*time.Second, func() error { return hasWritten(c.Process.Pid) }); err != nil {
		t.Fatal(err)
	}
	return c.Process.Pid
}

func TestFdvolByEBPF(t *testing.T) {
	t.Parallel()
	requireBPF(t)
	pid := startWriter(t)
	out, err := exec.Command("pausetest", "fdvol", "--pid", strconv.Itoa(pid), "--duration", "500ms", "--method", "ebpf", "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var v fdVolume
	if err := json.Unmarshal(out, &v); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if v.Method != methodEBPF || v.NoEBPF != "" || len(v.Processes) != 1 || v.Processes[0].PID != pid || len(v.Warnings) != 0 {
		t.Errorf("%s", out)
	}
	var found bool
	for _, l := range v.Descriptors {
		if l.PID != pid {
			t.Errorf("a line of another process: %+v", l)
		}
		if l.What != os.DevNull || l.Calls == nil || l.CallDetails == nil {
			continue
		}
		found = true
		if l.Bytes == 0 || l.Bytes != 10_000**l.Calls || l.Failed != 0 || len(l.Sizes) != 1 || l.Sizes[0] != (sizeClass{8192, *l.Calls}) ||
			len(l.ByCall) != 1 || l.ByCall[0].Call != "write" || l.InCallSec <= 0 || len(l.Times) == 0 {
			t.Errorf("%s", out)
		}
	}
	if !found {
		t.Errorf("no line of /dev/null: %s", out)
	}
	if c := v.Cost; c.KernelShare == nil || *c.RunNS <= 0 || *c.RunsPerSec <= 0 || c.OwnShare <= 0 {
		t.Errorf("cost %+v", c)
	}
}

// Ctrl-C ends it early, with all that was seen.
func TestFdvolInterrupted(t *testing.T) {
	t.Parallel()
	requireBPF(t)
	var stdout, stderr bytes.Buffer
	c := exec.Command("pausetest", "fdvol", "--pid", strconv.Itoa(startWriter(t)), "--duration", "1h", "--classes")
	reader, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout = &stdout
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 200)
	n, err := reader.Read(first) // it says that it counts
	if err != nil || !strings.Contains(string(first[:n]), "Ctrl-C ends it early") {
		t.Fatalf("%q, %v", first[:n], err)
	}
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	stderr.ReadFrom(reader)
	if err := c.Wait(); err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	for _, want := range []string{"processes watched: 1, for ", "PROCESS  ", "cost: "} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("%q is not in %s", want, &stdout)
		}
	}
}

// Children that are born while it counts are counted, too.
func TestFdvolFollowsChildren(t *testing.T) {
	t.Parallel()
	requireBPF(t)
	folder := t.TempDir()
	start := filepath.Join(folder, "start")
	shell := exec.Command("bash", "-c", fmt.Sprintf("while [ ! -e %[1]s ]; do sleep 0.05; done; dd if=/dev/zero of=/dev/null bs=7000 & wait", start))
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Kill(-shell.Process.Pid, syscall.SIGKILL); shell.Wait() })
	c := exec.Command("pausetest", "fdvol", "--pid", strconv.Itoa(shell.Process.Pid), "--duration", "3s", "--json")
	reader, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	c.Stdout = &stdout
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	reader.Read(make([]byte, 200)) // it counts
	if err := os.WriteFile(start, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	var v fdVolume
	if err := json.Unmarshal(stdout.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	for _, l := range v.Descriptors {
		if l.Process == "dd" && l.What == "/dev/zero" && l.Bytes > 0 {
			return
		}
	}
	t.Errorf("dd was not counted: %s", &stdout)
}

func TestClassTexts(t *testing.T) {
	for from, want := range map[uint64]string{0: "0 B", 1: "1 B", 2: "2-3 B", 512: "512-1023 B", 1024: "1-2 KiB", 32 << 10: "32-64 KiB", 512 << 10: "512-1024 KiB", 1 << 20: "1-2 MiB", 1 << 30: "1-2 GiB"} {
		if got := sizeText(from); got != want {
			t.Errorf("sizeText(%d) = %q, want %q", from, got, want)
		}
	}
	for from, want := range map[uint64]string{0: "below 0.5 µs", 512: "from 0.512 µs", 1 << 20: "from 1.05 ms", 1 << 30: "from 1.07 s"} {
		if got := timeText(from); got != want {
			t.Errorf("timeText(%d) = %q, want %q", from, got, want)
		}
	}
}
