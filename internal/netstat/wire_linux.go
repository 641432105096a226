package netstat

import (
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file encodes and decodes the few netlink messages that the counters
// need. It does no I/O and trusts no length that it has not checked.
//
// Note: the netlink library has no wrapper for RTM_GETSTATS, and its requests
// cost dozens of allocations each. The layouts are the kernel's uapi structs
// (linux/netlink.h, if_link.h, inet_diag.h, tcp.h), which never change, only
// grow at the end.

// Sizes and numbers of linux/if_link.h and linux/inet_diag.h that x/sys lacks.
const (
	sizeofIfStatsMsg    = 12
	sizeofSocketID      = 48                 // struct inet_diag_sockid
	sizeofSocketRequest = 8 + sizeofSocketID // struct inet_diag_req_v2
	sizeofSocketMsg     = 4 + sizeofSocketID + 20
	inetDiagInfo        = 2      // INET_DIAG_INFO, the attribute with struct tcp_info
	attributeKindMask   = 0x3fff // NLA_TYPE_MASK: the rest are flags

	// Where rx_bytes and tx_bytes stand in struct rtnl_link_stats64.
	offsetRxBytes = 2 * 8
	offsetTxBytes = 3 * 8
)

// Sizes of whole requests.
const (
	statsRequestBytes  = unix.SizeofNlMsghdr + sizeofIfStatsMsg
	socketRequestBytes = unix.SizeofNlMsghdr + sizeofSocketRequest
)

// wantedStates are the TCP states in which a process can hold a connected
// socket: all but LISTEN, NEW_SYN_RECV, TIME_WAIT and CLOSE. Leaving those out
// spares the kernel the walk over the listening sockets.
const wantedStates = 1<<unix.BPF_TCP_ESTABLISHED | 1<<unix.BPF_TCP_SYN_SENT |
	1<<unix.BPF_TCP_SYN_RECV | 1<<unix.BPF_TCP_FIN_WAIT1 | 1<<unix.BPF_TCP_FIN_WAIT2 |
	1<<unix.BPF_TCP_CLOSE_WAIT | 1<<unix.BPF_TCP_LAST_ACK | 1<<unix.BPF_TCP_CLOSING

var (
	errNoAnswer   = errors.New("no answer from the kernel")
	errMalformed  = errors.New("malformed netlink message")
	errNoInfo     = errors.New("netlink message without the attribute asked for")
	errOldKernel  = errors.New("this kernel's tcp_info is too short (before 4.10)")
	errNoTCPDiag  = errors.New("this kernel can't list TCP sockets (no tcp_diag module)")
	errNoUnixDiag = errors.New("this kernel can't list unix sockets (no unix_diag module)")
)

var native = binary.NativeEndian

// A message is one netlink message; its payload lies in the receive buffer.
type message struct {
	kind    uint16
	seq     uint32
	payload []byte
}

// nextMessage splits the first message off b.
func nextMessage(b []byte) (m message, rest []byte, err error) {
	if len(b) < unix.SizeofNlMsghdr {
		return message{}, nil, errMalformed
	}
	n := int64(native.Uint32(b))
	if n < unix.SizeofNlMsghdr || n > int64(len(b)) {
		return message{}, nil, errMalformed
	}
	m = message{
		kind:    native.Uint16(b[4:]),
		seq:     native.Uint32(b[8:]),
		payload: b[unix.SizeofNlMsghdr:n],
	}
	return m, b[min(align(int(n)), len(b)):], nil
}

// errorOf returns what an NLMSG_ERROR or NLMSG_DONE message reports: nil or a
// unix.Errno.
func errorOf(m message) error {
	if len(m.payload) < 4 {
		return errMalformed
	}
	if code := int32(native.Uint32(m.payload)); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}

// attribute finds the value of an attribute in a row of them.
func attribute(b []byte, kind uint16) ([]byte, error) {
	for len(b) >= unix.SizeofRtAttr {
		n := int(native.Uint16(b))
		if n < unix.SizeofRtAttr || n > len(b) {
			return nil, errMalformed
		}
		if native.Uint16(b[2:])&attributeKindMask == kind {
			return b[unix.SizeofRtAttr:n], nil
		}
		b = b[min(align(n), len(b)):]
	}
	return nil, errNoInfo
}

// align rounds up to the 4 bytes at which messages and attributes begin.
func align(n int) int { return (n + 3) &^ 3 }

// putHeader writes the header of a request that fills b. The sequence number
// is left to conn.
func putHeader(b []byte, kind, flags uint16) {
	native.PutUint32(b, uint32(len(b)))
	native.PutUint16(b[4:], kind)
	native.PutUint16(b[6:], unix.NLM_F_REQUEST|flags)
}

// statsRequest asks for the 64-bit counters of one interface and nothing else.
func statsRequest(ifindex int) (b [statsRequestBytes]byte) {
	putHeader(b[:], unix.RTM_GETSTATS, 0)
	body := b[unix.SizeofNlMsghdr:]
	native.PutUint32(body[4:], uint32(ifindex))
	native.PutUint32(body[8:], 1<<(unix.IFLA_STATS_LINK_64-1))
	return b
}

// parseStats reads the answer to statsRequest.
func parseStats(m message, ifindex int) (Counters, error) {
	if m.kind != unix.RTM_NEWSTATS || len(m.payload) < sizeofIfStatsMsg ||
		int(native.Uint32(m.payload[4:])) != ifindex {
		return Counters{}, errMalformed
	}
	stats, err := attribute(m.payload[sizeofIfStatsMsg:], unix.IFLA_STATS_LINK_64)
	if err != nil {
		return Counters{}, err
	}
	if len(stats) < offsetTxBytes+8 {
		return Counters{}, errMalformed
	}
	return Counters{
		RxBytes: native.Uint64(stats[offsetRxBytes:]),
		TxBytes: native.Uint64(stats[offsetTxBytes:]),
	}, nil
}

// socketDump asks for all connected TCP sockets of an address family.
func socketDump(family uint8) (b [socketRequestBytes]byte) {
	putHeader(b[:], unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP)
	body := b[unix.SizeofNlMsghdr:]
	body[0], body[1] = family, unix.IPPROTO_TCP
	native.PutUint32(body[4:], wantedStates)
	return b
}

// socketRequest asks for the tcp_info of exactly this socket, in whatever
// state: the kernel finds it by its addresses and compares the cookie.
func socketRequest(s *Socket) (b [socketRequestBytes]byte) {
	putHeader(b[:], unix.SOCK_DIAG_BY_FAMILY, 0)
	body := b[unix.SizeofNlMsghdr:]
	body[0], body[1], body[2] = s.family, unix.IPPROTO_TCP, 1<<(inetDiagInfo-1)
	copy(body[8:], s.id[:])
	return b
}

// parseSocket reads one socket of a dump: struct inet_diag_msg.
func parseSocket(m message) (Socket, error) {
	p := m.payload
	if m.kind != unix.SOCK_DIAG_BY_FAMILY || len(p) < sizeofSocketMsg {
		return Socket{}, errMalformed
	}
	id := [sizeofSocketID]byte(p[4:])
	src, dst := id[4:20], id[20:36]
	var local, remote netip.Addr
	switch p[0] {
	case unix.AF_INET:
		local, remote = netip.AddrFrom4([4]byte(src)), netip.AddrFrom4([4]byte(dst))
	case unix.AF_INET6:
		local, remote = netip.AddrFrom16([16]byte(src)).Unmap(), netip.AddrFrom16([16]byte(dst)).Unmap()
	default:
		return Socket{}, errMalformed
	}
	return Socket{
		Inode:      uint64(native.Uint32(p[sizeofSocketMsg-4:])),
		Local:      netip.AddrPortFrom(local, binary.BigEndian.Uint16(id[0:])),
		Remote:     netip.AddrPortFrom(remote, binary.BigEndian.Uint16(id[2:])),
		BoundIndex: int(native.Uint32(id[36:])),
		// The kernel sends the low half first, whatever the byte order.
		Cookie: uint64(native.Uint32(id[40:])) | uint64(native.Uint32(id[44:]))<<32,
		family: p[0],
		id:     id,
	}, nil
}

// minRTT converts a round trip in microseconds; that of a socket without any is the
// largest number there is.
func minRTT(us uint32) int64 {
	if us == math.MaxUint32 {
		return 0
	}
	return int64(us) * 1000
}

// parseSocketStats reads the answer to socketRequest. A socket in TIME_WAIT
// still answers, but nobody holds it any more and it has no tcp_info.
func parseSocketStats(m message) (SocketStats, error) {
	if m.kind != unix.SOCK_DIAG_BY_FAMILY || len(m.payload) < sizeofSocketMsg {
		return SocketStats{}, errMalformed
	}
	info, err := attribute(m.payload[sizeofSocketMsg:], inetDiagInfo)
	if err == errNoInfo {
		return SocketStats{}, ErrSocketGone
	}
	if err != nil {
		return SocketStats{}, err
	}
	var layout unix.TCPInfo // for its offsets only
	if len(info) < int(unsafe.Offsetof(layout.Sndbuf_limited))+8 {
		return SocketStats{}, errOldKernel
	}
	microseconds := func(offset uintptr) int64 { return int64(native.Uint64(info[offset:])) * 1000 }
	return SocketStats{
		AckedBytes:    native.Uint64(info[unsafe.Offsetof(layout.Bytes_acked):]),
		ReceivedBytes: native.Uint64(info[unsafe.Offsetof(layout.Bytes_received):]),
		NotSentBytes:  uint64(native.Uint32(info[unsafe.Offsetof(layout.Notsent_bytes):])),
		BusyNS:        microseconds(unsafe.Offsetof(layout.Busy_time)),
		RwndLimitedNS: microseconds(unsafe.Offsetof(layout.Rwnd_limited)),

		SndbufLimitedNS: microseconds(unsafe.Offsetof(layout.Sndbuf_limited)),
		QueuedBytes:     uint64(native.Uint32(m.payload[sizeofSocketMsg-12:])),
		SentSegments:    uint64(native.Uint32(info[unsafe.Offsetof(layout.Segs_out):])),
		MinRTTNS:        minRTT(native.Uint32(info[unsafe.Offsetof(layout.Min_rtt):])),
		Retransmits:     uint64(native.Uint32(info[unsafe.Offsetof(layout.Total_retrans):])),
	}, nil
}
