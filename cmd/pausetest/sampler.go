package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"pausetest/internal/netstat"
	"pausetest/internal/procctl"
	"pausetest/internal/recording"
)

// A watched is a stream as the sampler sees it.
type watched struct {
	id      int
	source  *procctl.Handle
	writers []*writeCounter
	sockets []netstat.Socket // of this stream alone
	sum     netstat.Sum
	gone    bool
}

// A writeCounter counts for one of a stream's writers. What it had written when it ended remains
// the stream's.
type writeCounter struct {
	counter      *procctl.IOCounter
	writtenBytes uint64
}

// read returns what the writer has written, as far as is known.
func (w *writeCounter) read() uint64 {
	if bytes, err := w.counter.Read(); err == nil {
		w.writtenBytes = bytes
	}
	return w.writtenBytes
}

// A sampler reads all counters once a period, on a thread of its own, and hands
// over what it saw in records. It never waits for whoever takes them: while the
// run is busy pausing a tree, samples queue up, each with its own time.
type sampler struct {
	link      *netstat.LinkCounter
	counter   *netstat.SocketCounter
	receive   bool // count what the sockets received, not what they sent
	period    time.Duration
	beginNS   int64 // on the monotonic clock; the run's time zero
	out       chan recording.Record
	discarded int // samples for which there was no room

	mu      sync.Mutex
	watched []*watched
	common  []netstat.Socket // of processes that several streams share
	total   netstat.Sum      // over all sockets
}

// queued is how many records wait for the run: half a minute's.
const queued = 300

// nowNS is the time since the run began.
func (s *sampler) nowNS() int64 { return netstat.MonotonicNS() - s.beginNS }

// watch replaces the set of streams and sockets that are read. When it returns,
// nothing of the former set is in use any more.
func (s *sampler) watch(streams []*watched, carried carried) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watched, s.common = streams, carried.common
	for _, w := range streams {
		w.sockets = carried.own[w.id]
	}
}

// A carried is the sockets by which the streams' bytes leave: of one stream alone,
// by its id, or of processes that several share.
type carried struct {
	own    map[int][]netstat.Socket
	common []netstat.Socket
}

func (c carried) all() []netstat.Socket {
	all := slices.Clone(c.common)
	for _, own := range c.own {
		all = append(all, own...)
	}
	return all
}

// covers reports whether there is a socket for every stream.
func (c carried) covers(streams []*watched) bool {
	return len(streams) > 0 && !slices.ContainsFunc(streams, func(w *watched) bool {
		return len(c.own[w.id]) == 0 && len(c.common) == 0
	})
}

// run samples until ctx ends or the interface is gone. A fault of ours becomes an
// error like any other: the run has streams to resume.
func (s *sampler) run(ctx context.Context) error {
	return netstat.Tick(ctx, s.period, func(slot netstat.Slot) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("internal fault: %v", p)
			}
		}()
		s.events(slot)
		sample, err := s.sample(slot)
		if err != nil {
			return err
		}
		s.put(recording.Record{Sample: &sample})
		return nil
	})
}

// events reports what the slot itself says.
func (s *sampler) events(slot netstat.Slot) {
	at := slot.NowNS - s.beginNS
	if missed := slot.Missed + s.discarded; missed > 0 {
		if s.put(recording.Record{Event: &recording.Event{TNS: at, Kind: recording.Late, Detail: fmt.Sprintf("%d samples missed", missed)}}) {
			s.discarded = 0
		}
	}
	if j := slot.Jump; j != (netstat.ClockJump{}) {
		s.put(recording.Record{Event: &recording.Event{TNS: at, Kind: recording.ClockJump,
			Detail: fmt.Sprintf("suspended for %v, wall clock set by %v", time.Duration(j.SuspendedNS), time.Duration(j.SteppedNS))}})
	}
}

// sample reads every counter, each stamped beside its own reading.
func (s *sampler) sample(slot netstat.Slot) (recording.Sample, error) {
	out := recording.Sample{TNS: s.nowNS(), LateNS: slot.NowNS - slot.DueNS}
	link, err := s.link.Read()
	if err != nil {
		return out, err
	}
	out.Interface = &recording.InterfaceCounters{RxBytes: link.RxBytes, TxBytes: link.TxBytes}

	s.mu.Lock()
	defer s.mu.Unlock()
	out.AttributedTNS = s.nowNS()
	for _, socket := range s.common {
		s.read(socket, nil)
	}
	for _, w := range s.watched {
		if c, ok := s.stream(w); ok {
			out.Streams = append(out.Streams, c)
		}
	}
	if s.counter != nil {
		bytes := s.total.Bytes()
		out.SocketBytes = &bytes
	}
	return out, nil
}

// stream reads one stream's counters, and notices its end.
func (s *sampler) stream(w *watched) (recording.StreamCounters, bool) {
	c := recording.StreamCounters{ID: w.id}
	if w.gone {
		return c, false
	}
	if w.source.Exited() {
		// Told until there is room for it: nobody else would tell.
		w.gone = s.put(recording.Record{Event: &recording.Event{TNS: s.nowNS(), Kind: recording.StreamEnded, Stream: w.id}})
		return c, false
	}
	var sum uint64
	for _, writer := range w.writers {
		sum += writer.read()
	}
	if len(w.writers) > 0 {
		c.IOBytes = &sum
	}
	for _, socket := range w.sockets {
		s.read(socket, &w.sum)
	}
	if len(w.sockets) > 0 && s.counter != nil {
		bytes := w.sum.Bytes()
		c.SocketBytes = &bytes
	}
	return c, true
}

// read adds one socket's reading to the total and to the stream's own sum. A
// socket that is gone keeps its last reading.
func (s *sampler) read(socket netstat.Socket, own *netstat.Sum) {
	if s.counter == nil {
		return
	}
	stats, err := s.counter.Read(socket)
	if err != nil {
		return
	}
	bytes := stats.AckedBytes
	if s.receive {
		bytes = stats.ReceivedBytes
	}
	s.total.Add(socket.Cookie, bytes)
	if own != nil {
		own.Add(socket.Cookie, bytes)
	}
}

func (s *sampler) put(r recording.Record) bool {
	select {
	case s.out <- r:
		return true
	default:
		s.discarded++
		return false
	}
}
