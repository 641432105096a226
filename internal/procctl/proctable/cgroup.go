package proctable

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// A Cgroup is one line of /proc/PID/cgroup, see cgroups(7).
type Cgroup struct {
	// Controllers of a version 1 hierarchy, named ones as "name=systemd"; nil
	// for version 2.
	Controllers []string
	// Path within the hierarchy. It may hold ":" and begin with "/..", when the
	// reader's cgroup namespace has its root further down.
	Path string
}

// V2 reports whether the line is of the unified hierarchy.
func (c Cgroup) V2() bool { return c.Controllers == nil }

// ParseCgroup parses one line, "id:controllers:path".
func ParseCgroup(line string) (Cgroup, error) {
	parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
	if len(parts) != 3 || !strings.HasPrefix(parts[2], "/") {
		return Cgroup{}, fmt.Errorf("parsing cgroup: %.60q is not id:controllers:path", line)
	}
	c := Cgroup{Path: parts[2]}
	if parts[1] != "" {
		c.Controllers = strings.Split(parts[1], ",")
	}
	return c, nil
}

// CgroupDirs lists the folders of a cgroup and of all its ancestors in a mount
// of its hierarchy, own folder first; none when the mount does not show it.
func CgroupDirs(c Cgroup, mounts []Mount) []string {
	for _, m := range mounts {
		if !c.mountedAt(m) {
			continue
		}
		below, ok := relativeTo(c.Path, m.Root)
		if !ok {
			continue
		}
		var dirs []string
		for {
			dirs = append(dirs, path.Join(m.Point, below))
			if below == "/" {
				return dirs
			}
			below = path.Dir(below)
		}
	}
	return nil
}

func (c Cgroup) mountedAt(m Mount) bool {
	if c.V2() {
		return m.Type == "cgroup2"
	}
	if m.Type != "cgroup" {
		return false
	}
	options := strings.Split(m.SuperOptions, ",")
	return !slices.ContainsFunc(c.Controllers, func(name string) bool { return !slices.Contains(options, name) })
}

// relativeTo returns what is left of name below root, beginning with "/".
func relativeTo(name, root string) (string, bool) {
	if !path.IsAbs(name) || path.Clean(name) != name {
		return "", false // "/.." leads outside of what we can see
	}
	if root == "/" {
		return name, true
	}
	rest, ok := strings.CutPrefix(name, root)
	switch {
	case !ok:
		return "", false
	case rest == "":
		return "/", true
	}
	return rest, rest[0] == '/'
}

// ParseFrozen reads a cgroup's freezer.state (version 1), cgroup.freeze or
// cgroup.events (version 2): is it frozen, or about to be?
func ParseFrozen(text string) bool {
	for line := range strings.Lines(text) {
		switch strings.TrimSpace(line) {
		case "FROZEN", "FREEZING", "1", "frozen 1":
			return true
		}
	}
	return false
}

// ParseAllFrozen reads freezer.state (version 1) or cgroup.events (version 2): is
// everything in the cgroup frozen by now?
func ParseAllFrozen(text string) bool {
	for line := range strings.Lines(text) {
		switch strings.TrimSpace(line) {
		case "FROZEN", "frozen 1":
			return true
		}
	}
	return false
}
