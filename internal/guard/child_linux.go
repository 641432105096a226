package guard

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl"
)

// The descriptors the controller hands to the guard.
const (
	socketFD     = 3 // SOCK_SEQPACKET, see wire.go
	controllerFD = 4 // pidfd of the controller
)

const (
	// passNS is how often a guard that has fired continues its processes anew.
	// A stop that arrives late lasts no longer than this.
	passNS = 50e6
	// pollNS bounds every wait while something is paused: poll's own clock
	// stands still during a suspend.
	pollNS = 250e6
	// giveUpNS is how long a guard without a controller tries to continue what
	// it may not. After that only the journal and a more privileged
	// "pausetest resume" can help.
	giveUpNS = 10e9
	// roomy is the table's first size; a bigger one is allocated when an intent
	// needs it, never while firing.
	roomy = 4096
	// memoryLimit is where the garbage collector, otherwise off, wakes up: a
	// message leaves some hundred bytes behind, and a night has many beats.
	memoryLimit = 32 << 20
)

// Main is the guard process. It returns the exit code. Start runs it as a
// hidden subcommand; it is of no use by hand, and says so.
func Main() int {
	if kind, err := unix.GetsockoptInt(socketFD, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_SEQPACKET {
		fmt.Fprintln(os.Stderr, "pausetest: error: guard is an internal command; a run starts its guard itself")
		return 2
	}
	runtime.LockOSThread() // priority belongs to a thread
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(memoryLimit)
	harden()
	s := &sentinel{
		watch:  watch{entries: make([]entry, 0, roomy)},
		rights: make([]byte, unix.CmsgSpace(maxFDs*4)),
	}
	s.fds[0] = unix.PollFd{Fd: socketFD, Events: unix.POLLIN}
	s.fds[1] = unix.PollFd{Fd: controllerFD, Events: unix.POLLIN}
	s.run()
	return 0
}

// A sentinel is the guard's main loop around a watch.
type sentinel struct {
	watch
	fds        [2]unix.PollFd // socket and controller; -1 once they have ended
	done       bool           // the controller said so
	nextPassNS int64          // when to continue everything again, once fired
	exitNS     int64          // when the controller was found to have exited

	// Buffers of receive and send, so that a beat costs little memory.
	in     [messageSize + 1]byte // one more, to notice a longer message
	rights []byte
	out    [messageSize]byte
}

func (s *sentinel) closed() bool { return s.fds[0].Fd < 0 }
func (s *sentinel) exited() bool { return s.fds[1].Fd < 0 }

func (s *sentinel) run() {
	for !s.finished(bootNS()) {
		first := s.fired == causeNone
		s.wait()
		s.receive()
		now := bootNS()
		if cause := s.trigger(now); cause != causeNone {
			s.fire(cause)
		}
		if s.fired == causeNone || now < s.nextPassNS {
			continue
		}
		s.continueAll()
		s.nextPassNS = now + passNS
		if first {
			s.send(message{Kind: kindFired, AtNS: now})
		}
	}
}

// finished says whether there is nothing left to do. A guard whose controller
// lives on stays: only the controller's exit, or its word, proves that no stop
// signal will follow.
func (s *sentinel) finished(nowNS int64) bool {
	switch {
	case s.done:
		return true
	case s.exited():
		return len(s.entries) == 0 || nowNS-s.exitNS > giveUpNS
	case s.closed():
		return len(s.entries) == 0
	}
	return false
}

// trigger says whether there is a reason to fire, the strongest first.
func (s *sentinel) trigger(nowNS int64) cause {
	switch {
	case s.exited():
		return causeExit
	case s.closed():
		return causeClosed
	}
	return s.due(nowNS)
}

// wait sleeps until something happens or is due.
func (s *sentinel) wait() {
	timeoutMS := -1
	if atNS, ok := s.dueNS(); ok {
		now := bootNS()
		sleepNS := min(atNS-now, pollNS)
		if s.fired != causeNone {
			sleepNS = s.nextPassNS - now
		}
		timeoutMS = int(max(sleepNS, 0)/1e6) + 1 // round up, or the last millisecond is spent spinning
	}
	s.fds[0].Revents, s.fds[1].Revents = 0, 0
	if _, err := unix.Poll(s.fds[:], timeoutMS); err != nil {
		return // EINTR: the caller looks at the clock and comes back
	}
	if s.fds[1].Revents != 0 {
		s.fds[1].Fd = -1
		s.exitNS = bootNS()
		s.nextPassNS = 0 // the last stop signal has been sent: undo it now
	}
}

// release lets go what the entry holds. It opens nothing; the thaw may have to
// wait for the kernel's lock on cgroups.
func (e entry) release() error {
	if e.freezer != 0 {
		return procctl.ThawFD(e.fd, e.freezer)
	}
	return unix.PidfdSendSignal(e.fd, unix.SIGCONT, nil, 0)
}

// continueAll releases every hold, the latest first, whatever happens to any of
// them. Forgotten are those that ended and, when the controller can stop nothing
// any more, those that were released. It returns how many could not be.
func (s *sentinel) continueAll() (failed int) {
	s.prune(func(e entry) bool {
		err := e.release()
		gone := err == unix.ESRCH || err == unix.ENODEV || err == nil && s.exited()
		if err != nil && !gone {
			failed++
		}
		if gone {
			unix.Close(e.fd)
		}
		return gone
	})
	return failed
}

// receive handles the messages that wait in the socket.
func (s *sentinel) receive() {
	for s.fds[0].Revents != 0 && !s.closed() && !s.done {
		n, nrights, flags, _, err := unix.Recvmsg(socketFD, s.in[:], s.rights, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return
		case err != nil || n == 0:
			s.fds[0].Fd = -1
			return
		}
		fds := passedFDs(s.rights[:nrights])
		m, err := decode(s.in[:n])
		if err != nil {
			closeAll(fds)
			s.fire(causeProtocol)
			return
		}
		s.handle(m, fds, flags&unix.MSG_CTRUNC != 0)
	}
}

// handle does what a message asks and answers it.
func (s *sentinel) handle(m message, fds []int, truncated bool) {
	s.hear(m.AtNS, bootNS())
	reply := message{Kind: kindAck, Seq: m.Seq, AtNS: m.AtNS}
	switch m.Kind {
	case kindHello:
		s.leaseNS, s.limits = m.LeaseNS, m.limits
	case kindIntend, kindFreeze:
		reply.Errno = uint32(s.accept(m, fds, truncated))
		if reply.Errno == 0 {
			fds = nil // they are the table's now
		}
	case kindForget:
		s.forget(m.First, int(m.Count), m.AtNS, func(fd int) { unix.Close(fd) })
	case kindDone:
		if s.continueAll() > 0 {
			reply.Errno = uint32(unix.EPERM)
		}
		s.done = true
	}
	closeAll(fds)
	s.send(reply)
}

// accept takes the holds of an intent into the table, all or none.
func (s *sentinel) accept(m message, fds []int, truncated bool) unix.Errno {
	if truncated || len(fds) != int(m.Count) || len(fds) == 0 {
		return unix.EMFILE
	}
	var freezer procctl.FreezerVersion
	for i, fd := range fds {
		version, err := releasable(m.Kind, fd)
		if errno, ok := err.(unix.Errno); ok && errno != 0 {
			return errno
		}
		if err != nil || i > 0 && version != freezer {
			return unix.EINVAL
		}
		freezer = version
	}
	if !s.intend(m.First, fds, freezer, m.Stream, m.AtNS) {
		return unix.ECANCELED
	}
	return 0
}

// releasable checks that a descriptor is what it is said to be, and as far as
// the kernel tells beforehand that we may let go by it: a stop that we may not
// undo must not happen.
func releasable(k kind, fd int) (procctl.FreezerVersion, error) {
	if k == kindFreeze {
		return procctl.FreezeFileVersion(fd)
	}
	if err := unix.PidfdSendSignal(fd, 0, nil, 0); err != unix.ESRCH {
		return 0, err
	}
	return 0, nil
}

// send answers without ever waiting: a controller that does not read is no
// reason to stop guarding.
func (s *sentinel) send(m message) {
	if s.closed() {
		return
	}
	m.Cause = s.fired
	m.encode(&s.out)
	_, _ = unix.SendmsgN(socketFD, s.out[:], nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

// passedFDs are the descriptors that came with a message.
func passedFDs(rights []byte) []int {
	if len(rights) == 0 {
		return nil
	}
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil
	}
	var all []int
	for i := range messages {
		if fds, err := unix.ParseUnixRights(&messages[i]); err == nil {
			all = append(all, fds...)
		}
	}
	return all
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
