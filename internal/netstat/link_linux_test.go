package netstat

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"testing"

	"github.com/vishvananda/netlink"
)

// openOn opens a counter of an interface of a namespace, by name.
func openOn(t testing.TB, ns *namespace, name string) *LinkCounter {
	t.Helper()
	var c *LinkCounter
	ns.do(t, func() error {
		ifc, err := LookupInterface(name)
		if err != nil {
			return err
		}
		c, err = OpenLink(ifc.Index)
		return err
	})
	t.Cleanup(func() { c.Close() })
	return c
}

// ipCounters asks ip(8).
func ipCounters(t testing.TB, ns *namespace, name string) (c Counters) {
	t.Helper()
	ns.do(t, func() error {
		out, err := exec.Command("ip", "-json", "-statistics", "link", "show", "dev", name).Output()
		if err != nil {
			return err
		}
		var links []struct {
			Stats64 struct{ Rx, Tx struct{ Bytes uint64 } }
		}
		if err := json.Unmarshal(out, &links); err != nil || len(links) != 1 {
			return fmt.Errorf("ip said %q: %w", out, err)
		}
		c = Counters{RxBytes: links[0].Stats64.Rx.Bytes, TxBytes: links[0].Stats64.Tx.Bytes}
		return nil
	})
	return c
}

func mustRead(t testing.TB, c *LinkCounter) Counters {
	t.Helper()
	counters, err := c.Read()
	if err != nil {
		t.Fatal(err)
	}
	return counters
}

// transfer sends n bytes one way and waits until they have arrived.
func transfer(t testing.TB, from, to net.Conn, n int64) {
	t.Helper()
	sent := make(chan error, 1)
	go func() {
		_, err := from.Write(make([]byte, n))
		sent <- err
	}()
	if _, err := io.CopyN(io.Discard, to, n); err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

// TestLinkCounters holds both ways of reading against ip(8) and against the
// traffic that went through.
func TestLinkCounters(t *testing.T) {
	w := newWire(t)
	fast := openOn(t, w.ours, w.name)
	slow := openOn(t, w.ours, w.name)
	w.ours.do(t, slow.fallBack)
	if fast.handle != nil || slow.handle == nil {
		t.Fatalf("ways of reading: %v, %v", fast.handle, slow.handle)
	}

	const n = 8 << 20
	ours, theirs := w.connect(t, "10.99.0.2:0")
	before := mustRead(t, fast)
	transfer(t, ours, theirs, n)

	// A reading between two others lies between them: nothing else is steady
	// while acknowledgements trickle in.
	first := mustRead(t, fast)
	readings := []Counters{first, mustRead(t, slow), ipCounters(t, w.ours, w.name), mustRead(t, slow), mustRead(t, fast)}
	for i, r := range readings[1:] {
		if p := readings[i]; r.RxBytes < p.RxBytes || r.TxBytes < p.TxBytes {
			t.Errorf("reading %d went backwards: %+v after %+v", i+1, r, p)
		}
	}
	if last := readings[len(readings)-1]; last.TxBytes-first.TxBytes > 1<<16 || last.RxBytes-first.RxBytes > 1<<16 {
		t.Errorf("the readings disagree: %+v", readings)
	}

	// Segments carry at most 54 + 12 bytes of headers on 1448 of data; the
	// counters may see fewer, larger ones.
	if tx := first.TxBytes - before.TxBytes; tx < n || tx > n*110/100 {
		t.Errorf("sent %d bytes, counted %d", n, tx)
	}
	if rx := first.RxBytes - before.RxBytes; rx == 0 || rx > n/10 {
		t.Errorf("received acknowledgements of %d bytes in all", rx)
	}
	transfer(t, theirs, ours, n)
	if rx := mustRead(t, fast).RxBytes - first.RxBytes; rx < n || rx > n*110/100 {
		t.Errorf("received %d bytes, counted %d", n, rx)
	}
}

func TestLinkRemoved(t *testing.T) {
	remove := func(_ wire, link netlink.Link) error { return netlink.LinkDel(link) }
	move := func(w wire, link netlink.Link) error { return netlink.LinkSetNsFd(link, int(w.theirs.file.Fd())) }
	for _, test := range []struct {
		name string
		slow bool
		lose func(wire, netlink.Link) error
	}{
		{"removed", false, remove},
		{"removed, read by the library", true, remove},
		{"moved away", false, move},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWire(t)
			c := openOn(t, w.ours, w.name)
			if test.slow {
				w.ours.do(t, c.fallBack)
			}
			mustRead(t, c)
			ifindex := c.ifindex
			w.ours.do(t, func() error {
				link, err := netlink.LinkByName(w.name)
				if err != nil {
					return err
				}
				return test.lose(w, link)
			})
			if _, err := c.Read(); !errors.Is(err, ErrInterfaceLost) {
				t.Fatalf("after the loss: %v", err)
			}
			// One of the same name and number is another interface.
			w.ours.do(t, func() error {
				return netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: w.name, Index: ifindex}, PeerName: "peer2"})
			})
			if got := openOn(t, w.ours, w.name).ifindex; got != ifindex {
				t.Fatalf("the new interface has number %d, not %d", got, ifindex)
			}
			if _, err := c.Read(); !errors.Is(err, ErrInterfaceLost) {
				t.Errorf("after one of the same name appeared: %v", err)
			}
		})
	}
}

func TestOpenLinkUnknown(t *testing.T) {
	if c, err := OpenLink(1 << 30); !errors.Is(err, ErrInterfaceLost) {
		t.Errorf("OpenLink of a number that no interface has: %v, %v", c, err)
	}
}

func TestLinkReadAllocates(t *testing.T) {
	c, err := OpenLink(1) // loopback has number 1 in every namespace
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n := testing.AllocsPerRun(100, func() { mustRead(t, c) }); n != 0 {
		t.Errorf("%v allocations a reading", n)
	}
}

func BenchmarkLinkRead(b *testing.B) {
	for _, way := range []string{"getstats", "library"} {
		b.Run(way, func(b *testing.B) {
			c, err := OpenLink(1)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			if way == "library" {
				if err := c.fallBack(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				mustRead(b, c)
			}
		})
	}
}
