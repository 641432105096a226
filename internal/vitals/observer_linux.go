package vitals

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"pausetest/internal/netstat"
	"pausetest/internal/procctl"
	"pausetest/internal/recording"
)

const (
	// Looks come at random distances, on average this: a process that works to a
	// rhythm must not be seen at the same beat each time.
	lookPeriod   = 100 * time.Millisecond
	recordPeriod = 500 * time.Millisecond
	// costShare is the part of one CPU's time that observing may take: the next look
	// waits until the last one is paid for.
	costShare = 50
	// maxMembers bounds what is looked at, and the cost of a look with it; three dumps
	// of Amanda are about twenty processes.
	maxMembers = 64
)

// An Observer looks at processes and sockets.
type Observer struct {
	nowNS   func() int64
	table   *procctl.Table
	counter *netstat.SocketCounter // nil where sockets can't be read
	delays  *netstat.DelayCounter  // nil where the kernel does not account for them, or not for us

	// wanted is what is to be observed from the next look on; nil when that has not
	// changed. All else belongs to Run: nobody ever waits for a look.
	wanted atomic.Pointer[wanted]

	members   []recording.Member
	news      bool // members have changed since the last record
	processes []*process
	sockets   []*socket
	disks     map[string]recording.DiskVitals // as last recorded, by device

	// What is gathered for the next record.
	looksNS []int64
	seen    seen
}

// New returns an observer; nowNS is the run's clock. Sockets are those of the
// calling thread's network namespace.
func New(nowNS func() int64) *Observer {
	o := &Observer{nowNS: nowNS, table: procctl.NewTable(""), disks: map[string]recording.DiskVitals{}}
	if c, err := netstat.OpenSockets(); err == nil {
		o.counter = c
	}
	if d, err := netstat.OpenDelays(); err == nil {
		o.delays = d
	}
	return o
}

// wanted is what Watch was told.
type wanted struct {
	members []recording.Member
	sockets []netstat.Socket
}

// Watch replaces the set of processes and sockets that are observed, from the next
// look on. Those that were observed before go on without a gap. It may be called
// while Run runs, and does not wait for it. Of too many processes it observes those
// that tell most.
func (o *Observer) Watch(members []recording.Member, sockets []netstat.Socket) {
	o.wanted.Store(&wanted{mostTelling(members, maxMembers), sockets})
}

// update takes over what Watch was told.
func (o *Observer) update() error {
	w := o.wanted.Swap(nil)
	if w == nil {
		return nil
	}
	o.news = o.news || !reflect.DeepEqual(o.members, w.members)
	o.members = w.members
	o.keepSockets(w.sockets)
	return o.keepProcesses()
}

// Run observes until ctx ends, and hands over a record now and then; put must not
// wait, and says whether the record was taken. An error is a fault of ours, or a want of
// descriptors; it must end the observing and never the run.
func (o *Observer) Run(ctx context.Context, put func(recording.Vitals) bool) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("observing processes and sockets: %v", fault)
		}
	}()
	defer o.close()
	last := time.Now()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		}
		begun := time.Now()
		spent := costOf(func() {
			if err = o.update(); err != nil {
				return
			}
			o.look()
			if begun.Sub(last) >= recordPeriod {
				if !put(o.record()) {
					o.repeat()
				}
				last = begun
			}
		})
		if err != nil {
			return fmt.Errorf("observing processes and sockets: %w", err)
		}
		pause.Reset(max(lookPeriod/2+rand.N(lookPeriod), costShare*spent))
	}
}

// costOf is the CPU time that work takes.
//
// Note: the thread is kept for the work alone. A goroutine that waits while it is bound
// to a thread costs two switches more each time it wakes.
func costOf(work func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := spentCPU()
	work()
	return spentCPU() - before
}

// spentCPU is the CPU time of this thread. Note: time that passed would not do, for on
// a busy host a look takes long and costs no more.
func spentCPU() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) // every Linux has it
	return time.Duration(t.Nano())
}

func (o *Observer) close() {
	for _, p := range o.processes {
		p.watch.Close()
	}
	o.processes = nil
	if o.counter != nil {
		o.counter.Close()
		o.counter = nil
	}
	if o.delays != nil {
		o.delays.Close()
		o.delays = nil
	}
}

// look takes down what everybody does at this instant.
func (o *Observer) look() {
	o.looksNS = append(o.looksNS, o.nowNS())
	for _, p := range o.processes {
		p.looks = append(p.looks, o.seen.number(p, p.watch.Look()))
	}
	for _, s := range o.sockets {
		s.read(o.counter)
		s.queued = append(s.queued, s.now())
	}
}

// record reads the counters and returns them with all looks since the last record.
func (o *Observer) record() recording.Vitals {
	v := recording.Vitals{TNS: o.nowNS(), LooksNS: o.looksNS, Seen: o.seen.list}
	if o.news {
		v.Members, o.news = o.members, false
	}
	for _, p := range o.processes {
		if r, changed := p.record(v.Seen, o.delays); changed {
			v.Processes = append(v.Processes, r)
		}
	}
	for _, s := range o.sockets {
		if r, changed := s.record(); changed {
			v.Sockets = append(v.Sockets, r)
		}
	}
	o.recordHost(&v)
	o.looksNS, o.seen = nil, seen{}
	return v
}

// repeat makes the next record hold what this one did, which was lost.
func (o *Observer) repeat() {
	o.news = true
	for _, p := range o.processes {
		p.recorded, p.doing = recording.ProcessVitals{}, nil
	}
	for _, s := range o.sockets {
		s.recorded = recording.SocketVitals{}
	}
	for device := range o.disks {
		o.disks[device] = recording.DiskVitals{}
	}
}

// recordHost adds the counters of the whole host, and of the disks that somebody was
// seen waiting for.
func (o *Observer) recordHost(v *recording.Vitals) {
	for _, doing := range v.Seen {
		for _, a := range doing {
			if _, known := o.disks[a.Device]; a.Device != "" && !known {
				o.disks[a.Device] = recording.DiskVitals{}
			}
		}
	}
	c, err := o.table.HostCounters()
	if err != nil {
		return
	}
	v.Host = &recording.HostVitals{
		CPUBusyNS: c.CPU.BusyNS, CPUIdleNS: c.CPU.IdleNS,
		CPUPressureNS: c.CPUPressureNS, IOPressureNS: c.IOPressureNS, MemoryPressureNS: c.MemoryPressureNS,
	}
	for _, d := range c.Disks {
		now := recording.DiskVitals{Device: d.Device, Name: d.Name, ReadBytes: d.ReadBytes, BusyNS: d.BusyNS}
		if last, wanted := o.disks[d.Device]; wanted && last != now {
			o.disks[d.Device] = now
			v.Disks = append(v.Disks, now)
		}
	}
}

// keepProcesses opens newcomers and closes those that are not wanted any more. It fails
// when one could not be opened that may be there: whoever is overlooked would be taken
// for innocent.
func (o *Observer) keepProcesses() (err error) {
	before := map[procctl.ProcID]*process{}
	for _, p := range o.processes {
		before[p.watch.ID()] = p
	}
	o.processes = nil
	for _, m := range o.members {
		id := procctl.ProcID{PID: m.PID, StartTicks: m.StartTicks}
		p := before[id]
		delete(before, id)
		if p == nil {
			watch, failed := procctl.OpenWatch(id)
			switch {
			case errors.Is(failed, procctl.ErrGone), errors.Is(failed, procctl.ErrNotPermitted):
				continue
			case failed != nil:
				err = failed
				continue
			}
			p = &process{watch: watch, looks: unseen(len(o.looksNS))}
		}
		o.processes = append(o.processes, p)
	}
	for _, p := range before {
		p.watch.Close()
	}
	return err
}

func (o *Observer) keepSockets(sockets []netstat.Socket) {
	before := map[uint64]*socket{}
	for _, s := range o.sockets {
		before[s.of.Cookie] = s
	}
	o.sockets = nil
	if o.counter == nil {
		return
	}
	for _, of := range sockets {
		s := before[of.Cookie]
		if s == nil {
			s = &socket{of: of}
			for range o.looksNS {
				s.queued = append(s.queued, unknown)
			}
		}
		o.sockets = append(o.sockets, s)
	}
}

// unknown stands where nothing was seen.
const unknown = -1

// shortened leaves one entry of those that are all alike.
func shortened[T comparable](looks []T) []T {
	if len(looks) > 1 && !slices.ContainsFunc(looks, func(x T) bool { return x != looks[0] }) {
		return looks[:1]
	}
	return looks
}

func unseen(n int) []int {
	looks := make([]int, n)
	for i := range looks {
		looks[i] = unknown
	}
	return looks
}

// A socket is a TCP socket under observation.
type socket struct {
	of     netstat.Socket
	gone   bool
	known  bool // stats holds a reading
	stats  netstat.SocketStats
	queued []int64
	// As last recorded.
	recorded   recording.SocketVitals
	lastQueued int64
}

func (s *socket) read(c *netstat.SocketCounter) {
	if s.gone {
		return
	}
	stats, err := c.Read(s.of)
	switch {
	case err == nil:
		s.stats, s.known = stats, true
	case errors.Is(err, netstat.ErrSocketGone):
		s.gone = true
	}
}

// now is what waits in the socket.
func (s *socket) now() int64 {
	if s.gone || !s.known {
		return unknown
	}
	return int64(s.stats.QueuedBytes)
}

// record returns the socket's counters, and whether they have changed or anything
// waited.
func (s *socket) record() (r recording.SocketVitals, changed bool) {
	r = recording.SocketVitals{
		Inode: s.of.Inode, AckedBytes: s.stats.AckedBytes, ReceivedBytes: s.stats.ReceivedBytes,
		BusyNS: s.stats.BusyNS, RwndLimitedNS: s.stats.RwndLimitedNS, SndbufLimitedNS: s.stats.SndbufLimitedNS,
		SentSegments: s.stats.SentSegments, Retransmits: s.stats.Retransmits, NotSentBytes: s.stats.NotSentBytes,
		MinRTTNS:    s.stats.MinRTTNS,
		QueuedBytes: s.queued,
	}
	changed = s.recorded.Inode == 0 || !sameCounters(r, s.recorded)
	for _, q := range s.queued {
		changed = changed || q != s.lastQueued
	}
	if n := len(s.queued); n > 0 {
		s.lastQueued = s.queued[n-1]
	}
	s.recorded, s.queued = r, nil
	r.QueuedBytes = shortened(r.QueuedBytes)
	return r, changed && s.known
}

func sameCounters(a, b recording.SocketVitals) bool {
	a.QueuedBytes, b.QueuedBytes = nil, nil
	return reflect.DeepEqual(a, b)
}
