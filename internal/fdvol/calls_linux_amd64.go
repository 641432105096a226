package fdvol

import (
	"golang.org/x/sys/unix"

	"pausetest/internal/fdvol/volume"
)

// calls are the system calls that are counted, by number.
var calls = map[uint32]syscallShape{
	unix.SYS_READ:     {"read", counted, volume.In, ""},
	unix.SYS_PREAD64:  {"pread64", counted, volume.In, ""},
	unix.SYS_READV:    {"readv", counted, volume.In, ""},
	unix.SYS_PREADV:   {"preadv", counted, volume.In, ""},
	unix.SYS_PREADV2:  {"preadv2", counted, volume.In, ""},
	unix.SYS_RECVFROM: {"recvfrom", counted, volume.In, ""},
	unix.SYS_RECVMSG:  {"recvmsg", counted, volume.In, ""},
	unix.SYS_RECVMMSG: {"recvmmsg", counted | manyMessages, volume.In, ""},

	unix.SYS_WRITE:    {"write", counted, volume.Out, ""},
	unix.SYS_PWRITE64: {"pwrite64", counted, volume.Out, ""},
	unix.SYS_WRITEV:   {"writev", counted, volume.Out, ""},
	unix.SYS_PWRITEV:  {"pwritev", counted, volume.Out, ""},
	unix.SYS_PWRITEV2: {"pwritev2", counted, volume.Out, ""},
	unix.SYS_SENDTO:   {"sendto", counted, volume.Out, ""},
	unix.SYS_SENDMSG:  {"sendmsg", counted, volume.Out, ""},
	unix.SYS_SENDMMSG: {"sendmmsg", counted | manyMessages, volume.Out, ""},
	// On the reading end of a pipe vmsplice reads; nobody does that.
	unix.SYS_VMSPLICE: {"vmsplice", counted, volume.Out, ""},

	unix.SYS_SENDFILE:        {"sendfile", counted | secondIsArg1, volume.Out, volume.In},
	unix.SYS_TEE:             {"tee", counted | secondIsArg1, volume.In, volume.Out},
	unix.SYS_SPLICE:          {"splice", counted | secondIsArg2, volume.In, volume.Out},
	unix.SYS_COPY_FILE_RANGE: {"copy_file_range", counted | secondIsArg2, volume.In, volume.Out},

	unix.SYS_CLOSE: {"close", counted | successOnly, volume.Close, ""},
	unix.SYS_DUP2:  {"dup2", counted | successOnly | firstIsArg1, volume.Close, ""},
	unix.SYS_DUP3:  {"dup3", counted | successOnly | firstIsArg1, volume.Close, ""},
}

// Where the kernel keeps the registers of a system call: struct pt_regs of
// arch/x86/include/asm/ptrace.h. A record is the part of it from dx to cs.
const (
	regsFrom   = 96 // offset of dx
	regsBytes  = 48
	regArg2    = 0  // dx
	regArg1    = 8  // si
	regArg0    = 16 // di
	regNumber  = 24 // orig_ax
	regSegment = 40 // cs
	// A 32-bit program's calls have other numbers; they come from this code
	// segment (__USER32_CS).
	compatSegment = 0x23
)

const supported = true
