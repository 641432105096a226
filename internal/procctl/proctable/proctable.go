// Package proctable is the process table as a plain value: what one look at
// /proc found, and the parsers of its texts. It touches no operating system;
// procctl reads, tests build tables from fixtures.
//
// Everything a process can choose itself (its name, its arguments, the paths of
// its descriptors) is hostile input and kept as raw bytes; whoever prints it
// escapes it.
package proctable

// A ProcID is a process identity that survives pid reuse within one boot: the
// kernel never gives a pid twice in the same clock tick.
type ProcID struct {
	PID        int
	StartTicks uint64 // clock ticks between boot and the process's start
}

// A Process is one row of the table.
type Process struct {
	ID      ProcID
	PPID    int
	PGID    int
	Session int
	State   byte   // R, S, D, T, t, Z, X, I as in proc_pid_stat(5); of the main thread
	Comm    string // at most 15 bytes
	Threads int
	// Args is the command line; nil for kernel threads and zombies.
	Args []string
	// Exe is the executable's path; empty when it may not be read.
	Exe string

	// Examined says that the next two were read, as far as they may be.
	Examined bool
	// NetNS is the inode of its network namespace; 0 when unknown.
	NetNS uint64
	// FDs are its open descriptors; nil when unknown.
	FDs []FD

	// Cgroups are the lines of /proc/PID/cgroup; nil when unknown.
	Cgroups []string
}

// FDKind is what a descriptor refers to.
type FDKind byte

// The kinds that matter here.
const (
	File FDKind = iota
	Pipe
	Socket
	Other // anonymous inodes, memfds, deleted files with no path; stays the last one
)

// An FD is one open descriptor.
type FD struct {
	Number int
	Kind   FDKind
	// Inode identifies a pipe or socket; both ends of a pipe have the same one.
	Inode uint64
	// Path of a file as the link names it; may end in " (deleted)".
	Path string
	// Read and Write are the access mode of this descriptor.
	Read, Write bool
	// MountID is the Mount.ID of what the descriptor was opened through; 0 when unknown.
	MountID int
}

// A Snapshot is the process table at one instant. Processes are sorted by pid.
type Snapshot struct {
	BootID string
	// TakenTicks is the boot-time clock at which it was taken, in the unit of StartTicks.
	TakenTicks     uint64
	TicksPerSecond uint64
	Processes      []Process
}
