package netstat

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
)

// ip runs ip(8) in the namespace with each of the given argument lines.
func (ns *namespace) ip(t testing.TB, lines ...string) {
	t.Helper()
	ns.do(t, func() error {
		for _, line := range lines {
			if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
				return fmt.Errorf("ip %s: %w: %s", line, err, out)
			}
		}
		return nil
	})
}

// wantInterface checks in the namespace that look finds the named interface.
func (ns *namespace) wantInterface(t *testing.T, name string, look func() (Interface, error)) {
	t.Helper()
	ns.do(t, func() error {
		ifc, err := look()
		if err == nil && ifc.Name != name {
			err = fmt.Errorf("chose %+v, not %s", ifc, name)
		}
		return err
	})
}

// wantRefusal checks in the namespace that look fails in the given way, with
// all of the given words in the message.
func (ns *namespace) wantRefusal(t *testing.T, want error, look func() (Interface, error), words ...string) {
	t.Helper()
	ns.do(t, func() error {
		ifc, err := look()
		if !errors.Is(err, want) {
			return fmt.Errorf("got %+v, %w; want %w", ifc, err, want)
		}
		for _, word := range words {
			if !strings.Contains(err.Error(), word) {
				return fmt.Errorf("%q does not say %s", err, word)
			}
		}
		return nil
	})
}

func forPeers(peers ...string) func() (Interface, error) {
	return func() (Interface, error) {
		var sockets []Socket
		for _, p := range peers {
			sockets = append(sockets, Socket{Remote: netip.AddrPortFrom(netip.MustParseAddr(p), 0)})
		}
		return InterfaceForSockets(sockets)
	}
}

func TestLookupInterface(t *testing.T) {
	w := newWire(t)
	w.ours.ip(t, "link property add dev "+w.name+" altname a-name-of-more-than-fifteen-bytes")
	for name, want := range map[string]Interface{
		"lo":                                {Name: "lo", Index: 1, Kind: "loopback"},
		w.name:                              {Name: w.name, Kind: "veth"},
		"a-name-of-more-than-fifteen-bytes": {Name: w.name, Kind: "veth"},
	} {
		w.ours.do(t, func() error {
			got, err := LookupInterface(name)
			if want.Index == 0 {
				want.Index = got.Index
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			return err
		})
	}
}

func TestLookupInterfaceUnknown(t *testing.T) {
	ns := newNamespace(t)
	const hostile = "pt\x1b[2J\xff" // the kernel allows it
	ns.do(t, func() error { return addVeth(hostile, "ptother") })
	for _, name := range []string{"eth9", "", "a/b", "a-name-of-more-than-fifteen-bytes", "x\x1b[2J"} {
		lookup := func() (Interface, error) { return LookupInterface(name) }
		ns.wantRefusal(t, ErrNoInterface, lookup, `"lo"`, `"ptother"`, `"pt\x1b[2J\xff"`)
	}
}

// TestStackedInterfaces holds that the route names the upper device, and that
// members and lower devices are known as such.
func TestStackedInterfaces(t *testing.T) {
	w := newWire(t)
	w.ours.ip(t,
		"link add ptbr type bridge",
		"link add ptm type veth peer name ptn",
		"link set ptm master ptbr",
		"link set ptbr up", "link set ptm up", "link set ptn up",
		"addr add 10.98.0.1/24 dev ptbr")
	w.ours.wantInterface(t, "ptbr", forPeers("10.98.0.7"))

	lookup := func(name string) (ifc Interface) {
		w.ours.do(t, func() (err error) { ifc, err = LookupInterface(name); return err })
		return ifc
	}
	if got := lookup("ptm"); got.Master != "ptbr" || got.Lower != "" {
		t.Errorf("member of a bridge: %+v", got)
	}
	if got := lookup("ptbr"); got.Master != "" || got.Lower != "" || got.Kind != "bridge" {
		t.Errorf("bridge: %+v", got)
	}

}

// TestDescribe has what this test's machine may not: VLANs.
func TestDescribe(t *testing.T) {
	attrs := func(netNsID int) netlink.LinkAttrs {
		return netlink.LinkAttrs{Name: "ptx", Index: 9, ParentIndex: 1, NetNsID: netNsID} // 1 is loopback
	}
	for name, test := range map[string]struct {
		link netlink.Link
		want Interface
	}{
		"VLAN":                            {&netlink.Vlan{LinkAttrs: attrs(-1)}, Interface{Name: "ptx", Index: 9, Kind: "vlan", Lower: "lo"}},
		"VLAN on another namespace's":     {&netlink.Vlan{LinkAttrs: attrs(0)}, Interface{Name: "ptx", Index: 9, Kind: "vlan"}},
		"veth with its peer, not a stack": {&netlink.Veth{LinkAttrs: attrs(-1)}, Interface{Name: "ptx", Index: 9, Kind: "veth"}},
	} {
		if diff := cmp.Diff(test.want, describe(test.link)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestInterfaceByRoute asks for peers' and real sockets' routes.
func TestInterfaceByRoute(t *testing.T) {
	w := newWire(t)
	w.ours.wantInterface(t, w.name, forPeers("10.99.0.2"))
	w.ours.wantInterface(t, w.name, forPeers("10.99.0.2", "fd00:99::2", "10.99.0.77", "::ffff:10.99.0.2"))
	w.ours.wantInterface(t, "lo", forPeers("127.0.0.1", "::1", "10.99.0.1"))
	w.ours.wantRefusal(t, ErrManyInterfaces, forPeers("10.99.0.2", "127.0.0.1", "10.99.0.2", "10.99.0.3"),
		`"lo" (127.0.0.1)`, fmt.Sprintf("%q (10.99.0.2, 10.99.0.3)", w.name))
	w.ours.wantRefusal(t, ErrNoInterface, forPeers())

	w.ours.do(t, func() error {
		if ifc, err := forPeers("10.1.2.3")(); err == nil || !strings.Contains(err.Error(), "10.1.2.3") {
			return fmt.Errorf("without a route: %v, %w", ifc, err)
		}
		return nil
	})
	for _, address := range []string{"10.99.0.2:0", "[fd00:99::2]:0"} {
		ours, _ := w.connect(t, address)
		ino := inode(t, ours)
		w.ours.wantInterface(t, w.name, func() (Interface, error) {
			s, err := listOne(ours, ino)
			if err != nil {
				return Interface{}, err
			}
			return InterfaceForSockets([]Socket{s})
		})
	}
}

// TestInterfaceOfLinkLocal has peers whose addresses mean something only
// together with an interface.
func TestInterfaceOfLinkLocal(t *testing.T) {
	w := newWire(t)
	w.ours.ip(t, "link add ptx type veth peer name pty", "link set ptx up", "link set pty up")
	for _, name := range []string{w.name, "ptx", "pty"} {
		w.ours.wantInterface(t, name, forPeers("fe80::1%"+name))
		w.ours.wantInterface(t, name, func() (Interface, error) {
			ifc, err := LookupInterface(name)
			if err != nil {
				return ifc, err
			}
			return InterfaceForSockets([]Socket{{Remote: netip.MustParseAddrPort("[fe80::1]:22"), BoundIndex: ifc.Index}})
		})
	}
}

// TestInterfaceByPolicy has two ways to one peer, told apart by the socket's
// own address only.
func TestInterfaceByPolicy(t *testing.T) {
	w := newWire(t)
	w.ours.ip(t,
		"link add ptx type veth peer name pty", "link set ptx up", "link set pty up",
		"addr add 10.96.0.1/24 dev ptx",
		"route add 10.50.0.0/16 via 10.99.0.2",
		"route add 10.50.0.0/16 via 10.96.0.2 table 77",
		"rule add from 10.96.0.1 table 77")
	for local, name := range map[string]string{"10.99.0.1": w.name, "10.96.0.1": "ptx"} {
		w.ours.wantInterface(t, name, func() (Interface, error) {
			return InterfaceForSockets([]Socket{{
				Local:  netip.AddrPortFrom(netip.MustParseAddr(local), 4711),
				Remote: netip.MustParseAddrPort("10.50.0.9:873"),
			}})
		})
	}
}

func TestDefaultRoute(t *testing.T) {
	w := newWire(t)
	w.ours.ip(t,
		"link add ptx type veth peer name pty", "link set ptx up", "link set pty up",
		"addr add 10.96.0.1/24 dev ptx")
	w.ours.wantRefusal(t, ErrNoInterface, DefaultRouteInterface)
	w.ours.ip(t, "-6 route add default via fd00:99::2", "route add unreachable default metric 1")
	w.ours.wantInterface(t, w.name, DefaultRouteInterface)
	w.ours.ip(t, "route add default via 10.96.0.2 metric 200")
	w.ours.wantInterface(t, "ptx", DefaultRouteInterface)
	w.ours.ip(t, "route add default via 10.99.0.2 metric 100")
	w.ours.wantInterface(t, w.name, DefaultRouteInterface)
	w.ours.ip(t, "route add default metric 50 nexthop via 10.99.0.2 nexthop via 10.96.0.2")
	w.ours.wantRefusal(t, ErrManyInterfaces, DefaultRouteInterface, `"ptx"`, w.name)
}

func TestSpeed(t *testing.T) {
	attrs := netlink.LinkAttrs{Name: "eth0", Index: 2, HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 1}}
	hardware := &netlink.Device{LinkAttrs: attrs}
	files := func(ifindex, address, speed string) map[string]string {
		return map[string]string{"ifindex": ifindex + "\n", "address": address + "\n", "speed": speed + "\n"}
	}
	const mine, another = "02:00:00:00:00:01", "02:00:00:00:00:02"
	for name, test := range map[string]struct {
		link  netlink.Link
		files map[string]string
		want  uint64
	}{
		"reported":               {hardware, files("2", mine, "10000"), 10e9},
		"no sysfs":               {hardware, nil, 0},
		"unknown":                {hardware, files("2", mine, "-1"), 0},
		"unknown, unsigned":      {hardware, files("2", mine, "4294967295"), 0},
		"nothing":                {hardware, files("2", mine, ""), 0},
		"made up by veth":        {&netlink.Veth{LinkAttrs: attrs}, files("2", mine, "10000"), 0},
		"made up by tun":         {&netlink.Tuntap{LinkAttrs: attrs}, files("2", mine, "10"), 0},
		"another one's":          {hardware, files("3", mine, "10000"), 0},
		"another one's, same id": {hardware, files("2", another, "10000"), 0},
	} {
		root := t.TempDir()
		if err := os.Mkdir(filepath.Join(root, attrs.Name), 0o700); err != nil {
			t.Fatal(err)
		}
		for file, text := range test.files {
			if err := os.WriteFile(filepath.Join(root, attrs.Name, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := speed(root, test.link); got != test.want {
			t.Errorf("%s: got %d, want %d", name, got, test.want)
		}
	}
}
