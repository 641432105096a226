package proctable

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// ParsePressure returns for how long, since boot, at least one task stood still for
// want of a resource: the total of the "some" line of /proc/pressure/cpu, io or
// memory, in nanoseconds. See Documentation/accounting/psi.rst.
func ParsePressure(text []byte) (someNS int64, err error) {
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) < 2 || string(fields[0]) != "some" {
			continue
		}
		for _, f := range fields[1:] {
			if value, found := bytes.CutPrefix(f, []byte("total=")); found {
				us, err := strconv.ParseInt(string(value), 10, 64)
				if err != nil || us < 0 || us > math.MaxInt64/1000 {
					return 0, fmt.Errorf("parsing pressure: bad total %.40q", value)
				}
				return us * 1000, nil
			}
		}
	}
	return 0, fmt.Errorf("parsing pressure: no total of the some line")
}
