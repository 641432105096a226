package demo

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
)

// The names under which the parts appear in the process table (argv[0]). The
// built-in stream rules know them.
const (
	sourceName    = "pausetest-demo-source"
	relayName     = "pausetest-demo-relay"
	receiversName = "pausetest-demo-receivers"
)

// Main is the whole life of one part of a demo: args are its role and the
// role's flags, as Start wrote them. It returns the exit code.
func Main(args []string) int {
	roles := map[string]func([]string) error{
		"source": sourceMain, "relay": relayMain, "receivers": receiversMain,
	}
	if len(args) == 0 || roles[args[0]] == nil {
		fmt.Fprintln(os.Stderr, "this is a part of pausetest demo, which starts it itself")
		return 2
	}
	// Started through /proc/self/exe, the part would be called "exe" in every
	// list and report. A name that can't be set does no harm.
	_ = os.WriteFile("/proc/self/comm", []byte("demo-"+args[0]), 0)
	if err := roles[args[0]](args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "demo %s: %v\n", args[0], err)
		return 1
	}
	return 0
}

// newFlags returns a flag set that reports errors only through its Parse.
func newFlags(role string) *flag.FlagSet {
	flags := flag.NewFlagSet(role, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

// A report is one line that a relay or the receivers write on stdout for Start
// and Close, which read them.
type report struct {
	Event   event
	Label   string
	Address string `json:",omitempty"` // of listening
	PID     int    `json:",omitempty"` // of started
	Total   *Total `json:",omitempty"` // of ended
}

type event string

const (
	listening event = "listening" // a receiver waits for its stream
	started   event = "started"   // a relay has started a source
	flowing   event = "flowing"   // the first byte arrived
	ended     event = "ended"     // the last byte arrived
)

func (r report) send() error {
	return json.NewEncoder(os.Stdout).Encode(r)
}
