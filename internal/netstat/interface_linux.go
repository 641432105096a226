package netstat

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// LookupInterface finds an interface by its name, or by one of its alternative
// names. If there is none, the error wraps ErrNoInterface and lists those that
// exist.
func LookupInterface(name string) (Interface, error) {
	link, err := netlink.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return Interface{}, fmt.Errorf("looking up interface %q: %w%s", name, ErrNoInterface, knownInterfaces())
	}
	if err != nil {
		return Interface{}, fmt.Errorf("looking up interface %q: %w", name, err)
	}
	return describe(link), nil
}

// knownInterfaces lists the interfaces' names for an error message, in quotes:
// a name may hold any byte but a slash, a colon and white space.
func knownInterfaces() string {
	links, err := dumpWhole(netlink.LinkList)
	if err != nil || len(links) == 0 {
		return ""
	}
	var names []string
	for _, link := range links {
		names = append(names, strconv.Quote(link.Attrs().Name))
	}
	return fmt.Sprintf(" (there are %s)", strings.Join(names, ", "))
}

// lookupIndex finds an interface by its index.
func lookupIndex(ifindex int) (Interface, error) {
	link, err := netlink.LinkByIndex(ifindex)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return Interface{}, fmt.Errorf("looking up interface %d: %w", ifindex, ErrNoInterface)
	}
	if err != nil {
		return Interface{}, fmt.Errorf("looking up interface %d: %w", ifindex, err)
	}
	return describe(link), nil
}

// describe converts what the netlink library found.
func describe(link netlink.Link) Interface {
	attrs := link.Attrs()
	ifc := Interface{
		Name:               attrs.Name,
		Index:              attrs.Index,
		Kind:               link.Type(),
		SpeedBitsPerSecond: speed("/sys/class/net", link),
	}
	if attrs.Flags&net.FlagLoopback != 0 {
		ifc.Kind = "loopback"
	}
	nameOf := func(ifindex int) string {
		if other, err := netlink.LinkByIndex(ifindex); err == nil {
			return other.Attrs().Name
		}
		return ""
	}
	if attrs.MasterIndex != 0 {
		ifc.Master = nameOf(attrs.MasterIndex)
	}
	// A veth's "parent" is its peer; one with a namespace id lies elsewhere.
	if attrs.ParentIndex != 0 && attrs.NetNsID < 0 && ifc.Kind != "veth" {
		ifc.Lower = nameOf(attrs.ParentIndex)
	}
	return ifc
}

// speed reads an interface's speed from sysfs, in bits a second; 0 if unknown.
//
// Note: sysfs shows the namespace it was mounted in, which may not be ours
// (nsenter -n). So what it shows must have our interface's number and address;
// otherwise a stranger of the same name would lend us its speed.
func speed(sysClassNet string, link netlink.Link) uint64 {
	if kind := link.Type(); kind == "veth" || kind == "tuntap" {
		return 0 // they always claim 10 Gbit/s and 10 Mbit/s
	}
	attrs := link.Attrs()
	read := func(file string) string {
		b, err := os.ReadFile(filepath.Join(sysClassNet, attrs.Name, file))
		if err != nil {
			return ""
		}
		return string(bytes.TrimSpace(b))
	}
	if read("ifindex") != strconv.Itoa(attrs.Index) || read("address") != attrs.HardwareAddr.String() {
		return 0
	}
	return parseSpeed(read("speed"))
}

// parseSpeed reads the kernel's number of megabits a second; -1 and nothing
// (a read error) mean unknown.
func parseSpeed(s string) uint64 {
	megabits, err := strconv.ParseUint(s, 10, 32)
	if err != nil || megabits == 1<<32-1 { // SPEED_UNKNOWN, printed unsigned by some
		return 0
	}
	return megabits * 1e6
}

// InterfaceForSockets finds the interface that the sockets' traffic goes
// through: the one that the route from each socket's local to its remote
// address names. Sockets within this host use loopback. Of a bond, bridge or
// VLAN the route names the upper device; its members are never added to it.
//
// The error wraps ErrManyInterfaces, and lists them, when the routes differ,
// and ErrNoInterface when there is no socket.
//
// Note: where a route has several next hops on different interfaces, the kernel
// chooses by connection, and a look-up without ports may name another one than
// the socket's.
func InterfaceForSockets(sockets []Socket) (Interface, error) {
	peers := make(map[int][]string) // by interface index
	for _, s := range sockets {
		ifindex, err := routeInterface(s)
		if err != nil {
			return Interface{}, fmt.Errorf("looking up the route to %v: %w", s.Remote.Addr(), err)
		}
		peers[ifindex] = append(peers[ifindex], s.Remote.Addr().String())
	}
	return onlyInterface(peers)
}

// routeInterface asks the kernel which interface a socket's packets leave by.
// The local address takes part, because policy routing goes by it.
func routeInterface(s Socket) (ifindex int, err error) {
	options := netlink.RouteGetOptions{
		OifIndex: s.BoundIndex,
		Oif:      s.Remote.Addr().Zone(),
		SrcAddr:  s.Local.Addr().AsSlice(), // nil when unknown
	}
	routes, err := netlink.RouteGetWithOptions(s.Remote.Addr().AsSlice(), &options)
	if err != nil {
		return 0, err
	}
	if len(routes) != 1 || routes[0].LinkIndex == 0 {
		return 0, ErrNoInterface
	}
	return routes[0].LinkIndex, nil
}

// onlyInterface looks up the one interface in the map; the values say who uses
// each.
func onlyInterface(users map[int][]string) (Interface, error) {
	var found []Interface
	for _, ifindex := range slices.Sorted(maps.Keys(users)) {
		ifc, err := lookupIndex(ifindex)
		if err != nil {
			return Interface{}, err
		}
		found = append(found, ifc)
	}
	switch len(found) {
	case 0:
		return Interface{}, fmt.Errorf("choosing an interface: %w: no connection or route to go by", ErrNoInterface)
	case 1:
		return found[0], nil
	}
	var list []string
	for _, ifc := range found {
		slices.Sort(users[ifc.Index])
		list = append(list, fmt.Sprintf("%q (%s)", ifc.Name, strings.Join(slices.Compact(users[ifc.Index]), ", ")))
	}
	return Interface{}, fmt.Errorf("choosing an interface: %w: %s", ErrManyInterfaces, strings.Join(list, ", "))
}

// DefaultRouteInterface finds the interface of the default route: of IPv4 if it
// has one, else of IPv6. Of several routes the kernel's choice counts, the one
// with the lowest metric.
func DefaultRouteInterface() (Interface, error) {
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := dumpWhole(func() ([]netlink.Route, error) { return netlink.RouteList(nil, family) })
		if err != nil {
			return Interface{}, fmt.Errorf("listing the routes: %w", err)
		}
		routes = slices.DeleteFunc(routes, func(r netlink.Route) bool { return !isDefault(r) })
		if len(routes) == 0 {
			continue
		}
		best := slices.MinFunc(routes, func(a, b netlink.Route) int { return cmp.Compare(a.Priority, b.Priority) })
		users := make(map[int][]string)
		if len(best.MultiPath) == 0 {
			users[best.LinkIndex] = []string{"default route"}
		}
		for _, hop := range best.MultiPath {
			users[hop.LinkIndex] = []string{"default route"}
		}
		return onlyInterface(users)
	}
	return Interface{}, fmt.Errorf("choosing an interface: %w: no default route", ErrNoInterface)
}

// isDefault tells a route to everywhere from one to somewhere, and from one
// that says "unreachable".
func isDefault(r netlink.Route) bool {
	if r.Type != unix.RTN_UNICAST {
		return false
	}
	if r.Dst == nil {
		return true
	}
	ones, _ := r.Dst.Mask.Size()
	return ones == 0
}

// dumpWhole repeats a dump that a change interrupted. On a host where that
// happens every time, the last, possibly incomplete answer has to do.
func dumpWhole[T any](dump func() ([]T, error)) (list []T, err error) {
	for range 5 {
		if list, err = dump(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			return list, err
		}
	}
	return list, nil
}
