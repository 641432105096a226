package procctl

import (
	"context"
	"fmt"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/host"
)

// HostFacts are what a recording says about the machine.
type HostFacts struct {
	Name    string
	Kernel  string // release, as uname -r
	Arch    string
	BootID  string // a UUID, new at every boot
	CPUs    int    // logical, as the kernel counts them
	Virtual string // "kvm", "lxc", ...; empty when nothing was recognised
}

// ReadHostFacts asks gopsutil, once a run.
//
// Note: this is the only use of gopsutil. Its walks of the process table cost
// five bare scans, its Children runs pgrep, its Suspend goes by bare pid, and its
// CreateTime shifts with the clock; so the table is read here. Its HostID may be
// the machine's product UUID, so the boot id comes from the table as well.
func (t *Table) ReadHostFacts(ctx context.Context) (HostFacts, error) {
	info, err := host.InfoWithContext(ctx)
	if err != nil {
		return HostFacts{}, fmt.Errorf("reading host facts: %w", err)
	}
	cpus, err := cpu.CountsWithContext(ctx, true)
	if err != nil {
		return HostFacts{}, fmt.Errorf("counting processors: %w", err)
	}
	facts := HostFacts{Name: info.Hostname, Kernel: info.KernelVersion, Arch: info.KernelArch, CPUs: cpus}
	if info.VirtualizationRole == "guest" {
		facts.Virtual = info.VirtualizationSystem
	}
	facts.BootID, err = t.BootID()
	return facts, err
}
