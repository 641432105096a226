package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// What the test binary is when it is not the test, see TestMain.
const (
	testSubcommand       = "demo-part"  // a part of a demo
	controllerSubcommand = "controller" // a program that runs a demo
	muteSubcommand       = "mute"       // a part that never says a word
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case testSubcommand:
			os.Exit(Main(os.Args[2:]))
		case controllerSubcommand:
			controllerMain()
		case muteSubcommand:
			unix.Pause()
		}
	}
	os.Exit(m.Run())
}

// controllerMain starts a demo, prints its processes and waits to be killed.
func controllerMain() {
	d, err := Start(context.Background(), Config{Arg: testSubcommand})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(d.PIDs())
	unix.Pause()
}

func startDemo(t *testing.T, config Config) *Demo {
	t.Helper()
	config.Arg = testSubcommand
	d, err := Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// A proc is what /proc says about a process. A zombie counts as gone.
type proc struct {
	gone    bool
	stopped bool
	ppid    int
	args    []string
}

func readProc(t *testing.T, pid int) proc {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return proc{gone: true}
	}
	if err != nil {
		t.Fatal(err)
	}
	var p proc
	var state rune
	rest := stat[bytes.LastIndexByte(stat, ')')+2:]
	if _, err := fmt.Sscanf(string(rest), "%c %d", &state, &p.ppid); err != nil {
		t.Fatal(err)
	}
	p.gone, p.stopped = state == 'Z' || state == 'X', state == 'T'
	cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	p.args = strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00")
	return p
}

// eventually polls until holds, or fails.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(startTimeout); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func pause(t *testing.T, pid int) {
	t.Helper()
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is stopped", func() bool { return readProc(t, pid).stopped })
}

func TestProcessesAsDiscoverySeesThem(t *testing.T) {
	for _, topology := range []Topology{Shared, Separate} {
		t.Run(string(topology), func(t *testing.T) {
			d := startDemo(t, Config{Topology: topology})
			relays := map[int]bool{}
			for i, s := range d.Streams() {
				source, relay := readProc(t, s.SourcePID), readProc(t, s.RelayPID)
				relays[s.RelayPID] = true
				want := []string{sourceName, testSubcommand, "source", "--label", "demo:/export/" + string(rune('a'+i))}
				if diff := cmp.Diff(want, source.args[:min(len(want), len(source.args))]); diff != "" {
					t.Errorf("source's arguments, -want +got:\n%s", diff)
				}
				if relay.args[0] != relayName || source.ppid != s.RelayPID || relay.ppid != os.Getpid() {
					t.Errorf("relay %q, parent of source %d (relay is %d), parent of relay %d",
						relay.args, source.ppid, s.RelayPID, relay.ppid)
				}
				from, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/1", s.SourcePID))
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Contains(descriptors(t, s.RelayPID), from) || !strings.HasPrefix(from, "pipe:") {
					t.Errorf("the relay does not read %s", from)
				}
			}
			if want := map[Topology]int{Shared: 1, Separate: 3}[topology]; len(relays) != want {
				t.Errorf("%d relays, want %d", len(relays), want)
			}
			if got, want := len(d.PIDs()), 1+len(relays)+3; got != want {
				t.Errorf("%d processes, want %d", got, want)
			}
			if receivers := readProc(t, d.PIDs()[0]); receivers.args[0] != receiversName {
				t.Errorf("the receivers are %q", receivers.args)
			}
		})
	}
}

func descriptors(t *testing.T, pid int) []string {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, e := range entries {
		target, _ := os.Readlink(dir + "/" + e.Name())
		targets = append(targets, target)
	}
	return targets
}

// Whatever is paused meanwhile, every byte that was sent arrives, once and in order.
func TestEveryByteArrives(t *testing.T) {
	const n = 4<<20 + 5
	for _, topology := range []Topology{Shared, Separate} {
		for _, receivers := range []Receivers{Stalling, Equal} {
			t.Run(fmt.Sprintf("%s_%s", topology, receivers), func(t *testing.T) {
				d := startDemo(t, Config{
					Topology: topology, Receivers: receivers, Seed: 5, BytesPerStream: n,
					reading: 4 * time.Millisecond, stalled: 4 * time.Millisecond,
				})
				for range 20 {
					for _, s := range d.Streams() {
						// Its source may have ended already.
						unix.Kill(s.SourcePID, unix.SIGSTOP)
						unix.Kill(s.SourcePID, unix.SIGCONT)
					}
				}
				allEnded := func() bool { return len(d.totals) == len(d.streams) }
				if err := d.hearUntil(d.receivers, allEnded); err != nil {
					t.Fatal(err)
				}
				if err := d.Close(); err != nil {
					t.Error(err)
				}
				got := d.Totals()
				slices.SortFunc(got, func(a, b Total) int { return strings.Compare(a.Label, b.Label) })
				want := []Total{{"demo:/export/a", n, -1}, {"demo:/export/b", n, -1}, {"demo:/export/c", n, -1}}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		}
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	tests := []struct {
		name     string
		paused   func(*Demo) []int
		complain bool
	}{
		{"all running", func(*Demo) []int { return nil }, false},
		{"two sources paused", func(d *Demo) []int { return []int{d.streams[0].SourcePID, d.streams[2].SourcePID} }, false},
		{"a relay and its source stopped", func(d *Demo) []int { return []int{d.streams[0].RelayPID, d.streams[0].SourcePID} }, true},
		{"receivers stopped", func(d *Demo) []int { return []int{d.receivers.PID()} }, true},
	}
	for _, topology := range []Topology{Shared, Separate} {
		for _, test := range tests {
			t.Run(string(topology)+" "+test.name, func(t *testing.T) {
				d := startDemo(t, Config{Topology: topology})
				for _, pid := range test.paused(d) {
					pause(t, pid)
				}
				if test.complain { // however long it waits
					d.drainTimeout = 100 * time.Millisecond
				}
				err := d.Close()
				if complained := err != nil; complained != test.complain {
					t.Errorf("closing: %v", err)
				}
				for _, pid := range d.PIDs() {
					eventually(t, "nothing is left", func() bool { return readProc(t, pid).gone })
				}
				for _, total := range d.Totals() {
					if total.Bytes == 0 || total.DamagedAt >= 0 {
						t.Errorf("arrived: %+v", total)
					}
				}
				if got := len(d.Totals()); !test.complain && got != 3 {
					t.Errorf("%d totals", got)
				}
				if again := d.Close(); again != err {
					t.Errorf("closing again: %v, want %v", again, err)
				}
			})
		}
	}
}

// However the program that runs a demo dies, the demo dies with it.
func TestControllerKilled(t *testing.T) {
	for name, stopped := range map[string][]int{ // indexes into PIDs: receivers, relay, three sources
		"all running": nil, "a source paused": {3}, "everything stopped": {0, 1, 2, 3, 4},
	} {
		t.Run(name, func(t *testing.T) {
			controller := exec.Command("/proc/self/exe", controllerSubcommand)
			controller.Stderr = os.Stderr
			stdout, err := controller.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := controller.Start(); err != nil {
				t.Fatal(err)
			}
			defer controller.Wait()
			defer controller.Process.Kill()
			var pids []int
			if err := json.NewDecoder(stdout).Decode(&pids); err != nil {
				t.Fatal(err)
			}
			for _, pid := range pids {
				leftover, err := os.FindProcess(pid) // a handle, good even when the pid is another's
				if err != nil {
					t.Fatal(err)
				}
				defer leftover.Kill()
			}
			for _, i := range stopped {
				pause(t, pids[i])
			}
			if err := controller.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			for _, pid := range pids {
				eventually(t, "nothing is left", func() bool { return readProc(t, pid).gone })
			}
		})
	}
}

func TestStartFails(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	soon, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	for name, test := range map[string]struct {
		ctx    context.Context
		config Config
		want   string
	}{
		"no such program":       {t.Context(), Config{Executable: "/nonexistent", Arg: testSubcommand}, "no such file"},
		"a part that complains": {t.Context(), Config{Executable: "/bin/cat", Arg: "/nonexistent"}, `receivers: EOF, saying "pausetest-demo-receivers: `},
		"another program":       {t.Context(), Config{Executable: "/bin/false", Arg: testSubcommand}, "hearing from " + receiversName},
		"cancelled":             {cancelled, Config{Arg: testSubcommand}, context.Canceled.Error()},
		"cancelled on the way":  {soon, Config{Arg: muteSubcommand}, context.DeadlineExceeded.Error()},
		"not a sensible config": {t.Context(), Config{}, "subcommand"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Start(test.ctx, test.config)
			if err == nil {
				d.Close()
				t.Fatal("it started")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, want %q in it", err, test.want)
			}
		})
	}
}

func TestMainRefuses(t *testing.T) {
	for _, args := range [][]string{nil, {"tape"}} {
		if got := Main(args); got != 2 {
			t.Errorf("%q: exit code %d, want 2", args, got)
		}
	}
	if got := Main([]string{"source", "--label"}); got != 1 {
		t.Errorf("a flag without value: exit code %d, want 1", got)
	}
}
