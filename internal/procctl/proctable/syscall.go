package proctable

import (
	"bytes"
	"fmt"
	"strconv"
)

// A Syscall is the system call that a thread is in, as /proc/PID/task/TID/syscall
// tells it, see proc_pid_syscall(5).
type Syscall struct {
	// Number of the call in the thread's own architecture; -1 when it sleeps
	// outside of any, in a page fault for instance.
	Number int64
	// Args are the arguments; the first is the descriptor of most calls that wait.
	// Outside of any call they are zero.
	Args [6]uint64
	// StackPointer tells a 32-bit process, whose calls have other numbers.
	StackPointer uint64
}

// ParseSyscall parses syscall. For a thread that is not asleep running is true,
// and nothing else is known.
func ParseSyscall(text []byte) (call Syscall, running bool, err error) {
	fields := bytes.Fields(text)
	if len(fields) == 1 && string(fields[0]) == "running" {
		return call, true, nil
	}
	// "-1 SP PC" or "NUMBER ARG1 ... ARG6 SP PC".
	if len(fields) != 3 && len(fields) != 9 {
		return call, false, fmt.Errorf("parsing syscall: %d fields, want 1, 3 or 9", len(fields))
	}
	if call.Number, err = strconv.ParseInt(string(fields[0]), 10, 64); err != nil {
		return call, false, fmt.Errorf("parsing syscall: bad number %.20q", fields[0])
	}
	for i := range len(fields) - 3 {
		if call.Args[i], err = parseHex(fields[1+i]); err != nil {
			return call, false, fmt.Errorf("parsing syscall: %w", err)
		}
	}
	if call.StackPointer, err = parseHex(fields[len(fields)-2]); err != nil {
		return call, false, fmt.Errorf("parsing syscall: %w", err)
	}
	return call, false, nil
}

func parseHex(text []byte) (uint64, error) {
	digits, found := bytes.CutPrefix(text, []byte("0x"))
	n, err := strconv.ParseUint(string(digits), 16, 64)
	if !found || err != nil {
		return 0, fmt.Errorf("bad address %.30q", text)
	}
	return n, nil
}
