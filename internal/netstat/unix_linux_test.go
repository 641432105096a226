package netstat

import (
	"net"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func unixSockets(t *testing.T) map[uint64]UnixSocket {
	t.Helper()
	list, err := ListUnix()
	if err != nil {
		t.Fatal(err)
	}
	byInode := map[uint64]UnixSocket{}
	for _, s := range list {
		byInode[s.Inode] = s
	}
	return byInode
}

func TestListUnixPair(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	var inodes [2]uint64
	for i, fd := range pair {
		var stat unix.Stat_t
		if err := unix.Fstat(fd, &stat); err != nil {
			t.Fatal(err)
		}
		inodes[i] = stat.Ino
	}
	got := unixSockets(t)
	for i, ino := range inodes {
		if want := (UnixSocket{Inode: ino, Peer: inodes[1-i]}); got[ino] != want {
			t.Errorf("got %+v, want %+v", got[ino], want)
		}
	}
	unix.Close(pair[1])
	if s, there := unixSockets(t)[inodes[0]]; !there || s.Peer != 0 {
		t.Errorf("after the peer was closed: %+v, %t", s, there)
	}
}

func TestListUnixService(t *testing.T) {
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("unix", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	got, mine, theirs := unixSockets(t), inode(t, client), inode(t, server)
	if want := (UnixSocket{Inode: mine, Peer: theirs}); got[mine] != want {
		t.Errorf("client: %+v, want %+v", got[mine], want)
	}
	if want := (UnixSocket{Inode: theirs, Peer: mine, Named: true}); got[theirs] != want {
		t.Errorf("server: %+v, want %+v", got[theirs], want)
	}
}

// FuzzParseUnix holds that no message makes the parser panic, and that a refused
// one yields no value.
func FuzzParseUnix(f *testing.F) {
	good := []byte{unix.AF_UNIX, 1, 1, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8, 0, unixDiagPeer, 0, 7, 0, 0, 0}
	f.Add(good)
	f.Add(good[:21])
	f.Fuzz(func(t *testing.T, payload []byte) {
		if s, err := parseUnix(message{kind: unix.SOCK_DIAG_BY_FAMILY, payload: payload}); err != nil && s != (UnixSocket{}) {
			t.Errorf("%+v with %v", s, err)
		}
	})
	if s, err := parseUnix(message{kind: unix.SOCK_DIAG_BY_FAMILY, payload: good}); err != nil || s != (UnixSocket{Inode: 9, Peer: 7}) {
		f.Errorf("%+v, %v", s, err)
	}
}
