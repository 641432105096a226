package amanda_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A host is one of the two machines that lab.sh makes.
type host string

const (
	fileserver host = "fileserver"
	backuphost host = "backuphost"
)

// A lab is a folder in which lab.sh keeps two hosts and the data they back up.
type lab struct {
	script string
	folder string
}

// newLab makes a lab with three entries of sizeMB to dump, and no hosts yet.
func newLab(ctx context.Context, t *testing.T, sizeMB int) *lab {
	t.Helper()
	script, err := filepath.Abs("lab.sh")
	if err != nil {
		t.Fatal(err)
	}
	// Gigabytes, and out of /tmp, where each host has a folder of its own.
	folder, err := os.MkdirTemp("/var/tmp", "pausetest-amanda-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(folder, 0o755); err != nil { // Amanda's user goes through it
		t.Fatal(err)
	}
	l := &lab{script: script, folder: folder}
	l.must(ctx, t, "data", strconv.Itoa(sizeMB))
	return l
}

// command is "lab.sh NAME FOLDER ARGS...".
func (l *lab) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, l.script, append([]string{name, l.folder}, args...)...)
	// Something below the killed one may hold its output open; what it is ends
	// with its host.
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// must runs a command of the lab, which has to succeed, and returns its output.
func (l *lab) must(ctx context.Context, t *testing.T, name string, args ...string) string {
	t.Helper()
	return succeed(t, l.command(ctx, name, args...))
}

// on runs a program on a host.
func (l *lab) on(ctx context.Context, h host, args ...string) *exec.Cmd {
	return l.command(ctx, "in", append([]string{string(h)}, args...)...)
}

// succeed runs cmd to its end and returns its standard output.
func succeed(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, &stdout, &stderr)
	}
	return stdout.String()
}

// up stands both hosts up, until the end of the test.
func (l *lab) up(ctx context.Context, t *testing.T, auth, loop string) {
	t.Helper()
	// Not ctx: what is in the hosts ends when they do, and they end when
	// standard input does, even that of a test that was killed.
	cmd := l.command(context.Background(), "up", auth, loop)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	life, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		life.Close()
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case <-ended: // by then the kernel has ended all that was in the hosts
		case <-time.After(30 * time.Second):
			t.Error("the hosts live on, 30 s after their end")
		}
	})
	ready := make(chan error, 1)
	go func() {
		line, err := bufio.NewReader(stdout).ReadString('\n')
		if err == nil && line != "lab ready\n" {
			err = fmt.Errorf("lab.sh up: %q", line)
		}
		ready <- err
	}()
	select {
	case err = <-ready:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		t.Fatalf("lab.sh up: %v\n%s", err, &stderr)
	}
}

// A process is one of a host, under the pid that it has outside.
type process struct {
	pid   int
	state string // as in /proc/PID/stat: R, S, T, ...
	args  []string
}

// processes are those that run on a host now.
func (l *lab) processes(t *testing.T, h host) []process {
	t.Helper()
	first, err := os.ReadFile(filepath.Join(l.folder, string(h), "pid"))
	if err != nil {
		t.Fatal(err)
	}
	space, err := os.Readlink(fmt.Sprintf("/proc/%s/ns/pid", bytes.TrimSpace(first)))
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var found []process
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		// Whatever can't be read has ended meanwhile.
		if s, err := os.Readlink(filepath.Join("/proc", entry.Name(), "ns/pid")); err != nil || s != space {
			continue
		}
		stat, err1 := os.ReadFile(filepath.Join("/proc", entry.Name(), "stat"))
		args, err2 := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		_, rest, ok := bytes.Cut(stat[max(0, bytes.LastIndexByte(stat, ')')):], []byte(") "))
		if err1 != nil || err2 != nil || !ok {
			continue
		}
		found = append(found, process{pid, string(rest[:1]), strings.Split(strings.TrimRight(string(args), "\x00"), "\x00")})
	}
	return found
}

// A dump is a run of amdump.
type dump struct {
	cmd    *exec.Cmd
	output bytes.Buffer
}

// dump starts a dump of all entries, and returns at once.
func (l *lab) dump(ctx context.Context, t *testing.T) *dump {
	t.Helper()
	d := &dump{cmd: l.command(ctx, "dump")}
	d.cmd.Stdout, d.cmd.Stderr = &d.output, &d.output
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return d
}

// wait waits for the end of all dumps and of the taping.
func (d *dump) wait(t *testing.T) {
	t.Helper()
	if err := d.cmd.Wait(); err != nil {
		t.Fatalf("amdump: %v\n%s", err, &d.output)
	}
}

// copyFolder copies a folder that holds only files.
func copyFolder(t *testing.T, to, from string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// require skips the test for want of something, or fails it when
// PAUSETEST_REQUIRE says that this machine has to have it.
func require(t *testing.T, what, missing string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("PAUSETEST_REQUIRE"), ","), what) {
		t.Fatalf("%s is required, but %s", what, missing)
	}
	t.Skipf("no %s here: %s", what, missing)
}

// requireAmanda is require for all that lab.sh needs.
func requireAmanda(t *testing.T) {
	t.Helper()
	if testing.Short() {
		require(t, "amanda", "this is a short run")
	}
	if os.Geteuid() != 0 {
		require(t, "amanda", "this is not root, who alone can make hosts of namespaces")
	}
	for _, program := range []string{
		"/usr/sbin/amdump", "/usr/lib/amanda/amandad", "/usr/sbin/inetd",
		"/usr/share/perl5/Encode/Locale.pm", "/usr/bin/openssl", "/usr/bin/cc",
		"/usr/bin/unshare", "/usr/bin/pgrep",
	} {
		if _, err := os.Stat(program); err != nil {
			require(t, "amanda", fmt.Sprintf("%v; test/install-packages.sh installs what is missing", err))
		}
	}
	for _, program := range []string{"ip", "tc"} {
		if _, err := exec.LookPath(program); err != nil {
			require(t, "amanda", err.Error())
		}
	}
	hosts := exec.Command("unshare", "--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--mount-proc", "true")
	if out, err := hosts.CombinedOutput(); err != nil {
		require(t, "amanda", fmt.Sprintf("namespaces: %v: %s", err, out))
	}
}
