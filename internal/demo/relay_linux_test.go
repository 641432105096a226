package demo

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// backupServer starts relays whose receivers are the test itself: it returns
// the connection of each stream, from which nothing is read yet.
func backupServer(t *testing.T, config Config) []net.Conn {
	t.Helper()
	config.Arg = testSubcommand
	config, err := config.complete()
	if err != nil {
		t.Fatal(err)
	}
	k := newKeeper()
	t.Cleanup(func() {
		k.killAll()
		for _, p := range k.parts {
			p.wait()
		}
		k.release()
	})
	var all []destination
	var listeners []net.Listener
	for _, label := range config.labels() {
		listener, err := listen()
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		listeners = append(listeners, listener)
		all = append(all, destination{label, listener.Addr().String()})
	}
	for _, to := range config.relays(all) {
		if _, err := k.start(config, relayName, relayArgs(config, to)); err != nil {
			t.Fatal(err)
		}
	}
	var conns []net.Conn
	for _, listener := range listeners {
		listener.(*net.TCPListener).SetDeadline(time.Now().Add(startTimeout))
		conn, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conns = append(conns, conn)
	}
	return conns
}

// readAll reads from every connection at once until each has given n bytes. It
// fails when one of them gives nothing for as long as patience.
func readAll(conns []net.Conn, n int, patience time.Duration) error {
	var wanting atomic.Int32 // connections that have not given n bytes yet
	wanting.Store(int32(len(conns)))
	// The first to give up ends the others too.
	all, ctx := errgroup.WithContext(context.Background())
	for i, conn := range conns {
		all.Go(func() error {
			block := make([]byte, blockBytes)
			// Who has enough reads on, so as not to hold up the others.
			for left := n; wanting.Load() > 0 && ctx.Err() == nil; {
				conn.SetReadDeadline(time.Now().Add(patience))
				got, err := conn.Read(block)
				if wanting.Load() == 0 {
					return nil
				}
				if err != nil {
					return fmt.Errorf("connection %d, %d of %d bytes to come: %w", i, left, n, err)
				}
				if left > 0 && left <= got {
					wanting.Add(-1)
				}
				left -= got
			}
			return nil
		})
	}
	return all.Wait()
}

// Much more than all buffers between a source and its receiver.
const plentyBytes = 32 << 20

// One receiver that does not read stops every stream of its relay, and none of
// another relay; when it reads again, all go on.
func TestOneReceiverThatDoesNotRead(t *testing.T) {
	for _, test := range []struct {
		topology    Topology
		othersStall bool
	}{{Shared, true}, {Separate, false}} {
		t.Run(string(test.topology), func(t *testing.T) {
			conns := backupServer(t, Config{Topology: test.topology})
			if err := readAll(conns, plentyBytes/4, startTimeout); err != nil {
				t.Fatalf("with all reading: %v", err)
			}
			// Where the others stall, no patience would be enough, so little will do.
			patience := startTimeout
			if test.othersStall {
				patience = 200 * time.Millisecond
			}
			err := readAll(conns[1:], plentyBytes, patience)
			if stalled := err != nil; stalled != test.othersStall {
				t.Errorf("with one not reading, the others: %v", err)
			}
			if err := readAll(conns, plentyBytes/4, startTimeout); err != nil {
				t.Errorf("with all reading again: %v", err)
			}
		})
	}
}

// A receiver that goes away ends the relay, not in a hang but with its reason.
func TestReceiverGoesAway(t *testing.T) {
	conns := backupServer(t, Config{Streams: 2})
	conns[0].Close()
	conns[1].SetReadDeadline(time.Now().Add(startTimeout))
	if _, err := io.Copy(io.Discard, conns[1]); err != nil {
		t.Errorf("the other connection did not end: %v", err)
	}
}
