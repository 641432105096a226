package procctl

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Facts are what the system says about pausing one process, before anything is
// signalled. A FactReader reads them, Judge judges them.
type Facts struct {
	ID           ProcID
	Comm         string // raw
	KernelThread bool
	Zombie       bool
	// Self says that it is this process, Ancestor that it is one of its ancestors.
	Self, Ancestor bool

	// SignalAllowed is the kernel's own answer to signal 0.
	SignalAllowed bool
	RealUID       int
	SavedUID      int
	// OurRealUID, OurEffectiveUID and OurKillCap (CAP_KILL) decide with them by
	// the rule of kill(2).
	OurRealUID, OurEffectiveUID int
	OurKillCap                  bool
	// Label and OurLabel are the security module's; empty without one.
	Label, OurLabel string

	TracerPID int
	Threads   ThreadStates
	// FrozenBy are the cgroup folders, from its own upwards, that are frozen.
	FrozenBy []string

	// ParentComm is the name of its parent, raw; empty when the parent is paused
	// with it. OwnJob says that it stands in another process group of that
	// parent's session, as a shell with job control arranges it.
	ParentComm string
	OwnJob     bool
	// OrphanedBy is the process outside of the target whose end would orphan its
	// process group: the kernel then sends SIGHUP and SIGCONT to a group that has
	// a stopped member. Zero for none.
	OrphanedBy ProcID
	// IgnoresHangup says that SIGHUP would not harm it.
	IgnoresHangup bool
	// WatchdogNS is how often a service manager wants a sign of life from it
	// (sd_watchdog_enabled(3)); 0 when it doesn't, or when that may not be read.
	WatchdogNS int64
}

// A Refusal says by which rule a process is not to be paused, or is to be paused
// with care.
type Refusal struct {
	Rule   string // a stable name: "traced"
	Reason string // what is so
	Hint   string // what can be done; may be empty
}

// Judge applies the rules, gravest first. Refusals forbid the pause, warnings do
// not. It is pure.
//
// Note: whoever may send SIGSTOP by kill(2)'s rule may later send SIGCONT, for a
// stopped process can't change its user; the exception that allows SIGCONT
// within a session only ever adds to that. Only a security module can allow the
// one and deny the other.
func (f Facts) Judge() (refusals, warnings []Refusal) {
	refuse := func(rule, hint, format string, a ...any) {
		refusals = append(refusals, Refusal{Rule: rule, Reason: fmt.Sprintf(format, a...), Hint: hint})
	}
	switch {
	case f.ID.PID <= 1:
		refuse("init", "", "it is the first process of the system")
	case f.KernelThread:
		refuse("kernel-thread", "", "it is a kernel thread")
	case f.Self:
		refuse("ourselves", "", "it is this program")
	case f.Ancestor:
		refuse("our-ancestor", "start pausetest from somewhere else, for instance another terminal", "this program was started by it and would be stopped with it")
	}
	if f.Zombie {
		refuse("ended", "", "it has ended and only waits for its parent")
	}
	if len(refusals) == 0 { // else nobody asked the kernel
		f.judgePermission(refuse)
	}
	if f.TracerPID != 0 || f.Threads.Traced > 0 {
		refuse("traced", "end the debugger or strace first", "it is traced by pid %d", f.TracerPID)
	}
	if f.Threads.Stopped > 0 {
		refuse("already-stopped", "continue it, or leave it to whoever stopped it", "somebody else has stopped it")
	}
	if len(f.FrozenBy) > 0 {
		refuse("frozen", "thaw the cgroup first", "its cgroup is frozen: %q", f.FrozenBy)
	}
	if f.WatchdogNS > 0 {
		refuse("watchdog", "pause a process below it, or set WatchdogSec=0 for the unit meanwhile",
			"its service manager kills it when it gives no sign of life for %v", time.Duration(f.WatchdogNS))
	}
	switch {
	case slices.Contains(stoppingParents, f.ParentComm):
		refuse("sudo", "pause "+f.ParentComm+" with it", "its parent %s stops itself when it sees it stop, and would stay stopped", f.ParentComm)
	case f.OwnJob && slices.Contains(shells, f.ParentComm):
		warnings = append(warnings, Refusal{Rule: "job-control",
			Reason: "its parent is a shell with job control, which takes the stop for the end of the job and may run on",
			Hint:   "pause the shell with it, unless somebody sits at it"})
	}
	if f.OrphanedBy != (ProcID{}) && !f.IgnoresHangup {
		warnings = append(warnings, Refusal{Rule: "orphan-risk",
			Reason: fmt.Sprintf("if pid %d ends during a pause, the kernel sends SIGHUP to this process", f.OrphanedBy.PID),
			Hint:   "keep that shell open, or start the dump with nohup or setsid"})
	}
	return refusals, warnings
}

// Programs that are told when a child stops and act on it.
var (
	stoppingParents = []string{"sudo", "su", "doas"}
	shells          = []string{"bash", "sh", "dash", "zsh", "ksh", "mksh", "fish"}
)

func (f Facts) judgePermission(refuse func(rule, hint, format string, a ...any)) {
	sameUser := f.OurEffectiveUID == f.RealUID || f.OurEffectiveUID == f.SavedUID ||
		f.OurRealUID == f.RealUID || f.OurRealUID == f.SavedUID
	switch {
	case !f.SignalAllowed && !sameUser && !f.OurKillCap:
		refuse("not-permitted", "run pausetest as root or as that user", "it belongs to user %d, we are user %d without CAP_KILL", f.RealUID, f.OurEffectiveUID)
	case !f.SignalAllowed:
		refuse("not-permitted", "a security module, a user namespace or a seccomp filter may stand between", "the kernel denies us a signal to it")
	case f.Label != f.OurLabel && !unconfined(f.OurLabel):
		refuse("security-label", "run pausetest unconfined or under the same label", "the security module labels it %q and us %q: it may allow the stop and deny the continuation", f.Label, f.OurLabel)
	}
}

// unconfined recognises a label under which a security module does not restrict
// our signals: none, AppArmor's word, the label of a
// system without a policy, or SELinux's unconfined domains.
func unconfined(label string) bool {
	if label == "" || label == "unconfined" || label == "kernel" {
		return true
	}
	parts := strings.Split(label, ":")
	return len(parts) >= 3 && strings.HasPrefix(parts[2], "unconfined_")
}
