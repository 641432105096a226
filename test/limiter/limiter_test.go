// Package limiter_test builds pipelines of real processes whose limit is known, and
// asks where it is. PAUSETEST_LIMITER=10 asks ten times.
package limiter_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pausetest/internal/demo"
	"pausetest/internal/limiter"
	"pausetest/internal/netstat"
	"pausetest/internal/procctl"
	"pausetest/internal/procctl/proctable"
	"pausetest/internal/recording"
	"pausetest/internal/vitals"
)

// demoPart is what the test binary is called with to be a part of a demo.
const demoPart = "demo-part"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == demoPart {
		os.Exit(demo.Main(os.Args[2:]))
	}
	os.Exit(m.Run())
}

const (
	// slowLink is what slow receivers take, and slowDisk what a slow disk gives: far
	// below what sources, relay and loopback can do on the slowest machine.
	slowLink = 4_000_000
	slowDisk = 3_000_000
	// computes is how often the computing relay goes over each block.
	computes = 400
	// Each segment settles and is then observed so long; a round has two.
	settle  = 500 * time.Millisecond
	observe = 1500 * time.Millisecond
	rounds  = 3
)

func TestLimiter(t *testing.T) {
	repeats := 1
	if n, err := strconv.Atoi(os.Getenv("PAUSETEST_LIMITER")); err == nil {
		repeats = n
	}
	for _, test := range []struct {
		name    string
		config  demo.Config
		disk    throttle
		want    limiter.Kind
		process string // the one that is named; none where it is no process of ours
	}{
		{name: "relay computes", config: demo.Config{Receivers: demo.Equal, RelayPasses: computes}, want: limiter.Computing, process: "demo-relay"},
		{name: "receivers slow", config: demo.Config{Receivers: demo.Equal, LinkBytesPerSecond: slowLink}, want: limiter.Receivers},
		{name: "receivers slow, relay for each", config: demo.Config{Receivers: demo.Equal, LinkBytesPerSecond: slowLink, Topology: demo.Separate}, want: limiter.Receivers},
		{name: "sources slow", config: demo.Config{Receivers: demo.Equal}, disk: oneEach, want: limiter.Disk, process: "demo-source"},
		{name: "sources slow on a shared disk", config: demo.Config{Receivers: demo.Equal}, disk: oneForAll, want: limiter.SharedDisk, process: "demo-source"},
		{name: "relay blocks", config: demo.Config{}, want: limiter.BlockingWriter, process: "demo-relay"},
		// The controls: the same stalls, but a relay for each stream; the same relay, but no stalls.
		{name: "receivers stall, relay for each", config: demo.Config{Topology: demo.Separate}, want: limiter.Receivers},
		{name: "one relay, steady receivers", config: demo.Config{Receivers: demo.Equal}, want: limiter.Receivers},
	} {
		for i := range repeats {
			t.Run(test.name, func(t *testing.T) {
				test.config.Seed = uint64(i + 1)
				p := start(t, test.config, test.disk)
				f := p.find(t)
				t.Logf("%s\n%s", f.Statement, f.Cause)
				if f.Kind != test.want {
					t.Errorf("the limit is said to be %q, and is %q", f.Kind, test.want)
				}
				var named string
				if f.Process != nil {
					named = f.Process.Name
				}
				if named != test.process {
					t.Errorf("%q is named, and it is %q", named, test.process)
				}
				if test.disk != none && f.Device != p.device {
					t.Errorf("device %q is named, and it is %q", f.Device, p.device)
				}
				if t.Failed() {
					t.Logf("%+v\n%+v", f.Causes, f.Levels)
				}
			})
		}
	}
}

// A pipeline is a demo under observation.
type pipeline struct {
	demo    *demo.Demo
	device  string // of the file that the sources read
	began   int64
	vitals  []recording.Vitals
	windows []limiter.Window
	rates   map[int][]float64
}

func start(t *testing.T, config demo.Config, disk throttle) *pipeline {
	t.Helper()
	p := &pipeline{began: netstat.MonotonicNS(), rates: map[int][]float64{}}
	config.Arg = demoPart
	if disk != none {
		config.SourceFile = dataFile(t)
		p.device = deviceOf(t, config.SourceFile)
	}
	d, err := demo.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	p.demo = d
	t.Cleanup(func() { d.Close() })
	for _, pid := range d.PIDs() {
		prefer(t, pid)
	}
	if disk != none {
		disk.apply(t, p.device, d.Streams())
	}
	return p
}

// prefer gives a process precedence over whatever else this machine does, if we may:
// what else it does is not to be the limit.
func prefer(t *testing.T, pid int) {
	t.Helper()
	threads, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*")
	if err != nil || len(threads) == 0 {
		t.Fatalf("no threads of %d (%v)", pid, err)
	}
	for _, thread := range threads {
		tid, _ := strconv.Atoi(filepath.Base(thread))
		attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 1}
		if err := unix.SchedSetAttr(tid, &attr, 0); err != nil && os.Geteuid() == 0 {
			t.Logf("setting the precedence of %d: %v", tid, err)
		}
	}
}

// find runs segments with all streams and with one, and says where the limit is.
func (p *pipeline) find(t *testing.T) *limiter.Finding {
	t.Helper()
	o := vitals.New(p.nowNS)
	o.Watch(p.members(t))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		o.Run(ctx, func(v recording.Vitals) bool {
			p.vitals = append(p.vitals, v)
			return true
		})
	}()
	all := []int{}
	for i := range p.demo.Streams() {
		all = append(all, i+1)
	}
	for i := range rounds {
		p.segment(t, all)
		p.segment(t, []int{i%len(all) + 1})
	}
	stop()
	<-ended
	p.set(t, all)
	rates := map[int]float64{}
	for k, measured := range p.rates {
		for _, rate := range measured {
			rates[k] += rate / float64(len(measured))
		}
	}
	t.Logf("MB/s by running streams: %.1f and %.1f", rates[1]/1e6, rates[len(all)]/1e6)
	observed := limiter.Observed{Again: func(yield func(*recording.Vitals) bool) {
		for i := range p.vitals {
			if !yield(&p.vitals[i]) {
				return
			}
		}
	}}
	for v := range observed.Again {
		observed.Hear(v)
	}
	// One window of each: that the streams move less together is taken from the rates.
	ratio := rates[len(all)] / rates[1]
	return limiter.Find(limiter.Facts{Vitals: observed, Windows: p.windows, Rates: rates,
		OverOne: map[int]limiter.Ratio{len(all): {Value: ratio, High: ratio}}})
}

func (p *pipeline) nowNS() int64 { return netstat.MonotonicNS() - p.began }

// members are the demo's processes as pausetest would find them.
func (p *pipeline) members(t *testing.T) ([]recording.Member, []netstat.Socket) {
	t.Helper()
	table := procctl.NewTable("")
	s, err := table.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Examine(t.Context(), s, p.demo.PIDs()); err != nil {
		t.Fatal(err)
	}
	var paths []vitals.Path
	inodes := map[uint64]bool{}
	for i, stream := range p.demo.Streams() {
		source, relay := s.ByPID(stream.SourcePID), s.ByPID(stream.RelayPID)
		if source == nil || relay == nil {
			t.Fatalf("%s has no source or no relay", stream.Label)
		}
		paths = append(paths, vitals.Path{Stream: i + 1, Source: source.ID, Carriers: []proctable.ProcID{relay.ID}})
		for _, fd := range relay.FDs {
			inodes[fd.Inode] = fd.Kind == proctable.Socket
		}
	}
	sockets, err := netstat.ListTCP(inodes)
	if err != nil {
		t.Fatal(err)
	}
	return vitals.Members(s, paths), sockets
}

// segment lets only some streams run, lets them settle, and observes.
func (p *pipeline) segment(t *testing.T, active []int) {
	t.Helper()
	p.set(t, active)
	time.Sleep(settle) // what a segment is: so much time passes
	w := limiter.Window{Active: active, FromNS: p.nowNS()}
	before := p.written(t)
	time.Sleep(observe)
	p.rates[len(active)] = append(p.rates[len(active)], float64(p.written(t)-before)/(float64(p.nowNS()-w.FromNS)/1e9))
	w.ToNS = p.nowNS()
	p.windows = append(p.windows, w)
}

// set pauses all other streams.
func (p *pipeline) set(t *testing.T, active []int) {
	t.Helper()
	for i, s := range p.demo.Streams() {
		signal := unix.SIGSTOP
		if slices.Contains(active, i+1) {
			signal = unix.SIGCONT
		}
		if err := unix.Kill(s.SourcePID, signal); err != nil {
			t.Fatal(err)
		}
	}
}

// written is what all relays have written.
func (p *pipeline) written(t *testing.T) uint64 {
	t.Helper()
	var sum uint64
	relays := map[int]bool{}
	for _, s := range p.demo.Streams() {
		if relays[s.RelayPID] {
			continue
		}
		relays[s.RelayPID] = true
		text, err := os.ReadFile("/proc/" + strconv.Itoa(s.RelayPID) + "/io")
		if err != nil {
			t.Fatal(err)
		}
		io, err := proctable.ParseIO(text)
		if err != nil {
			t.Fatal(err)
		}
		sum += io.WrittenBytes
	}
	return sum
}

// require skips the test for want of something, or fails it when PAUSETEST_REQUIRE
// says that this machine has to have it.
func require(t *testing.T, what, missing string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("PAUSETEST_REQUIRE"), ","), what) {
		t.Fatalf("%s is required, but %s", what, missing)
	}
	t.Skipf("no %s here: %s", what, missing)
}
