package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"pausetest/internal/demo"
	"pausetest/internal/netstat"
	"pausetest/internal/procctl"
)

// sample measures one reading of all that a run with sixteen streams reads ten times
// a second, in network namespaces of its own that hold few and many other interfaces
// and sockets.
func sample(s *session) error {
	for _, around := range []struct{ interfaces, sockets int }{{1, 10}, {1000, 2000}} {
		if err := inNamespace(func() error { return s.sampleAmong(around.interfaces, around.sockets) }); err != nil {
			return err
		}
	}
	return nil
}

const streams = 16

func (s *session) sampleAmong(interfaces, sockets int) error {
	if err := addInterfaces(interfaces - 1); err != nil {
		return err
	}
	others, err := connections(sockets / 2)
	if err != nil {
		return err
	}
	defer closeAll(others)
	c, err := startCrowd(streams)
	if err != nil {
		return err
	}
	return errors.Join(s.sampleOf(c, fmt.Sprintf("among %d interfaces, %d sockets", interfaces, sockets)), c.end())
}

func (s *session) sampleOf(c *crowd, what string) error {
	own, err := connections(streams)
	if err != nil {
		return err
	}
	defer closeAll(own)
	r, err := newReadings(c, own)
	if err != nil {
		return err
	}
	defer r.close()

	preads, err := newPreads()
	if err != nil {
		return err
	}
	if err := s.compare("interface "+what, 200, []float64{1.5}, many("link", r.interfaces), many("two preads", preads)); err != nil {
		return err
	}
	if err := s.compare("whole sample "+what, 30, []float64{1}, timed("sample", r.all), command("ss -tin", "ss", "-tin")); err != nil {
		return err
	}
	var failed error
	allocations := testing.AllocsPerRun(100, func() { failed = errors.Join(failed, r.all()) })
	s.line("allocations of a reading "+what, fmt.Sprint(allocations), "0", allocations, 0)
	return failed
}

// many repeats what takes less than a microsecond.
func many(name string, f func() error) contender {
	return timed(name, func() error {
		for range 1000 {
			if err := f(); err != nil {
				return err
			}
		}
		return nil
	})
}

// readings are the counters of a run with a stream for each connection and process.
type readings struct {
	link    *netstat.LinkCounter
	counter *netstat.SocketCounter
	sockets []netstat.Socket
	io      []*procctl.IOCounter
}

func newReadings(c *crowd, own []net.Conn) (*readings, error) {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return nil, err
	}
	r := &readings{}
	if r.link, err = netstat.OpenLink(lo.Attrs().Index); err != nil {
		return nil, err
	}
	if r.counter, err = netstat.OpenSockets(); err != nil {
		return nil, err
	}
	inodes := map[uint64]bool{}
	for i := 0; i < len(own); i += 2 { // the dialling ends
		file, err := own[i].(*net.TCPConn).File()
		if err != nil {
			return nil, err
		}
		var st unix.Stat_t
		err = unix.Fstat(int(file.Fd()), &st)
		file.Close()
		if err != nil {
			return nil, err
		}
		inodes[st.Ino] = true
	}
	if r.sockets, err = netstat.ListTCP(inodes); err != nil {
		return nil, err
	}
	if len(r.sockets) != streams {
		return nil, fmt.Errorf("listing the streams' sockets: found %d of %d", len(r.sockets), streams)
	}
	pids, err := c.members()
	if err != nil {
		return nil, err
	}
	for _, pid := range pids {
		id, err := identify(pid)
		if err != nil {
			return nil, err
		}
		counter, err := procctl.OpenIO(id)
		if err != nil {
			return nil, err
		}
		r.io = append(r.io, counter)
	}
	return r, nil
}

func (r *readings) interfaces() error {
	_, err := r.link.Read()
	return err
}

func (r *readings) all() error {
	if err := r.interfaces(); err != nil {
		return err
	}
	for _, socket := range r.sockets {
		if _, err := r.counter.Read(socket); err != nil {
			return err
		}
	}
	for _, counter := range r.io {
		if _, err := counter.Read(); err != nil {
			return err
		}
	}
	return nil
}

func (r *readings) close() {
	r.link.Close()
	r.counter.Close()
	for _, counter := range r.io {
		counter.Close()
	}
}

// newPreads keeps the two files of sysfs open, of the namespace that /sys shows: its
// loopback is as good as any.
func newPreads() (read func() error, err error) {
	var fds [2]int
	for i, name := range []string{"rx_bytes", "tx_bytes"} {
		if fds[i], err = unix.Open("/sys/class/net/lo/statistics/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return nil, err
		}
	}
	buf := make([]byte, 64)
	return func() error {
		for _, fd := range fds {
			if _, err := unix.Pread(fd, buf, 0); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// connections are n TCP connections on loopback, both ends of each.
func connections(n int) ([]net.Conn, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	var all []net.Conn
	for range n {
		dialled, err := net.DialTimeout("tcp", listener.Addr().String(), 5*time.Second)
		if err != nil {
			return all, err
		}
		accepted, err := listener.Accept()
		if err != nil {
			return all, err
		}
		all = append(all, dialled, accepted)
	}
	return all, nil
}

func closeAll(conns []net.Conn) {
	for _, c := range conns {
		c.Close()
	}
}

// addInterfaces adds interfaces to the namespace, in pairs.
func addInterfaces(n int) error {
	for i := 0; i < n; i += 2 {
		pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: fmt.Sprintf("a%d", i)}, PeerName: fmt.Sprintf("b%d", i)}
		if err := netlink.LinkAdd(pair); err != nil {
			return fmt.Errorf("adding interface %d: %w", i, err)
		}
	}
	return nil
}

// inNamespace runs f in a new network namespace whose loopback is up. Threads and
// processes that f starts are in it as well; what f leaves goes with it.
func inNamespace(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with us
		done <- func() error {
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("making a network namespace (as root): %w", err)
			}
			lo, err := netlink.LinkByName("lo")
			if err != nil {
				return err
			}
			if err := netlink.LinkSetUp(lo); err != nil {
				return err
			}
			return f()
		}()
	}()
	return <-done
}

// watching measures what a watcher's samples cost: a whole hour's worth of readings
// in one go, for how memory grows, and then a real run beside its peers, each
// sampling lo for some seconds while three streams move over it.
func watching(s *session) error {
	err := inNamespace(func() error {
		own, err := connections(streams)
		if err != nil {
			return err
		}
		defer closeAll(own)
		c, err := startCrowd(streams)
		if err != nil {
			return err
		}
		return errors.Join(s.hour(c, own), c.end())
	})
	if err != nil {
		return err
	}
	d, err := startDemo(demo.DefaultLinkBytesPerSecond)
	if err != nil {
		return err
	}
	return errors.Join(s.watch(d), d.Close())
}

const hourNS, rateHz = 3600e9, 10

func (s *session) hour(c *crowd, own []net.Conn) error {
	r, err := newReadings(c, own)
	if err != nil {
		return err
	}
	defer r.close()
	const samples = hourNS / 1e9 * rateHz
	before, memory := cpuTime(unix.RUSAGE_THREAD), residentBytes()
	for range int(samples) {
		if err := r.all(); err != nil {
			return err
		}
	}
	share := float64(cpuTime(unix.RUSAGE_THREAD)-before) / hourNS
	fmt.Fprintf(s.table, "readings of %d streams at %d Hz\t%.3f %% CPU\t\t\t\t\n", streams, rateHz, 100*share)
	fmt.Fprintf(s.table, "memory grown in an hour of them\t%d kB\t\t\t\t\n", (residentBytes()-memory)/1024)
	return nil
}

const watchSpan = 6 * time.Second

// watch compares CPU for a sample, since only some of the peers can sample as often,
// and memory.
func (s *session) watch(d *demo.Demo) error {
	run, err := startWatching(s.binary, d.Streams())
	if err != nil {
		return err
	}
	ours, err := during(run.cmd.Process.Pid, watchSpan)
	if err := errors.Join(err, run.end()); err != nil {
		return err
	}
	fmt.Fprintf(s.table, "pausetest run, watching, at %d Hz\t%.2f %% CPU\t\t\t\t\n", rateHz, 100*ours.cpu.Seconds()/watchSpan.Seconds())
	for _, peer := range []struct {
		rateHz float64
		args   []string
	}{
		{1, []string{"sar", "-n", "DEV", "1"}},
		{rateHz, []string{"ifstat", "-i", "lo", "0.1"}},
		{1, []string{"nethogs", "-a", "-t", "-d", "1", "lo"}}, // -a: also loopback
	} {
		name := peer.args[0]
		theirs, err := costOf(peer.args)
		if err != nil {
			fmt.Fprintf(s.table, "%s\t\tdoes not run here: %v\t\t\t\n", name, err)
			continue
		}
		each := func(u usage, rateHz float64) time.Duration {
			return time.Duration(float64(u.cpu) / (watchSpan.Seconds() * rateHz)).Round(time.Microsecond)
		}
		s.line("CPU for a sample, beside "+name, each(ours, rateHz).String(), each(theirs, peer.rateHz).String(),
			float64(each(ours, rateHz))/float64(max(each(theirs, peer.rateHz), time.Microsecond)), 1)
		s.line("resident memory, beside "+name, fmt.Sprintf("%.1f MB", float64(ours.residentBytes)/1e6), fmt.Sprintf("%.1f MB", float64(theirs.residentBytes)/1e6),
			float64(ours.residentBytes)/float64(theirs.residentBytes), 1)
	}
	return nil
}

func cpuTime(who int) time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(who, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func residentBytes() int64 {
	text, _ := os.ReadFile("/proc/self/statm")
	var size, resident int64
	fmt.Sscan(string(text), &size, &resident)
	return resident * int64(os.Getpagesize())
}
