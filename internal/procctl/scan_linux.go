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
// members' threads name beyond that: a pass over /proc is not of one instant and
// may have gone by a pid just before it was taken. Rows that unchanged supplies
// are not read; nil supplies none.
func (t *Table) scan(members []*held, unchanged func(pid int, inode uint64) (proctable.Stat, bool)) (scan, error) {
	root, err := openDir(t.root)
	if err != nil {
		return nil, fmt.Errorf("reading the process table: %w", err)
	}
	defer root.close()
	now, read := make(scan), make(map[int]bool)
	buf := make([]byte, maxStatBytes)
	row := func(name string, pid int) {
		text, err := root.readInto(buf, name+"/stat")
		if err != nil {
			return // it ended
		}
		if stat, err := proctable.ParseStat(text); err == nil {
			now[pid], read[pid] = stat, true
		}
	}
	err = root.inodes(func(name string, pid int, inode uint64) error {
		if unchanged != nil {
			if p, ok := unchanged(pid, inode); ok {
				now[pid] = p
				return nil
			}
		}
		row(name, pid)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the process table: %w", err)
	}
	for _, m := range members {
		for _, pid := range m.children(root) {
			if !read[pid] {
				row(strconv.Itoa(pid), pid)
			}
		}
	}
	return now, nil
}

// children are those that a member's threads name. One that was seen stopped with a
// single thread has no other by now.
func (m *held) children(root dir) []int {
	name := strconv.Itoa(m.handle.id.PID)
	if m.settled && m.single {
		text, err := root.readAll(name+"/task/"+name+"/children", maxTextBytes)
		if err != nil {
			return nil
		}
		pids, _ := proctable.ParseChildren(text)
		return pids
	}
	d, err := root.sub(name)
	if err != nil {
		return nil
	}
	defer d.close()
	return readChildren(d)
}
