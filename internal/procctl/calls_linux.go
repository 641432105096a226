package procctl

import (
	"golang.org/x/sys/unix"

	"pausetest/internal/procctl/proctable"
)

// calls groups the system calls that a backup waits in. What is not here, because
// some architectures lack it (poll, select, semop), is told by the wait channel.
var calls = map[int64]proctable.Call{
	unix.SYS_READ: proctable.ReadCall, unix.SYS_READV: proctable.ReadCall,
	unix.SYS_PREAD64: proctable.ReadCall, unix.SYS_PREADV: proctable.ReadCall, unix.SYS_PREADV2: proctable.ReadCall,
	unix.SYS_RECVFROM: proctable.ReadCall, unix.SYS_RECVMSG: proctable.ReadCall, unix.SYS_RECVMMSG: proctable.ReadCall,
	unix.SYS_ACCEPT4: proctable.PollCall,

	unix.SYS_WRITE: proctable.WriteCall, unix.SYS_WRITEV: proctable.WriteCall,
	unix.SYS_PWRITE64: proctable.WriteCall, unix.SYS_PWRITEV: proctable.WriteCall, unix.SYS_PWRITEV2: proctable.WriteCall,
	unix.SYS_SENDTO: proctable.WriteCall, unix.SYS_SENDMSG: proctable.WriteCall, unix.SYS_SENDMMSG: proctable.WriteCall,
	// Its first argument is where to; it sleeps in state D while it reads a disk.
	unix.SYS_SENDFILE: proctable.WriteCall,

	unix.SYS_PPOLL: proctable.PollCall, unix.SYS_PSELECT6: proctable.PollCall, unix.SYS_EPOLL_PWAIT: proctable.PollCall,
	unix.SYS_RT_SIGTIMEDWAIT: proctable.PollCall, unix.SYS_RT_SIGSUSPEND: proctable.PollCall,
	unix.SYS_WAIT4: proctable.ChildCall, unix.SYS_WAITID: proctable.ChildCall,
	unix.SYS_NANOSLEEP: proctable.SleepCall, unix.SYS_CLOCK_NANOSLEEP: proctable.SleepCall,
	unix.SYS_FUTEX: proctable.LockCall, unix.SYS_SEMTIMEDOP: proctable.LockCall,

	unix.SYS_GETDENTS64: proctable.FileCall, unix.SYS_OPENAT: proctable.FileCall,
	unix.SYS_STATX: proctable.FileCall, unix.SYS_FSTAT: proctable.FileCall,
}
