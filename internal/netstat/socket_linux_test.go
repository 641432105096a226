package netstat

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// inode returns the inode of a connection's descriptor.
func inode(t testing.TB, conn net.Conn) uint64 {
	t.Helper()
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var stat unix.Stat_t
	var statErr error
	if err := errors.Join(raw.Control(func(fd uintptr) { statErr = unix.Fstat(int(fd), &stat) }), statErr); err != nil {
		t.Fatal(err)
	}
	return stat.Ino
}

// listOne lists the one socket of a connection.
func listOne(conn net.Conn, inode uint64) (Socket, error) {
	sockets, err := ListTCP(map[uint64]bool{inode: true})
	if err != nil {
		return Socket{}, err
	}
	if len(sockets) != 1 {
		return Socket{}, fmt.Errorf("%d sockets have inode %d", len(sockets), inode)
	}
	s := sockets[0]
	got := [2]string{s.Local.String(), s.Remote.String()}
	want := [2]string{conn.LocalAddr().String(), conn.RemoteAddr().String()}
	if diff := cmp.Diff(want, got); diff != "" {
		return Socket{}, fmt.Errorf("addresses (-want +got):\n%s", diff)
	}
	return s, nil
}

// connectLocally opens a TCP connection within this process.
func connectLocally(t testing.TB, network, listen, dial string) (client, server net.Conn) {
	t.Helper()
	listener, err := net.Listen(network, listen)
	if errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.EAFNOSUPPORT) {
		require(t, "ipv6", err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	client, err = net.Dial("tcp", net.JoinHostPort(dial, port))
	if err != nil {
		t.Fatal(err)
	}
	server, err = listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// readUntil reads a socket until its stats are good.
func readUntil(c *SocketCounter, s Socket, good func(SocketStats) bool) (SocketStats, error) {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		stats, err := c.Read(s)
		if err != nil || good(stats) {
			return stats, err
		}
		if time.Now().After(deadline) {
			return stats, fmt.Errorf("waited in vain, last seen %+v", stats)
		}
	}
}

func openSockets(t testing.TB) *SocketCounter {
	t.Helper()
	c, err := OpenSockets()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestSocketCounters(t *testing.T) {
	for _, test := range []struct{ name, network, listen, dial string }{
		{"IPv4", "tcp4", "127.0.0.1:0", "127.0.0.1"},
		{"IPv6", "tcp6", "[::1]:0", "::1"},
		{"IPv4 served by an IPv6 socket", "tcp", "[::]:0", "127.0.0.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			client, server := connectLocally(t, test.network, test.listen, test.dial)
			checkTraffic(t, client, server)
		})
	}
}

// checkTraffic sends bytes and compares what both ends' counters say.
func checkTraffic(t *testing.T, client, server net.Conn) {
	from, err := listOne(client, inode(t, client))
	if err != nil {
		t.Fatal(err)
	}
	to, err := listOne(server, inode(t, server))
	if err != nil {
		t.Fatal(err)
	}
	if from.Cookie == to.Cookie {
		t.Errorf("both ends have cookie %d", from.Cookie)
	}
	c := openSockets(t)
	const n = 3 << 20
	transfer(t, client, server, n)
	sent, err := readUntil(c, from, func(s SocketStats) bool { return s.AckedBytes >= n+1 })
	if err != nil {
		t.Fatal(err)
	}
	received, err := c.Read(to)
	if err != nil {
		t.Fatal(err)
	}
	if sent.AckedBytes != n+1 || sent.ReceivedBytes != 0 || sent.NotSentBytes != 0 { // 1 for SYN
		t.Errorf("sender of %d bytes: %+v", n, sent)
	}
	if received.ReceivedBytes != n || received.AckedBytes != 0 || received.BusyNS != 0 {
		t.Errorf("receiver of %d bytes: %+v", n, received)
	}
}

// TestSocketStalled has a receiver that does not read.
func TestSocketStalled(t *testing.T) {
	client, _ := connectLocally(t, "tcp4", "127.0.0.1:0", "127.0.0.1")
	s, err := listOne(client, inode(t, client))
	if err != nil {
		t.Fatal(err)
	}
	go client.Write(make([]byte, 64<<20)) // ends when the connection is closed
	stalled := func(s SocketStats) bool { return s.NotSentBytes > 0 && s.RwndLimitedNS > 0 }
	stats, err := readUntil(openSockets(t), s, stalled)
	if err != nil {
		t.Fatal(err)
	}
	if stats.RwndLimitedNS > stats.BusyNS || stats.BusyNS > time.Minute.Nanoseconds() {
		t.Errorf("busy for %d ns, limited for %d of them", stats.BusyNS, stats.RwndLimitedNS)
	}
}

func TestSocketGone(t *testing.T) {
	client, server := connectLocally(t, "tcp4", "127.0.0.1:0", "127.0.0.1")
	s, err := listOne(client, inode(t, client))
	if err != nil {
		t.Fatal(err)
	}
	c := openSockets(t)
	stranger := s
	stranger.id[sizeofSocketID-1] ^= 1 // the cookie's last byte
	if _, err := c.Read(stranger); err != ErrSocketGone {
		t.Errorf("another cookie: %v", err)
	}
	if _, err := c.Read(s); err != nil {
		t.Errorf("after asking for a stranger: %v", err)
	}
	// The side that closes first goes through TIME_WAIT, where the kernel
	// still finds addresses and cookie.
	client.Close()
	if _, err := io.Copy(io.Discard, server); err != nil {
		t.Fatal(err)
	}
	server.Close()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		_, err := c.Read(s)
		if err == ErrSocketGone {
			break
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("after closing: %v", err)
		}
	}
	left, err := ListTCP(map[uint64]bool{s.Inode: true, 0: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range left {
		if l.Cookie == s.Cookie {
			t.Errorf("still listed: %+v", l)
		}
	}
}

func TestListTCPOnlyWanted(t *testing.T) {
	connectLocally(t, "tcp4", "127.0.0.1:0", "127.0.0.1")
	if sockets, err := ListTCP(nil); err != nil || len(sockets) != 0 {
		t.Errorf("wanted none: %v, %v", sockets, err)
	}
}

// TestListTCPManyParts lists more sockets than fit into one datagram.
func TestListTCPManyParts(t *testing.T) {
	const connections = 300
	wanted := make(map[uint64]bool)
	for range connections {
		client, server := connectLocally(t, "tcp4", "127.0.0.1:0", "127.0.0.1")
		wanted[inode(t, client)] = true
		wanted[inode(t, server)] = true
	}
	sockets, err := ListTCP(wanted)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[uint64]bool)
	for _, s := range sockets {
		found[s.Inode] = true
	}
	if diff := cmp.Diff(wanted, found); diff != "" {
		t.Errorf("inodes (-want +got):\n%s", diff)
	}
}

// TestSocketsOfOwnNamespaceOnly holds that another namespace's sockets are not
// seen, rather than mistaken for ours.
func TestSocketsOfOwnNamespaceOnly(t *testing.T) {
	w := newWire(t)
	for _, address := range []string{"10.99.0.2:0", "[fd00:99::2]:0"} {
		ours, _ := w.connect(t, address)
		ino := inode(t, ours)
		w.ours.do(t, func() error {
			_, err := listOne(ours, ino)
			return err
		})
		w.theirs.do(t, func() error {
			if s, err := ListTCP(map[uint64]bool{ino: true}); err != nil || len(s) != 0 {
				return fmt.Errorf("from the other namespace: %v, %v", s, err)
			}
			return nil
		})
	}
}

// TestSocketCountersUnprivileged runs TestSocketCounters as nobody, without
// any capability: the demo needs no root.
func TestSocketCountersUnprivileged(t *testing.T) {
	if os.Geteuid() != 0 {
		require(t, "root", "no user to change to; TestSocketCounters ran without privileges already")
	}
	child := exec.Command("/proc/self/exe", "-test.run=^TestSocketCounters$|^TestLinkReadAllocates$", "-test.v")
	child.Dir = "/"
	child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := child.CombinedOutput()
	if err != nil || strings.Count(string(out), "--- PASS") < 5 {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}

func TestSocketReadAllocates(t *testing.T) {
	client, _ := connectLocally(t, "tcp6", "[::1]:0", "::1")
	s, err := listOne(client, inode(t, client))
	if err != nil {
		t.Fatal(err)
	}
	c := openSockets(t)
	n := testing.AllocsPerRun(100, func() {
		if _, err := c.Read(s); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a reading", n)
	}
}

func BenchmarkSocketRead(b *testing.B) {
	client, _ := connectLocally(b, "tcp4", "127.0.0.1:0", "127.0.0.1")
	ino := inode(b, client)
	s, err := listOne(client, ino)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("one", func(b *testing.B) {
		c := openSockets(b)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Read(s); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("list", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := listOne(client, ino); err != nil {
				b.Fatal(err)
			}
		}
	})
}
