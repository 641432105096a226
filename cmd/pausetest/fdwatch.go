package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"pausetest/internal/fdvol/volume"
	"pausetest/internal/netstat"
	"pausetest/internal/procctl"
	"pausetest/internal/procctl/proctable"
	"pausetest/internal/recording"
)

// An fdWatch keeps an fdCounter to the processes of the streams, whose children come
// and go, and remembers what their descriptors were.
type fdWatch struct {
	table   *procctl.Table
	counter fdCounter
	tracked map[proctable.ProcID]bool
	seen    map[proctable.ProcID]recording.Process
	names   *volume.Names
	sockets map[uint64]string // by inode

	began, ended time.Time
	beganCPU     time.Duration // our own
}

// newFDWatch takes the processes of all streams, and those that carry their bytes.
func newFDWatch(table *procctl.Table, counter fdCounter, first *look) *fdWatch {
	w := &fdWatch{table: table, counter: counter, tracked: map[proctable.ProcID]bool{}, seen: map[proctable.ProcID]recording.Process{},
		names: volume.NewNames(), sockets: map[uint64]string{}}
	for _, s := range first.found.Streams {
		for _, ids := range [][]proctable.ProcID{s.Processes, s.Carriers} {
			for _, id := range ids {
				w.tracked[id] = true
			}
		}
		if s.Shared != nil {
			w.tracked[*s.Shared] = true
		}
	}
	w.see(first.snapshot)
	return w
}

// run counts for a time, or until it is cancelled or all processes have ended.
func (w *fdWatch) run(ctx context.Context, lasts time.Duration) error {
	if err := w.counter.Track(w.pids()); err != nil {
		return err
	}
	w.began, w.beganCPU = time.Now(), processorTime()
	defer func() { w.ended = time.Now() }()
	end := time.After(lasts)
	next := min(lasts/10, 500*time.Millisecond)
	for len(w.tracked) > 0 {
		select {
		case <-ctx.Done():
			return nil
		case <-end:
			return nil
		case <-time.After(next):
		}
		began := time.Now()
		if err := w.follow(ctx); err != nil {
			return err
		}
		// On a host of very many processes a look takes a while: at most a fiftieth
		// of the time is spent on it.
		next = max(time.Second, 50*time.Since(began))
	}
	return nil
}

// follow takes in the children that have been born since, and drops who has ended:
// the next process of that number is a stranger.
func (w *fdWatch) follow(ctx context.Context) error {
	snapshot, err := w.look(ctx)
	switch {
	case ctx.Err() != nil:
		return nil // enough was seen
	case err != nil:
		return err
	}
	before := make([]proctable.ProcID, 0, len(w.tracked))
	for id := range w.tracked {
		before = append(before, id)
	}
	clear(w.tracked)
	for _, p := range snapshot.Trees(before) {
		w.tracked[p.ID] = true
	}
	w.see(snapshot)
	return w.counter.Track(w.pids())
}

// lastLook names what has been opened since the look before, once the counting is
// over. Without it, names are those of that look.
func (w *fdWatch) lastLook(ctx context.Context) {
	if snapshot, err := w.look(context.WithoutCancel(ctx)); err == nil {
		w.see(snapshot)
	}
}

// look reads the process table, and of the tracked processes and their children all
// that is needed to name their descriptors.
func (w *fdWatch) look(ctx context.Context) (*proctable.Snapshot, error) {
	related := map[int]bool{}
	for id := range w.tracked {
		related[id.PID] = true
	}
	snapshot, err := w.table.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	var ours []int
	for _, p := range snapshot.Processes {
		if related[p.ID.PID] || related[p.PPID] {
			ours = append(ours, p.ID.PID)
		}
	}
	if err := w.table.Examine(ctx, snapshot, ours); err != nil {
		return nil, err
	}
	return snapshot, nil
}

// see remembers the names of what is tracked.
func (w *fdWatch) see(snapshot *proctable.Snapshot) {
	tracked := map[int]bool{}
	for id := range w.tracked {
		tracked[id.PID] = true
		if _, known := w.seen[id]; !known {
			w.seen[id] = look{snapshot: snapshot}.process(id)
		}
	}
	w.names.See(snapshot, func(pid int) bool { return tracked[pid] })
	unknown := map[uint64]bool{}
	for inode := range w.names.Sockets() {
		if _, known := w.sockets[inode]; !known {
			unknown[inode] = true
		}
	}
	if len(unknown) == 0 {
		return
	}
	listed, _ := netstat.ListTCP(unknown) // without it they keep their numbers
	for _, s := range listed {
		w.sockets[s.Inode] = fmt.Sprintf("tcp %v to %v", s.Local, s.Remote)
	}
	for inode := range unknown {
		if w.sockets[inode] == "" {
			w.sockets[inode] = fmt.Sprintf("socket:[%d]", inode)
		}
	}
}

// pids are those to count: all but our own, if we were started by one of them.
func (w *fdWatch) pids() []int {
	pids := make([]int, 0, len(w.tracked))
	for id := range w.tracked {
		if id.PID != os.Getpid() {
			pids = append(pids, id.PID)
		}
	}
	return pids
}
