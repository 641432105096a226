package proctable

import (
	"bytes"
	"fmt"
	"strconv"
)

// ParseChildren parses /proc/PID/task/TID/children: pids with blanks between.
// The file lists only the children that this very thread forked or inherited.
func ParseChildren(text []byte) ([]int, error) {
	var pids []int
	for field := range bytes.FieldsSeq(text) {
		pid, err := strconv.Atoi(string(field))
		if err != nil || pid <= 0 {
			return pids, fmt.Errorf("parsing children: bad pid %.20q", field)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}
