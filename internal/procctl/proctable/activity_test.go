package proctable

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSchedstat(t *testing.T) {
	got, err := ParseSchedstat([]byte("1038853 891725 2\n"))
	if want := (Schedstat{RunNS: 1038853, QueuedNS: 891725}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, text := range []string{"", "1", "x 1 1", "1 -1 1", "99999999999999999999 0 0"} {
		if got, err := ParseSchedstat([]byte(text)); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestParseSyscall(t *testing.T) {
	for _, test := range []struct {
		text    string
		want    Syscall
		running bool
		good    bool
	}{
		{"running\n", Syscall{}, true, true},
		{"1 0x9 0x7f2b64000bc0 0x186a0 0x0 0x0 0x8 0x7f2b837799f0 0x7f2b84f1638f\n", Syscall{1, [6]uint64{9, 0x7f2b64000bc0, 100_000, 0, 0, 8}, 0x7f2b837799f0}, false, true},
		{"257 0xffffff9c 0x7f 0x0 0x0 0x0 0x0 0x7ffc 0x7f\n", Syscall{257, [6]uint64{0xffffff9c, 0x7f}, 0x7ffc}, false, true},
		{"-1 0x7ffc 0x7f\n", Syscall{-1, [6]uint64{}, 0x7ffc}, false, true},
		{"", Syscall{}, false, false},
		{"resting\n", Syscall{}, false, false},
		{"1 2 3\n", Syscall{}, false, false},
		{"x 0x9 0x7\n", Syscall{}, false, false},
		{"1 9 0x0 0x0 0x0 0x0 0x0 0x0 0x0\n", Syscall{}, false, false},
		{"1 0x9 0x0 0x0 0x0 0x0 0x0 0xg 0x0\n", Syscall{}, false, false},
		{"1 0x9 0x0 zero 0x0 0x0 0x0 0x7 0x0\n", Syscall{}, false, false},
	} {
		got, running, err := ParseSyscall([]byte(test.text))
		if (err == nil) != test.good {
			t.Errorf("%q: %v", test.text, err)
		}
		if err == nil && (got != test.want || running != test.running) {
			t.Errorf("%q: %+v, running %v", test.text, got, running)
		}
	}
}

func TestParsePressure(t *testing.T) {
	const text = "some avg10=19.29 avg60=15.01 avg300=21.92 total=5716755623\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"
	if got, err := ParsePressure([]byte(text)); err != nil || got != 5716755623000 {
		t.Errorf("got %d, %v", got, err)
	}
	for _, text := range []string{"", "full avg10=0.00 total=7\n", "some avg10=0.00\n", "some total=-1\n", "some total=9223372036854775807\n"} {
		if got, err := ParsePressure([]byte(text)); err == nil {
			t.Errorf("%q: %d", text, got)
		}
	}
}

func TestParseCPUTime(t *testing.T) {
	const text = "cpu  10 20 30 400 50 6 7 8 9 10\ncpu0 1 1 1 1 1 1 1 1 0 0\nintr 1\n"
	got, err := ParseCPUTime([]byte(text))
	if want := (CPUTime{BusyNS: 81 * 1e7, IdleNS: 450 * 1e7}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, text := range []string{"", "cpu\n", "cpu 1 2 3 4\n", "cpu0 1 2 3 4 5 6 7 8\n", "cpu 1 2 3 -4 5 6 7 8\n", "cpu 1 2 3 9223372036854775807 5 6 7 8\n"} {
		if got, err := ParseCPUTime([]byte(text)); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestParseDiskstats(t *testing.T) {
	const text = " 254       0 vda 100 0 2000 30 5 6 7 8 0 900 10 0 0 0 0 0 0\n   8       1 sda1 1 2 3 4 5 6 7 8 9 10 11\n"
	want := []Disk{{"254:0", "vda", 2000 * 512, 900e6}, {"8:1", "sda1", 3 * 512, 10e6}}
	got, err := ParseDiskstats([]byte(text))
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, text := range []string{"8 1 sda\n", "x 1 sda 1 2 3 4 5 6 7 8 9 10 11\n", "8 1 sda 1 2 -3 4 5 6 7 8 9 10 11\n", "8 1 sda 1 2 3 4 5 6 7 8 9 99999999999999999999 11\n"} {
		if got, err := ParseDiskstats([]byte(text)); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestJudge(t *testing.T) {
	for _, test := range []struct {
		state byte
		call  Call
		wchan string
		want  Activity
	}{
		{'R', NoCall, "", Running},
		{'R', WriteCall, "anon_pipe_write", Running},
		{'S', WriteCall, "", Writing},
		{'S', ReadCall, "", Reading},
		{'S', PollCall, "", Polling},
		{'S', ChildCall, "", AwaitingChild},
		{'S', SleepCall, "", Sleeping},
		{'S', LockCall, "", WaitingLock},
		{'S', FileCall, "", OtherActivity},
		// Without the call.
		{'S', NoCall, "anon_pipe_write", Writing},
		{'S', NoCall, "pipe_read", Reading},
		{'S', NoCall, "sk_stream_wait_memory", Writing},
		{'S', NoCall, "poll_schedule_timeout.constprop.0", Polling},
		{'S', NoCall, "do_epoll_wait", Polling},
		{'S', NoCall, "do_wait", AwaitingChild},
		{'S', NoCall, "hrtimer_nanosleep", Sleeping},
		{'S', NoCall, "futex_wait_queue_me", WaitingLock},
		{'S', NoCall, "wait_woken", OtherActivity}, // a socket's, whichever way
		{'S', NoCall, "", OtherActivity},
		{'D', ReadCall, "folio_wait_bit_common", Uninterruptible},
		{'D', NoCall, "", Uninterruptible},
		{'D', ReadCall, "rpc_wait_bit_killable", NetworkFS},
		{'D', ReadCall, "request_wait_answer", NetworkFS},
		{'D', NoCall, "mem_cgroup_handle_over_high", MemoryShort},
		{'D', ChildCall, "wait_for_vfork_done", OtherActivity},
		{'T', WriteCall, "do_signal_stop", Halted},
		{'t', NoCall, "", Halted},
		{'I', NoCall, "", OtherActivity},
	} {
		if got := Judge(test.state, test.call, test.wchan); got != test.want {
			t.Errorf("Judge(%c, %d, %q) = %d, want %d", test.state, test.call, test.wchan, got, test.want)
		}
	}
	if !Reading.Telling() || !Running.Telling() || Polling.Telling() || Halted.Telling() {
		t.Error("what idle threads do is said to tell something")
	}
}

// FuzzVitals feeds all parsers of what is read again and again.
func FuzzVitals(f *testing.F) {
	f.Add([]byte("1038853 891725 2\n"))
	f.Add([]byte("1 0x9 0x7f2b64000bc0 0x186a0 0x0 0x0 0x8 0x7f2b837799f0 0x7f2b84f1638f\n"))
	f.Add([]byte("some avg10=19.29 avg60=15.01 avg300=21.92 total=5716755623\n"))
	f.Add([]byte("cpu  10 20 30 400 50 6 7 8 9 10\n"))
	f.Add([]byte(" 254       0 vda 100 0 2000 30 5 6 7 8 0 900 10\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := ParseSchedstat(text); err == nil && (s.RunNS < 0 || s.QueuedNS < 0) {
			t.Errorf("%q: %+v", text, s)
		}
		if call, running, err := ParseSyscall(text); err == nil && running && call != (Syscall{}) {
			t.Errorf("%q: runs, and is in %+v", text, call)
		}
		if ns, err := ParsePressure(text); err == nil && ns < 0 {
			t.Errorf("%q: %d", text, ns)
		}
		if c, err := ParseCPUTime(text); err == nil && (c.BusyNS < 0 || c.IdleNS < 0) {
			t.Errorf("%q: %+v", text, c)
		}
		disks, err := ParseDiskstats(text)
		if lines := len(strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })); err == nil && len(disks) > lines {
			t.Errorf("%q: %d disks in %d lines", text, len(disks), lines)
		}
		for _, d := range disks {
			if d.BusyNS < 0 || strings.ContainsAny(d.Name, " \n") {
				t.Errorf("%q: %+v", text, d)
			}
		}
	})
}
