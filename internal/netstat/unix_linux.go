package netstat

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Sizes and numbers of linux/unix_diag.h, which x/sys lacks.
const (
	unixRequestBytes = unix.SizeofNlMsghdr + 24 // struct unix_diag_req
	sizeofUnixMsg    = 16                       // struct unix_diag_msg
	unixShowName     = 1 << 0
	unixShowPeer     = 1 << 2
	unixDiagName     = 0
	unixDiagPeer     = 2
)

// A UnixSocket is a unix socket in this network namespace.
type UnixSocket struct {
	Inode uint64 // as in the target of /proc/PID/fd/N, "socket:[Inode]"
	// Peer is the inode of the socket that it is connected to; 0 for none, or
	// for one in another network namespace.
	Peer uint64
	// Named: it has an address. Neither end of a socketpair(2) has one; of a
	// connection to a service, the service's end has.
	Named bool
}

// ListUnix returns the unix sockets of the calling thread's network namespace, in
// no particular order. It needs no privilege.
//
// Note: the netlink library has a call for this, but it reads each name beyond
// its attribute's end.
func ListUnix() ([]UnixSocket, error) {
	conn, err := dial(unix.NETLINK_INET_DIAG)
	if err != nil {
		return nil, fmt.Errorf("listing unix sockets: %w", err)
	}
	defer conn.close()
	var sockets []UnixSocket
	request := unixDump()
	err = conn.dump(request[:], func(m message) error {
		s, err := parseUnix(m)
		if err == nil {
			sockets = append(sockets, s)
		}
		return err
	})
	if err == unix.ENOENT {
		err = errNoUnixDiag
	}
	if err != nil {
		return nil, fmt.Errorf("listing unix sockets: %w", err)
	}
	return sockets, nil
}

// unixDump asks for all unix sockets, with names and peers.
func unixDump() (b [unixRequestBytes]byte) {
	putHeader(b[:], unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP)
	body := b[unix.SizeofNlMsghdr:]
	body[0] = unix.AF_UNIX
	native.PutUint32(body[4:], ^uint32(0)) // in every state
	native.PutUint32(body[12:], unixShowName|unixShowPeer)
	return b
}

// parseUnix reads one socket of a dump: struct unix_diag_msg and its attributes.
func parseUnix(m message) (UnixSocket, error) {
	p := m.payload
	if m.kind != unix.SOCK_DIAG_BY_FAMILY || len(p) < sizeofUnixMsg || p[0] != unix.AF_UNIX {
		return UnixSocket{}, errMalformed
	}
	s := UnixSocket{Inode: uint64(native.Uint32(p[4:]))}
	switch _, err := attribute(p[sizeofUnixMsg:], unixDiagName); err {
	case nil:
		s.Named = true
	case errNoInfo:
	default:
		return UnixSocket{}, err
	}
	switch peer, err := attribute(p[sizeofUnixMsg:], unixDiagPeer); {
	case err == errNoInfo:
	case err != nil:
		return UnixSocket{}, err
	case len(peer) < 4:
		return UnixSocket{}, errMalformed
	default:
		s.Peer = uint64(native.Uint32(peer))
	}
	return s, nil
}
