package guard

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"pausetest/internal/procctl"
)

// writeJournal leaves the journal of a dead run in a directory.
func writeJournal(t *testing.T, dir string, change func(*journalHeader), ids ...procctl.ProcID) {
	t.Helper()
	writeRecords(t, dir, change, journalRecord{Intend: journalProcs(ids)})
}

func writeRecords(t *testing.T, dir string, change func(*journalHeader), record journalRecord) {
	t.Helper()
	header, err := newHeader()
	must(t, err)
	change(&header)
	var text []byte
	for _, record := range []any{header, record} {
		line, err := json.Marshal(record)
		must(t, err)
		text = append(append(text, line...), '\n')
	}
	must(t, os.WriteFile(filepath.Join(dir, journalName), text, 0o600))
}

func asIs(*journalHeader) {}

func hasJournal(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, journalName))
	return err == nil
}

// TestRecoverTouchesNothingElse: of the processes in a journal only the one that
// is the same and stopped is continued.
func TestRecoverTouchesNothingElse(t *testing.T) {
	dir := t.TempDir()
	stopped, running, reused, strangers := spawn(t, 1), spawn(t, 1), spawn(t, 1), spawn(t, 2)
	stopAll(t, stopped)
	stopAll(t, reused)
	stopAll(t, strangers)
	earlier := reused[0]
	earlier.StartTicks-- // another process had the pid before
	ended := procctl.ProcID{PID: 1 << 22, StartTicks: 1}
	self := procctl.ProcID{PID: os.Getpid(), StartTicks: 1}
	nobody := []procctl.ProcID{{PID: -1, StartTicks: 1}, {PID: 0, StartTicks: 1}, {PID: 1, StartTicks: 0}}
	writeJournal(t, dir, asIs, append(nobody, stopped[0], running[0], earlier, ended, self)...)

	report, err := Recover(dir)
	if err == nil {
		t.Error("no error, though the journal names init")
	}
	var outcomes []Outcome
	for _, p := range report.Processes {
		outcomes = append(outcomes, p.Outcome)
	}
	if diff := cmp.Diff([]Outcome{Gone, Gone, Gone, Running, Continued, Failed, Failed, Failed}, outcomes); diff != "" {
		t.Error(diff)
	}
	if inState(t, 'T', stopped) != 0 {
		t.Error("the stopped process stayed stopped")
	}
	if inState(t, 'T', reused) != 1 || inState(t, 'T', strangers) != 2 {
		t.Error("a stranger was continued")
	}
}

// With few descriptors each call gets further, until all run.
func TestRecoverShortOfDescriptors(t *testing.T) {
	dir := t.TempDir()
	all := spawn(t, 60)
	stopAll(t, all)
	writeJournal(t, dir, asIs, all...)
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	const calls = 10
	for range calls {
		must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 60, Max: limit.Max}))
		_, err := Recover(dir)
		must(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
		if err == nil && inState(t, 'T', all) == 0 {
			return
		}
	}
	t.Errorf("after %d calls %d are still stopped", calls, inState(t, 'T', all))
}

func TestRecoverOfAnEarlierBoot(t *testing.T) {
	dir, family := t.TempDir(), spawn(t, 1)
	stopAll(t, family)
	writeJournal(t, dir, func(h *journalHeader) { h.BootID = "another" }, family[0])
	if ids, err := Pending(dir); ids != nil || err != nil {
		t.Errorf("Pending returned %v, %v", ids, err)
	}
	report, err := Recover(dir)
	must(t, err)
	if len(report.Processes) != 0 || len(report.Notes) != 1 || !strings.Contains(report.Notes[0], "earlier boot") {
		t.Errorf("report %+v", report)
	}
	if inState(t, 'T', family) != 1 {
		t.Error("a process of this boot was continued")
	}
	if hasJournal(dir) {
		t.Error("the journal stayed")
	}
}

func TestStartDiscardsTheJournalOfAnEarlierBoot(t *testing.T) {
	dir, family := t.TempDir(), spawn(t, 1)
	writeJournal(t, dir, func(h *journalHeader) { h.BootID = "another" }, family[0])
	start(t, Config{StateDir: dir})
	if left := outstanding(t, dir); left != nil {
		t.Errorf("outstanding: %v", left)
	}
}

func TestRecoverInAnotherPIDNamespace(t *testing.T) {
	dir, family := t.TempDir(), spawn(t, 1)
	stopAll(t, family)
	writeJournal(t, dir, func(h *journalHeader) { h.PIDNamespace = "pid:[1]" }, family[0])
	if _, err := Recover(dir); err == nil || !strings.Contains(err.Error(), "pid namespace") {
		t.Errorf("Recover returned %v", err)
	}
	if inState(t, 'T', family) != 1 || !hasJournal(dir) {
		t.Error("something was touched")
	}
}

func TestRecoverWithNothingToDo(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		report, err := Recover(dir)
		if err != nil || report.Processes != nil {
			t.Errorf("Recover returned %+v, %v", report, err)
		}
		if ids, err := Pending(dir); ids != nil || err != nil {
			t.Errorf("Pending returned %v, %v", ids, err)
		}
	}
}

func TestADamagedJournalIsNotForgotten(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, journalName), []byte("rubbish\n"), 0o600))
	_, err := Recover(dir)
	_, err2 := Pending(dir)
	_, err3 := Start(t.Context(), Config{StateDir: dir, MaxPause: 1})
	for _, err := range []error{err, err2, err3} {
		if !errors.Is(err, errJournalHeader) {
			t.Errorf("returned %v", err)
		}
	}
	if !hasJournal(dir) {
		t.Error("the journal is gone")
	}
}

func TestStateDirRefuses(t *testing.T) {
	parent := t.TempDir()
	mine := filepath.Join(parent, "mine")
	must(t, os.Mkdir(mine, 0o700))
	link, file, open := filepath.Join(parent, "link"), filepath.Join(parent, "file"), filepath.Join(parent, "open")
	must(t, os.Symlink(mine, link))
	must(t, os.WriteFile(file, nil, 0o600))
	must(t, os.Mkdir(open, 0o700))
	must(t, os.Chmod(open, 0o770))
	for _, path := range []string{link, file, open, filepath.Join(parent, "no", "parent")} {
		if g, err := Start(t.Context(), Config{StateDir: path, MaxPause: 1}); err == nil {
			g.Close()
			t.Errorf("took %s", path)
		}
	}
	if left, err := os.ReadDir(mine); err != nil || len(left) != 0 {
		t.Errorf("through the link: %v, %v", left, err)
	}
}

func TestStateDirOfAnotherOwner(t *testing.T) {
	requireRoot(t)
	dir := t.TempDir()
	must(t, os.Chown(dir, 65534, 65534))
	if _, err := Recover(dir); err == nil || !strings.Contains(err.Error(), "uid 65534") {
		t.Errorf("returned %v", err)
	}
}

// TestPlantedLinksAreNotFollowed: neither lock nor journal is opened through a
// symbolic link.
func TestPlantedLinksAreNotFollowed(t *testing.T) {
	for _, name := range []string{lockName, journalName} {
		dir := t.TempDir()
		bait := filepath.Join(t.TempDir(), "bait")
		must(t, os.WriteFile(bait, []byte("keep"), 0o600))
		must(t, os.Symlink(bait, filepath.Join(dir, name)))
		if _, err := Start(t.Context(), Config{StateDir: dir, MaxPause: 1}); !errors.Is(err, unix.ELOOP) {
			t.Errorf("%s: Start returned %v", name, err)
		}
		if text, err := os.ReadFile(bait); string(text) != "keep" {
			t.Errorf("%s: the bait holds %q, %v", name, text, err)
		}
	}
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	start(t, Config{StateDir: dir})
	for name, want := range map[string]fs.FileMode{"": 0o700 | fs.ModeDir, lockName: 0o600, journalName: 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if info.Mode() != want {
			t.Errorf("%q has mode %v, want %v", name, info.Mode(), want)
		}
	}
}

func TestDefaultStateDir(t *testing.T) {
	t.Setenv("PAUSETEST_STATE_DIR", "/somewhere")
	if got := DefaultStateDir(); got != "/somewhere" {
		t.Errorf("DefaultStateDir() = %q", got)
	}
}
