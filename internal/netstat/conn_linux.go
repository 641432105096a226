package netstat

import (
	"os"

	"golang.org/x/sys/unix"
)

// answerBytes holds the largest datagram the kernel sends in answer to our
// requests: a part of a dump (NLMSG_GOODSIZE, at most 32 KiB).
const answerBytes = 32 << 10

// A conn is a kept-open netlink socket. It is not safe for concurrent use.
//
// The kernel answers within the system call that asks (and sends each further
// part of a dump within the one that fetches the part before). So the socket
// does not block: no answer at hand is an error, never a sampler that hangs
// while backups stand still.
type conn struct {
	fd  int
	seq uint32
	buf [answerBytes]byte
}

// dial opens a socket of a netlink protocol in the thread's network namespace.
func dial(protocol int) (*conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	// Connected to the kernel, the socket refuses messages from anybody else.
	if err := unix.Connect(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("connect", err)
	}
	return &conn{fd: fd}, nil
}

func (c *conn) close() error { return os.NewSyscallError("close", unix.Close(c.fd)) }

// send numbers a request and sends it.
func (c *conn) send(request []byte) error {
	c.seq++
	native.PutUint32(request[8:], c.seq)
	_, err := unix.Write(c.fd, request)
	return err
}

// receive returns a datagram, valid until the next call.
func (c *conn) receive() ([]byte, error) {
	n, err := unix.Read(c.fd, c.buf[:])
	if err == unix.EAGAIN {
		return nil, errNoAnswer
	}
	return c.buf[:max(n, 0)], err
}

// ask sends a request and returns its one answer, valid until the next call.
// A refusal is a bare unix.Errno.
func (c *conn) ask(request []byte) (message, error) {
	if err := c.send(request); err != nil {
		return message{}, err
	}
	for {
		datagram, err := c.receive()
		if err != nil {
			return message{}, err
		}
		m, _, err := nextMessage(datagram)
		if err != nil {
			return message{}, err
		}
		if m.seq != c.seq {
			continue // left over from a request that failed half-way
		}
		if m.kind == unix.NLMSG_ERROR {
			return message{}, errorOf(m)
		}
		return m, nil
	}
}

// dump sends a request and calls each with every message of the answer.
func (c *conn) dump(request []byte, each func(message) error) error {
	if err := c.send(request); err != nil {
		return err
	}
	for {
		rest, err := c.receive()
		if err != nil {
			return err
		}
		for len(rest) > 0 {
			var m message
			if m, rest, err = nextMessage(rest); err != nil {
				return err
			}
			switch {
			case m.seq != c.seq:
			case m.kind == unix.NLMSG_DONE, m.kind == unix.NLMSG_ERROR:
				return errorOf(m)
			default:
				if err := each(m); err != nil {
					return err
				}
			}
		}
	}
}
