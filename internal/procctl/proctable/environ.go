package proctable

import (
	"math"
	"strconv"
	"strings"
)

// ParseWatchdog finds in the text of /proc/PID/environ how often the service manager
// of a process wants a sign of life from it, in nanoseconds: WATCHDOG_USEC, unless
// WATCHDOG_PID says that another process is meant. Children inherit the variables,
// and only the one that is meant has to answer. 0 means that nobody is waiting.
//
// The environment is what the process was started with, and hostile.
func ParseWatchdog(environ []byte, pid int) int64 {
	var usec uint64
	meant := pid
	for entry := range strings.SplitSeq(string(environ), "\x00") {
		key, value, _ := strings.Cut(entry, "=")
		switch key {
		case "WATCHDOG_USEC":
			usec, _ = strconv.ParseUint(value, 10, 64)
		case "WATCHDOG_PID":
			if n, err := strconv.Atoi(value); err == nil {
				meant = n
			}
		}
	}
	if meant != pid || usec > math.MaxInt64/1000 {
		return 0
	}
	return int64(usec) * 1000
}
