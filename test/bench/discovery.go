package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl"
	"pausetest/internal/stream"
)

// discovery measures a first look and a second one among few and many processes, in
// a pid namespace of its own: whatever else runs on the machine, a dump above all,
// would have a say in how much is read of whom.
func discovery(s *session) error {
	cmd, err := inOwnProc("discovery")
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// inOwnProc is this program with other arguments, as the first process of a pid
// namespace that has its own /proc.
func inOwnProc(args ...string) (*exec.Cmd, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return exec.Command("unshare", append([]string{"--pid", "--fork", "--kill-child", "--mount-proc", exe}, args...)...), nil
}

func discoverInside(s *session) error {
	for _, n := range []int{200, 2000, 10000} {
		c, err := startCrowd(n)
		if err != nil {
			return err
		}
		if err := errors.Join(s.discoverAmong(n, max(5, 15000/n)), c.end()); err != nil {
			return err
		}
	}
	return s.table.Flush()
}

func (s *session) discoverAmong(n, rounds int) error {
	table, scope := procctl.NewTable(""), &stream.Scope{}
	again := timed("again", func() error { return look(table, scope) })
	what := fmt.Sprintf("%d processes", n)
	if err := s.compare(what+", first look", rounds, []float64{0.4, 0, 0, 1.1},
		timed("first", func() error { return look(procctl.NewTable(""), &stream.Scope{}) }),
		command("ps", "ps", "-eo", "pid,ppid,stat,args"),
		command("pgrep -f", "pgrep", "-f", "no such command"),
		command("pstree -p", "pstree", "-p"),
		timed("a bare read", bareRead)); err != nil {
		return err
	}
	return s.compare(what+", rescan", rounds, []float64{0.25}, again, command("ps", "ps", "-eo", "pid,ppid,stat,args"))
}

// look is what every command that looks at live streams does first.
//
// Note: it doesn't protect the looker. If our output went into a pipe that nobody
// near us reads, all processes would be examined to find out who does.
func look(table *procctl.Table, scope *stream.Scope) error {
	snapshot, err := table.Snapshot(context.Background())
	if err != nil {
		return err
	}
	selection := stream.Selection{}
	for {
		pids := scope.Unexamined(snapshot, selection)
		if len(pids) == 0 {
			break
		}
		if err := table.Examine(context.Background(), snapshot, pids); err != nil {
			return err
		}
	}
	_, err = stream.Discover(snapshot, selection, table)
	return err
}

// bareRead reads the same two files and link of every process and does nothing with them.
func bareRead() error {
	root, err := os.Open("/proc")
	if err != nil {
		return err
	}
	defer root.Close()
	names, err := root.Readdirnames(-1)
	if err != nil {
		return err
	}
	buf := make([]byte, 4096)
	for _, name := range names {
		if name[0] < '0' || name[0] > '9' {
			continue
		}
		for _, file := range []string{"/stat", "/cmdline"} {
			fd, err := unix.Openat(int(root.Fd()), name+file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				continue
			}
			unix.Read(fd, buf)
			unix.Close(fd)
		}
		unix.Readlinkat(int(root.Fd()), name+"/exe", buf)
	}
	return nil
}

// A crowd is processes that sleep: a mother and her children, in a session of their
// own and nobody's relatives.
//
// Note: a socket holds them, not a pipe. A discovery looks for whoever holds the other
// end of our pipes, and would examine the whole crowd.
type crowd struct {
	mother int
	held   *net.UnixConn
}

func startCrowd(n int) (*crowd, error) {
	const script = `use POSIX; $|=1; exit if fork(); setsid(); for (2..$ARGV[0]) { my $p = fork(); die unless defined $p;
		if (!$p) { my $x = <STDIN>; exit } } print "$$\n"; my $x = <STDIN>;`
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "crowd"), os.NewFile(uintptr(fds[1]), "crowd")
	defer ours.Close()
	held, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, err
	}
	cmd := exec.Command("perl", "-e", script, strconv.Itoa(n))
	cmd.Stdin, cmd.Stdout = theirs, theirs
	err = cmd.Run()
	theirs.Close() // or it would hide the end of the crowd's
	if err != nil {
		return nil, err
	}
	c := &crowd{held: held.(*net.UnixConn)}
	if _, err := fmt.Fscanln(held, &c.mother); err != nil {
		return nil, fmt.Errorf("starting %d processes: %w", n, err)
	}
	return c, nil
}

// members are the pids of the crowd, the mother first.
func (c *crowd) members() ([]int, error) {
	snapshot, err := procctl.NewTable("").Snapshot(context.Background())
	if err != nil {
		return nil, err
	}
	pids := []int{c.mother}
	for _, p := range snapshot.Processes {
		if p.Session == c.mother && p.ID.PID != c.mother && p.State != 'Z' {
			pids = append(pids, p.ID.PID)
		}
	}
	return pids, nil
}

// end ends their input and waits until they are gone.
func (c *crowd) end() error {
	defer c.held.Close()
	pids, err := c.members()
	if err := errors.Join(err, c.held.CloseWrite()); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, c.held) // until the last one has closed it
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if left, err := c.members(); err != nil || len(left) == 1 {
			for _, pid := range pids {
				_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil) // it is our child where we are init
			}
			return err
		}
	}
	return fmt.Errorf("the children of pid %d do not end", c.mother)
}
