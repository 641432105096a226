package proctable

import "strings"

// A Call is a group of system calls in which a thread may wait.
type Call byte

// The groups.
const (
	NoCall    Call = iota // in none of the others, or not known
	ReadCall              // read, recv and their kin; the first argument is the descriptor
	WriteCall             // write, send and their kin; the first argument is the descriptor
	PollCall              // poll, select, epoll
	ChildCall             // wait
	SleepCall             // nanosleep
	LockCall              // futex, semaphores
	FileCall              // reading of folders and attributes; the first argument is a descriptor or none
)

// An Activity is what a thread was seen doing.
type Activity byte

// The activities, the more telling ones first.
const (
	Running         Activity = iota // on a CPU or waiting for one
	Uninterruptible                 // in storage, as far as can be told
	NetworkFS
	MemoryShort
	Writing
	Reading
	Polling
	AwaitingChild
	Sleeping
	WaitingLock
	Halted
	OtherActivity // stays the last one
)

// Telling reports whether a thread that does this says something about its
// process. The other activities are what idle threads do.
func (a Activity) Telling() bool { return a <= Reading }

// Judge says what a thread is doing that is in a state (as in Stat), in a call, and
// that sleeps in a kernel function; "" when that is not known.
func Judge(state byte, call Call, waitChannel string) Activity {
	switch state {
	case 'R':
		return Running
	case 'D':
		return uninterruptible(waitChannel)
	case 'T', 't':
		return Halted
	case 'S':
	default:
		return OtherActivity
	}
	switch call {
	case ReadCall:
		return Reading
	case WriteCall:
		return Writing
	case PollCall:
		return Polling
	case ChildCall:
		return AwaitingChild
	case SleepCall:
		return Sleeping
	case LockCall:
		return WaitingLock
	}
	return ofWaitChannel(waitChannel)
}

// uninterruptible tells apart what a thread in state D waits for.
//
// Note: storage is what is left. Its wait channels are those of every file system
// and of the block layer, too many and too changing to list.
func uninterruptible(waitChannel string) Activity {
	for _, prefix := range []string{"rpc_", "nfs", "cifs", "smb", "ceph", "fuse_", "request_wait_answer"} {
		if strings.HasPrefix(waitChannel, prefix) {
			return NetworkFS
		}
	}
	for _, part := range []string{"reclaim", "mem_cgroup"} {
		if strings.Contains(waitChannel, part) {
			return MemoryShort
		}
	}
	for _, prefix := range []string{"wait_for_vfork", "refrigerator", "__refrigerator", "cgroup_freeze"} {
		if strings.HasPrefix(waitChannel, prefix) {
			return OtherActivity
		}
	}
	return Uninterruptible
}

// ofWaitChannel does with the kernel's function alone: the calls of another user's
// threads, and those of other architectures, can't be seen.
func ofWaitChannel(name string) Activity {
	for _, w := range []struct {
		part     string
		activity Activity
	}{
		{"pipe_write", Writing}, {"sk_stream_wait_memory", Writing}, {"sock_alloc_send", Writing}, // since 5.5, 2.6, 2.4
		{"pipe_read", Reading}, {"sk_wait_data", Reading}, {"unix_stream_data_wait", Reading}, {"skb_wait", Reading},
		{"poll", Polling}, {"do_select", Polling}, {"do_wait", AwaitingChild},
		{"nanosleep", Sleeping}, {"futex", WaitingLock}, {"semtimedop", WaitingLock}, {"semop", WaitingLock},
	} {
		if strings.Contains(name, w.part) {
			return w.activity
		}
	}
	return OtherActivity
}
