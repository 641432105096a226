package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
)

// A patient is a live run of this program on writers of ours, to which bad
// things are done.
type patient struct {
	t       *testing.T
	writers []*exec.Cmd
	run     *exec.Cmd
	out     string
	env     []string
	stdout  output
	stderr  output
	ended   chan error
}

// output is what a process has printed so far; it may be read meanwhile.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// newPatient starts so many writers. Their names are of this test alone.
func newPatient(t *testing.T, writers int) *patient {
	t.Helper()
	p := &patient{t: t, out: filepath.Join(t.TempDir(), "run"), ended: make(chan error, 1)}
	p.env = append(os.Environ(), "PAUSETEST_STATE_DIR="+filepath.Join(t.TempDir(), "state"))
	for i := range writers {
		p.startWriter(i)
	}
	for _, w := range p.writers {
		if err := waitFor(30*time.Second, func() error { return hasWritten(w.Process.Pid) }); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// startWriter starts one more writer.
func (p *patient) startWriter(number int) {
	p.t.Helper()
	w := p.command("writer", fmt.Sprintf("%s-%d", p.t.Name(), number))
	w.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := w.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		w.Process.Kill()
		w.Wait()
	})
	p.writers = append(p.writers, w)
}

// command is this test binary under another name, which makes it another
// program.
func (p *patient) command(name string, args ...string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	c := exec.Command(exe)
	c.Args = append([]string{name}, args...)
	c.Env = p.env
	return c
}

func (p *patient) args(more ...string) []string {
	return append([]string{"run", "--match", "^writer " + p.t.Name() + "-", "--iface", "lo", "--min-age", "0s",
		"--blocks", "1000", "--out", p.out}, more...)
}

// start starts the run.
func (p *patient) start(more ...string) {
	p.t.Helper()
	p.launch(p.command("pausetest", p.args(more...)...))
}

func (p *patient) launch(c *exec.Cmd) {
	p.t.Helper()
	p.run = c
	if c.Stdout == nil {
		c.Stdout = &p.stdout
	}
	if c.Stderr == nil {
		c.Stderr = &p.stderr
	}
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() { p.ended <- c.Wait() }()
	p.t.Cleanup(func() {
		c.Process.Signal(syscall.SIGCONT)
		c.Process.Kill()
	})
}

// untilPaused waits until at least one writer is stopped, and returns it.
func (p *patient) untilPaused() *exec.Cmd {
	p.t.Helper()
	var paused *exec.Cmd
	err := waitFor(30*time.Second, func() error {
		for _, w := range p.writers {
			if notStopped(w.Process.Pid) != nil {
				paused = w
				return nil
			}
		}
		return errors.New("no writer was paused")
	})
	if err != nil {
		p.t.Fatalf("%v; stderr: %s", err, &p.stderr)
	}
	return paused
}

// untilEvent waits until the recording tells of an event.
func (p *patient) untilEvent(kind recording.EventKind) {
	p.t.Helper()
	if err := waitFor(30*time.Second, func() error {
		text, err := os.ReadFile(filepath.Join(p.out, recordingFile))
		if err != nil || !bytes.Contains(text, fmt.Appendf(nil, `"kind":%q`, kind)) {
			return fmt.Errorf("no event %s was recorded", kind)
		}
		return nil
	}); err != nil {
		p.t.Fatalf("%v; stderr: %s", err, &p.stderr)
	}
}

// allRunning waits until no writer is stopped.
func (p *patient) allRunning(within time.Duration) {
	p.t.Helper()
	for _, w := range p.writers {
		if err := waitFor(within, func() error { return notStopped(w.Process.Pid) }); err != nil {
			p.t.Error(err)
		}
	}
}

// exits waits for the run's end and checks its exit code and what it said.
func (p *patient) exits(code int, says ...string) {
	p.t.Helper()
	select {
	case err := <-p.ended:
		got := 0
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			got = exit.ExitCode()
		}
		if got != code {
			p.t.Errorf("exit code %d, want %d; stderr: %s", got, code, &p.stderr)
		}
	case <-time.After(2 * time.Minute): // a busy machine draws slowly
		p.t.Fatalf("the run did not end; stderr: %s", &p.stderr)
	}
	for _, text := range says {
		if !strings.Contains(p.stderr.String(), text) {
			p.t.Errorf("stderr does not say %q: %s", text, &p.stderr)
		}
	}
	if strings.Contains(p.stderr.String(), "goroutine ") {
		p.t.Errorf("a stack trace: %s", &p.stderr)
	}
}

// kept reads the result that the run left.
func (p *patient) kept() analysis.Result {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.out, resultFile))
	if err != nil {
		p.t.Fatal(err)
	}
	var r analysis.Result
	if err := json.Unmarshal(text, &r); err != nil {
		p.t.Fatal(err)
	}
	return r
}

func TestSignalsResumeEverything(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			p := newPatient(t, 3)
			p.start()
			p.untilPaused()
			p.run.Process.Signal(s)
			p.exits(exitFailed, "pausetest: error: interrupted by a signal: "+s.String(), "hint: everything was resumed")
			p.allRunning(0)
			if r := p.kept(); !r.CutShort || r.Verdict != analysis.Inconclusive {
				t.Errorf("cut short %v, verdict %s", r.CutShort, r.Verdict)
			}
		})
	}
}

func TestKilledControllerLeavesNothingPaused(t *testing.T) {
	t.Parallel()
	p := newPatient(t, 3)
	p.start()
	p.untilPaused()
	p.run.Process.Kill()
	p.allRunning(5 * time.Second)
}

// A controller that is itself stopped misses its lease: the guard resumes the
// streams, and the run ends when it wakes up.
func TestStoppedControllerLeavesNothingPaused(t *testing.T) {
	t.Parallel()
	p := newPatient(t, 3)
	p.start()
	p.untilPaused()
	p.run.Process.Signal(syscall.SIGSTOP)
	p.allRunning(10 * time.Second)
	p.run.Process.Signal(syscall.SIGCONT)
	p.exits(exitFailed, "the guard fired")
	p.allRunning(0)
}

// Ctrl-Z: everything runs while the program is stopped; fg goes on.
func TestSuspendedByTheOperator(t *testing.T) {
	t.Parallel()
	p := newPatient(t, 3)
	p.start()
	p.untilPaused()
	p.run.Process.Signal(syscall.SIGTSTP)
	if err := waitFor(10*time.Second, func() error {
		if notStopped(p.run.Process.Pid) == nil {
			return errors.New("pausetest did not stop itself")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p.allRunning(0)
	// Longer than the lease: the guard has nothing to fire for.
	for until := time.Now().Add(3 * time.Second); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		p.allRunning(0)
	}
	p.run.Process.Signal(syscall.SIGCONT)
	p.untilPaused()
	p.run.Process.Signal(syscall.SIGINT)
	p.exits(exitFailed, "interrupted by a signal")
	p.allRunning(0)
}

func TestStreamKilledWhilePaused(t *testing.T) {
	t.Parallel()
	p := newPatient(t, 3)
	p.start()
	paused := p.untilPaused()
	paused.Process.Kill()
	p.untilEvent(recording.StreamEnded)
	p.untilPaused()
	p.run.Process.Signal(syscall.SIGINT)
	p.exits(exitFailed)
	p.allRunning(0)
	r := p.kept()
	ended := slices.ContainsFunc(r.Streams, func(s analysis.StreamResult) bool {
		return s.PID == paused.Process.Pid && s.EndedSec != nil
	})
	if !ended {
		t.Errorf("the result does not say that process %d ended: %+v", paused.Process.Pid, r.Streams)
	}
}

func TestForeignContinueIsNoticed(t *testing.T) {
	t.Parallel()
	p := newPatient(t, 3)
	p.start()
	p.untilEvent(recording.Paused) // before that it is StopTree's business
	p.untilPaused().Process.Signal(syscall.SIGCONT)
	p.untilEvent(recording.ForeignContinue)
	p.run.Process.Signal(syscall.SIGINT)
	p.exits(exitFailed)
}

// What somebody else had stopped is refused and stays stopped.
func TestStoppedBeforeUsStaysStopped(t *testing.T) {
	t.Parallel()
	p := newPatient(t, 3)
	before := p.writers[1] // in the middle: neither the first nor the last that is looked at
	before.Process.Signal(syscall.SIGSTOP)
	if err := waitFor(5*time.Second, func() error {
		if notStopped(before.Process.Pid) == nil {
			return errors.New("not stopped yet")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p.start("--blocks", "2", "--levels", "ends")
	p.exits(exitDone)
	if notStopped(before.Process.Pid) == nil {
		t.Error("a process that was stopped before us runs")
	}
	if n := len(p.kept().Streams); n != 2 {
		t.Errorf("%d streams took part, want 2", n)
	}
}

func TestSecondRunIsRefused(t *testing.T) {
	t.Parallel()
	p := newPatient(t, 2)
	p.start()
	p.untilPaused()
	var stderr bytes.Buffer
	second := p.command("pausetest", append(p.args(), "--out", p.out+"-2")...)
	second.Stderr = &stderr
	err := second.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != exitUsage {
		t.Errorf("second run: %v", err)
	}
	if !strings.Contains(stderr.String(), fmt.Sprint(p.run.Process.Pid)) {
		t.Errorf("the message does not name the holder %d: %s", p.run.Process.Pid, &stderr)
	}
	if _, err := os.Stat(p.out + "-2"); !errors.Is(err, os.ErrNotExist) {
		t.Error("the refused run left a folder")
	}
	p.run.Process.Signal(syscall.SIGINT)
	p.exits(exitFailed)
}

// A reader that goes away, of progress or of the result, does not kill a run.
func TestClosedOutput(t *testing.T) {
	t.Parallel()
	p := newPatient(t, 2)
	c := p.command("pausetest", p.args("--blocks", "2", "--levels", "ends")...)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout, c.Stderr = w, w
	p.launch(c)
	w.Close()
	r.Close()
	p.exits(exitFailed)
	p.allRunning(0)
	if r := p.kept(); r.CutShort || r.Blocks != 2 {
		t.Errorf("cut short %v, %d blocks", r.CutShort, r.Blocks)
	}
}

// A disk that fills up under the run: everything is resumed, the run ends, and
// the result is printed though it can't be kept.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	require(t, "root")
	p := newPatient(t, 2)
	small := t.TempDir()
	if err := syscall.Mount("pausetest-test", small, "tmpfs", 0, "size=20k"); err != nil {
		t.Fatalf("mounting a small disk: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(small, syscall.MNT_DETACH) })
	p.out = filepath.Join(small, "run")
	p.start()
	p.exits(exitFailed, "no space left on device", "hint: everything was resumed")
	p.allRunning(0)
	if !strings.Contains(p.stdout.String(), string(analysis.Inconclusive)) {
		t.Errorf("the verdict was not printed: %s", &p.stdout)
	}
}

// require skips a test that needs what is not there.
func require(t *testing.T, what string) {
	t.Helper()
	if what != "root" || os.Getuid() != 0 {
		unmet(t, what, "needs "+what)
	}
}

// unmet skips a test, unless the environment says that what it lacks has to be
// there.
func unmet(t *testing.T, what, reason string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("PAUSETEST_REQUIRE"), ","), what) {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// The interface that is sampled is removed while streams are paused.
func TestInterfaceRemoved(t *testing.T) {
	t.Parallel()
	require(t, "root")
	ns := fmt.Sprintf("ptif%d", os.Getpid())
	ip := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			unmet(t, "netns", fmt.Sprintf("ip %s: %v: %s", strings.Join(args, " "), err, out))
		}
	}
	ip("netns", "add", ns)
	t.Cleanup(func() { exec.Command("ip", "netns", "del", ns).Run() })
	ip("-n", ns, "link", "add", "pt0", "type", "veth", "peer", "name", "pt1")
	ip("-n", ns, "link", "set", "pt0", "up")

	p := newPatient(t, 2)
	inside := p.command("pausetest", p.args("--iface", "pt0")...)
	c := exec.Command("ip", append([]string{"netns", "exec", ns, "bash", "-c", `exec -a pausetest "$0" "$@"`, inside.Path}, inside.Args[1:]...)...)
	c.Env = p.env
	p.launch(c)
	p.untilPaused()
	ip("-n", ns, "link", "del", "pt0")
	p.exits(exitFailed, "sampling pt0: the interface is gone", "hint: everything was resumed")
	p.allRunning(0)
	p.untilEvent(recording.InterfaceLost)
}
