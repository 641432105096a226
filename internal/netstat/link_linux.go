package netstat

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A LinkCounter reads the counters of one interface again and again. It is not
// safe for concurrent use.
//
// It asks by interface index with RTM_GETSTATS: two system calls, no
// allocation, all counters from one instant. Where the kernel refuses that
// (before 4.7), it reads the whole link by the netlink library, on a kept
// handle.
//
// Note: sysfs is as fast, but its files are those of the namespace that /sys
// was mounted in, and go on reading after the interface has moved away.
// /proc/net/dev and dumps cost in proportion to the number of interfaces.
type LinkCounter struct {
	ifindex int
	lost    bool
	conn    *conn // nil when handle is in use
	request [statsRequestBytes]byte
	handle  *netlink.Handle
}

// OpenLink opens a counter of the interface with the given index, in the
// network namespace of the calling thread.
func OpenLink(ifindex int) (*LinkCounter, error) {
	c := &LinkCounter{ifindex: ifindex, request: statsRequest(ifindex)}
	conn, err := dial(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening the counters of interface %d: %w", ifindex, err)
	}
	c.conn = conn
	if _, err = c.Read(); err != nil && !errors.Is(err, ErrInterfaceLost) {
		err = c.fallBack()
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("opening the counters of interface %d: %w", ifindex, err)
	}
	return c, nil
}

// fallBack turns to the netlink library and tries it.
func (c *LinkCounter) fallBack() error {
	c.conn.close()
	c.conn = nil
	var err error
	if c.handle, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return err
	}
	_, err = c.Read()
	return err
}

// Read returns the counters as they stand. It returns ErrInterfaceLost, from
// then on always, when the interface is gone.
func (c *LinkCounter) Read() (Counters, error) {
	if c.lost {
		return Counters{}, ErrInterfaceLost
	}
	var counters Counters
	var err error
	if c.handle != nil {
		counters, err = c.readLink()
	} else {
		counters, err = c.readStats()
	}
	if err != nil && err != ErrInterfaceLost {
		err = fmt.Errorf("reading the counters of interface %d: %w", c.ifindex, err)
	}
	c.lost = err == ErrInterfaceLost
	return counters, err
}

// readStats reads by RTM_GETSTATS.
func (c *LinkCounter) readStats() (Counters, error) {
	m, err := c.conn.ask(c.request[:])
	if err == unix.ENODEV {
		return Counters{}, ErrInterfaceLost
	}
	if err != nil {
		return Counters{}, err
	}
	return parseStats(m, c.ifindex)
}

// readLink reads by the netlink library.
func (c *LinkCounter) readLink() (Counters, error) {
	link, err := c.handle.LinkByIndex(c.ifindex)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return Counters{}, ErrInterfaceLost
	}
	if err != nil {
		return Counters{}, err
	}
	stats := link.Attrs().Statistics
	if stats == nil {
		return Counters{}, errNoInfo
	}
	return Counters{RxBytes: stats.RxBytes, TxBytes: stats.TxBytes}, nil
}

// Close releases the netlink socket. No method may be called afterwards.
func (c *LinkCounter) Close() error {
	if c.handle != nil {
		c.handle.Close()
	}
	if c.conn != nil {
		return c.conn.close()
	}
	return nil
}
