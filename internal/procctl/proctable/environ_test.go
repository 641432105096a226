package proctable

import "testing"

func TestParseWatchdog(t *testing.T) {
	check := func(environ string, want int64) {
		t.Helper()
		if got := ParseWatchdog([]byte(environ), 42); got != want {
			t.Errorf("ParseWatchdog(%q) = %d, want %d", environ, got, want)
		}
	}
	check("", 0)
	check("A=1\x00WATCHDOG_USEC=30000000\x00", 30e9)
	check("WATCHDOG_USEC=30000000\x00WATCHDOG_PID=42\x00", 30e9)
	check("WATCHDOG_PID=41\x00WATCHDOG_USEC=30000000\x00", 0) // a child inherited it
	check("WATCHDOG_USEC=0\x00", 0)
	check("WATCHDOG_USEC=soon\x00", 0)
	check("WATCHDOG_USEC=18446744073709551615\x00", 0)
	check("WATCHDOG_USEC\x00NOT_WATCHDOG_USEC=5\x00", 0)
}

func FuzzParseWatchdog(f *testing.F) {
	f.Add([]byte("WATCHDOG_USEC=30000000\x00WATCHDOG_PID=42\x00"), 42)
	f.Fuzz(func(t *testing.T, environ []byte, pid int) {
		if ParseWatchdog(environ, pid) < 0 {
			t.Fatal("a negative time")
		}
	})
}
