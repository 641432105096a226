package procctl

import (
	"os"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func rules(refusals []Refusal) []string {
	var names []string
	for _, r := range refusals {
		names = append(names, r.Rule)
	}
	return names
}

func TestJudge(t *testing.T) {
	fine := Facts{ID: ProcID{PID: 77, StartTicks: 1}, SignalAllowed: true}
	for _, c := range []struct {
		name            string
		change          func(*Facts)
		refuse, warning []string
	}{
		{name: "fine", change: func(*Facts) {}},
		{name: "init", change: func(f *Facts) { f.ID.PID = 1; f.SignalAllowed = true }, refuse: []string{"init"}},
		{name: "kernel thread", change: func(f *Facts) { f.KernelThread = true }, refuse: []string{"kernel-thread"}},
		{name: "ourselves", change: func(f *Facts) { f.Self = true }, refuse: []string{"ourselves"}},
		{name: "ancestor", change: func(f *Facts) { f.Ancestor = true }, refuse: []string{"our-ancestor"}},
		{name: "zombie", change: func(f *Facts) { f.Zombie = true }, refuse: []string{"ended"}},
		{name: "another user", change: func(f *Facts) {
			f.SignalAllowed, f.RealUID, f.SavedUID, f.OurRealUID, f.OurEffectiveUID = false, 34, 34, 1000, 1000
		},
			refuse: []string{"not-permitted"}},
		{name: "denied against the rule of users", change: func(f *Facts) { f.SignalAllowed = false }, refuse: []string{"not-permitted"}},
		{name: "another label", change: func(f *Facts) { f.Label, f.OurLabel = "system_u:system_r:amanda_t:s0", "system_u:system_r:cron_t:s0" },
			refuse: []string{"security-label"}},
		{name: "unconfined SELinux", change: func(f *Facts) { f.Label, f.OurLabel = "x:y:amanda_t:s0", "unconfined_u:unconfined_r:unconfined_t:s0" }},
		{name: "unconfined AppArmor", change: func(f *Facts) { f.Label, f.OurLabel = "amandad (enforce)", "unconfined" }},
		{name: "traced", change: func(f *Facts) { f.TracerPID = 5 }, refuse: []string{"traced"}},
		{name: "stopped", change: func(f *Facts) { f.Threads.Stopped = 1 }, refuse: []string{"already-stopped"}},
		{name: "frozen", change: func(f *Facts) { f.FrozenBy = []string{"/cg/a"} }, refuse: []string{"frozen"}},
		{name: "orphan", change: func(f *Facts) { f.OrphanedBy = ProcID{PID: 5, StartTicks: 5} }, warning: []string{"orphan-risk"}},
		{name: "watchdog", change: func(f *Facts) { f.WatchdogNS = 30e9 }, refuse: []string{"watchdog"}},
		{name: "under sudo", change: func(f *Facts) { f.ParentComm = "sudo" }, refuse: []string{"sudo"}},
		{name: "job of a shell", change: func(f *Facts) { f.ParentComm, f.OwnJob = "bash", true }, warning: []string{"job-control"}},
		{name: "part of a script", change: func(f *Facts) { f.ParentComm = "bash" }},
		{name: "nohup", change: func(f *Facts) { f.OrphanedBy, f.IgnoresHangup = ProcID{PID: 5, StartTicks: 5}, true }},
	} {
		f := fine
		c.change(&f)
		refusals, warnings := f.Judge()
		if diff := cmp.Diff([][]string{c.refuse, c.warning}, [][]string{rules(refusals), rules(warnings)}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func readFacts(target []ProcID) ([]Facts, error) {
	r, err := NewTable("").FactReader()
	if err != nil {
		return nil, err
	}
	return r.Read(target)
}

func TestReadFacts(t *testing.T) {
	_, ids := family(t, nil)
	judge := func(id ProcID) []string {
		t.Helper()
		facts, err := readFacts([]ProcID{id})
		if err != nil {
			t.Fatal(err)
		}
		refusals, _ := facts[0].Judge()
		return rules(refusals)
	}
	if refusals := judge(ids[0]); len(refusals) > 0 {
		t.Errorf("a child of ours: %v", refusals)
	}
	if refusals := judge(identify(t, os.Getpid())); !cmp.Equal(refusals, []string{"ourselves"}) {
		t.Errorf("ourselves: %v", refusals)
	}
	if refusals := judge(identify(t, os.Getppid())); !cmp.Equal(refusals, []string{"our-ancestor"}) {
		t.Errorf("our parent: %v", refusals)
	}
	if refusals := judge(identify(t, 1)); !cmp.Equal(refusals, []string{"init"}) {
		t.Errorf("init: %v", refusals)
	}
	h := open(t, ids[3])
	if err := h.Stop(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "stopped", allStopped(t, h))
	if refusals := judge(ids[3]); !cmp.Equal(refusals, []string{"already-stopped"}) {
		t.Errorf("stopped: %v", refusals)
	}
}

// A job of its own group, whose parent stands in the same session, is orphaned by
// that parent's end; not if the parent is paused as well.
func TestReadFactsOfJob(t *testing.T) {
	m := help(t, &syscall.SysProcAttr{Setpgid: true}, "block")
	facts, err := readFacts([]ProcID{m.id()})
	if err != nil {
		t.Fatal(err)
	}
	if facts[0].OrphanedBy != identify(t, os.Getpid()) || !facts[0].OwnJob {
		t.Errorf("orphaned by %+v", facts[0].OrphanedBy)
	}
	facts, err = readFacts([]ProcID{m.id(), identify(t, os.Getpid())})
	if err != nil {
		t.Fatal(err)
	}
	if facts[0].OrphanedBy != (ProcID{}) || facts[0].OwnJob {
		t.Errorf("orphaned by %+v, which is paused too", facts[0].OrphanedBy)
	}
}

func TestProcErrorEscapesNames(t *testing.T) {
	for comm, want := range map[string]string{
		"tar":       "stopping tar (pid 4121): operation not permitted",
		"":          "stopping pid 4121: operation not permitted",
		"a\x1b[2Jb": `stopping a\x1b[2Jb (pid 4121): operation not permitted`,
		"a) (b\n":   `stopping a) (b\n (pid 4121): operation not permitted`,
		"\xff":      `stopping \xff (pid 4121): operation not permitted`,
	} {
		err := &ProcError{Op: "stopping", ID: ProcID{PID: 4121}, Comm: comm, Err: ErrNotPermitted}
		if got := err.Error(); got != want {
			t.Errorf("%q: %s", comm, got)
		}
	}
}
