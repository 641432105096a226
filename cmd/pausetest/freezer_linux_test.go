package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// ownCgroups puts every writer into a cgroup of its own and returns the folders.
func (p *patient) ownCgroups() []string {
	p.t.Helper()
	require(p.t, "root")
	const mount = "/sys/fs/cgroup/freezer"
	if _, err := os.Stat(filepath.Join(mount, "cgroup.procs")); err != nil {
		unmet(p.t, "cgroup", "no version 1 freezer hierarchy is mounted at "+mount)
	}
	var folders []string
	for i, w := range p.writers {
		folder := filepath.Join(mount, fmt.Sprintf("pausetest-test-%d-%d", os.Getpid(), i))
		if err := os.Mkdir(folder, 0o755); err != nil {
			p.t.Fatal(err)
		}
		p.t.Cleanup(func() {
			os.WriteFile(filepath.Join(folder, "freezer.state"), []byte("THAWED"), 0)
			w.Process.Kill()
			w.Wait()
			if err := waitFor(5*time.Second, func() error { return os.Remove(folder) }); err != nil {
				p.t.Error(err)
			}
		})
		if err := os.WriteFile(filepath.Join(folder, "cgroup.procs"), fmt.Appendf(nil, "%d", w.Process.Pid), 0); err != nil {
			p.t.Fatal(err)
		}
		folders = append(folders, folder)
	}
	return folders
}

func frozen(folder string) bool {
	state, err := os.ReadFile(filepath.Join(folder, "freezer.state"))
	return err == nil && !bytes.Contains(state, []byte("THAWED"))
}

// Frozen streams are thawed when the controller is killed, like stopped ones.
func TestFreezerKilledController(t *testing.T) {
	p := newPatient(t, 2)
	folders := p.ownCgroups()
	p.start("--mechanism", "freezer")
	someFrozen := func() error {
		for _, f := range folders {
			if frozen(f) {
				return nil
			}
		}
		return errors.New("nothing was frozen")
	}
	if err := waitFor(30*time.Second, someFrozen); err != nil {
		t.Fatalf("%v; stderr: %s", err, &p.stderr)
	}
	p.run.Process.Kill()
	for _, f := range folders {
		if err := waitFor(5*time.Second, func() error {
			if frozen(f) {
				return fmt.Errorf("%s is frozen", f)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
}

func TestFreezerNeedsCgroups(t *testing.T) {
	p := newPatient(t, 2)
	p.start("--mechanism", "freezer")
	p.exits(exitUsage, "pausetest: error: --mechanism freezer:")
	if _, err := os.Stat(p.out); !errors.Is(err, os.ErrNotExist) {
		t.Error("the refused run left a folder")
	}
}

func TestFreezerRun(t *testing.T) {
	p := newPatient(t, 2)
	folders := p.ownCgroups()
	p.start("--mechanism", "freezer", "--blocks", "2", "--levels", "ends")
	p.exits(exitDone)
	if r := p.kept(); r.Blocks != 2 || r.PausedStreamSec < 5 {
		t.Errorf("%d blocks, %.1f stream-seconds withheld", r.Blocks, r.PausedStreamSec)
	}
	for _, f := range folders {
		if frozen(f) {
			t.Errorf("%s is frozen", f)
		}
	}
}
