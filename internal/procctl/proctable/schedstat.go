package proctable

import (
	"bytes"
	"fmt"
	"strconv"
)

// A Schedstat is what /proc/PID/task/TID/schedstat says of one thread, see
// Documentation/scheduler/sched-stats.rst.
type Schedstat struct {
	RunNS    int64 // spent on a CPU
	QueuedNS int64 // spent ready to run, waiting for a CPU
}

// ParseSchedstat parses schedstat. A kernel that does not count says zero.
func ParseSchedstat(text []byte) (Schedstat, error) {
	var s Schedstat
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return s, fmt.Errorf("parsing schedstat: %d fields, want at least 2", len(fields))
	}
	for i, to := range []*int64{&s.RunNS, &s.QueuedNS} {
		n, err := strconv.ParseInt(string(fields[i]), 10, 64)
		if err != nil || n < 0 {
			return s, fmt.Errorf("parsing schedstat: bad number %.20q", fields[i])
		}
		*to = n
	}
	return s, nil
}
