package netstat

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Sizes of linux/genetlink.h, and the kernel's switch.
const (
	sizeofGenericMsg   = 4 // struct genlmsghdr
	delaysRequestBytes = unix.SizeofNlMsghdr + sizeofGenericMsg + unix.SizeofRtAttr + 4
	delaySwitch        = "/proc/sys/kernel/task_delayacct"
)

var (
	errDelaysOff   = errors.New("the kernel does not account for delays (sysctl kernel.task_delayacct)")
	errDelayLayout = errors.New("this kernel's struct taskstats has another layout (version 15)")
)

// MemoryDelays are how long the threads of a process, also ended ones, stood still for
// want of memory, added up (struct taskstats). A thread that was started before the
// kernel accounted for delays has none.
//
// Note: of all delays only these are taken. That for block I/O has been seen to grow
// by up to eight times the time that passed, and that for a CPU is in schedstat, which
// needs neither privilege nor a switch.
type MemoryDelays struct {
	SwapInNS     int64 // reading back what was swapped out
	ReclaimNS    int64 // making room itself
	ThrashingNS  int64 // reading back what was thrown out lately
	CompactionNS int64 // moving pages to make room in one piece
}

// A DelayCounter reads the delays of single processes, over one kept-open netlink
// socket and without allocation. It needs CAP_NET_ADMIN. It is not safe for concurrent
// use.
//
// Note: delays are no matter of the network, but come by the same protocol.
type DelayCounter struct {
	conn    *conn
	family  uint16 // the number that the kernel gave to TASKSTATS
	request [delaysRequestBytes]byte
}

// OpenDelays opens a counter of delays where the kernel accounts for them and the
// caller may read them.
func OpenDelays() (*DelayCounter, error) {
	text, err := os.ReadFile(delaySwitch)
	if err == nil && strings.TrimSpace(string(text)) != "1" {
		err = errDelaysOff
	}
	if err != nil {
		return nil, fmt.Errorf("opening the counters of delays: %w", err)
	}
	return openDelays()
}

func openDelays() (*DelayCounter, error) {
	conn, err := dial(unix.NETLINK_GENERIC)
	if err != nil {
		return nil, fmt.Errorf("opening the counters of delays: %w", err)
	}
	c := &DelayCounter{conn: conn}
	m, err := conn.ask(familyRequest(unix.TASKSTATS_GENL_NAME))
	if err == nil {
		c.family, err = parseFamily(m)
	}
	if err == nil {
		_, err = c.Read(os.Getpid()) // whether we may
	}
	if err != nil {
		conn.close()
		return nil, fmt.Errorf("opening the counters of delays: %w", err)
	}
	return c, nil
}

// Read returns the delays of a process of the caller's pid namespace. Whether it is
// still the one that had this pid is for the caller to prove.
func (c *DelayCounter) Read(pid int) (MemoryDelays, error) {
	c.request = delaysRequest(c.family, pid)
	m, err := c.conn.ask(c.request[:])
	var d MemoryDelays
	if err == nil {
		d, err = parseDelays(m, c.family, pid)
	}
	if err != nil {
		return MemoryDelays{}, fmt.Errorf("reading the delays of pid %d: %w", pid, err)
	}
	return d, nil
}

// Close releases the netlink socket. No method may be called afterwards.
func (c *DelayCounter) Close() error { return c.conn.close() }

// putGeneric writes the headers of a request to a family of generic netlink that
// fills b, and returns the rest of it.
func putGeneric(b []byte, family uint16, command, version uint8) []byte {
	putHeader(b, family, 0)
	body := b[unix.SizeofNlMsghdr:]
	body[0], body[1] = command, version
	return body[sizeofGenericMsg:]
}

// putAttribute writes the header of an attribute that fills b, and returns the rest.
func putAttribute(b []byte, kind uint16) []byte {
	native.PutUint16(b, uint16(len(b)))
	native.PutUint16(b[2:], kind)
	return b[unix.SizeofRtAttr:]
}

// familyRequest asks for the number of a family of generic netlink.
func familyRequest(name string) []byte {
	n := unix.SizeofNlMsghdr + sizeofGenericMsg + unix.SizeofRtAttr + len(name) + 1
	b := make([]byte, align(n))
	rest := putGeneric(b, unix.GENL_ID_CTRL, unix.CTRL_CMD_GETFAMILY, 1)
	copy(putAttribute(rest[:unix.SizeofRtAttr+len(name)+1], unix.CTRL_ATTR_FAMILY_NAME), name)
	return b
}

// parseFamily reads the answer to familyRequest.
func parseFamily(m message) (uint16, error) {
	if m.kind != unix.GENL_ID_CTRL || len(m.payload) < sizeofGenericMsg {
		return 0, errMalformed
	}
	id, err := attribute(m.payload[sizeofGenericMsg:], unix.CTRL_ATTR_FAMILY_ID)
	if err != nil {
		return 0, err
	}
	if len(id) < 2 {
		return 0, errMalformed
	}
	return native.Uint16(id), nil
}

// delaysRequest asks for the sums over all threads of a process.
func delaysRequest(family uint16, pid int) (b [delaysRequestBytes]byte) {
	rest := putGeneric(b[:], family, unix.TASKSTATS_CMD_GET, unix.TASKSTATS_GENL_VERSION)
	native.PutUint32(putAttribute(rest, unix.TASKSTATS_CMD_ATTR_TGID), uint32(pid))
	return b
}

// parseDelays reads the answer to delaysRequest.
func parseDelays(m message, family uint16, pid int) (MemoryDelays, error) {
	if m.kind != family || len(m.payload) < sizeofGenericMsg {
		return MemoryDelays{}, errMalformed
	}
	of, err := attribute(m.payload[sizeofGenericMsg:], unix.TASKSTATS_TYPE_AGGR_TGID)
	if err != nil {
		return MemoryDelays{}, err
	}
	tgid, err := attribute(of, unix.TASKSTATS_TYPE_TGID)
	if err != nil {
		return MemoryDelays{}, err
	}
	stats, err := attribute(of, unix.TASKSTATS_TYPE_STATS)
	if err != nil {
		return MemoryDelays{}, err
	}
	if len(tgid) < 4 || native.Uint32(tgid) != uint32(pid) {
		return MemoryDelays{}, errMalformed
	}
	return delaysOf(stats)
}

// oddVersion of struct taskstats had fields put into its middle, which the next one
// took back to the end.
const oddVersion = 15

// delaysOf reads a struct taskstats, which grows at its end from version to version:
// what an old kernel's does not have is no delay.
func delaysOf(stats []byte) (MemoryDelays, error) {
	var layout unix.Taskstats // for its offsets only
	if len(stats) < int(unsafe.Offsetof(layout.Swapin_delay_total))+8 {
		return MemoryDelays{}, errMalformed
	}
	if native.Uint16(stats) == oddVersion {
		return MemoryDelays{}, errDelayLayout
	}
	bad := false
	at := func(offset uintptr) int64 {
		if len(stats) < int(offset)+8 {
			return 0
		}
		ns := native.Uint64(stats[offset:])
		bad = bad || ns > math.MaxInt64
		return int64(ns)
	}
	d := MemoryDelays{
		SwapInNS:     at(unsafe.Offsetof(layout.Swapin_delay_total)),
		ReclaimNS:    at(unsafe.Offsetof(layout.Freepages_delay_total)),
		ThrashingNS:  at(unsafe.Offsetof(layout.Thrashing_delay_total)),
		CompactionNS: at(unsafe.Offsetof(layout.Compact_delay_total)),
	}
	if bad {
		return MemoryDelays{}, errMalformed
	}
	return d, nil
}
