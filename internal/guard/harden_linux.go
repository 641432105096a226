package guard

import (
	"os"
	"os/signal"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// harden puts the guard out of the reach of whatever may end or delay the
// controller. Each step is done as far as the system allows: a guard without
// privileges is worth having too. Start has made it a session leader with its
// standard descriptors on /dev/null.
func harden() {
	// All that can be ignored: those of the terminal (HUP, INT, QUIT, TSTP,
	// TTIN, TTOU), of an administrator (TERM), and of limits (XCPU, PIPE). A
	// guard ends when its controller does; only SIGKILL ends it earlier.
	signal.Ignore()
	_ = os.WriteFile("/proc/self/comm", []byte("pausetest-guard"), 0)
	_ = os.Chdir("/") // hold no file system busy
	closeInherited()
	shunOOMKiller()
	hurry()
	// Pages that were touched once stay in memory, so that firing needs no
	// swap device. On fault, for the runtime reserves far more than it uses.
	_ = unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT)
}

// closeInherited closes what the controller's own parent had left open: a pipe
// held by the guard would keep its reader waiting, a lock would stay taken.
func closeInherited() {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, f := range open {
		fd, err := strconv.Atoi(f.Name())
		if err != nil || fd <= controllerFD {
			continue
		}
		// The Go runtime polls through an epoll and an event descriptor of its own.
		if target, err := os.Readlink("/proc/self/fd/" + f.Name()); err != nil || strings.HasPrefix(target, "anon_inode:[event") {
			continue
		}
		unix.Close(fd)
	}
	unix.CloseOnExec(socketFD)
	unix.CloseOnExec(controllerFD)
}

// shunOOMKiller lowers oom_score_adj as far as it may be lowered: to -1000,
// which means never, with CAP_SYS_RESOURCE; otherwise down to an unreadable
// limit that was set by somebody who had it.
func shunOOMKiller() {
	text, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		return
	}
	now, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return
	}
	for want := -1000; want < now; want += 50 {
		if os.WriteFile("/proc/self/oom_score_adj", []byte(strconv.Itoa(want)), 0) == nil {
			return
		}
	}
}

// hurry raises this thread's priority as far as it may be raised. Processes
// that were stopped while they wanted the CPU fight for it as soon as the first
// of them runs again, and would delay whoever continues the others.
func hurry() {
	// Where sessions are scheduled as groups, a thread's priority counts only
	// within its session, and ours has nobody else.
	_ = os.WriteFile("/proc/self/autogroup", []byte("-20"), 0)
	now, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return
	}
	now = 20 - now // the system call returns 1..40
	for nice := -20; nice < now; nice++ {
		if unix.Setpriority(unix.PRIO_PROCESS, 0, nice) == nil {
			return
		}
	}
}
