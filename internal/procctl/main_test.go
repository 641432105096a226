package procctl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl/proctable"
)

// markVariable is in the environment of everything that a test starts and is
// inherited by all that descends from it. By it tests find their processes
// without any of the rules under test.
const markVariable = "PROCCTL_TEST_MARK"

// helpers are what the test binary does when it is started again under the
// name of one of them.
var helpers = map[string]func(){
	"block":        func() { fmt.Println("ready"); _, _ = io.Copy(io.Discard, os.Stdin) },
	"threads":      helpForkFromThreads,
	"witness":      helpWitness,
	"exec":         func() { fmt.Println("ready"); _ = syscall.Exec("/bin/cat", []string{"cat"}, os.Environ()) },
	"unprivileged": helpUnprivileged,
	"reuse":        helpReuse,
}

func TestMain(m *testing.M) {
	if help, ok := helpers[os.Getenv("PROCCTL_TEST_HELPER")]; ok {
		help()
		syscall.Exit(0) // not os.Exit, which under the race detector waits for a second
	}
	os.Exit(m.Run())
}

// helpForkFromThreads forks from several threads at once, for ever.
func helpForkFromThreads() {
	fmt.Println("ready")
	for range 4 {
		go func() {
			runtime.LockOSThread()
			for {
				_ = exec.Command("/bin/sleep", "0.01").Run()
			}
		}()
	}
	select {}
}

// helpWitness says "continued" whenever it was, which also tells that it had
// been stopped, and ends with "end" at the end of its input.
func helpWitness() {
	seen := make(chan os.Signal, 16)
	signal.Notify(seen, unix.SIGCONT)
	fmt.Println("ready")
	ended := make(chan struct{})
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); close(ended) }()
	for {
		select {
		case <-seen:
			fmt.Println("continued")
		case <-ended:
			fmt.Println("end")
			return
		}
	}
}

type procStat = proctable.Stat

// A family of test processes with one mark.
type marked struct {
	t     *testing.T
	mark  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs a command with a mark of its own. Everything with that mark is
// killed when the test ends.
func start(t *testing.T, attr *syscall.SysProcAttr, env []string, name string, args ...string) *marked {
	t.Helper()
	m := &marked{t: t, mark: fmt.Sprintf("%s=%d-%d", markVariable, os.Getpid(), time.Now().UnixNano()), out: &lockedBuffer{}}
	m.cmd = exec.Command(name, args...)
	m.cmd.Env = append(append(os.Environ(), env...), m.mark)
	m.cmd.SysProcAttr = attr
	m.cmd.Stdout = m.out
	m.cmd.Stderr = os.Stderr
	m.cmd.WaitDelay = time.Millisecond
	var err error
	if m.stdin, err = m.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.kill)
	return m
}

// help starts the test binary as a helper and waits until it is at work.
func help(t *testing.T, attr *syscall.SysProcAttr, helper string) *marked {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := start(t, attr, []string{"PROCCTL_TEST_HELPER=" + helper}, exe)
	eventually(t, helper+" is ready", func() bool { return strings.Contains(m.out.String(), "ready") })
	return m
}

// kill kills everything with the mark, by pidfd, until nothing is left.
func (m *marked) kill() {
	_ = m.stdin.Close()
	deadline := time.Now().Add(20 * time.Second)
	for {
		rows := m.all()
		for _, p := range rows {
			if h, err := Open(p.ID()); err == nil {
				_ = unix.PidfdSendSignal(h.FD(), unix.SIGKILL, nil, 0)
				_ = h.Close()
			}
		}
		if len(rows) == 0 {
			break
		}
		if time.Now().After(deadline) {
			m.t.Errorf("%d marked processes can't be killed", len(rows))
			break
		}
	}
	_ = m.cmd.Wait()
}

// all lists every process with the mark that has not ended.
func (m *marked) all() []proctable.Stat {
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	var rows []proctable.Stat
	for _, name := range environs {
		text, err := os.ReadFile(name)
		if err != nil || !slices.Contains(strings.Split(string(text), "\x00"), m.mark) {
			continue
		}
		pid, _ := strconv.Atoi(strings.Split(name, "/")[2])
		if p, err := readStat(pid); err == nil && !zombie(p) {
			rows = append(rows, p)
		}
	}
	return rows
}

// id is the identity of the process that was started.
func (m *marked) id() ProcID {
	m.t.Helper()
	return identify(m.t, m.cmd.Process.Pid)
}

func identify(t *testing.T, pid int) ProcID {
	t.Helper()
	p, err := readStat(pid)
	if err != nil {
		t.Fatal(err)
	}
	return p.ID()
}

// notStopped lists the marked processes of which a thread runs.
func (m *marked) notStopped() []string { return which(m.all(), runs) }

// stopped lists the marked processes of which a thread is stopped.
func (m *marked) stopped() []string {
	return which(m.all(), func(s ThreadStates) bool { return s.Stopped > 0 })
}

func runs(s ThreadStates) bool { return !s.AllStopped() && !s.Pending() }

// which describes those processes that have not ended and pass a test.
func which(all []proctable.Stat, test func(ThreadStates) bool) []string {
	var found []string
	for _, p := range all {
		h, err := Open(p.ID())
		if err != nil {
			continue // ended
		}
		states, err := h.State()
		if err == nil && test(states) {
			found = append(found, fmt.Sprintf("pid %d %q ppid %d session %d: %+v", p.PID, p.Comm, p.PPID, p.Session, states))
		}
		_ = h.Close()
	}
	return found
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long: %s", what)
		}
		time.Sleep(time.Millisecond) // between two looks
	}
}

// A book is a Ledger that checks the write-ahead rule.
type book struct {
	t        *testing.T
	open     map[ProcID]bool
	intended []ProcID // in order
	forgot   []ProcID // in order
	fail     error    // what Intend answers
	after    func()   // called at the end of each Intend
	theirs   ProcID   // somebody else stops it, so it may be forgotten stopped
}

func newBook(t *testing.T) *book { return &book{t: t, open: make(map[ProcID]bool)} }

func (b *book) Intend(handles []*Handle) error {
	for _, h := range handles {
		if states, err := h.State(); err == nil && states.Stopped > 0 {
			b.t.Errorf("pid %d was stopped before it was told to the ledger", h.ID().PID)
		}
		b.open[h.ID()] = true
		b.intended = append(b.intended, h.ID())
	}
	if b.after != nil {
		b.after()
	}
	return b.fail
}

func (b *book) Forget(handles []*Handle) error {
	for _, h := range handles {
		if !b.open[h.ID()] {
			b.t.Errorf("pid %d is forgotten but was never told", h.ID().PID)
		}
		if states, err := h.State(); err == nil && states.Stopped > 0 && h.ID() != b.theirs {
			b.t.Errorf("pid %d is forgotten while it is stopped", h.ID().PID)
		}
		delete(b.open, h.ID())
		b.forgot = append(b.forgot, h.ID())
	}
	return nil
}

// closed checks that nothing remains in the ledger.
func (b *book) closed() {
	b.t.Helper()
	if len(b.open) > 0 {
		b.t.Errorf("the ledger still has %v", b.open)
	}
}

func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}
