package procctl

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl/proctable"
)

// inCgroup runs a test with a cgroup of its own in each hierarchy that can freeze.
func inCgroup(t *testing.T, test func(t *testing.T, cgroup proctable.Cgroup, folder string)) {
	t.Run("v1", func(t *testing.T) {
		cgroup := proctable.Cgroup{Controllers: []string{"freezer"}, Path: cgroupName()}
		test(t, cgroup, makeCgroup(t, cgroup))
	})
	t.Run("v2", func(t *testing.T) {
		cgroup := proctable.Cgroup{Path: cgroupName()}
		test(t, cgroup, makeCgroup(t, cgroup))
	})
}

func cgroupName() string {
	return fmt.Sprintf("/pausetest-test-%d-%d", os.Getpid(), time.Now().UnixNano())
}

// makeCgroup makes a cgroup's folder, and at the end of the test thaws and
// removes it with all below it.
func makeCgroup(t *testing.T, cgroup proctable.Cgroup) string {
	t.Helper()
	require(t, "root", os.Geteuid() == 0)
	mounts, err := NewTable("").Mounts(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	folders := proctable.CgroupDirs(cgroup, mounts)
	require(t, "cgroup", len(folders) > 0)
	if err := os.Mkdir(folders[0], 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var below []string
		_ = filepath.WalkDir(folders[0], func(name string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				below = append(below, name)
				setFrozen(t, name, false)
			}
			return nil
		})
		for _, name := range slices.Backward(below) {
			eventually(t, "the cgroup is removed", func() bool { return unix.Rmdir(name) != unix.EBUSY })
		}
	})
	return folders[0]
}

// setFrozen freezes or thaws as somebody else would.
func setFrozen(t *testing.T, folder string, frozen bool) {
	t.Helper()
	file, text := "freezer.state", map[bool]string{true: "FROZEN", false: "THAWED"}[frozen]
	if _, err := os.Stat(filepath.Join(folder, file)); err != nil {
		file, text = "cgroup.freeze", map[bool]string{true: "1", false: "0"}[frozen]
	}
	if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0); err != nil {
		t.Error(err)
	}
}

// startIn starts a script in a cgroup; what it forks is there as well.
func startIn(t *testing.T, folder, script string) *marked {
	t.Helper()
	m := start(t, nil, nil, "sh", "-c", `echo $$ > "$1/cgroup.procs" && exec perl -e "$2"`, "sh", folder, script)
	t.Cleanup(func() { setFrozen(t, folder, false) }) // version 1 lets nobody die in a frozen cgroup
	eventually(t, "it runs in its cgroup", func() bool { return m.out.String() != "" })
	return m
}

// freezeBook is a FreezeLedger that checks the write-ahead rule.
type freezeBook struct {
	t    *testing.T
	open bool
	fail error
}

func (b *freezeBook) IntendFreeze(c *Cgroup) error {
	if state, err := c.State(); err != nil || state.Own {
		b.t.Errorf("before the intent: %+v, %v", state, err)
	}
	b.open = true
	return b.fail
}

func (b *freezeBook) ForgetFreeze(c *Cgroup) error {
	if state, err := c.State(); err == nil && state.Own {
		b.t.Error("it is forgotten while it is frozen")
	}
	if !b.open {
		b.t.Error("it is forgotten but was never told")
	}
	b.open = false
	return nil
}

// tellingForker forks for ever and says so each time.
const tellingForker = `$SIG{CHLD}='IGNORE'; $|=1; while (1) { print "."; my $p=fork();
	if (defined $p && !$p) { select(undef,undef,undef,0.02); exit } select(undef,undef,undef,0.001) }`

func TestFreeze(t *testing.T) {
	inCgroup(t, func(t *testing.T, cgroup proctable.Cgroup, folder string) {
		m := startIn(t, folder, tellingForker)
		table := NewTable("")
		snap, err := table.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := table.ReadCgroups(t.Context(), snap); err != nil {
			t.Fatal(err)
		}
		var members []proctable.Process
		for _, p := range snap.Processes {
			if p.ID == m.id() || p.PPID == m.cmd.Process.Pid {
				members = append(members, p)
			}
		}
		found, refusal := FreezableCgroup(members, snap)
		if refusal != nil || found.Path != cgroup.Path || found.V2() != cgroup.V2() {
			t.Fatalf("found %+v, %+v", found, refusal)
		}
		for range rounds(t) {
			ledger := &freezeBook{t: t}
			f, err := NewTable("").Freeze(t.Context(), found, []ProcID{m.id()}, ledger, StopOptions{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = f.Continue() })
			before := m.all()
			for _, p := range before {
				if p.State == 'T' || p.State == 'R' || !slices.Contains(f.Members(), p.ID()) {
					t.Errorf("pid %d is in state %c, members are %v", p.PID, p.State, f.Members())
				}
			}
			condition, err := f.Check()
			if err != nil || condition.Kind != AllStopped {
				t.Errorf("Check: %v %+v, %v", condition.Kind, condition, err)
			}
			if after := m.all(); len(after) != len(before) {
				t.Errorf("%d processes, then %d", len(before), len(after))
			}
			if !ledger.open {
				t.Error("the ledger was not told")
			}
			if err := f.Continue(); err != nil {
				t.Fatal(err)
			}
			if ledger.open {
				t.Error("the ledger was not told of the end")
			}
			if condition, _ = f.Check(); condition.Kind != Released {
				t.Errorf("Check after Continue: %v", condition.Kind)
			}
		}
		forks := len(m.out.String())
		eventually(t, "it forks again", func() bool { return len(m.out.String()) > forks+10 })
	})
}

// quiet does nothing until its input ends.
const quiet = `$|=1; print "ready\n"; while (<STDIN>) {}`

func TestFreezeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(t *testing.T, folder string, m *marked) (others []ProcID)
		want    error
		frozen  string // what must still be frozen then, below the folder
	}{
		"frozen": {func(t *testing.T, folder string, _ *marked) []ProcID {
			setFrozen(t, folder, true)
			return nil
		}, ErrAlreadyFrozen, "."},
		"frozen below": {func(t *testing.T, folder string, _ *marked) []ProcID {
			if err := os.Mkdir(folder+"/below", 0o755); err != nil {
				t.Fatal(err)
			}
			setFrozen(t, folder+"/below", true)
			return nil
		}, ErrAlreadyFrozen, "below"},
		"a stranger in it": {func(t *testing.T, folder string, _ *marked) []ProcID {
			startIn(t, folder, quiet)
			return nil
		}, ErrNotWhole, ""},
		"a member outside": {func(t *testing.T, _ string, _ *marked) []ProcID {
			return []ProcID{help(t, nil, "block").id()}
		}, ErrNotWhole, ""},
		"a stopped member": {func(t *testing.T, _ string, m *marked) []ProcID {
			h := open(t, m.id())
			if err := h.Stop(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "stopped by somebody else", allStopped(t, h))
			return nil
		}, ErrAlreadyStopped, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inCgroup(t, func(t *testing.T, cgroup proctable.Cgroup, folder string) {
				m := startIn(t, folder, quiet)
				members := append(c.arrange(t, folder, m), m.id())
				ledger := &freezeBook{t: t}
				f, err := NewTable("").Freeze(t.Context(), cgroup, members, ledger, StopOptions{})
				if err == nil {
					_ = f.Continue()
				}
				if !errors.Is(err, c.want) || errors.Is(err, ErrNotUndone) || ledger.open {
					t.Errorf("error %v, want %v", err, c.want)
				}
				group := openCgroup(t, folder)
				for _, name := range []string{".", "below"} {
					state, err := group.stateBelow(name)
					if err == nil && state.Own != (name == c.frozen) {
						t.Errorf("%s: %+v", name, state)
					}
				}
			})
		})
	}
}

func openCgroup(t *testing.T, folder string) *Cgroup {
	t.Helper()
	id, err := FindCgroup(folder)
	if err != nil {
		t.Fatal(err)
	}
	c, err := OpenCgroup(id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestFreezeBelowAFrozenCgroup(t *testing.T) {
	inCgroup(t, func(t *testing.T, cgroup proctable.Cgroup, folder string) {
		cgroup.Path += "/below"
		below := makeCgroup(t, cgroup)
		m := startIn(t, below, quiet)
		setFrozen(t, folder, true)
		_, err := NewTable("").Freeze(t.Context(), cgroup, []ProcID{m.id()}, &freezeBook{t: t}, StopOptions{})
		if !errors.Is(err, ErrAlreadyFrozen) {
			t.Errorf("error %v", err)
		}
		if state, err := openCgroup(t, folder).State(); err != nil || !state.Own {
			t.Errorf("theirs: %+v, %v", state, err)
		}
		setFrozen(t, folder, false)
	})
}

func TestFreezeWithoutALedger(t *testing.T) {
	inCgroup(t, func(t *testing.T, cgroup proctable.Cgroup, folder string) {
		m := startIn(t, folder, quiet)
		ledger := &freezeBook{t: t, fail: errors.New("disk full")}
		if _, err := NewTable("").Freeze(t.Context(), cgroup, []ProcID{m.id()}, ledger, StopOptions{}); !errors.Is(err, ledger.fail) {
			t.Errorf("error %v", err)
		}
		if state, err := openCgroup(t, folder).State(); err != nil || state.Own || ledger.open {
			t.Errorf("%+v, %v", state, err)
		}
	})
}

func TestFrozenCheckNoticesOthers(t *testing.T) {
	for name, c := range map[string]struct {
		act  func(t *testing.T, folder string, m *marked)
		want ConditionKind
	}{
		"thawed": {func(t *testing.T, folder string, _ *marked) { setFrozen(t, folder, false) }, Continued},
		"moved out": {func(t *testing.T, folder string, m *marked) {
			err := os.WriteFile(filepath.Dir(folder)+"/cgroup.procs", []byte(itoa(m.cmd.Process.Pid)), 0)
			if errors.Is(err, unix.EBUSY) {
				t.Skip("version 1 lets nobody leave a frozen cgroup")
			}
			if err != nil {
				t.Fatal(err)
			}
		}, Continued},
		"killed": {func(t *testing.T, folder string, m *marked) {
			if strings.Contains(folder, "freezer") {
				t.Skip("version 1 lets nobody die in a frozen cgroup")
			}
			kill(t, m.id())
		}, RootEnded},
	} {
		t.Run(name, func(t *testing.T) {
			inCgroup(t, func(t *testing.T, cgroup proctable.Cgroup, folder string) {
				m := startIn(t, folder, quiet)
				f, err := NewTable("").Freeze(t.Context(), cgroup, []ProcID{m.id()}, &freezeBook{t: t}, StopOptions{})
				if err != nil {
					t.Fatal(err)
				}
				defer func() {
					if err := f.Continue(); err != nil {
						t.Error(err)
					}
				}()
				c.act(t, folder, m)
				if got, err := f.Check(); err != nil || got.Kind != c.want {
					t.Errorf("Check: %v %+v, %v, want %v", got.Kind, got, err, c.want)
				}
			})
		})
	}
}

// A folder made anew under the same path is another cgroup.
func TestOpenCgroupProvesIdentity(t *testing.T) {
	inCgroup(t, func(t *testing.T, _ proctable.Cgroup, folder string) {
		old := openCgroup(t, folder)
		if err := unix.Rmdir(folder); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenCgroup(old.ID()); !errors.Is(err, ErrGone) {
			t.Errorf("removed: %v", err)
		}
		if err := old.Thaw(); !errors.Is(err, ErrGone) {
			t.Errorf("thawing a removed cgroup: %v", err)
		}
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenCgroup(old.ID()); !errors.Is(err, ErrGone) {
			t.Errorf("made anew: %v", err)
		}
	})
}

func TestOpenCgroupRefusesOtherFolders(t *testing.T) {
	if id, err := FindCgroup(t.TempDir()); !errors.Is(err, errNoCgroup) {
		t.Errorf("found %+v, %v", id, err)
	}
}

func TestFreezeFileVersion(t *testing.T) {
	inCgroup(t, func(t *testing.T, cgroup proctable.Cgroup, folder string) {
		c := openCgroup(t, folder)
		if v, err := FreezeFileVersion(c.FD()); err != nil || v != c.version || (v == FreezerV2) != cgroup.V2() {
			t.Errorf("version %d, %v", v, err)
		}
		for name, flags := range map[string]int{c.version.freezeFile(): os.O_RDONLY, "cgroup.procs": os.O_WRONLY} {
			file, err := os.OpenFile(folder+"/"+name, flags, 0)
			if err != nil {
				t.Fatal(err)
			}
			if v, err := FreezeFileVersion(int(file.Fd())); err == nil {
				t.Errorf("%s passed as version %d", name, v)
			}
			_ = file.Close()
		}
	})
}
