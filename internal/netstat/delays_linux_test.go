package netstat

import (
	"errors"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	delayFamily = 0x1b // any that the kernel may give
	delayPID    = 4711
)

// taskStats is a struct taskstats of the first kernel that had all we read, with
// offsets counted by hand from linux/taskstats.h.
func taskStats(version uint16) []byte {
	stats := make([]byte, 368)
	native.PutUint16(stats, version)
	native.PutUint64(stats[40:], 99)  // blkio_delay_total, which is not read
	native.PutUint64(stats[56:], 11)  // swapin_delay_total
	native.PutUint64(stats[320:], 12) // freepages_delay_total
	native.PutUint64(stats[336:], 13) // thrashing_delay_total
	native.PutUint64(stats[360:], 14) // compact_delay_total
	return stats
}

// delaysAnswer is what the kernel says of a process, with the padding that it puts
// before the struct.
func delaysAnswer(pid uint32, stats []byte) builder {
	of := builder{}.attr(unix.TASKSTATS_TYPE_TGID, builder{}.u32(pid)).attr(unix.TASKSTATS_TYPE_NULL, nil)
	if stats != nil {
		of = of.attr(unix.TASKSTATS_TYPE_STATS, stats)
	}
	return msg(delayFamily, 1, builder{}.u8(unix.TASKSTATS_CMD_NEW, 1, 0, 0).attr(unix.TASKSTATS_TYPE_AGGR_TGID, of))
}

func TestParseDelays(t *testing.T) {
	huge := taskStats(11)
	native.PutUint64(huge[56:], 1<<63)
	for name, test := range map[string]struct {
		m    builder
		want MemoryDelays
		err  error
	}{
		"good":                  {delaysAnswer(delayPID, taskStats(11)), MemoryDelays{11, 12, 13, 14}, nil},
		"newer kernel":          {delaysAnswer(delayPID, append(taskStats(16), make([]byte, 192)...)), MemoryDelays{11, 12, 13, 14}, nil},
		"without compaction":    {delaysAnswer(delayPID, taskStats(10)[:352]), MemoryDelays{11, 12, 13, 0}, nil},
		"without thrashing":     {delaysAnswer(delayPID, taskStats(8)[:328]), MemoryDelays{11, 12, 0, 0}, nil},
		"the first version":     {delaysAnswer(delayPID, taskStats(1)[:80]), MemoryDelays{SwapInNS: 11}, nil},
		"half a field":          {delaysAnswer(delayPID, taskStats(11)[:364]), MemoryDelays{11, 12, 13, 0}, nil},
		"too short for any":     {delaysAnswer(delayPID, taskStats(1)[:63]), MemoryDelays{}, errMalformed},
		"fields in its middle":  {delaysAnswer(delayPID, taskStats(15)), MemoryDelays{}, errDelayLayout},
		"more than any time":    {delaysAnswer(delayPID, huge), MemoryDelays{}, errMalformed},
		"another process":       {delaysAnswer(delayPID+1, taskStats(11)), MemoryDelays{}, errMalformed},
		"no struct":             {delaysAnswer(delayPID, nil), MemoryDelays{}, errNoInfo},
		"another answer":        {msg(unix.GENL_ID_CTRL, 1, delaysAnswer(delayPID, taskStats(11))[16:]), MemoryDelays{}, errMalformed},
		"empty":                 {msg(delayFamily, 1, nil), MemoryDelays{}, errMalformed},
		"a process of no bytes": {msg(delayFamily, 1, builder{}.u32(0).attr(unix.TASKSTATS_TYPE_AGGR_TGID, builder{}.attr(unix.TASKSTATS_TYPE_TGID, nil).attr(unix.TASKSTATS_TYPE_STATS, taskStats(11)))), MemoryDelays{}, errMalformed},
	} {
		got, err := parseDelays(only(t, test.m), delayFamily, delayPID)
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: got %+v, %v; want %+v, %v", name, got, err, test.want, test.err)
		}
	}
}

func TestDelaysRequests(t *testing.T) {
	got := delaysRequest(delayFamily, delayPID)
	want := msg(delayFamily, 0, builder{}.u8(unix.TASKSTATS_CMD_GET, 1, 0, 0).attr(unix.TASKSTATS_CMD_ATTR_TGID, builder{}.u32(delayPID)))
	want[6] = unix.NLM_F_REQUEST
	if !slices.Equal(got[:], want) {
		t.Errorf("asks %x, not %x", got, want)
	}
	want = msg(unix.GENL_ID_CTRL, 0, builder{}.u8(unix.CTRL_CMD_GETFAMILY, 1, 0, 0).attr(unix.CTRL_ATTR_FAMILY_NAME, []byte("TASKSTATS\x00")))
	want[6] = unix.NLM_F_REQUEST
	if got := familyRequest("TASKSTATS"); !slices.Equal(got, want) {
		t.Errorf("asks %x, not %x", got, want)
	}
	for name, test := range map[string]struct {
		m    builder
		want uint16
		err  error
	}{
		"good":           {msg(unix.GENL_ID_CTRL, 1, builder{}.u32(0).attr(unix.CTRL_ATTR_FAMILY_NAME, []byte("TASKSTATS\x00")).attr(unix.CTRL_ATTR_FAMILY_ID, builder{}.u16(27))), 27, nil},
		"no number":      {msg(unix.GENL_ID_CTRL, 1, builder{}.u32(0)), 0, errNoInfo},
		"half a number":  {msg(unix.GENL_ID_CTRL, 1, builder{}.u32(0).attr(unix.CTRL_ATTR_FAMILY_ID, []byte{1})), 0, errMalformed},
		"another answer": {msg(delayFamily, 1, builder{}.u32(0)), 0, errMalformed},
		"empty":          {msg(unix.GENL_ID_CTRL, 1, nil), 0, errMalformed},
	} {
		if got, err := parseFamily(only(t, test.m)); got != test.want || err != test.err {
			t.Errorf("%s: %d, %v; want %d, %v", name, got, err, test.want, test.err)
		}
	}
}

// TestDelayCounter reads what this kernel says, whether it accounts or not.
func TestDelayCounter(t *testing.T) {
	c, err := openDelays()
	if errors.Is(err, unix.EPERM) {
		require(t, "root", err.Error())
	}
	if err != nil {
		require(t, "taskstats", err.Error())
	}
	defer c.Close()
	if d, err := c.Read(os.Getpid()); err != nil || min(d.SwapInNS, d.ReclaimNS, d.ThrashingNS, d.CompactionNS) < 0 {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err := c.Read(1 << 30); !errors.Is(err, unix.ESRCH) { // beyond the highest pid there is
		t.Errorf("of nobody: %+v, %v", d, err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = c.Read(os.Getpid()) }); n != 0 {
		t.Errorf("%v allocations a reading", n)
	}
}

// FuzzParseDelays holds that no answer makes the parsers panic, and that a refused one
// yields no value.
func FuzzParseDelays(f *testing.F) {
	f.Add([]byte(delaysAnswer(delayPID, taskStats(11))[16:]))
	f.Add([]byte(delaysAnswer(delayPID, taskStats(1)[:70])[16:]))
	f.Fuzz(func(t *testing.T, payload []byte) {
		d, err := parseDelays(message{kind: delayFamily, payload: payload}, delayFamily, delayPID)
		if err != nil && d != (MemoryDelays{}) || min(d.SwapInNS, d.ReclaimNS, d.ThrashingNS, d.CompactionNS) < 0 {
			t.Errorf("%+v with %v", d, err)
		}
		_, _ = parseFamily(message{kind: unix.GENL_ID_CTRL, payload: payload})
	})
}

func BenchmarkDelays(b *testing.B) {
	c, err := openDelays()
	if err != nil {
		b.Skip(err)
	}
	defer c.Close()
	pid := os.Getpid()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Read(pid); err != nil {
			b.Fatal(err)
		}
	}
}
