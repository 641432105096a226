package procctl

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl/proctable"
)

// watch starts a program and watches it, until the end of the test.
func watch(t *testing.T, cmd *exec.Cmd) *Watch {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	stat, err := readStat(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	w, err := OpenWatch(stat.ID())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// until looks until the sights are good.
func until(t *testing.T, w *Watch, good func([]Sight) bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		sights := w.Look()
		if good(sights) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("looked in vain, last seen %+v", sights)
		}
	}
}

func only(activity proctable.Activity, fd int) func([]Sight) bool {
	return func(s []Sight) bool { return len(s) == 1 && s[0].Activity == activity && s[0].FD == fd }
}

func TestWatchSeesWaits(t *testing.T) {
	r, wr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer wr.Close()

	reader := exec.Command("cat")
	reader.Stdin = r
	read := watch(t, reader)
	until(t, read, only(proctable.Reading, 0))
	fd, device, err := read.Descriptor(0)
	if err != nil || fd.Kind != proctable.Pipe || fd.Inode == 0 || device != "" {
		t.Errorf("descriptor 0 leads to %+v on %q, %v", fd, device, err)
	}

	full, fullWriter, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	defer fullWriter.Close()
	writer := exec.Command("cat", "/dev/zero")
	writer.Stdout = fullWriter
	until(t, watch(t, writer), only(proctable.Writing, 1))

	until(t, watch(t, exec.Command("sleep", "100")), only(proctable.Sleeping, -1))

	spinner := watch(t, exec.Command("sh", "-c", "while :; do :; done"))
	until(t, spinner, only(proctable.Running, -1))
}

func TestWatchCounts(t *testing.T) {
	stat, err := readStat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	w, err := OpenWatch(stat.ID())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	before, err := w.Counters()
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		now, err := w.Counters()
		switch {
		case err != nil:
			t.Fatal(err)
		case now.CPU == nil || now.IO == nil || now.VoluntarySwitches == nil || now.Threads < 1:
			t.Fatalf("missing in %+v", now)
		case now.CPU.RunNS < before.CPU.RunNS, now.CPU.BusiestNS < before.CPU.BusiestNS, now.CPU.BusiestNS > now.CPU.RunNS:
			t.Fatalf("from %+v to %+v", *before.CPU, *now.CPU)
		}
		if now.CPU.RunNS > before.CPU.RunNS && now.IO.ReadBytes > before.IO.ReadBytes {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing moves: %+v", now)
		}
	}
}

func TestWatchFindsTheDisk(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sleep", "100")
	cmd.Stdin = file
	w := watch(t, cmd)
	fd, device, err := w.Descriptor(0)
	if want := fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)); err != nil || fd.Path != name || device != want {
		t.Errorf("descriptor 0 leads to %+v on %q, want %q (%v)", fd, device, want, err)
	}
	if _, _, err := w.Descriptor(99); err == nil {
		t.Error("a descriptor that is not open leads somewhere")
	}
}

func TestWatchOfTheDead(t *testing.T) {
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	w := watch(t, cmd)
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if sights := w.Look(); len(sights) != 0 {
		t.Errorf("the dead are seen doing %+v", sights)
	}
	if c, err := w.Counters(); !errors.Is(err, ErrGone) {
		t.Errorf("the dead have %+v, %v", c, err)
	}
	if _, err := OpenWatch(w.ID()); !errors.Is(err, ErrGone) {
		t.Errorf("watching the dead: %v", err)
	}
	stat, err := readStat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenWatch(ProcID{PID: os.Getpid(), StartTicks: stat.StartTicks + 1}); !errors.Is(err, ErrGone) {
		t.Errorf("watching a process that had this pid before: %v", err)
	}
}

func TestHostCounters(t *testing.T) {
	c, err := NewTable("").HostCounters()
	if err != nil || c.CPU.BusyNS <= 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := NewTable(t.TempDir()).HostCounters(); err == nil {
		t.Error("an empty /proc has counters")
	}
}
