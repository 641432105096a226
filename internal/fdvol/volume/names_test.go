package volume

import (
	"testing"

	"pausetest/internal/procctl/proctable"
)

func TestNames(t *testing.T) {
	process := func(pid int, comm string, fds ...proctable.FD) proctable.Process {
		return proctable.Process{ID: proctable.ProcID{PID: pid}, Comm: comm, FDs: fds}
	}
	pipe := func(number int, inode uint64, write bool) proctable.FD {
		return proctable.FD{Number: number, Kind: proctable.Pipe, Inode: inode, Read: !write, Write: write}
	}
	file := func(number int, path string) proctable.FD {
		return proctable.FD{Number: number, Path: path, Read: true}
	}
	n := NewNames()
	member := func(pid int) bool { return pid <= 2 }
	n.See(&proctable.Snapshot{Processes: []proctable.Process{
		process(1, "tar", pipe(1, 77, true), file(3, "/data/one"), pipe(4, 88, false), pipe(5, 99, true)),
		process(2, "na\nme", pipe(0, 77, false), proctable.FD{Number: 3, Kind: proctable.Socket, Inode: 5}, proctable.FD{Number: 4, Kind: proctable.Socket, Inode: 6},
			proctable.FD{Number: 5, Kind: proctable.Other}, pipe(6, 99, false)),
		process(3, "stranger", pipe(6, 99, false), file(3, "/secret")),
	}}, member)
	n.See(&proctable.Snapshot{Processes: []proctable.Process{process(1, "tar", file(3, "/data/t\x1bwo"), pipe(1, 77, true))}}, member)
	sockets := map[uint64]string{5: "tcp 10.0.0.1:1 to 10.0.0.2:2"}
	for _, tc := range []struct {
		pid, fd int
		what    string
		others  int
	}{
		{1, 1, `pipe to na\nme[2]`, 0},
		{2, 0, "pipe from tar[1]", 0},
		{1, 3, `/data/t\x1bwo`, 1},
		{1, 4, "pipe:[88]", 0},
		{1, 5, `pipe to na\nme[2] and 1 more`, 0},
		{2, 3, "tcp 10.0.0.1:1 to 10.0.0.2:2", 0},
		{2, 4, "socket:[6]", 0},
		{2, 5, "neither file nor pipe nor socket", 0},
		{3, 3, "unknown: it was not open when we looked", 0},
	} {
		if what, others := n.Descriptor(tc.pid, tc.fd, sockets); what != tc.what || others != tc.others {
			t.Errorf("descriptor %d of %d: %q and %d others, want %q and %d", tc.fd, tc.pid, what, others, tc.what, tc.others)
		}
	}
	if got := n.Process(2); got != `na\nme` {
		t.Errorf("process 2 is %q", got)
	}
	if got := n.Sockets(); len(got) != 2 || !got[5] || !got[6] {
		t.Errorf("sockets %v", got)
	}
}
