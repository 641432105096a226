package guard

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl"
	"pausetest/internal/procctl/proctable"
)

// TestMain lets the test binary play the guard and the controller, so that both
// can be killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "guard":
			syscall.Exit(Main()) // not os.Exit, which under the race detector waits for a second
		case "controller":
			os.Exit(playController(os.Args[2:]))
		case "freezer":
			os.Exit(playFreezer(os.Args[2:]))
		}
	}
	os.Exit(m.Run())
}

// playController is a run that pauses the processes named in its arguments. It
// says on stdout how far it has come and waits for lines on stdin.
//
//	controller MODE STATEDIR LEASE MAXPAUSE PID:TICKS...
func playController(args []string) int {
	lease, err1 := time.ParseDuration(args[2])
	maxPause, err2 := time.ParseDuration(args[3])
	var victims []*procctl.Handle
	var errs []error
	for _, arg := range args[4:] {
		var id procctl.ProcID
		_, err := fmt.Sscanf(arg, "%d:%d", &id.PID, &id.StartTicks)
		h, err2 := procctl.Open(id)
		victims, errs = append(victims, h), append(errs, err, err2)
	}
	g, err3 := Start(context.Background(), Config{StateDir: args[1], Lease: lease, MaxPause: maxPause})
	if err := errors.Join(append(errs, err1, err2, err3)...); err != nil {
		fmt.Println("error", err)
		return 1
	}
	c := &controller{g: g, victims: victims, in: bufio.NewScanner(os.Stdin)}
	fmt.Println("guard", g.PID())
	switch args[0] {
	case "loop":
		c.loop()
	case "hold":
		c.hold()
	case "late":
		c.late()
	}
	fmt.Println("lost", g.Err())
	c.resume(victims)
	if err := g.Close(); err != nil {
		fmt.Println("error", err)
		return 1
	}
	return 0
}

type controller struct {
	g       *Guard
	victims []*procctl.Handle
	in      *bufio.Scanner
}

// pause stops the processes, the first first, as StopTree would.
func (c *controller) pause(victims []*procctl.Handle) error {
	if err := c.g.Account(1).Intend(victims); err != nil {
		return err
	}
	stop(victims)
	return nil
}

func stop(victims []*procctl.Handle) {
	for _, h := range victims {
		if err := h.Stop(); err != nil && !errors.Is(err, procctl.ErrGone) {
			fmt.Println("error", err)
		}
	}
}

func (c *controller) resume(victims []*procctl.Handle) {
	for _, h := range slices.Backward(victims) {
		if err := h.Continue(); err != nil && !errors.Is(err, procctl.ErrGone) {
			fmt.Println("error", err)
		}
	}
	if err := c.g.Forget(victims); err != nil {
		fmt.Println("error", err)
	}
}

// loop pauses and resumes everything as fast as it can until the guard is lost.
func (c *controller) loop() {
	for c.pause(c.victims) == nil {
		for range rand.IntN(4) {
			time.Sleep(time.Duration(rand.IntN(int(time.Millisecond))))
			if c.g.Beat() != nil {
				return
			}
		}
		c.resume(c.victims)
	}
}

// hold pauses everything and beats on without ever resuming.
func (c *controller) hold() {
	if err := c.pause(c.victims); err != nil {
		fmt.Println("error", err)
	}
	fmt.Println("paused")
	for c.g.Beat() == nil {
		time.Sleep(10 * time.Millisecond)
	}
}

// late pauses the first victim, announces the others, and stops them only when
// it is told to, whatever the guard has done in between.
func (c *controller) late() {
	if err := errors.Join(c.pause(c.victims[:1]), c.g.Account(1).Intend(c.victims[1:])); err != nil {
		fmt.Println("error", err)
	}
	fmt.Println("announced")
	c.in.Scan()
	stop(c.victims[1:])
	fmt.Println("stopped")
	c.in.Scan()
	<-c.g.Lost() // the guard's word may arrive later than its deed
	fmt.Println("beat", c.g.Beat())
	fmt.Println("intend", c.g.Account(1).Intend(c.victims))
}

// A run is a controller under test.
type run struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Scanner
	guard  *procctl.Handle
}

func startRun(t *testing.T, mode, dir string, lease, maxPause time.Duration, victims []procctl.ProcID) *run {
	t.Helper()
	return startRunAs(t, nil, mode, dir, lease, maxPause, victims)
}

// startRunAs starts a controller as another user; nil means as ourselves.
func startRunAs(t *testing.T, user *syscall.Credential, mode, dir string, lease, maxPause time.Duration, victims []procctl.ProcID) *run {
	t.Helper()
	args := []string{"controller", mode, dir, lease.String(), maxPause.String()}
	for _, id := range victims {
		args = append(args, fmt.Sprintf("%d:%d", id.PID, id.StartTicks))
	}
	return startProgram(t, user, args...)
}

// startProgram starts this test binary as a controller of some kind.
func startProgram(t *testing.T, user *syscall.Credential, args ...string) *run {
	t.Helper()
	r := &run{t: t, cmd: exec.Command("/proc/self/exe", args...)}
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: user}
	r.cmd.Stderr = os.Stderr
	r.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	var err1, err2 error
	r.stdin, err1 = r.cmd.StdinPipe()
	out, err2 := r.cmd.StdoutPipe()
	if err := errors.Join(err1, err2, r.cmd.Start()); err != nil {
		t.Fatal(err)
	}
	r.stdout = bufio.NewScanner(out)
	pid, err := strconv.Atoi(r.expect("guard"))
	if err != nil {
		t.Fatal(err)
	}
	if r.guard, err = procctl.Open(identify(t, pid)); err != nil {
		t.Fatal(err)
	}
	return r
}

// expect reads the next line, which must begin with word, and returns the rest.
func (r *run) expect(word string) string {
	r.t.Helper()
	if !r.stdout.Scan() {
		r.t.Fatalf("the controller ended before it said %q", word)
	}
	first, rest, _ := strings.Cut(r.stdout.Text(), " ")
	if first != word {
		r.t.Fatalf("the controller said %q, want %q", r.stdout.Text(), word)
	}
	return rest
}

func (r *run) signal(sig unix.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(sig); err != nil {
		r.t.Fatal(err)
	}
}

func (r *run) proceed() {
	r.t.Helper()
	if _, err := io.WriteString(r.stdin, "go\n"); err != nil {
		r.t.Fatal(err)
	}
}

// kill ends the controller and returns when it has ended.
func (r *run) kill() {
	r.t.Helper()
	r.signal(unix.SIGKILL)
	_ = r.cmd.Wait() // says "killed"
}

// guardEnds waits until the guard has ended by itself.
func (r *run) guardEnds() {
	r.t.Helper()
	within(r.t, "the guard ends", r.guard.Exited)
	r.guard.Close()
}

// endsWell waits for the controller's own end.
func (r *run) endsWell() {
	r.t.Helper()
	if err := r.cmd.Wait(); err != nil {
		r.t.Errorf("controller: %v", err)
	}
	r.guardEnds()
}

// within polls until a condition holds. Its limit is only there to end a test
// that has failed.
func within(t *testing.T, what string, holds func() bool) time.Duration {
	t.Helper()
	begin := time.Now()
	for !holds() {
		if time.Since(begin) > 20*time.Second {
			t.Fatalf("waited 20 s in vain until %s", what)
		}
		time.Sleep(100 * time.Microsecond)
	}
	return time.Since(begin)
}

// spawn starts a family of n processes that do nothing; the first is the parent
// of all others.
func spawn(t testing.TB, n int) []procctl.ProcID {
	t.Helper()
	return spawnAs(t, nil, n)
}

func spawnAs(t testing.TB, user *syscall.Credential, n int) []procctl.ProcID {
	t.Helper()
	const script = `i=1; while [ $i -lt $1 ]; do sleep 600 & i=$((i+1)); done; echo ready; while :; do wait; done`
	cmd := exec.Command("/bin/sh", "-c", script, "family", strconv.Itoa(n))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: user}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the family said %q: %v", line, err)
	}
	ids := []procctl.ProcID{identify(t, cmd.Process.Pid)}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for child := range strings.FieldsSeq(string(text)) {
		pid, err := strconv.Atoi(child)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, identify(t, pid))
	}
	if len(ids) != n {
		t.Fatalf("the family has %d members, want %d", len(ids), n)
	}
	return ids
}

// requireRoot skips a test that needs root, unless root was promised.
func requireRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if slices.Contains(strings.Split(os.Getenv("PAUSETEST_REQUIRE"), ","), "root") {
		t.Fatal("root is required and missing")
	}
	t.Skip("needs root")
}

func readStat(pid int) (proctable.Stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return proctable.Stat{}, err
	}
	return proctable.ParseStat(text)
}

func identify(t testing.TB, pid int) procctl.ProcID {
	t.Helper()
	stat, err := readStat(pid)
	if err != nil {
		t.Fatal(err)
	}
	return stat.ID()
}

// inState counts the processes in a state. Every process must be alive.
func inState(t *testing.T, state byte, ids []procctl.ProcID) int {
	t.Helper()
	n := 0
	for _, id := range ids {
		stat, err := readStat(id.PID)
		if err != nil || stat.ID() != id {
			t.Fatalf("pid %d is gone: %v", id.PID, err)
		}
		if stat.State == state {
			n++
		}
	}
	return n
}

func allRun(t *testing.T, ids []procctl.ProcID) func() bool {
	return func() bool { return inState(t, 'T', ids) == 0 }
}

func allStopped(t *testing.T, ids []procctl.ProcID) func() bool {
	return func() bool { return inState(t, 'T', ids) == len(ids) }
}
