package demo

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// askedBufferBytes is the SO_SNDBUF and SO_RCVBUF asked for, half of Amanda's 64 KiB:
// Linux doubles what it is asked for, see socket(7).
const askedBufferBytes = 32 << 10

// A relayed is one stream inside a relay: where its bytes come from and go to.
type relayed struct {
	label  string
	source *exec.Cmd
	pipe   int // read end of the source's stdout
	socket int // connected to its receiver
}

// relayMain stands for the amandad of up to 3.3: it starts the sources and
// copies what they write, all in one thread.
func relayMain(args []string) error {
	// One thread starts the sources, copies, and lives until all is done: the
	// kernel kills a source when the thread that started it ends.
	runtime.LockOSThread()
	flags := newFlags("relay")
	subcommand := flags.String("subcommand", "", "")
	seed := flags.Uint64("seed", 0, "")
	bytes := flags.Int64("bytes", 0, "")
	passes := flags.Int("passes", 0, "")
	file := flags.String("file", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, unix.SIGTERM)

	var streams []relayed
	var running sync.WaitGroup
	kill := func() {
		for _, s := range streams {
			s.source.Process.Kill() // also ends one that is stopped
		}
	}
	defer running.Wait()
	defer kill()
	// The rest of the command line is pairs of a label and its receiver's address.
	for rest := flags.Args(); len(rest) >= 2; rest = rest[2:] {
		s := relayed{label: rest[0]}
		var err error
		if s.socket, err = dial(rest[1]); err != nil {
			return fmt.Errorf("connecting %s to its receiver: %w", s.label, err)
		}
		argv := append([]string{sourceName, *subcommand}, sourceArgs(*seed, s.label, *bytes, *file)...)
		if s.source, s.pipe, err = startSource(argv); err != nil {
			return fmt.Errorf("starting the source of %s: %w", s.label, err)
		}
		streams = append(streams, s)
		// Reaped at once, whatever the copying hangs in.
		running.Go(func() { s.source.Wait() })
		if err := (report{Event: started, Label: s.label, PID: s.source.Process.Pid}).send(); err != nil {
			return err
		}
	}
	go func() {
		<-terminated
		kill() // and what they had written is still delivered
	}()
	return relay(streams, *passes)
}

// dial connects a blocking socket with Amanda's buffers to a receiver.
func dial(address string) (int, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return -1, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	return fd, errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, askedBufferBytes),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, askedBufferBytes),
		unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}))
}

// startSource starts a source and returns the read end of its stdout.
func startSource(argv []string) (*exec.Cmd, int, error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return nil, -1, err
	}
	writeEnd := os.NewFile(uintptr(pipe[1]), "pipe")
	defer writeEnd.Close()
	source := &exec.Cmd{
		Path:   "/proc/self/exe",
		Args:   argv,
		Stdout: writeEnd,
		Stderr: os.Stderr,
		// A paused source can't see that its relay is gone; the kernel does.
		SysProcAttr: &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL},
	}
	return source, pipe[0], source.Start()
}

// relay copies until every source has ended. This is the loop that the demo is
// about: the write blocks, and with it everything.
func relay(streams []relayed, passes int) error {
	ready := make([]unix.PollFd, len(streams))
	for i, s := range streams {
		ready[i] = unix.PollFd{Fd: int32(s.pipe), Events: unix.POLLIN}
	}
	block := make([]byte, blockBytes)
	for open := len(streams); open > 0; {
		if _, err := unix.Poll(ready, -1); err != nil && err != unix.EINTR {
			return fmt.Errorf("polling the sources: %w", err)
		} else if err == unix.EINTR {
			continue
		}
		for i, s := range streams {
			if ready[i].Revents == 0 {
				continue
			}
			n, err := copyBlock(s, block, passes)
			if err != nil {
				return fmt.Errorf("relaying %s: %w", s.label, err)
			}
			if n == 0 { // the source ended: so does its connection
				unix.Close(s.pipe)
				unix.Close(s.socket)
				ready[i].Fd = -1 // poll passes over it
				open--
			}
		}
	}
	return nil
}

// copyBlock reads once from the source, goes over it, and writes all of it to the
// receiver. It returns 0 when the source has ended.
func copyBlock(s relayed, block []byte, passes int) (int, error) {
	n, err := ignoringEINTR(unix.Read, s.pipe, block)
	for range passes {
		sha256.Sum256(block[:max(n, 0)])
	}
	for rest := block[:max(n, 0)]; len(rest) > 0 && err == nil; {
		var written int
		written, err = ignoringEINTR(unix.Write, s.socket, rest)
		rest = rest[max(written, 0):]
	}
	return n, err
}

func ignoringEINTR(call func(int, []byte) (int, error), fd int, p []byte) (int, error) {
	for {
		n, err := call(fd, p)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// A destination is a stream and where its receiver listens.
type destination struct{ label, address string }

// relays deals the streams to relays as the topology wants.
func (c Config) relays(all []destination) [][]destination {
	perRelay := len(all)
	if c.Topology == Separate {
		perRelay = 1
	}
	return slices.Collect(slices.Chunk(all, perRelay))
}

func relayArgs(c Config, to []destination) []string {
	args := []string{"relay", "--subcommand", c.Arg,
		"--seed", strconv.FormatUint(c.Seed, 10),
		"--bytes", strconv.FormatInt(c.BytesPerStream, 10),
		"--passes", strconv.Itoa(c.RelayPasses), "--file", c.SourceFile, "--"}
	for _, d := range to {
		args = append(args, d.label, d.address)
	}
	return args
}
