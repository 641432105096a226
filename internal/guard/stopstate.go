package guard

import (
	"bytes"
	"strconv"
)

// sigstop is SIGSTOP on every architecture but alpha, mips, parisc and sparc,
// where the pending check is off by a signal or two and the state still counts.
const sigstop = 19

// stopInForce says whether one thread, by its /proc/PID/task/TID/status, is
// stopped or about to be: a thread in uninterruptible sleep obeys a pending
// SIGSTOP only when its I/O returns. Being held by a tracer ("t") is no stop.
func stopInForce(status []byte) bool {
	for line := range bytes.Lines(status) {
		key, rest, _ := bytes.Cut(line, []byte(":"))
		value := bytes.TrimSpace(rest)
		switch string(key) {
		case "State":
			if len(value) > 0 && value[0] == 'T' {
				return true
			}
		case "SigPnd", "ShdPnd":
			pending, err := strconv.ParseUint(string(value), 16, 64)
			if err == nil && pending&(1<<(sigstop-1)) != 0 {
				return true
			}
		}
	}
	return false
}
