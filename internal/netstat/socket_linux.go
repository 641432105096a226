package netstat

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// A Socket is a TCP socket in this network namespace. It identifies the socket
// for ever: the kernel gives every socket a cookie that it never uses again.
type Socket struct {
	Inode uint64 // as in the target of /proc/PID/fd/N, "socket:[Inode]"
	// Local and Remote are plain IPv4 addresses for an IPv6 socket that speaks
	// IPv4 (v4-mapped).
	Local, Remote netip.AddrPort
	Cookie        uint64
	// BoundIndex is the interface the socket is bound to; 0 for none. A
	// link-local address means something only together with it.
	BoundIndex int

	// What the kernel wants to hear again to find this socket: the family of
	// the socket (which a v4-mapped address does not tell) and its struct
	// inet_diag_sockid as received.
	family uint8
	id     [sizeofSocketID]byte
}

// SocketStats is what the kernel knows about one TCP socket's traffic (struct
// tcp_info, RFC 4898).
type SocketStats struct {
	// AckedBytes counts what the peer has acknowledged. The sequence numbers of
	// SYN (on the side that connected) and FIN count one byte each.
	AckedBytes uint64
	// ReceivedBytes counts what has arrived in order; the peer's FIN counts one.
	ReceivedBytes uint64
	// NotSentBytes wait in the send buffer and have not been sent once.
	NotSentBytes uint64
	// BusyNS is the time with data to send, RwndLimitedNS the part of it in
	// which the peer's receive window stood in the way; both in steps of the
	// kernel's tick (1 to 10 ms).
	BusyNS, RwndLimitedNS int64
	// SndbufLimitedNS is the part of it in which the socket's own send buffer was
	// full of data that was under way.
	SndbufLimitedNS int64
	// QueuedBytes wait in the send buffer, unsent or not yet acknowledged.
	QueuedBytes uint64
	// SentSegments counts segments, Retransmits those sent once more.
	SentSegments, Retransmits uint64
	// MinRTTNS is the shortest round trip that the kernel has measured lately.
	MinRTTNS int64
}

// ListTCP returns the TCP sockets whose inodes are wanted, in no particular
// order. It needs no privilege; to know the inodes of another user's process
// does. It sees only the network namespace of the calling thread.
//
// The kernel walks its whole table once for each address family (about 0.15 ms,
// however few sockets there are), and not under one lock: a socket that is
// opened meanwhile may be missing. So list now and then, and read the sockets
// found by a SocketCounter.
func ListTCP(inodes map[uint64]bool) ([]Socket, error) {
	conn, err := dial(unix.NETLINK_INET_DIAG)
	if err != nil {
		return nil, fmt.Errorf("listing TCP sockets: %w", err)
	}
	defer conn.close()
	var sockets []Socket
	// An IPv6 socket that speaks IPv4 is listed with the IPv6 ones.
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		request := socketDump(family)
		err := conn.dump(request[:], func(m message) error {
			s, err := parseSocket(m)
			if err == nil && inodes[s.Inode] {
				sockets = append(sockets, s)
			}
			return err
		})
		if err == unix.ENOENT {
			err = errNoTCPDiag
		}
		if err != nil {
			return nil, fmt.Errorf("listing TCP sockets: %w", err)
		}
	}
	return sockets, nil
}

// A SocketCounter reads the traffic of single TCP sockets, over one kept-open
// netlink socket and without allocation. It needs no privilege. It is not safe
// for concurrent use.
//
// Note: TCP_INFO on a duplicate of the descriptor (pidfd_getfd) is cheaper
// still, but the duplicate keeps the connection open when the backup closes it.
type SocketCounter struct {
	conn    *conn
	request [socketRequestBytes]byte
}

// OpenSockets opens a counter for sockets in the network namespace of the
// calling thread.
func OpenSockets() (*SocketCounter, error) {
	conn, err := dial(unix.NETLINK_INET_DIAG)
	if err != nil {
		return nil, fmt.Errorf("opening the counters of TCP sockets: %w", err)
	}
	return &SocketCounter{conn: conn}, nil
}

// Read returns the traffic of a socket found by ListTCP. It returns
// ErrSocketGone when the socket was closed, even if another one uses the same
// addresses and ports now; the last reading is then the last word.
func (c *SocketCounter) Read(s Socket) (SocketStats, error) {
	c.request = socketRequest(&s)
	m, err := c.conn.ask(c.request[:])
	var stats SocketStats
	if err == nil {
		stats, err = parseSocketStats(m)
	}
	switch err {
	case nil:
		return stats, nil
	case unix.ENOENT, ErrSocketGone: // none with these addresses and this cookie; one in TIME_WAIT
		return SocketStats{}, ErrSocketGone
	}
	return SocketStats{}, fmt.Errorf("reading TCP socket %v to %v: %w", s.Local, s.Remote, err)
}

// Close releases the netlink socket. No method may be called afterwards.
func (c *SocketCounter) Close() error { return c.conn.close() }
