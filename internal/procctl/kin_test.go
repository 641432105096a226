package procctl

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pausetest/internal/procctl/proctable"
)

// row makes a row that began at the tick start.
func row(pid, ppid, session int, start uint64, comm string) proctable.Stat {
	return proctable.Stat{PID: pid, PPID: ppid, PGID: session, Session: session, StartTicks: start,
		State: 'S', Threads: 1, Comm: comm}
}

func table(rows ...proctable.Stat) scan {
	s := make(scan)
	for _, p := range rows {
		s[p.PID] = p
	}
	return s
}

// The baseline of all cases: amandad (10) leads session 10, two dumps (20, 30) in
// it; the operation began at tick 100; the root is 20.
func bsdHost(more ...proctable.Stat) scan {
	return table(append([]proctable.Stat{
		row(1, 0, 1, 0, "init"), row(10, 1, 10, 5, "amandad"),
		row(20, 10, 10, 20, "tar"), row(30, 10, 10, 21, "tar"), row(21, 20, 10, 22, "gzip"),
	}, more...)...)
}

func TestKin(t *testing.T) {
	for _, c := range []struct {
		name               string
		baseline           []proctable.Stat // beyond bsdHost
		appeared           []proctable.Stat
		newcomers, suspect []int
	}{
		{name: "child", appeared: []proctable.Stat{row(40, 20, 10, 100, "tar")}, newcomers: []int{40}},
		{name: "grandchild after child", appeared: []proctable.Stat{row(40, 41, 10, 101, "x"), row(41, 20, 10, 100, "x")}, newcomers: []int{41, 40}},
		{name: "child of the other dump", appeared: []proctable.Stat{row(40, 30, 10, 100, "tar")}},
		{name: "orphan in a shared session may be the other dump's", appeared: []proctable.Stat{row(40, 1, 10, 100, "tar")}, suspect: []int{40}},
		{name: "orphan from before is left alone", baseline: []proctable.Stat{row(40, 1, 10, 30, "tar")}},
		{name: "amandad's new child is not touched", appeared: []proctable.Stat{row(40, 10, 10, 100, "sendbackup")}, suspect: []int{40}},
		{name: "unrelated newcomer", appeared: []proctable.Stat{row(40, 39, 39, 100, "cron"), row(39, 1, 39, 5, "cron")}},
		{name: "service started by init", appeared: []proctable.Stat{row(40, 1, 40, 100, "sshd")}, suspect: []int{40}},
		{name: "zombie", appeared: []proctable.Stat{{PID: 40, PPID: 20, Session: 10, StartTicks: 100, State: 'Z', Threads: 1}}},
		{name: "first thread ended, others fork on", appeared: []proctable.Stat{{PID: 40, PPID: 20, Session: 10, StartTicks: 100, State: 'Z', Threads: 3}}, newcomers: []int{40}},
		{name: "member that founded a session, with its orphan",
			baseline: []proctable.Stat{row(22, 20, 22, 23, "ssh"), row(23, 1, 22, 24, "proxy")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			baseline := bsdHost(c.baseline...)
			k := newKin(100, baseline)
			k.add(baseline[20])
			k.add(baseline[21])
			if p, ok := baseline[22]; ok {
				k.add(p)
				c.newcomers = []int{23}
			}
			newcomers, suspects := k.sort(bsdHost(append(c.baseline, c.appeared...)...))
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

func pids(newcomers []newcomer) []int {
	var pids []int
	for _, n := range newcomers {
		pids = append(pids, n.PID)
	}
	return pids
}

// With nobody else in the session but ancestors, an orphan can only be ours.
func TestKinTakesOrphanOfOwnSession(t *testing.T) {
	shell := row(10, 1, 10, 5, "sh")
	k := newKin(100, table(row(1, 0, 1, 0, "init"), shell, row(20, 10, 10, 20, "tar")))
	k.add(row(20, 10, 10, 20, "tar"))
	now := table(row(1, 0, 1, 0, "init"), shell, row(20, 10, 10, 20, "tar"), row(40, 1, 10, 100, "x"), row(41, 40, 10, 100, "y"))
	newcomers, suspects := k.sort(now)
	if diff := cmp.Diff([]int{40, 41}, pids(newcomers)); diff != "" || len(suspects) > 0 {
		t.Errorf("newcomers (-want +got):\n%s\nsuspects: %v", diff, suspects)
	}
}

// Who lost its parent while the baseline was read, or before the two were proved to
// belong together, is not forgotten.
func TestKinRemembersTheLost(t *testing.T) {
	for name, c := range map[string]struct {
		before  proctable.Stat   // as the baseline shows it
		tell    bool             // that it could not be proved to be its parent's
		now     []proctable.Stat // what became of it
		suspect []int
	}{
		"its parent ended while the baseline was read": {
			before: row(40, 39, 10, 30, "tar"), now: []proctable.Stat{row(40, 1, 10, 30, "tar")}, suspect: []int{40}},
		"its parent ended before it was pinned": {
			before: row(40, 21, 10, 30, "tar"), tell: true, now: []proctable.Stat{row(40, 1, 10, 30, "tar")}, suspect: []int{40}},
		"it had lost its parent before": {
			before: row(40, 1, 10, 30, "tar"), now: []proctable.Stat{row(40, 1, 10, 30, "tar")}},
		"it has a parent elsewhere": {
			before: row(40, 10, 10, 30, "tar"), now: []proctable.Stat{row(40, 10, 10, 30, "tar")}},
		"its parent may not be seen (hidepid)": {
			before: row(40, 39, 10, 30, "sh"), now: []proctable.Stat{row(40, 39, 10, 30, "sh")}},
		"it founded a session since, as a daemon does": {
			before: row(40, 21, 10, 30, "tar"), tell: true, now: []proctable.Stat{row(40, 1, 40, 30, "tar")}, suspect: []int{40}},
		"it has a session and a child of its own since": {
			before: row(40, 21, 10, 30, "tar"), tell: true,
			now: []proctable.Stat{row(40, 1, 40, 30, "tar"), row(41, 1, 40, 100, "tar")}, suspect: []int{40, 41}},
	} {
		baseline := bsdHost(c.before)
		k := newKin(100, baseline)
		k.add(baseline[20])
		if c.tell {
			k.lose(c.before)
		}
		newcomers, suspects := k.sort(bsdHost(c.now...))
		var got []int
		for _, p := range suspects {
			got = append(got, p.PID)
		}
		if diff := cmp.Diff(c.suspect, got); diff != "" || slices.Contains(pids(newcomers), 40) {
			t.Errorf("%s: newcomers %v, suspects (-want +got):\n%s", name, pids(newcomers), diff)
		}
	}
}

// An orphan from before is never taken, even where nobody else could have forked it:
// the process that did so may have ended before the operation began.
func TestKinTakesNoOrphanFromBefore(t *testing.T) {
	shell, orphan := row(10, 1, 10, 5, "sh"), row(40, 1, 10, 30, "x")
	baseline := table(row(1, 0, 1, 0, "init"), shell, row(20, 10, 10, 20, "tar"), row(40, 39, 10, 30, "x"))
	k := newKin(100, baseline)
	k.add(baseline[20])
	newcomers, suspects := k.sort(table(row(1, 0, 1, 0, "init"), shell, row(20, 10, 10, 20, "tar"), orphan))
	if len(newcomers) > 0 || len(suspects) != 1 {
		t.Errorf("took %v, suspected %v", newcomers, suspects)
	}
}

// A pid that is in use again is neither the founder of a session nor a parent.
func TestKinIsNotFooledByReuse(t *testing.T) {
	k := newKin(100, table(row(1, 0, 1, 0, "init"), row(20, 1, 20, 20, "tar")))
	k.add(row(20, 1, 20, 20, "tar"))
	now := table(row(1, 0, 1, 0, "init"), row(20, 9, 20, 150, "stranger"), row(21, 20, 20, 151, "its child"), row(9, 1, 9, 9, "shell"))
	if newcomers, suspects := k.sort(now); len(newcomers)+len(suspects) > 0 {
		t.Errorf("took %v, suspected %v", newcomers, suspects)
	}
}

// Random forests: nothing that existed before is taken unless it descends from a
// root or from a session that a member founded, and all live descendants are.
func TestKinProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const began = 100
		n := rapid.IntRange(2, 25).Draw(t, "processes")
		rows := []proctable.Stat{row(1, 0, 1, 0, "init")}
		truth := map[int]bool{} // descends from the root, by birth
		root := rapid.IntRange(2, n+1).Draw(t, "root")
		for pid := 2; pid <= n+1; pid++ {
			father := rows[rapid.IntRange(0, len(rows)-1).Draw(t, "father")]
			session := father.Session
			if rapid.IntRange(0, 3).Draw(t, "setsid") == 0 {
				session = pid
			}
			ppid := father.PID
			// Some lost their parent long ago and hang below init.
			if truth[father.PID] && rapid.IntRange(0, 5).Draw(t, "orphaned") == 0 {
				ppid = 1
			}
			truth[pid] = pid == root || truth[father.PID]
			start := uint64(pid)
			if pid > n && pid != root {
				start = began
			}
			rows = append(rows, row(pid, ppid, session, start, "x"))
		}
		now := table(rows...)
		before := table(rows...)
		if now[n+1].StartTicks >= began {
			delete(before, n+1)
		}
		k := newKin(began, before)
		k.add(now[root])
		taken := map[int]bool{root: true}
		for {
			newcomers, _ := k.sort(now)
			if len(newcomers) == 0 {
				break
			}
			for _, p := range newcomers {
				if !truth[p.PID] {
					t.Fatalf("took pid %d, a stranger, of %+v", p.PID, rows)
				}
				taken[p.PID] = true
				k.add(p.Stat)
			}
		}
		for _, p := range rows {
			if taken[p.PPID] && !taken[p.PID] {
				t.Fatalf("left out pid %d, a child of %d, of %+v", p.PID, p.PPID, rows)
			}
		}
	})
}
