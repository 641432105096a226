package proctable

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// CPUTime is what all CPUs of the host together did since boot.
type CPUTime struct {
	BusyNS int64
	IdleNS int64 // also while waiting for storage
}

// Columns of the "cpu" line of /proc/stat, see proc_stat(5). Time in a guest
// (columns 9 and 10) is in user and nice already.
const (
	cpuIdle    = 3
	cpuIOWait  = 4
	cpuColumns = 8
)

// ParseCPUTime reads the first line of /proc/stat.
func ParseCPUTime(text []byte) (CPUTime, error) {
	var t CPUTime
	line, _, _ := bytes.Cut(text, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 2+cpuIOWait || string(fields[0]) != "cpu" {
		return t, fmt.Errorf("parsing /proc/stat: no line of all CPUs")
	}
	const tickNS = int64(1e9 / TicksPerSecond)
	for i, f := range fields[1:min(len(fields), 1+cpuColumns)] {
		ticks, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil || ticks < 0 || ticks > math.MaxInt64/cpuColumns/tickNS {
			return t, fmt.Errorf("parsing /proc/stat: bad number %.30q", f)
		}
		if i == cpuIdle || i == cpuIOWait {
			t.IdleNS += ticks * tickNS
		} else {
			t.BusyNS += ticks * tickNS
		}
	}
	return t, nil
}
