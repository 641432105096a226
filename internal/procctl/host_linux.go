package procctl

import (
	"fmt"

	"pausetest/internal/procctl/proctable"
)

// HostCounters are what the whole host has done since boot. What the kernel does
// not count is nil.
type HostCounters struct {
	CPU   proctable.CPUTime
	Disks []proctable.Disk
	// How long some task stood still for want of a CPU, storage or memory.
	CPUPressureNS, IOPressureNS, MemoryPressureNS *int64
}

// HostCounters reads the counters of the whole host.
func (t *Table) HostCounters() (HostCounters, error) {
	var c HostCounters
	root, err := openDir(t.root)
	if err != nil {
		return c, fmt.Errorf("reading the host's counters: %w", err)
	}
	defer root.close()
	buf := make([]byte, maxStatBytes)
	text, err := root.readInto(buf, "stat")
	if err == nil {
		c.CPU, err = proctable.ParseCPUTime(text)
	}
	if err != nil {
		return c, fmt.Errorf("reading the host's counters: %w", err)
	}
	if text, err := root.readAll("diskstats", maxTextBytes); err == nil {
		c.Disks, _ = proctable.ParseDiskstats(text)
	}
	for name, to := range map[string]**int64{"cpu": &c.CPUPressureNS, "io": &c.IOPressureNS, "memory": &c.MemoryPressureNS} {
		if text, err := root.readInto(buf, "pressure/"+name); err == nil {
			if ns, err := proctable.ParsePressure(text); err == nil {
				*to = &ns
			}
		}
	}
	return c, nil
}
