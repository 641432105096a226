package procctl

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"pausetest/internal/printable"
	"pausetest/internal/procctl/proctable"
)

// FreezableCgroup finds the cgroup that holds the members and nobody else, so
// that freezing it pauses exactly them; the smallest, if several do. It is pure;
// the snapshot must hold everybody's cgroups. Whoever must run on, such as an ssh
// that rsync started, is no member and thus in the way. So are we and the guard.
//
// Both hierarchies are asked, version 2 first: where both are mounted, service
// managers make their cgroups in one and leave everybody at the other's root.
func FreezableCgroup(members []proctable.Process, all *proctable.Snapshot) (proctable.Cgroup, *Refusal) {
	if len(members) == 0 {
		return proctable.Cgroup{}, notFreezable("no-cgroup", "no process is named")
	}
	var first *Refusal
	for _, has := range []func(proctable.Cgroup) bool{proctable.Cgroup.V2, isFreezerV1} {
		c, refusal := wholeCgroup(members, all, has)
		if refusal == nil {
			return c, nil
		}
		if first == nil || refusal.Rule != "no-cgroup" && first.Rule != "shared-cgroup" {
			first = refusal // the one that is nearest to a cgroup of its own
		}
	}
	return proctable.Cgroup{}, first
}

func isFreezerV1(c proctable.Cgroup) bool { return slices.Contains(c.Controllers, "freezer") }

// wholeCgroup judges one hierarchy.
func wholeCgroup(members []proctable.Process, all *proctable.Snapshot, has func(proctable.Cgroup) bool) (proctable.Cgroup, *Refusal) {
	own := make(map[ProcID]bool, len(members))
	var whole proctable.Cgroup
	for i, p := range members {
		own[p.ID] = true
		c, ok := cgroupOf(p, has)
		if !ok {
			return whole, notFreezable("no-cgroup", "pid %d is in no cgroup that can be frozen, or it can't be read", p.ID.PID)
		}
		if i == 0 {
			whole = c
		}
		whole.Path = commonFolder(whole.Path, c.Path)
	}
	switch {
	case whole.Path == "/":
		return whole, notFreezable("root-cgroup", "its processes have no cgroup to themselves")
	case strings.HasPrefix(whole.Path, "/.."):
		return whole, notFreezable("no-cgroup", "its cgroup is outside of what this cgroup namespace shows")
	case !utf8.ValidString(whole.Path):
		return whole, notFreezable("no-cgroup", "the name of its cgroup is not valid UTF-8") // the journal could not hold it
	}
	for i := range all.Processes {
		p := &all.Processes[i]
		// Who ended while it was read shows no cgroup. Freeze looks again.
		if c, ok := cgroupOf(*p, has); ok && !own[p.ID] && isBelow(c.Path, whole.Path) {
			return whole, notFreezable("shared-cgroup", "its cgroup %s also holds %s (pid %d)",
				printable.Text(whole.Path, 0), printable.Text(p.Comm, 0), p.ID.PID)
		}
	}
	return whole, nil
}

func notFreezable(rule, format string, a ...any) *Refusal {
	return &Refusal{Rule: rule, Reason: fmt.Sprintf(format, a...),
		Hint: "pause by signals, or run each dump in a cgroup or unit of its own"}
}

// cgroupOf finds the line of the hierarchy; one that can't be parsed is none.
func cgroupOf(p proctable.Process, has func(proctable.Cgroup) bool) (proctable.Cgroup, bool) {
	for _, line := range p.Cgroups {
		if c, err := proctable.ParseCgroup(line); err == nil && has(c) {
			return c, true
		}
	}
	return proctable.Cgroup{}, false
}

// commonFolder is the deepest folder that both paths are in or are.
func commonFolder(a, b string) string {
	for !isBelow(b, a) {
		a = a[:max(strings.LastIndexByte(a, '/'), 0)]
	}
	if a == "" {
		return "/"
	}
	return a
}

// isBelow reports whether a path is the folder or inside of it.
func isBelow(path, folder string) bool {
	rest, ok := strings.CutPrefix(path, folder)
	return ok && (rest == "" || rest[0] == '/' || folder == "/")
}
