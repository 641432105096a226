package fdvol

import (
	"errors"
	"fmt"
	"io"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// RunCost is what the programs took while they were timed, on all CPUs, whoever
// made the system calls. What the kernel takes to get to them is not in it.
type RunCost struct {
	Runs    uint64
	RunNS   uint64 // of all runs together
	TimedNS uint64 // how long they were timed
}

// A Timing has the kernel time the programs. That costs about as much as the
// programs themselves, so it had better go on for a part of the time only.
type Timing struct {
	tracer *Tracer
	stats  io.Closer
	before RunCost // TimedNS is the clock's reading
}

// StartTiming needs CAP_SYS_ADMIN and Linux 5.8.
func (t *Tracer) StartTiming() (*Timing, error) {
	stats, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
	if err != nil {
		return nil, fmt.Errorf("timing the eBPF programs: %w", err)
	}
	before, err := t.runs()
	if err != nil {
		stats.Close()
		return nil, err
	}
	return &Timing{t, stats, before}, nil
}

// Stop ends the timing.
func (m *Timing) Stop() (RunCost, error) {
	after, err := m.tracer.runs()
	if err := errors.Join(err, m.stats.Close()); err != nil {
		return RunCost{}, err
	}
	return RunCost{after.Runs - m.before.Runs, after.RunNS - m.before.RunNS, after.TimedNS - m.before.TimedNS}, nil
}

func (t *Tracer) runs() (RunCost, error) {
	sum := RunCost{TimedNS: monotonicNS()}
	for _, program := range t.objects.Programs {
		s, err := program.Stats()
		if err != nil {
			return RunCost{}, fmt.Errorf("timing the eBPF programs: %w", err)
		}
		sum.Runs += s.RunCount
		sum.RunNS += uint64(s.Runtime)
	}
	return sum, nil
}
