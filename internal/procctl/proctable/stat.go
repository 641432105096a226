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
		return s, fmt.Errorf("parsing stat: bad pid %.20q", text[:open])
	}
	s.PID, s.Comm = pid, string(text[open+1:end])

	fields := bytes.Fields(text[end+1:])
	if len(fields) < statMin {
		return s, fmt.Errorf("parsing stat of pid %d: %d fields after the command, want at least %d", pid, len(fields), statMin)
	}
	if state := fields[statState]; len(state) != 1 || !isLetter(state[0]) {
		return s, fmt.Errorf("parsing stat of pid %d: bad state %.20q", pid, fields[statState])
	}
	s.State = fields[statState][0]
	for _, f := range []struct {
		at int
		to *int
	}{{statPPID, &s.PPID}, {statPGID, &s.PGID}, {statSession, &s.Session}, {statThreads, &s.Threads}} {
		if *f.to, err = strconv.Atoi(string(fields[f.at])); err != nil {
			return s, fmt.Errorf("parsing stat of pid %d: bad number %.20q", pid, fields[f.at])
		}
	}
	for _, f := range []struct {
		at int
		to *uint64
	}{{statFlags, &s.Flags}, {statStart, &s.StartTicks}, {statArgStart, &s.ArgStart}} {
		if f.at >= len(fields) {
			continue // older kernels end earlier
		}
		if *f.to, err = strconv.ParseUint(string(fields[f.at]), 10, 64); err != nil {
			return s, fmt.Errorf("parsing stat of pid %d: bad number %.20q", pid, fields[f.at])
		}
	}
	return s, nil
}

// ID is the process's identity. It means nothing for a thread's stat.
func (s Stat) ID() ProcID { return ProcID{PID: s.PID, StartTicks: s.StartTicks} }

// isLetter holds for ASCII letters, by which the kernel names states.
func isLetter(b byte) bool { return 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z' }
