package procctl

import (
	"fmt"
	"strconv"

	"pausetest/internal/procctl/proctable"
)

// baseline is the clock, then the table: what began before it existed then.
func (t *Table) baseline() (beganTicks uint64, now scan, err error) {
	root, err := openDir(t.root)
	if err != nil {
		return 0, nil, fmt.Errorf("reading the process table: %w", err)
	}
	defer root.close()
	if beganTicks, err = uptime(root); err != nil {
		return 0, nil, fmt.Errorf("reading the clock: %w", err)
	}
	now, err = t.scan(nil)
	return beganTicks, now, err
}

// scan reads every process's stat, and then what the children files of the
// members' threads name beyond that: a pass over /proc is not of one instant and
// may have gone by a pid just before it was taken.
func (t *Table) scan(members []*held) (scan, error) {
	root, err := openDir(t.root)
	if err != nil {
		return nil, fmt.Errorf("reading the process table: %w", err)
	}
	defer root.close()
	now := make(scan)
	buf := make([]byte, maxStatBytes)
	row := func(name string, pid int) error {
		text, err := root.readInto(buf, name+"/stat")
		if err != nil {
			return nil // it ended
		}
		if stat, err := proctable.ParseStat(text); err == nil {
			now[pid] = stat
		}
		return nil
	}
	if err := root.numbers(row); err != nil {
		return nil, fmt.Errorf("reading the process table: %w", err)
	}
	for _, m := range members {
		d, err := root.sub(strconv.Itoa(m.handle.id.PID))
		if err != nil {
			continue
		}
		for _, pid := range readChildren(d) {
			if _, known := now[pid]; !known {
				_ = row(strconv.Itoa(pid), pid)
			}
		}
		d.close()
	}
	return now, nil
}
