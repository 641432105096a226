package netstat

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// require skips the test for want of something, or fails it when
// PAUSETEST_REQUIRE says that this machine has it.
func require(t testing.TB, what, reason string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("PAUSETEST_REQUIRE"), ","), what) {
		t.Fatalf("%s is required: %s", what, reason)
	}
	t.Skipf("needs %s: %s", what, reason)
}

// A namespace is a network namespace with a thread inside. It has no name, so
// it is gone when its thread and the last socket are, however the test ends.
type namespace struct {
	work chan func()
	file *os.File // of the namespace, to move interfaces into
}

// newNamespace makes a network namespace with loopback up.
func newNamespace(t testing.TB) *namespace {
	t.Helper()
	if os.Geteuid() != 0 {
		require(t, "netns", "not root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		require(t, "netns", err.Error())
	}
	ns := &namespace{work: make(chan func())}
	ready := make(chan error)
	go func() {
		// Never unlocked: the thread must not be used by anybody else.
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			ns.file, err = os.Open("/proc/thread-self/ns/net")
		}
		ready <- err
		if err == nil {
			for f := range ns.work {
				f()
			}
		}
	}()
	if err := <-ready; err != nil {
		require(t, "netns", err.Error())
	}
	t.Cleanup(func() {
		close(ns.work)
		ns.file.Close()
	})
	ns.do(t, func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		return netlink.LinkSetUp(lo)
	})
	return ns
}

// do runs f on the namespace's thread.
func (ns *namespace) do(t testing.TB, f func() error) {
	t.Helper()
	done := make(chan error)
	ns.work <- func() { done <- f() }
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// A wire is a pair of namespaces joined by veth: ours has 10.99.0.1 and
// fd00:99::1, theirs ends in 2.
type wire struct {
	ours, theirs *namespace
	name         string // of our end
}

func newWire(t testing.TB) wire {
	t.Helper()
	w := wire{ours: newNamespace(t), theirs: newNamespace(t), name: fmt.Sprintf("ptv%06x", rand.N(1<<24))}
	w.ours.do(t, func() error { return addVeth(w.name, "peer") })
	w.ours.do(t, func() error {
		peer, err := netlink.LinkByName("peer")
		if err != nil {
			return err
		}
		return netlink.LinkSetNsFd(peer, int(w.theirs.file.Fd()))
	})
	w.ours.do(t, func() error { return configure(w.name, "10.99.0.1/24", "fd00:99::1/64") })
	w.theirs.do(t, func() error { return configure("peer", "10.99.0.2/24", "fd00:99::2/64") })
	return w
}

func addVeth(name, peer string) error {
	return netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: peer})
}

// configure gives an interface addresses and sets it up.
func configure(name string, addresses ...string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	for _, a := range addresses {
		address, err := netlink.ParseAddr(a)
		if err != nil {
			return err
		}
		if address.IP.To4() == nil {
			address.Flags = unix.IFA_F_NODAD
		}
		if err := netlink.AddrAdd(link, address); err != nil {
			return err
		}
	}
	return netlink.LinkSetUp(link)
}

// connect opens a TCP connection from our end to theirs. The returned ends are
// usable on any thread.
func (w wire) connect(t testing.TB, address string) (ours, theirs net.Conn) {
	t.Helper()
	var listener net.Listener
	w.theirs.do(t, func() (err error) {
		listener, err = net.Listen("tcp", address)
		return err
	})
	defer listener.Close()
	w.ours.do(t, func() (err error) {
		// By number, so that no resolver goroutine runs on another thread.
		remote := listener.Addr().(*net.TCPAddr)
		ours, err = net.DialTCP("tcp", nil, remote)
		return err
	})
	theirs, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}
