package recording

// Vitals are what the processes and sockets on the streams' paths did since the
// record before. Counters are cumulative; what threads were doing was seen at
// single looks, several between two records. A process, socket or disk that is
// absent from a record has not changed since its last one: its counters stand, and
// every look saw what the last one had seen.
type Vitals struct {
	TNS int64 `json:"t_ns"` // instant at which the counters were read
	// LooksNS are the instants since the last record at which it was looked at
	// what threads were doing, ascending.
	LooksNS []int64 `json:"looks_t_ns,omitempty"`
	// Members are all processes on the paths from here on; present when they
	// changed, and there are any.
	Members []Member `json:"members,omitempty"`
	// Seen is everything that processes were seen doing in this record, once
	// each; ProcessVitals.Looks are indices of it.
	Seen      [][]Activity    `json:"seen,omitempty"`
	Processes []ProcessVitals `json:"processes,omitempty"`
	Sockets   []SocketVitals  `json:"sockets,omitempty"`
	Disks     []DiskVitals    `json:"disks,omitempty"`
	Host      *HostVitals     `json:"host,omitempty"`
	// Fault is what ended the observing before the run; such a record is the last one.
	Fault string `json:"fault,omitempty"`
}

// A Member is a process on the path of one stream or more.
type Member struct {
	PID        int    `json:"pid"`
	StartTicks uint64 `json:"start_ticks"`
	Name       string `json:"name"`              // comm
	Streams    []int  `json:"streams"`           // ids of the streams that flow through it
	Source     bool   `json:"source,omitempty"`  // its writes are a stream's bytes
	Carrier    bool   `json:"carrier,omitempty"` // the bytes leave by its sockets
	// Inodes of the pipes that it can read and write, and of its sockets of any kind;
	// those that Vitals.Sockets tells of are TCP.
	Reads   []uint64 `json:"reads,omitempty"`
	Writes  []uint64 `json:"writes,omitempty"`
	Sockets []uint64 `json:"sockets,omitempty"`
}

// ActivityKind is what a thread was seen doing.
type ActivityKind string

// The activities. The first six say something about the process; a thread that does
// one of the others hides behind one that does not.
const (
	Running ActivityKind = "run"   // on a CPU, or waiting for one
	OnDisk  ActivityKind = "disk"  // sleeps uninterruptibly, for storage as far as can be told
	OnNFS   ActivityKind = "netfs" // sleeps uninterruptibly for a network file system
	OnRAM   ActivityKind = "ram"   // sleeps uninterruptibly because memory is short
	Writing ActivityKind = "write" // in a write or send
	Reading ActivityKind = "read"  // in a read or receive
	Polling ActivityKind = "poll"  // waits for any of several descriptors
	Awaits  ActivityKind = "child" // waits for a process of its own
	Asleep  ActivityKind = "sleep" // waits for a time
	Locked  ActivityKind = "lock"  // waits for another thread, or for a process with which it shares memory
	Halted  ActivityKind = "stopped"
	Other   ActivityKind = "other"
)

// ActivityTarget is what the descriptor leads to.
type ActivityTarget string

// The targets.
const (
	ToPipe   ActivityTarget = "pipe"
	ToSocket ActivityTarget = "socket"
	ToFile   ActivityTarget = "file"
	ToOther  ActivityTarget = "other"
)

// An Activity is what one thread or more of a process were seen doing at a look.
type Activity struct {
	Kind   ActivityKind   `json:"kind"`
	FD     *int           `json:"fd,omitempty"`    // the descriptor it waits at, where that is known
	To     ActivityTarget `json:"to,omitempty"`    // what FD leads to
	Inode  uint64         `json:"inode,omitempty"` // of a pipe or socket
	Device string         `json:"device,omitempty"`
	// WaitChannel is the kernel function that a thread slept in, where the kind
	// was told by it.
	WaitChannel string `json:"wchan,omitempty"`
}

// ProcessVitals are one process's counters and what it was seen doing.
type ProcessVitals struct {
	PID int       `json:"pid"`
	CPU *CPUTimes `json:"cpu,omitempty"`
	IO  *IOBytes  `json:"io,omitempty"`
	// VoluntarySwitches is how often its threads went to sleep by themselves.
	VoluntarySwitches *uint64 `json:"switches,omitempty"`
	// MemoryDelays is absent where the kernel does not account for delays, where its
	// threads were started before it did, and where they had none: no telling which.
	MemoryDelays *MemoryDelays `json:"memory_delays,omitempty"`
	// Looks has one entry for each of Vitals.LooksNS, or one that holds for all of
	// them: an index of Vitals.Seen, or -1 where nothing was seen.
	Looks []int `json:"looks,omitempty"`
}

// CPUTimes are cumulative over all threads of a process, also ended ones.
type CPUTimes struct {
	RunNS int64 `json:"run_ns"` // on a CPU
	// BusiestNS grows from record to record by what the busiest thread ran
	// meanwhile, whichever that was.
	BusiestNS int64 `json:"busiest_ns"`
	QueuedNS  int64 `json:"queued_ns"` // ready to run, waiting for a CPU
}

// MemoryDelays are how long threads of a process stood still for want of memory, added
// up (struct taskstats); cumulative over all threads, also ended ones. One may be
// counted within another.
type MemoryDelays struct {
	Threads      int   `json:"threads"` // now: what bounds how fast the others can grow
	SwapInNS     int64 `json:"swap_in_ns"`
	ReclaimNS    int64 `json:"reclaim_ns"`
	ThrashingNS  int64 `json:"thrashing_ns"` // reading back what was thrown out lately
	CompactionNS int64 `json:"compaction_ns"`
}

// IOBytes are cumulative (/proc/PID/io).
type IOBytes struct {
	Read    uint64 `json:"read_bytes"`    // by read(2) and its kin, from anything
	Written uint64 `json:"written_bytes"` // by write(2) and its kin, to anything
}

// SocketVitals are one TCP socket's counters (struct tcp_info).
type SocketVitals struct {
	Inode           uint64 `json:"inode"`
	AckedBytes      uint64 `json:"acked_bytes"`
	ReceivedBytes   uint64 `json:"received_bytes,omitempty"`
	BusyNS          int64  `json:"busy_ns"`           // with data to send
	RwndLimitedNS   int64  `json:"rwnd_limited_ns"`   // of it, kept waiting by the receiver's window
	SndbufLimitedNS int64  `json:"sndbuf_limited_ns"` // of it, kept waiting by its own send buffer
	SentSegments    uint64 `json:"segments"`
	Retransmits     uint64 `json:"retransmits"`
	NotSentBytes    uint64 `json:"not_sent_bytes"`       // now, in the send buffer and never sent
	MinRTTNS        int64  `json:"min_rtt_ns,omitempty"` // shortest way there and back that was measured lately
	// QueuedBytes is what waited in the send buffer, unsent or not acknowledged,
	// at each of Vitals.LooksNS; -1 where it is not known. One entry holds for all.
	QueuedBytes []int64 `json:"queued_bytes,omitempty"`
}

// DiskVitals are a block device's counters (/proc/diskstats).
type DiskVitals struct {
	Device    string `json:"device"` // major:minor
	Name      string `json:"name"`
	ReadBytes uint64 `json:"read_bytes"`
	BusyNS    int64  `json:"busy_ns"` // with at least one request under way
}

// HostVitals are the whole host's counters.
type HostVitals struct {
	// CPUBusyNS and CPUIdleNS are summed over all CPUs; idle includes waiting for
	// storage.
	CPUBusyNS int64 `json:"cpu_busy_ns"`
	CPUIdleNS int64 `json:"cpu_idle_ns"`
	// How long some task stood still for want of a CPU, storage or memory
	// (/proc/pressure); absent where the kernel does not count it.
	CPUPressureNS    *int64 `json:"cpu_pressure_ns,omitempty"`
	IOPressureNS     *int64 `json:"io_pressure_ns,omitempty"`
	MemoryPressureNS *int64 `json:"memory_pressure_ns,omitempty"`
}
