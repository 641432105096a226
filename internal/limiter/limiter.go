// Package limiter says where the limit of a run's streams is: which process, and
// what it waits for. It is pure: it reads vitals (recording.Vitals), in windows with
// a fixed set of running streams.
//
// The way of a statement: vitals -> looks (replay.go) -> at each look, for each
// running stream, the one process or thing that everybody else on its path waits
// for (blame.go) -> shares of the looks at each number of running streams
// (tally.go) -> causes, ranked, each with what speaks for and against it
// (causes.go, evidence.go) -> the limit at that level (limit.go) -> words (words.go).
//
// The idea is that of any pipeline: before the limit everybody waits to write, behind
// it everybody waits to read. So a stream is followed from its source along the
// writes that wait, or against the reads that wait, until somebody does something
// else.
package limiter

// A Kind is a kind of limit.
type Kind string

// The kinds.
const (
	// BlockingWriter: a process that carries several streams writes to one socket at
	// a time, and waits there while others could take data.
	BlockingWriter Kind = "blocking-writer"
	Computing      Kind = "computing"   // a process uses a CPU up
	HostCPU        Kind = "host-cpu"    // processes are ready to run and get no CPU
	Receivers      Kind = "receivers"   // the receiving programs don't take the data
	SendBuffer     Kind = "send-buffer" // the sockets' own buffers are too small for the way
	Network        Kind = "network"     // the way to the receivers
	Disk           Kind = "disk"        // sources wait for storage, each for itself
	SharedDisk     Kind = "shared-disk" // sources wait for the same storage, and hold one another up
	NetworkFS      Kind = "network-fs"  // sources wait for a network file system
	Memory         Kind = "memory"      // processes wait because memory is short
	Input          Kind = "input"       // sources wait for what feeds them
	Outside        Kind = "outside"     // what reads a stream's pipe is none of its processes
	Unknown        Kind = "unknown"     // the recording does not say
)

// Facts are what a recording knows.
type Facts struct {
	Vitals  Observed
	Windows []Window
	// Rates is the throughput by number of running streams, in bytes per second.
	Rates map[int]float64
	// OverOne is the throughput with so many streams running over that of one alone,
	// by their number, where it was estimated. What costs nothing is no limit, so a writer
	// is blamed only where its interval lies below 1.
	OverOne map[int]Ratio
	// LinkBytesPerSecond is the interface's speed; 0 when it is not known.
	LinkBytesPerSecond float64
}

// A Ratio is an estimate, with the upper end of its interval.
type Ratio struct{ Value, High float64 }

// A Window is a stretch of time in which a fixed set of streams ran undisturbed.
type Window struct {
	Active       []int // stream ids
	FromNS, ToNS int64
}

// A Finding is where the limit is. Shares are between 0 and 1.
type Finding struct {
	// Statement says it in full, Cause in one line.
	Statement string `json:"statement"`
	Cause     string `json:"cause"`
	Kind      Kind   `json:"kind"`
	// Process is the one that is the limit, or that stands for several of its name;
	// null where none is.
	Process *Process `json:"process"`
	Device  string   `json:"device,omitempty"` // the disk's
	Active  int      `json:"active"`           // how many streams ran
	// Causes are all that were considered, the likeliest first.
	Causes []Cause `json:"causes"`
	Levels []Level `json:"levels"`
	// Missing is what the recording does not say.
	Missing []string `json:"missing,omitempty"`
}

// A Process is one on the streams' paths.
type Process struct {
	PID  int    `json:"pid"`
	Name string `json:"name"`
}

// A Cause is a candidate: its share of the time, and what speaks for it and against.
type Cause struct {
	Kind    Kind     `json:"kind"`
	Process *Process `json:"process"`
	Device  string   `json:"device,omitempty"`
	// Share is the part of the streams' time that it accounts for with most streams
	// running, Alone with one; null where that was not measured.
	Share   float64  `json:"share"`
	Alone   *float64 `json:"alone"`
	For     []string `json:"for"`
	Against []string `json:"against"`
}

// A Level is what was seen with so many streams running, and where the limit is then.
type Level struct {
	Active    int            `json:"active"`
	Limit     Limit          `json:"limit"`
	Looks     int            `json:"looks"`
	Seconds   float64        `json:"seconds"` // between counter readings
	Processes []ProcessLevel `json:"processes"`
	Sockets   *SocketLevel   `json:"sockets"` // of all streams together; null without any
	Disks     []DiskLevel    `json:"disks"`
	Host      *HostLevel     `json:"host"`
}

// A ProcessLevel is what processes of one name and role did, on average of one.
type ProcessLevel struct {
	Name  string `json:"name"`
	Role  Role   `json:"role"`
	Count int    `json:"count"`
	// Parts of one CPU.
	CPU        float64 `json:"cpu"`
	BusiestCPU float64 `json:"busiest_cpu"` // of its busiest thread
	QueuedCPU  float64 `json:"queued_cpu"`  // ready to run, but not running
	// Parts of the looks: computing or ready to; for storage; to write to a pipe; to
	// write to a socket; to read; anything else.
	Runs        float64 `json:"runs"`
	OnDisk      float64 `json:"on_disk"`
	ToPipe      float64 `json:"to_pipe"`
	ToSocket    float64 `json:"to_socket"`
	ToRead      float64 `json:"to_read"`
	Idle        float64 `json:"idle"`
	ReadRate    float64 `json:"read_bytes_per_second"`
	WrittenRate float64 `json:"written_bytes_per_second"`
	SwitchRate  float64 `json:"switches_per_second"` // voluntary
	// MemoryDelay is for which part of the time, at least, its threads stood still for
	// want of memory, added up; absent where that is none or not known.
	MemoryDelay *float64 `json:"memory_delay,omitempty"`
}

// A Role is what a process is on the path.
type Role string

// The roles.
const (
	Source  Role = "source"
	Shared  Role = "shared"  // several streams flow through it
	Carrier Role = "carrier" // one stream leaves by its socket
	Between Role = "between"
)

// A SocketLevel is what the streams' TCP sockets did. Shares are of the time in which
// they had data to send.
type SocketLevel struct {
	BusySeconds    float64 `json:"busy_seconds"`
	RwndLimited    float64 `json:"rwnd_limited"`
	SndbufLimited  float64 `json:"sndbuf_limited"`
	Retransmitted  float64 `json:"retransmitted"` // of the segments sent
	BytesPerSecond float64 `json:"bytes_per_second"`
}

// A DiskLevel is what a block device did that somebody waited for.
type DiskLevel struct {
	Device   string  `json:"device"`
	Name     string  `json:"name"`
	Busy     float64 `json:"busy"`
	ReadRate float64 `json:"read_bytes_per_second"`
}

// A HostLevel is what the host did: parts of the time.
type HostLevel struct {
	CPUBusy        float64  `json:"cpu_busy"`
	CPUPressure    *float64 `json:"cpu_pressure,omitempty"`
	IOPressure     *float64 `json:"io_pressure,omitempty"`
	MemoryPressure *float64 `json:"memory_pressure,omitempty"`
}

// Find says where the limit is; nil without any vitals.
func Find(in Facts) *Finding {
	if !in.Vitals.any {
		return nil
	}
	return conclude(&in, tallyAll(&in))
}
