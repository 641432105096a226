// Command bench measures pausetest beside its peers: in one run, by turns, medians
// of many rounds. `make bench` calls it; docs/performance.md has a table that it
// printed, and what limits each row.
//
// These machines are noisy. The ratios within one run mean something, the times
// themselves only what they meant on that machine in those minutes.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"pausetest/internal/demo"
	"pausetest/internal/guard"
	"pausetest/test/bench/tracer"
)

// A row is one line of the table: a group of measurements that share a
// setting.
type row struct {
	name string
	run  func(*session) error
}

var rows = []row{
	{"discovery", discovery},
	{"sample", sample},
	{"watching", watching},
	{"effect", effect},
	{"pausing", pausing},
	{"death", death},
	{"drawing", drawing},
	{"tracer", tracing},
	{"simulating", simulating},
	{"startup", startup},
}

// demoArg makes this program a part of the demo whose streams are watched.
const demoArg = "demo-part"

// A session is one run of the program.
type session struct {
	binary string // pausetest, as `make build` makes it
	table  *tabwriter.Writer
}

func main() {
	// The parts of the measurements that must be other processes.
	if len(os.Args) > 1 && os.Args[1] == "guard" {
		os.Exit(guard.Main())
	}
	if len(os.Args) > 1 && os.Args[1] == tracer.WriterArg {
		tracer.WriterMain(os.Stdin, os.Stdout)
		return
	}
	if len(os.Args) > 1 && os.Args[1] == demoArg {
		os.Exit(demo.Main(os.Args[2:]))
	}
	if len(os.Args) == 2 && os.Args[1] == "discovery" {
		if err := discoverInside(newSession("")); err != nil {
			fmt.Fprintln(os.Stderr, "bench: error:", err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) == 4 && os.Args[1] == "controller" {
		root, err := strconv.Atoi(os.Args[3])
		if err == nil {
			err = playController(os.Args[2], root)
		}
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
	only := flag.String("rows", ".", "measure the rows that match this regular `expression`")
	binary := flag.String("binary", "./pausetest", "the pausetest to start where a whole program is measured")
	flag.Parse()
	if err := run(*only, *binary); err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

func run(only, binary string) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("reading -rows: %w", err)
	}
	fmt.Println(machine())
	s := newSession(binary)
	for _, r := range rows {
		if !wanted.MatchString(r.name) {
			continue
		}
		begin := time.Now()
		fmt.Printf("\n%s: ours, peer, ratio, reach\n", r.name)
		if err := r.run(s); err != nil {
			return fmt.Errorf("measuring %s: %w", r.name, err)
		}
		s.table.Flush()
		fmt.Printf("(%v)\n", time.Since(begin).Round(100*time.Millisecond))
	}
	fmt.Println("\ndocs/performance.md says what limits those that fall short")
	return nil
}

func newSession(binary string) *session {
	return &session{binary: binary, table: tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)}
}

// machine is what a reader must know to make sense of the times.
func machine() string {
	var uts unix.Utsname
	_ = unix.Uname(&uts)
	text, _ := os.ReadFile("/proc/cpuinfo")
	model := "unknown processor"
	if m := regexp.MustCompile(`(?m)^model name\s*:\s*(.*)$`).FindSubmatch(text); m != nil {
		model = strings.TrimSpace(string(m[1]))
	}
	load, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("%d CPUs (%s), Linux %s, %s, load %s", runtime.NumCPU(), model,
		unix.ByteSliceToString(uts.Release[:]), runtime.Version(), cmp.Or(strings.Join(strings.Fields(string(load))[:3], " "), "unknown"))
}
