package procctl

import (
	"fmt"
	"strconv"

	"pausetest/internal/procctl/proctable"
)

// baseline is the clock, then the table: what began before it existed then. With
// it come the inode numbers by which a later scan recognises who is still there.
func (t *Table) baseline() (beganTicks uint64, now scan, inodes map[int]uint64, err error) {
	root, err := openDir(t.root)
	if err != nil {
		return 0, nil, nil, fmt.Errorf("reading the process table: %w", err)
	}
	defer root.close()
	if beganTicks, err = uptime(root); err != nil {
		return 0, nil, nil, fmt.Errorf("reading the clock: %w", err)
	}
	inodes = make(map[int]uint64)
	now, err = t.scan(nil, func(pid int, inode uint64) (p proctable.Stat, ok bool) {
		inodes[pid] = inode
		return p, false
	})
	return beganTicks, now, inodes, err
}

// scan reads every process's stat, and then what the children files of the
// unsettled members' threads name beyond that: a pass over /proc is not of one instant
// and may have gone by a pid just before it was taken. The children of a member that
// was seen stopped before the pass began were all there by then. Rows that unchanged
// supplies are not read; nil supplies none.
func (t *Table) scan(members []*held, unchanged func(pid int, inode uint64) (proctable.Stat, bool)) (scan, error) {
	root, err := openDir(t.root)
	if err != nil {
		return nil, fmt.Errorf("reading the process table: %w", err)
	}
	defer root.close()
	now, read := make(scan), make(map[int]bool)
	buf := make([]byte, maxStatBytes)
	row := func(name string, pid int) error {
		text, err := root.readInto(buf, name+"/stat")
		if exhausted(err) {
			return err
		}
		if err != nil {
			return nil // it ended
		}
		if stat, err := proctable.ParseStat(text); err == nil {
			now[pid], read[pid] = stat, true
		}
		return nil
	}
	err = root.inodes(func(name string, pid int, inode uint64) error {
		if unchanged != nil {
			if p, ok := unchanged(pid, inode); ok {
				now[pid] = p
				return nil
			}
		}
		return row(name, pid)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the process table: %w", err)
	}
	for _, m := range members {
		if m.settled {
			continue
		}
		pids, err := m.children()
		for _, pid := range pids {
			if !read[pid] && err == nil {
				err = row(strconv.Itoa(pid), pid)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("reading the process table: %w", err)
		}
	}
	return now, nil
}

// children are those that a member's threads name; none of one that has ended.
func (m *held) children() ([]int, error) {
	d, err := openDir("/proc/" + strconv.Itoa(m.handle.id.PID))
	if err == nil {
		defer d.close()
		var pids []int
		if pids, err = readChildren(d); err == nil {
			return pids, nil
		}
	}
	if exhausted(err) {
		return nil, err
	}
	return nil, nil
}
