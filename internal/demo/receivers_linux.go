package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"syscall"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// receiversMain stands for the backup server: it reads every stream, each on its
// own port, and ends when all of them have.
func receiversMain(args []string) error {
	flags := newFlags("receivers")
	rate := flags.Int64("link-bytes-per-second", 0, "")
	seed := flags.Uint64("seed", 0, "")
	reading := flags.Duration("reading", 0, "")
	stalled := flags.Duration("stalled", 0, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	shared := &link{bytesPerSecond: *rate}
	var receivers errgroup.Group
	for i, label := range flags.Args() {
		listener, err := listen()
		if err != nil {
			return fmt.Errorf("listening for %s: %w", label, err)
		}
		if err := (report{Event: listening, Label: label, Address: listener.Addr().String()}).send(); err != nil {
			return err
		}
		receivers.Go(func() error {
			check := newChecker(*seed, label)
			pauses := newStalls(*seed, i, *reading, *stalled)
			if err := receive(listener, check, pauses, shared); err != nil {
				return fmt.Errorf("receiving %s: %w", label, err)
			}
			return report{Event: ended, Label: label, Total: &check.total}.send()
		})
	}
	return receivers.Wait()
}

// listen opens a loopback port whose connections have Amanda's buffers.
func listen() (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var set error
		err := c.Control(func(fd uintptr) {
			set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, askedBufferBytes)
		})
		return errors.Join(err, set)
	}}
	return config.Listen(context.Background(), "tcp4", "127.0.0.1:0")
}

// receive reads one stream to its end: never while the receiver stalls, and
// never faster than the link.
func receive(listener net.Listener, check *checker, pauses *stalls, shared *link) error {
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	listener.Close()
	for block := make([]byte, blockBytes); ; {
		pauses.wait()
		n, err := conn.Read(block)
		if n > 0 && check.total.Bytes == 0 {
			if err := (report{Event: flowing, Label: check.total.Label}).send(); err != nil {
				return err
			}
		}
		shared.carry(n)
		check.take(block[:n])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func receiversArgs(c Config) []string {
	return append([]string{"receivers",
		"--link-bytes-per-second", strconv.FormatInt(c.LinkBytesPerSecond, 10),
		"--seed", strconv.FormatUint(c.Seed, 10),
		"--reading", c.reading.String(), "--stalled", c.stalled.String(), "--"},
		c.labels()...)
}
