package fdvol

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// An UnavailableError says why calls can't be counted in the kernel here.
type UnavailableError struct {
	Reason string
	Hint   string // may be empty
}

func (e *UnavailableError) Error() string { return "eBPF is not available: " + e.Reason }

// initialPIDNamespace is the inode of the PID namespace that a host begins with
// (PROC_PID_INIT_INO): the kernel hands the programs the pids of that one.
const initialPIDNamespace = "pid:[4026531836]"

// available reports what can be known to be missing before anything is loaded.
func available() error {
	if !supported {
		return &UnavailableError{Reason: "the programs are written for x86-64, this is " + runtime.GOARCH}
	}
	if ns, err := os.Readlink("/proc/self/ns/pid"); err == nil && ns != initialPIDNamespace {
		return &UnavailableError{
			Reason: "this is a PID namespace of its own (a container), whose pids the programs don't know",
			Hint:   "run it on the host itself",
		}
	}
	return nil
}

// unavailable turns the refusal of the kernel into what the operator can do.
func unavailable(doing string, err error) error {
	e := &UnavailableError{Reason: fmt.Sprintf("%s: %v", doing, err)}
	switch {
	case lockedDown():
		e.Hint = "kernel lockdown (confidentiality) forbids programs that read the kernel's memory"
	case errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES):
		e.Reason = doing + ": operation not permitted"
		e.Hint = "run it as root, or with CAP_BPF and CAP_PERFMON"
	case errors.Is(err, unix.ENOSYS):
		e.Hint = "this kernel was built without CONFIG_BPF_SYSCALL"
	default:
		e.Hint = "it needs Linux 5.5 or later with CONFIG_BPF_SYSCALL and CONFIG_FTRACE_SYSCALLS"
	}
	return e
}

func lockedDown() bool {
	text, err := os.ReadFile("/sys/kernel/security/lockdown")
	return err == nil && strings.Contains(string(text), "[confidentiality]")
}
