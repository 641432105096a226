package netstat

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// A builder writes netlink messages, for tests.
type builder []byte

func (b builder) u8(v ...uint8) builder { return append(b, v...) }
func (b builder) be16(v uint16) builder { return binary.BigEndian.AppendUint16(b, v) }
func (b builder) u16(v uint16) builder  { return native.AppendUint16(b, v) }
func (b builder) u32(v uint32) builder  { return native.AppendUint32(b, v) }
func (b builder) u64(v uint64) builder  { return native.AppendUint64(b, v) }
func (b builder) zero(n int) builder    { return append(b, make([]byte, n)...) }
func (b builder) pad() builder          { return b.zero(align(len(b)) - len(b)) }
func (b builder) attr(kind uint16, value []byte) builder {
	return append(b.u16(uint16(unix.SizeofRtAttr+len(value))).u16(kind), value...).pad()
}

// msg puts a header before a payload.
func msg(kind uint16, seq uint32, payload builder) builder {
	b := builder{}.u32(uint32(unix.SizeofNlMsghdr + len(payload))).u16(kind).u16(0).u32(seq).u32(0)
	return append(b, payload...)
}

// statsAnswer is what the kernel says of interface 5 with 1000 bytes received
// and 2000 sent.
func statsAnswer() builder {
	stats := builder{}.u64(10).u64(20).u64(1000).u64(2000).zero(21 * 8)
	payload := builder{}.u32(0).u32(5).u32(1).attr(unix.IFLA_STATS_UNSPEC, nil).attr(unix.IFLA_STATS_LINK_64, stats)
	return msg(unix.RTM_NEWSTATS, 1, payload)
}

// socketAnswer is what the kernel says of an IPv4 socket.
func socketAnswer(info []byte) builder {
	payload := builder{}.u8(unix.AF_INET, unix.BPF_TCP_ESTABLISHED, 0, 0).
		be16(40000).be16(10082).
		u8(10, 0, 0, 1).zero(12).u8(10, 0, 0, 2).zero(12).
		u32(3).u32(0xdddd0001).u32(0xcccc0002).
		u32(0).u32(0).u32(16_000).u32(1000).u32(777)
	if info != nil {
		payload = payload.attr(99, []byte{1}).attr(inetDiagInfo, info)
	}
	return msg(unix.SOCK_DIAG_BY_FAMILY, 1, payload)
}

// tcpInfo is a struct tcp_info of the first kernel that had all we read, with
// offsets counted by hand from linux/tcp.h.
func tcpInfo() []byte {
	info := make([]byte, 192)
	native.PutUint64(info[120:], 11_000) // tcpi_bytes_acked
	native.PutUint64(info[128:], 12_000) // tcpi_bytes_received
	native.PutUint32(info[144:], 13_000) // tcpi_notsent_bytes
	native.PutUint64(info[168:], 14)     // tcpi_busy_time
	native.PutUint64(info[176:], 15)     // tcpi_rwnd_limited
	native.PutUint64(info[184:], 17)     // tcpi_sndbuf_limited
	native.PutUint32(info[100:], 18)     // tcpi_total_retrans
	native.PutUint32(info[136:], 19)     // tcpi_segs_out
	native.PutUint32(info[148:], 20)     // tcpi_min_rtt
	return info
}

// only returns the one message of a datagram.
func only(t *testing.T, b []byte) message {
	t.Helper()
	m, rest, err := nextMessage(b)
	if err != nil || len(rest) != 0 {
		t.Fatalf("one message expected: %v, %d bytes left", err, len(rest))
	}
	return m
}

func TestParseStats(t *testing.T) {
	for name, test := range map[string]struct {
		m       builder
		ifindex int
		want    Counters
		err     error
	}{
		"good": {statsAnswer(), 5, Counters{RxBytes: 1000, TxBytes: 2000}, nil},
		"flagged as nested": {msg(unix.RTM_NEWSTATS, 1, builder{}.u32(0).u32(5).u32(1).
			attr(unix.IFLA_STATS_LINK_64|unix.NLA_F_NESTED, make([]byte, 32))), 5, Counters{}, nil},
		"after an odd attribute": {msg(unix.RTM_NEWSTATS, 1, builder{}.u32(0).u32(5).u32(1).
			attr(9, []byte{1}).attr(unix.IFLA_STATS_LINK_64, make([]byte, 32))), 5, Counters{}, nil},
		"another interface": {statsAnswer(), 6, Counters{}, errMalformed},
		"another answer":    {msg(unix.RTM_NEWLINK, 1, statsAnswer()[16:]), 5, Counters{}, errMalformed},
		"empty":             {msg(unix.RTM_NEWSTATS, 1, nil), 5, Counters{}, errMalformed},
		"no counters":       {msg(unix.RTM_NEWSTATS, 1, builder{}.u32(0).u32(5).u32(1)), 5, Counters{}, errNoInfo},
		"short counters": {msg(unix.RTM_NEWSTATS, 1, builder{}.u32(0).u32(5).u32(1).
			attr(unix.IFLA_STATS_LINK_64, make([]byte, 31))), 5, Counters{}, errMalformed},
		"attribute beyond the end": {msg(unix.RTM_NEWSTATS, 1, builder{}.u32(0).u32(5).u32(1).
			u16(200).u16(unix.IFLA_STATS_LINK_64)), 5, Counters{}, errMalformed},
		"attribute of no length": {msg(unix.RTM_NEWSTATS, 1, builder{}.u32(0).u32(5).u32(1).
			u16(0).u16(unix.IFLA_STATS_LINK_64)), 5, Counters{}, errMalformed},
	} {
		got, err := parseStats(only(t, test.m), test.ifindex)
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: got %+v, %v; want %+v, %v", name, got, err, test.want, test.err)
		}
	}
}

func TestParseSocket(t *testing.T) {
	v4 := socketAnswer(nil)
	v6 := func(src, dst string) builder {
		b := slices.Clone(v4)
		b[16] = unix.AF_INET6
		copy(b[24:], netip.MustParseAddr(src).AsSlice())
		copy(b[40:], netip.MustParseAddr(dst).AsSlice())
		return b
	}
	type socket struct {
		Inode      uint64
		Local      string
		Remote     string
		Cookie     uint64
		BoundIndex int
	}
	for name, test := range map[string]struct {
		m    builder
		want socket
	}{
		"IPv4":                   {v4, socket{777, "10.0.0.1:40000", "10.0.0.2:10082", 0xcccc0002_dddd0001, 3}},
		"IPv6":                   {v6("fe80::1", "fe80::2"), socket{777, "[fe80::1]:40000", "[fe80::2]:10082", 0xcccc0002_dddd0001, 3}},
		"IPv4 on an IPv6 socket": {v6("::ffff:10.0.0.1", "::ffff:10.0.0.2"), socket{777, "10.0.0.1:40000", "10.0.0.2:10082", 0xcccc0002_dddd0001, 3}},
	} {
		s, err := parseSocket(only(t, test.m))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := socket{s.Inode, s.Local.String(), s.Remote.String(), s.Cookie, s.BoundIndex}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		// The look-up must repeat family, addresses, interface and cookie.
		request := socketRequest(&s)
		if want := test.m[20:68]; !slices.Equal(request[24:], want) || request[16] != test.m[16] {
			t.Errorf("%s: asks for\n%x, not\n%x", name, request[24:], want)
		}
	}
	unknown := slices.Clone(v4)
	unknown[16] = unix.AF_PACKET
	for name, m := range map[string]builder{
		"another family": unknown,
		"another answer": msg(unix.RTM_NEWSTATS, 1, v4[16:]),
		"short":          msg(unix.SOCK_DIAG_BY_FAMILY, 1, v4[16:len(v4)-1]),
	} {
		if s, err := parseSocket(only(t, m)); err != errMalformed {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

func TestParseSocketStats(t *testing.T) {
	good := SocketStats{AckedBytes: 11_000, ReceivedBytes: 12_000, NotSentBytes: 13_000, BusyNS: 14_000, RwndLimitedNS: 15_000,
		SndbufLimitedNS: 17_000, QueuedBytes: 16_000, SentSegments: 19, Retransmits: 18, MinRTTNS: 20_000}
	for name, test := range map[string]struct {
		m    builder
		want SocketStats
		err  error
	}{
		"good":         {socketAnswer(tcpInfo()), good, nil},
		"newer kernel": {socketAnswer(append(tcpInfo(), make([]byte, 88)...)), good, nil},
		"old kernel":   {socketAnswer(tcpInfo()[:183]), SocketStats{}, errOldKernel},
		"TIME_WAIT":    {socketAnswer(nil), SocketStats{}, ErrSocketGone},
		"cut off":      {msg(unix.SOCK_DIAG_BY_FAMILY, 1, socketAnswer(nil)[16:80]), SocketStats{}, errMalformed},
		"bad length": {msg(unix.SOCK_DIAG_BY_FAMILY, 1, append(socketAnswer(nil)[16:],
			builder{}.u16(5).u16(1)...)), SocketStats{}, errMalformed},
	} {
		got, err := parseSocketStats(only(t, test.m))
		if diff := cmp.Diff(test.want, got); diff != "" || !errors.Is(err, test.err) {
			t.Errorf("%s: %v; want %v (-want +got):\n%s", name, err, test.err, diff)
		}
	}
}

func TestNextMessage(t *testing.T) {
	two := append(msg(1, 7, builder{}.u8(1, 2, 3)).pad(), msg(2, 8, nil)...)
	var kinds []uint16
	for rest := []byte(two); len(rest) > 0; {
		var m message
		var err error
		if m, rest, err = nextMessage(rest); err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, m.kind)
	}
	if !slices.Equal(kinds, []uint16{1, 2}) {
		t.Errorf("kinds %v", kinds)
	}
	for name, b := range map[string]builder{
		"nothing":        nil,
		"half a header":  two[:15],
		"claims to much": builder{}.u32(17).zero(12),
		"claims too few": builder{}.u32(15).zero(12),
		"claims 4 GiB":   builder{}.u32(1<<32 - 1).zero(12),
	} {
		if m, _, err := nextMessage(b); err != errMalformed {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

func TestErrorOf(t *testing.T) {
	enodev := int32(unix.ENODEV)
	for name, test := range map[string]struct {
		payload builder
		want    error
	}{
		"done":    {builder{}.u32(0), nil},
		"refused": {builder{}.u32(uint32(-enodev)).zero(16), unix.ENODEV},
		"cut off": {builder{}.u8(1, 2, 3), errMalformed},
	} {
		if err := errorOf(message{payload: test.payload}); err != test.want {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

// FuzzAnswers holds that no datagram makes a parser panic or never end, and
// that an answer cut short never yields a value.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(statsAnswer()))
	f.Add([]byte(socketAnswer(nil)))
	f.Add([]byte(socketAnswer(tcpInfo())))
	f.Add([]byte(msg(unix.NLMSG_ERROR, 1, builder{}.u32(1<<32-19).zero(16))))
	f.Fuzz(func(t *testing.T, b []byte) {
		for rest := b; len(rest) > 0; {
			m, r, err := nextMessage(rest)
			if err != nil {
				return
			}
			if len(r) >= len(rest) {
				t.Fatalf("%d bytes left of %d", len(r), len(rest))
			}
			rest = r
			if c, err := parseStats(m, 5); err != nil && c != (Counters{}) {
				t.Errorf("%+v with %v", c, err)
			}
			if s, err := parseSocketStats(m); err != nil && s != (SocketStats{}) {
				t.Errorf("%+v with %v", s, err)
			}
			_ = errorOf(m)
			if s, err := parseSocket(m); err == nil {
				request := socketRequest(&s)
				if !slices.Equal(request[24:], m.payload[4:52]) {
					t.Errorf("asks for %x, not %x", request[24:], m.payload[4:52])
				}
			}
		}
	})
}
