package procctl

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pausetest/internal/procctl/proctable"
)

func TestFreezableCgroup(t *testing.T) {
	process := func(pid int, lines ...string) proctable.Process {
		return proctable.Process{ID: ProcID{PID: pid, StartTicks: 1}, Comm: "tar", Cgroups: lines}
	}
	for _, c := range []struct {
		name    string
		members []proctable.Process
		others  []proctable.Process
		want    string // hierarchy's controllers and path
		rule    string
	}{
		{name: "a unit of its own", members: []proctable.Process{process(10, "0::/dump.service")},
			others: []proctable.Process{process(1, "0::/init.scope"), process(11, "0::/dump.service2")}, want: ":/dump.service"},
		{name: "the smallest of several", members: []proctable.Process{process(10, "0::/a/b/x"), process(11, "0::/a/b/y/z")}, want: ":/a/b"},
		{name: "one in the other", members: []proctable.Process{process(10, "0::/a/b/c"), process(11, "0::/a/b")}, want: ":/a/b"},
		{name: "everybody at the root", members: []proctable.Process{process(10, "0::/", "6:freezer:/")}, rule: "root-cgroup"},
		{name: "nothing in common but the root", members: []proctable.Process{process(10, "0::/a"), process(11, "0::/ab")}, rule: "root-cgroup"},
		{name: "a stranger in it", members: []proctable.Process{process(10, "0::/a")},
			others: []proctable.Process{process(12, "0::/a")}, rule: "shared-cgroup"},
		{name: "a stranger below it", members: []proctable.Process{process(10, "0::/a")},
			others: []proctable.Process{process(12, "0::/a/b")}, rule: "shared-cgroup"},
		{name: "the same pid, another process", members: []proctable.Process{process(10, "0::/a")},
			others: []proctable.Process{{ID: ProcID{PID: 10, StartTicks: 2}, Cgroups: []string{"0::/a"}}}, rule: "shared-cgroup"},
		{name: "version 1, while version 2 has everybody at the root", members: []proctable.Process{process(10, "6:cpu,freezer:/a", "0::/")},
			others: []proctable.Process{process(1, "6:cpu,freezer:/", "0::/")}, want: "cpu,freezer:/a"},
		{name: "version 1 shared says more than version 2 at the root", members: []proctable.Process{process(10, "6:freezer:/a", "0::/")},
			others: []proctable.Process{process(12, "6:freezer:/a", "0::/")}, rule: "shared-cgroup"},
		{name: "version 2 goes first", members: []proctable.Process{process(10, "6:freezer:/a", "0::/b")}, want: ":/b"},
		{name: "other hierarchies do not freeze", members: []proctable.Process{process(10, "6:cpu:/a", "1:name=systemd:/a")}, rule: "no-cgroup"},
		{name: "a member that can't be read", members: []proctable.Process{process(10, "0::/a"), process(11)}, rule: "no-cgroup"},
		{name: "outside of our namespace", members: []proctable.Process{process(10, "0::/../a")}, rule: "no-cgroup"},
		{name: "a name that the journal can't hold", members: []proctable.Process{process(10, "0::/\xff")}, rule: "no-cgroup"},
		{name: "nobody", rule: "no-cgroup"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := &proctable.Snapshot{Processes: append(c.others, c.members...)}
			got, refusal := FreezableCgroup(c.members, all)
			switch {
			case refusal != nil && refusal.Rule != c.rule:
				t.Errorf("refused by %q (%s), want %q", refusal.Rule, refusal.Reason, c.rule)
			case refusal == nil && strings.Join(got.Controllers, ",")+":"+got.Path != c.want:
				t.Errorf("found %+v, want %q", got, c.want)
			}
		})
	}
}

// Whatever the cgroups: what is found holds every member and no other.
func TestFreezableCgroupProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := rapid.Custom(func(t *rapid.T) proctable.Process {
			path := rapid.StringMatching(`(/[ab]{1,2}){0,3}`).Draw(t, "path")
			return proctable.Process{ID: ProcID{PID: rapid.IntRange(2, 1000).Draw(t, "pid")}, Cgroups: []string{"0::/" + strings.TrimPrefix(path, "/")}}
		})
		all := &proctable.Snapshot{Processes: rapid.SliceOfNDistinct(draw, 1, 8, func(p proctable.Process) int { return p.ID.PID }).Draw(t, "all")}
		n := rapid.IntRange(1, len(all.Processes)).Draw(t, "members")
		c, refusal := FreezableCgroup(all.Processes[:n], all)
		if refusal != nil {
			return
		}
		for i, p := range all.Processes {
			path := strings.TrimPrefix(p.Cgroups[0], "0::")
			if inside := path == c.Path || strings.HasPrefix(path, c.Path+"/"); inside != (i < n) || c.Path == "/" {
				t.Fatalf("cgroup %q for %d members of %+v", c.Path, n, all.Processes)
			}
		}
	})
}

func FuzzFreezableCgroup(f *testing.F) {
	f.Add("0::/a", "0::/a/b", "6:freezer:/")
	f.Add("0::", "::", "0::/..")
	f.Fuzz(func(t *testing.T, a, b, other string) {
		members := []proctable.Process{{ID: ProcID{PID: 2}, Cgroups: []string{a}}, {ID: ProcID{PID: 3}, Cgroups: []string{b}}}
		all := &proctable.Snapshot{Processes: append(members, proctable.Process{ID: ProcID{PID: 4}, Cgroups: []string{other}})}
		c, refusal := FreezableCgroup(members, all)
		if refusal == nil && (c.Path == "/" || !strings.HasPrefix(c.Path, "/")) {
			t.Errorf("would freeze %q", c.Path)
		}
	})
}
