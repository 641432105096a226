package netstat

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// newTestConn returns a conn whose kernel is the test: what is written to the
// returned descriptor is received.
func newTestConn(t *testing.T) (c *conn, kernel int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
	return &conn{fd: fds[0]}, fds[1]
}

// answer queues datagrams, each of one or more messages.
func answer(t *testing.T, kernel int, datagrams ...builder) {
	t.Helper()
	for _, d := range datagrams {
		if _, err := unix.Write(kernel, d); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAsk(t *testing.T) {
	const kind = unix.RTM_NEWSTATS
	enodev := -int32(unix.ENODEV)
	for name, test := range map[string]struct {
		datagrams []builder
		want      uint32 // payload
		err       error
	}{
		"answered":             {[]builder{msg(kind, 1, builder{}.u32(11))}, 11, nil},
		"after a stale answer": {[]builder{msg(kind, 0, builder{}.u32(10)), msg(kind, 1, builder{}.u32(11))}, 11, nil},
		"refused":              {[]builder{msg(unix.NLMSG_ERROR, 1, builder{}.u32(uint32(enodev)).zero(16))}, 0, unix.ENODEV},
		"no answer":            {nil, 0, errNoAnswer},
		"only a stale one":     {[]builder{msg(kind, 0, builder{}.u32(10))}, 0, errNoAnswer},
		"garbage":              {[]builder{{1, 2, 3}}, 0, errMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			c, kernel := newTestConn(t)
			answer(t, kernel, test.datagrams...)
			request := statsRequest(5)
			m, err := c.ask(request[:])
			if err != test.err {
				t.Fatalf("got %v, want %v", err, test.err)
			}
			if err == nil && native.Uint32(m.payload) != test.want {
				t.Errorf("got %x, want %d", m.payload, test.want)
			}
			sent := make([]byte, 100)
			if n, err := unix.Read(kernel, sent); err != nil || !slices.Equal(sent[:n], request[:]) || native.Uint32(sent[8:]) != 1 {
				t.Errorf("asked %x, %v", sent[:max(n, 0)], err)
			}
		})
	}
}

func TestDump(t *testing.T) {
	const kind = unix.SOCK_DIAG_BY_FAMILY
	part := func(n uint32) builder { return msg(kind, 1, builder{}.u32(n)) }
	done := msg(unix.NLMSG_DONE, 1, builder{}.u32(0))
	enomem := -int32(unix.ENOMEM)
	for name, test := range map[string]struct {
		datagrams []builder
		want      []uint32
		err       error
	}{
		"in parts":           {[]builder{append(part(1), part(2)...), part(3), done}, []uint32{1, 2, 3}, nil},
		"done in a row":      {[]builder{append(part(1), done...)}, []uint32{1}, nil},
		"with stale parts":   {[]builder{append(msg(kind, 0, builder{}.u32(9)), part(1)...), done}, []uint32{1}, nil},
		"none":               {[]builder{done}, nil, nil},
		"broken off":         {[]builder{part(1), msg(unix.NLMSG_DONE, 1, builder{}.u32(uint32(enomem)))}, []uint32{1}, unix.ENOMEM},
		"refused":            {[]builder{msg(unix.NLMSG_ERROR, 1, builder{}.u32(uint32(enomem)).zero(16))}, nil, unix.ENOMEM},
		"never done":         {[]builder{part(1)}, []uint32{1}, errNoAnswer},
		"garbage at the end": {[]builder{append(part(1), 1, 2, 3)}, []uint32{1}, errMalformed},
		"rejected":           {[]builder{part(66), part(1), done}, []uint32{66}, errNoInfo},
	} {
		t.Run(name, func(t *testing.T) {
			c, kernel := newTestConn(t)
			answer(t, kernel, test.datagrams...)
			request := socketDump(unix.AF_INET)
			var got []uint32
			err := c.dump(request[:], func(m message) error {
				got = append(got, native.Uint32(m.payload))
				if got[0] == 66 {
					return errNoInfo
				}
				return nil
			})
			if err != test.err || !slices.Equal(got, test.want) {
				t.Errorf("got %v, %v; want %v, %v", got, err, test.want, test.err)
			}
		})
	}
}
