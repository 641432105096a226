package amanda_test

import (
	"context"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Receivers run and stall for random times, evenly spread from nothing to
// twice this. By hand it was 500 ms with exponential spread, on a link four
// times as fast; within the second and a half of a measured segment that is
// one or two stalls: by calculation segments then differ by half their mean, and
// a verdict takes some twenty blocks. Shorter stalls without the long tail leave
// the mechanism as it is, and the segments (one stream active) differ by a tenth.
const meanStall = 150 * time.Millisecond

// stallReceivers stops and continues the dumpers of the backup host, each on a
// schedule of its own, until the returned function is called or ctx ends. Then
// all of them run.
func stallReceivers(ctx context.Context, t *testing.T, l *lab, seed uint64) (end func()) {
	t.Helper()
	var dumpers []*os.Process
	for _, p := range l.processes(t, backuphost) {
		if !strings.HasPrefix(p.args[0], "dumper") {
			continue
		}
		d, err := os.FindProcess(p.pid)
		if err != nil {
			t.Fatal(err)
		}
		dumpers = append(dumpers, d)
	}
	if len(dumpers) != 3 {
		t.Fatalf("%d dumpers on the backup host, not 3", len(dumpers))
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for i, d := range dumpers {
		running.Go(func() { stall(ctx, d, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	return func() {
		cancel()
		running.Wait()
	}
}

// stall stops and continues one dumper until ctx ends. A dumper that has ended
// can't be signalled any more, which is no fault.
func stall(ctx context.Context, dumper *os.Process, random *rand.Rand) {
	next := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for signal := syscall.SIGSTOP; ; {
		// Counted from the last planned moment, so that lateness does not add up.
		next = next.Add(time.Duration(random.Float64() * 2 * float64(meanStall)))
		timer.Reset(time.Until(next))
		select {
		case <-timer.C:
		case <-ctx.Done():
			_ = dumper.Signal(syscall.SIGCONT)
			return
		}
		_ = dumper.Signal(signal)
		if signal == syscall.SIGSTOP {
			signal = syscall.SIGCONT
		} else {
			signal = syscall.SIGSTOP
		}
	}
}
