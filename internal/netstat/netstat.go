// Package netstat reads byte counters from the kernel: of one network
// interface, and of single TCP sockets; and, as it comes the same way, how long
// processes stood still for want of memory. It also finds the interface that a set
// of sockets sends through, and paces the reading.
//
// Everything that is read repeatedly goes over a netlink socket that is opened
// once, asks for one object by its number, and allocates nothing. Values are
// handed on as the kernel gave them: whether a counter that went backwards, or
// stood still, means anything is judged by package analysis.
//
// A netlink socket belongs to the network namespace its thread was in when it
// was opened, and so does every counter here.
package netstat

import "errors"

// Errors that callers tell apart.
var (
	// ErrNoInterface says that no interface has the name asked for, or that
	// nothing leads to one.
	ErrNoInterface = errors.New("no such interface")
	// ErrManyInterfaces says that traffic leaves by several interfaces where
	// one was asked for.
	ErrManyInterfaces = errors.New("more than one interface")
	// ErrInterfaceLost says that the interface of a LinkCounter was removed, or
	// was moved to another network namespace. It stays lost, even when one of
	// the same name or number appears.
	ErrInterfaceLost = errors.New("the interface is gone")
	// ErrSocketGone says that a socket was closed since it was listed.
	ErrSocketGone = errors.New("the socket is gone")
)

// An Interface is a network interface as it stood when it was looked up.
type Interface struct {
	Name  string
	Index int
	// SpeedBitsPerSecond is the link speed that the driver reports; 0 when it
	// reports none, as loopback does, or makes one up, as veth does.
	SpeedBitsPerSecond uint64
	// Kind is the kernel's name for a virtual interface's type ("veth", "bond",
	// "bridge", "vlan", ...), "loopback", or "device" for real hardware.
	Kind string
	// Master is the bond, bridge or VRF that this interface is a member of, and
	// Lower the interface that this one (a VLAN, say) is built upon; empty if
	// there is none. Their counters hold the same bytes once more, so that the
	// sum of two such interfaces means nothing.
	Master, Lower string
}

// Counters are the bytes that went through an interface, with link-layer
// headers, since it was created.
type Counters struct {
	RxBytes, TxBytes uint64
}
