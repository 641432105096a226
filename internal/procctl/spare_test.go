package procctl

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pausetest/internal/procctl/proctable"
)

// sparing starts a tree like an rsync with its ssh: the root forks for ever, and
// so does one child, which leaves a mark in a file whenever its children live.
// That child, in a session of its own if it is asked to, is to be spared.
func sparing(t *testing.T, attr *syscall.SysProcAttr, setsid string) (m *marked, spared ProcID, marks func() int64) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "marks")
	const script = `use POSIX; $|=1; $SIG{CHLD}='IGNORE'; my ($file, $setsid) = @ARGV;
		my $kid=fork(); if (!$kid) { POSIX::setsid() if $setsid; open(my $f, '>>', $file);
			while (1) { my $p=fork(); if (defined $p && !$p) { syswrite($f, '.'); select(undef,undef,undef,0.01); exit }
			select(undef,undef,undef,0.001) } }
		print "$kid\n"; while (1) { my $p=fork(); if (defined $p && !$p) { select(undef,undef,undef,0.01); exit }
			select(undef,undef,undef,0.001) }`
	m = perl(t, attr, script, file, setsid)
	rows := 0
	eventually(t, "the spared child is at work", func() bool {
		info, err := os.Stat(file)
		return err == nil && info.Size() > 10
	})
	for _, p := range m.all() {
		if p.PPID == m.cmd.Process.Pid && m.out.String() == itoa(p.PID)+"\n" {
			spared = p.ID()
			rows++
		}
	}
	if rows != 1 {
		t.Fatalf("found %d processes to spare", rows)
	}
	return m, spared, func() int64 {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
}

// What is spared runs and forks on; all the rest stands still, and neither the
// stop nor a look at it is disturbed.
func TestSparedRunsOn(t *testing.T) {
	for name, c := range map[string]struct {
		attr   *syscall.SysProcAttr
		setsid string
	}{
		"own session":                 {&syscall.SysProcAttr{Setsid: true}, ""},
		"shared session":              {nil, ""},
		"the spared leaves a session": {&syscall.SysProcAttr{Setsid: true}, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			m, spared, marks := sparing(t, c.attr, c.setsid)
			for range 3 {
				ledger := newBook(t)
				s := stopTree(t, ledger, StopOptions{Spare: []ProcID{spared}}, m.id())
				before := marks()
				eventually(t, "the spared process forks on", func() bool { return marks() > before+5 })
				check(t, s, AllStopped, ProcID{})
				for _, p := range m.all() {
					if p.PID == m.cmd.Process.Pid || p.PPID == m.cmd.Process.Pid && p.ID() != spared {
						if h := open(t, p.ID()); !allStopped(t, h)() {
							t.Errorf("pid %d is not stopped", p.PID)
						}
					}
				}
				if err := s.Continue(); err != nil {
					t.Fatal(err)
				}
				if left := m.stopped(); len(left) > 0 {
					t.Fatalf("still stopped: %q", left)
				}
				for _, id := range ledger.intended {
					if id == spared {
						t.Error("a stop of the spared process was intended")
					}
				}
				ledger.closed()
			}
		})
	}
}

// What is spared by an identity that has ended protects nobody else.
func TestSparedThatEndedIsNobody(t *testing.T) {
	m, ids := family(t, nil)
	old := ids[3]
	old.StartTicks--
	s := stopTree(t, newBook(t), StopOptions{Spare: []ProcID{old}}, ids[0])
	if running := m.notStopped(); len(running) > 0 || len(s.Members()) != 4 {
		t.Errorf("members %v, running %q", s.Members(), running)
	}
}

func TestSparedRootIsRefused(t *testing.T) {
	m, ids := family(t, nil)
	for _, root := range ids {
		if root == ids[0] {
			continue
		}
		refused(t, m, newBook(t), StopOptions{Spare: ids[:1]}, errSpared, ids[0], root)
		refused(t, m, newBook(t), StopOptions{Spare: ids[:1]}, errSpared, root)
	}
	if left := m.stopped(); len(left) > 0 {
		t.Errorf("still stopped: %q", left)
	}
}

// A spared process may end while its parent is stopped.
func TestSparedEnds(t *testing.T) {
	_, ids := family(t, nil)
	s := stopTree(t, newBook(t), StopOptions{Spare: []ProcID{ids[3]}}, ids[0])
	kill(t, ids[3])
	check(t, s, AllStopped, ProcID{})
}

func TestKinSpares(t *testing.T) {
	for _, c := range []struct {
		name               string
		appeared           []proctable.Stat
		newcomers, suspect []int
	}{
		{name: "child of the spared", appeared: []proctable.Stat{row(40, 21, 20, 100, "x")}},
		{name: "grandchild before child", appeared: []proctable.Stat{row(40, 41, 20, 101, "x"), row(41, 21, 20, 100, "x")}},
		{name: "the spared's child in its own session, and its orphan",
			appeared: []proctable.Stat{row(40, 21, 40, 100, "x"), row(41, 1, 40, 101, "x")}},
		{name: "the spared founds a session, with an orphan", appeared: []proctable.Stat{row(21, 20, 21, 21, "ssh"), row(40, 1, 21, 101, "x")}},
		{name: "child of a member", appeared: []proctable.Stat{row(40, 20, 20, 100, "x")}, newcomers: []int{40}},
		{name: "orphan in their common session", appeared: []proctable.Stat{row(40, 1, 20, 100, "x")}, suspect: []int{40}},
		{name: "old orphan in their common session", appeared: []proctable.Stat{row(40, 1, 20, 30, "x")}, suspect: []int{40}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows := []proctable.Stat{row(1, 0, 1, 0, "init"), row(20, 1, 20, 20, "rsync"), row(21, 20, 20, 21, "ssh")}
			baseline := table(rows...)
			k := newKin(100, baseline)
			k.spare(baseline[21])
			k.add(baseline[20])
			newcomers, suspects := k.sort(table(append(rows, c.appeared...)...))
			if diff := cmp.Diff(c.newcomers, pids(newcomers)); diff != "" {
				t.Errorf("newcomers (-want +got):\n%s", diff)
			}
			var got []int
			for _, p := range suspects {
				got = append(got, p.PID)
			}
			if diff := cmp.Diff(c.suspect, got); diff != "" {
				t.Errorf("suspects (-want +got):\n%s", diff)
			}
		})
	}
}

// Who was seen below the spared stays spared, also after it lost its parent.
func TestKinRemembersTheSpared(t *testing.T) {
	rows := []proctable.Stat{row(1, 0, 1, 0, "init"), row(20, 1, 20, 20, "rsync"), row(21, 20, 20, 21, "ssh")}
	k := newKin(100, table(rows...))
	k.spare(rows[2])
	k.add(rows[1])
	child, orphan := row(40, 21, 20, 100, "x"), row(40, 1, 20, 100, "x")
	for _, now := range []scan{table(append(rows, child)...), table(rows[0], rows[1], orphan)} {
		if newcomers, suspects := k.sort(now); len(newcomers)+len(suspects) > 0 {
			t.Errorf("took %v, suspected %v", newcomers, suspects)
		}
	}
}
