package guard

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// bootNS is the time since boot in nanoseconds, suspends included.
func bootNS() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		panic(fmt.Sprintf("reading the boot-time clock: %v", err)) // Linux 2.6.39 has it
	}
	return now.Nano()
}
