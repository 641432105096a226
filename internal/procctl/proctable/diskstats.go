package proctable

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// A Disk is a block device's line of /proc/diskstats, see
// Documentation/admin-guide/iostats.rst.
type Disk struct {
	Device    string // major:minor
	Name      string
	ReadBytes uint64
	BusyNS    int64 // with at least one request under way
}

// Columns of a line, from 0.
const (
	diskSectorsRead = 5
	diskBusy        = 12
	diskColumns     = 14
	sectorBytes     = 512 // whatever the device's own sectors are
)

// ParseDiskstats parses diskstats.
func ParseDiskstats(text []byte) ([]Disk, error) {
	var disks []Disk
	for line := range bytes.Lines(text) {
		f := bytes.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) < diskColumns {
			return disks, fmt.Errorf("parsing diskstats: %.60q has too few fields", line)
		}
		major, err1 := strconv.ParseUint(string(f[0]), 10, 32)
		minor, err2 := strconv.ParseUint(string(f[1]), 10, 32)
		sectors, err3 := strconv.ParseUint(string(f[diskSectorsRead]), 10, 64)
		busyMS, err4 := strconv.ParseInt(string(f[diskBusy]), 10, 64)
		if err1 != nil || err2 != nil || err3 != nil || err4 != nil || sectors > math.MaxUint64/sectorBytes || busyMS < 0 || busyMS > math.MaxInt64/1_000_000 {
			return disks, fmt.Errorf("parsing diskstats: bad number in %.80q", line)
		}
		disks = append(disks, Disk{
			Device: fmt.Sprintf("%d:%d", major, minor), Name: string(f[2]),
			ReadBytes: sectors * sectorBytes, BusyNS: busyMS * 1e6,
		})
	}
	return disks, nil
}
