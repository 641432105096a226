package proctable

import (
	"bytes"
	"fmt"
	"strconv"
)

// KernelThread is the flag PF_KTHREAD in Stat.Flags (linux/sched.h).
const KernelThread = 0x00200000

// A Stat is what /proc/PID/stat and /proc/PID/task/TID/stat say, see
// proc_pid_stat(5).
type Stat struct {
	PID     int
	Comm    string // raw: may hold anything but NUL, ") " included
	State   byte
	PPID    int
	PGID    int
	Session int
	Flags   uint64 // PF_*
	Threads int
	// StartTicks is the start time in clock ticks after boot.
	StartTicks uint64
	// ArgStart is the address of the arguments, new after every exec; 0 when
	// it may not be seen.
	ArgStart uint64
}

// Indices of the fields after the command's closing parenthesis.
const (
	statState    = 0
	statPPID     = 1
	statPGID     = 2
	statSession  = 3
	statFlags    = 6
	statThreads  = 17
	statStart    = 19
	statArgStart = 45
	statMin      = statStart + 1
)

// ParseStat parses one line of stat. The command stands between the first "("
// and the *last* ")", for a process may call itself "a) S 1 (b".
func ParseStat(text []byte) (Stat, error) {
	var s Stat
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return s, fmt.Errorf("parsing stat: no command in parentheses")
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(text[:open])))
	if err != nil || pid < 0 {
		return s, fmt.Errorf("parsing stat: bad pid %.20q", string(text[:open]))
	}
	s.PID, s.Comm = pid, string(text[open+1:end])

	found := 0
	// Note: not bytes.Fields, which would put text on the heap, and a scan has thousands.
	for rest, more := bytes.TrimSpace(text[end+1:]), true; more && found <= statArgStart; found++ {
		var field []byte
		field, rest, more = bytes.Cut(rest, []byte{' '})
		if err := s.take(found, field); err != nil {
			return s, err
		}
	}
	if found < statMin { // older kernels end before the arguments' address
		return s, fmt.Errorf("parsing stat of pid %d: %d fields after the command, want at least %d", pid, found, statMin)
	}
	return s, nil
}

// take reads the field with an index.
func (s *Stat) take(at int, field []byte) (err error) {
	switch at {
	case statState:
		if len(field) != 1 || !isLetter(field[0]) {
			return fmt.Errorf("parsing stat of pid %d: bad state %.20q", s.PID, string(field))
		}
		s.State = field[0]
	case statPPID:
		s.PPID, err = strconv.Atoi(string(field))
	case statPGID:
		s.PGID, err = strconv.Atoi(string(field))
	case statSession:
		s.Session, err = strconv.Atoi(string(field))
	case statThreads:
		s.Threads, err = strconv.Atoi(string(field))
	case statFlags:
		s.Flags, err = strconv.ParseUint(string(field), 10, 64)
	case statStart:
		s.StartTicks, err = strconv.ParseUint(string(field), 10, 64)
	case statArgStart:
		s.ArgStart, err = strconv.ParseUint(string(field), 10, 64)
	}
	if err != nil {
		return fmt.Errorf("parsing stat of pid %d: bad number %.20q", s.PID, string(field))
	}
	return nil
}

// ID is the process's identity. It means nothing for a thread's stat.
func (s Stat) ID() ProcID { return ProcID{PID: s.PID, StartTicks: s.StartTicks} }

// isLetter holds for ASCII letters, by which the kernel names states.
func isLetter(b byte) bool { return 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z' }
