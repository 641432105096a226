package procctl

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func itoa(n int) string { return strconv.Itoa(n) }

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o755); err != nil {
		t.Fatal(err)
	}
}

// plainLedger is a Ledger without a test around it.
type plainLedger struct{}

func (plainLedger) Intend([]*Handle) error { return nil }
func (plainLedger) Forget([]*Handle) error { return nil }

// fail ends a helper with a message that the test prints.
func fail(format string, a ...any) {
	fmt.Printf(format+"\n", a...)
	os.Exit(1)
}

// helpUnprivileged tries as nobody what only root may.
func helpUnprivileged() {
	pid, _ := strconv.Atoi(os.Getenv("PROCCTL_TEST_PID"))
	p, err := readStat(pid)
	if err != nil {
		fail("reading stat: %v", err)
	}
	_, err = NewTable("").StopTree(context.Background(), []ProcID{p.ID()}, plainLedger{}, StopOptions{})
	if !errors.Is(err, ErrNotPermitted) {
		fail("StopTree: %v", err)
	}
	facts, err := readFacts([]ProcID{p.ID()})
	if err != nil {
		fail("reading facts: %v", err)
	}
	refusals, _ := facts[0].Judge()
	if len(refusals) != 1 || refusals[0].Rule != "not-permitted" {
		fail("refusals: %+v", refusals)
	}
	fmt.Println("refused as it should be")
}

// helpReuse is the first process of a pid namespace. It lets a pid be used
// twice, and signals the first owner.
func helpReuse() {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		fail("making mounts private: %v", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		fail("mounting proc: %v", err)
	}
	const pid = 1000
	for range 10 {
		victim := startAt(pid, nil)
		known, err := readStat(pid)
		if err != nil {
			fail("reading stat: %v", err)
		}
		id, inode := known.ID(), procInode(pid)
		h, err := Open(id)
		if err != nil {
			fail("opening the victim: %v", err)
		}
		victim.end()

		stranger := startAt(pid, &id)
		if procInode(pid) == inode {
			fail("another process has the same inode %d in /proc", inode)
		}
		if err := h.Stop(); !errors.Is(err, ErrGone) {
			fail("stopping through the old handle: %v", err)
		}
		if err := h.Continue(); !errors.Is(err, ErrGone) {
			fail("continuing through the old handle: %v", err)
		}
		if _, err := Open(id); !errors.Is(err, ErrGone) {
			fail("opening the old identity: %v", err)
		}
		if _, err := OpenIO(id); !errors.Is(err, ErrGone) {
			fail("opening the old identity's counters: %v", err)
		}
		if _, err := NewTable("").StopTree(context.Background(), []ProcID{id}, plainLedger{}, StopOptions{}); !errors.Is(err, ErrGone) {
			fail("stopping the old identity's tree: %v", err)
		}
		if said := stranger.end(); said != "end" {
			fail("the stranger says %q", said)
		}
		_ = h.Close()
	}
	fmt.Println("no stranger was touched")
}

// procInode is the inode number that the listing of /proc shows for a pid.
func procInode(pid int) (found uint64) {
	root, err := openDir("/proc")
	if err != nil {
		fail("opening /proc: %v", err)
	}
	defer root.close()
	err = root.inodes(func(_ string, number int, inode uint64) error {
		if number == pid {
			found = inode
		}
		return nil
	})
	if err != nil || found == 0 {
		fail("listing /proc: %v, inode %d", err, found)
	}
	return found
}

type witness struct {
	cmd *exec.Cmd
	in  interface{ Close() error }
	out *bufio.Reader
}

// startAt starts a witness with the given pid, and not as the owner before. The
// runtime's own threads take pids as well, hence the attempts.
func startAt(pid int, not *ProcID) witness {
	for {
		if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(itoa(pid-1)), 0o644); err != nil {
			fail("choosing a pid: %v", err)
		}
		w := startWitness()
		p, err := readStat(w.cmd.Process.Pid)
		if err != nil {
			fail("reading stat: %v", err)
		}
		if p.PID == pid && (not == nil || p.ID() != *not) {
			return w
		}
		w.end()
	}
}

func startWitness() witness {
	w := witness{cmd: exec.Command("/proc/self/exe")}
	w.cmd.Env = append(os.Environ(), "PROCCTL_TEST_HELPER=witness")
	var err error
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		fail("starting a witness: %v", err)
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		fail("starting a witness: %v", err)
	}
	w.out = bufio.NewReader(out)
	if err := w.cmd.Start(); err != nil {
		fail("starting a witness: %v", err)
	}
	if line, err := w.out.ReadString('\n'); err != nil || line != "ready\n" {
		fail("a witness says %q, %v", line, err)
	}
	return w
}

// end ends the witness and returns what it said since it was ready.
func (w witness) end() string {
	_ = w.in.Close()
	var said []string
	for {
		line, err := w.out.ReadString('\n')
		if err != nil {
			break
		}
		said = append(said, strings.TrimSpace(line))
	}
	_ = w.cmd.Wait()
	return strings.Join(said, " ")
}
