package demo

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMeasure prints what the four kinds of demo move with one, two and three streams running,
// in windows as long as the experiment's. The defaults of Config come from it:
//
//	PAUSETEST_DEMO_MEASURE=12 go test -v -run Measure ./internal/demo
//
// measures 12 windows per level. PAUSETEST_DEMO_STALLS=20ms,40ms tries other stalls,
// PAUSETEST_DEMO_LINK another link, in bytes per second.
func TestMeasure(t *testing.T) {
	windows, _ := strconv.Atoi(os.Getenv("PAUSETEST_DEMO_MEASURE"))
	if windows == 0 {
		t.Skip("measuring takes minutes and asserts nothing: set PAUSETEST_DEMO_MEASURE to the windows per level")
	}
	config := Config{Arg: testSubcommand, Seed: 1}
	config.LinkBytesPerSecond, _ = strconv.ParseInt(os.Getenv("PAUSETEST_DEMO_LINK"), 10, 64)
	if reading, stalled, ok := strings.Cut(os.Getenv("PAUSETEST_DEMO_STALLS"), ","); ok {
		config.reading, _ = time.ParseDuration(reading)
		config.stalled, _ = time.ParseDuration(stalled)
	}
	for _, config.Receivers = range []Receivers{Stalling, Equal} {
		for _, config.Topology = range []Topology{Shared, Separate} {
			t.Run(fmt.Sprintf("%s_%s", config.Receivers, config.Topology), func(t *testing.T) {
				t.Log(measure(t, config, windows))
			})
		}
	}
}

func measure(t *testing.T, config Config, windows int) string {
	const settle, window = 1500 * time.Millisecond, 1500 * time.Millisecond
	d := startDemo(t, config)
	begin, cpuBegin := time.Now(), cpuSeconds(t, d)
	n := len(d.Streams())
	rates := make([][]float64, n+1) // by how many run
	for w := range windows {
		for active := 1; active <= n; active++ {
			for i, s := range d.Streams() {
				signal := unix.SIGSTOP
				if (i-w%n+n)%n < active { // every stream gets its turn
					signal = unix.SIGCONT
				}
				unix.Kill(s.SourcePID, signal)
			}
			time.Sleep(settle)
			start, before := time.Now(), relayedBytes(t, d)
			time.Sleep(window)
			rates[active] = append(rates[active], float64(relayedBytes(t, d)-before)/1e6/time.Since(start).Seconds())
		}
	}
	t.Logf("%.1f", rates)
	cpu := (cpuSeconds(t, d) - cpuBegin) / time.Since(begin).Seconds()
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	line := fmt.Sprintf("%-8s %-8s", config.Receivers, config.Topology)
	for active := 1; active <= n; active++ {
		mean, sd := meanAndSD(rates[active])
		line += fmt.Sprintf("  T(%d)=%5.1f MB/s cv %4.1f%%", active, mean, 100*sd/mean)
	}
	one, _ := meanAndSD(rates[1])
	all, _ := meanAndSD(rates[n])
	return line + fmt.Sprintf("  R=%.2f  cpu %.0f%%", all/one, 100*cpu)
}

func meanAndSD(x []float64) (mean, sd float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		sd += (v - mean) * (v - mean) / float64(max(len(x)-1, 1))
	}
	return mean, math.Sqrt(sd)
}

// relayedBytes is what all relays have written, as the kernel counts it.
func relayedBytes(t *testing.T, d *Demo) int64 {
	var sum int64
	for _, relay := range d.relays {
		io, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", relay.PID()))
		if err != nil {
			t.Fatal(err)
		}
		var rchar, wchar int64
		if _, err := fmt.Fscanf(bytes.NewReader(io), "rchar: %d\nwchar: %d", &rchar, &wchar); err != nil {
			t.Fatal(err)
		}
		sum += wchar
	}
	return sum
}

// cpuSeconds is what all parts have computed so far.
func cpuSeconds(t *testing.T, d *Demo) float64 {
	var ticks int
	for _, pid := range d.PIDs() {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')'):]))
		for _, f := range fields[12:14] { // utime and stime
			n, _ := strconv.Atoi(f)
			ticks += n
		}
	}
	out, err := exec.Command("getconf", "CLK_TCK").Output()
	if err != nil {
		t.Fatal(err)
	}
	perSecond, _ := strconv.Atoi(strings.TrimSpace(string(out)))
	return float64(ticks) / float64(perSecond)
}
