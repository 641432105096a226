package proctable

import (
	"bytes"
	"fmt"
	"strconv"
)

// TicksPerSecond is the unit of StartTicks. Note: it is USER_HZ, part of the
// kernel's interface and 100 on every architecture that Go supports, whatever
// the kernel's own HZ; asking for it would take cgo or the auxiliary vector.
const TicksPerSecond = 100

// ParseUptime gives the first number of /proc/uptime, seconds with two decimals,
// in ticks: the clock by which start times are told, and in the same unit.
func ParseUptime(text []byte) (uint64, error) {
	first, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte(" "))
	whole, hundredths, found := bytes.Cut(first, []byte("."))
	if !found || len(hundredths) != 2 {
		return 0, fmt.Errorf("parsing uptime: %.40q is not seconds with two decimals", first)
	}
	seconds, err1 := strconv.ParseUint(string(whole), 10, 48)
	rest, err2 := strconv.ParseUint(string(hundredths), 10, 8)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("parsing uptime: %.40q is not seconds with two decimals", first)
	}
	return seconds*TicksPerSecond + rest, nil
}
