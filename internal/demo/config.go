package demo

import (
	"errors"
	"fmt"
	"time"
)

// A Topology says how streams share relays.
type Topology string

// The topologies.
const (
	Shared   Topology = "shared"   // one relay carries all streams, as Amanda's auth bsd
	Separate Topology = "separate" // one relay for each stream, as bsdtcp
)

// Receivers says how the receiving side behaves.
type Receivers string

// The kinds of receivers.
const (
	Stalling Receivers = "stalling" // each stands still at random moments, independently
	Equal    Receivers = "equal"    // none ever does
)

// The defaults of Config.
//
// Note: chosen by measuring (TestMeasure). Cycles must be short, so that one
// measured segment of 1.5 s averages many of them, and yet stalls long against
// the time in which the link fills a connection's buffers, a few milliseconds:
// what the buffers take in meanwhile is no loss. A faster link shortens that time,
// but a busy machine of two cores can't keep it filled.
const (
	DefaultStreams            = 3
	DefaultLinkBytesPerSecond = 40_000_000
	defaultReading            = 40 * time.Millisecond
	defaultStalled            = 120 * time.Millisecond
)

// maxStreams is how many letters there are to name the file systems with.
const maxStreams = 26

// Config describes a demo. The zero value of every field but Executable and Arg
// means its default.
type Config struct {
	Streams   int       // 1 to 26; default 3
	Topology  Topology  // default Shared
	Receivers Receivers // default Stalling
	// LinkBytesPerSecond is what the receivers can read together.
	LinkBytesPerSecond int64
	// Seed decides when receivers stall, and the content of the data.
	Seed uint64
	// RelayPasses is how often a relay goes over each block to compute a checksum:
	// with some, its CPU time is the limit.
	RelayPasses int
	// SourceFile, when not empty, is read block by block by every source, past all
	// caches, before it writes a block: then the disk may be the limit.
	SourceFile string
	// BytesPerStream ends each source after so many bytes; 0 means never.
	BytesPerStream int64

	// Executable is the program that hands the arguments after Arg to Main; this
	// very program when empty.
	Executable string
	// Arg is the hidden subcommand that leads there.
	Arg string

	// reading and stalled are how long, on average, a receiver reads and stands still.
	reading, stalled time.Duration
}

// complete fills in the defaults and refuses what makes no sense.
func (c Config) complete() (Config, error) {
	setDefault(&c.Streams, DefaultStreams)
	setDefault(&c.Topology, Shared)
	setDefault(&c.Receivers, Stalling)
	setDefault(&c.LinkBytesPerSecond, DefaultLinkBytesPerSecond)
	setDefault(&c.Executable, "/proc/self/exe")
	switch {
	case c.Streams < 1 || c.Streams > maxStreams:
		return c, fmt.Errorf("streams: want 1 to %d, got %d", maxStreams, c.Streams)
	case c.Topology != Shared && c.Topology != Separate:
		return c, fmt.Errorf("topology: want %s or %s, got %q", Shared, Separate, c.Topology)
	case c.Receivers != Stalling && c.Receivers != Equal:
		return c, fmt.Errorf("receivers: want %s or %s, got %q", Stalling, Equal, c.Receivers)
	case c.LinkBytesPerSecond < blockBytes:
		return c, fmt.Errorf("link: want at least %d bytes per second, got %d", blockBytes, c.LinkBytesPerSecond)
	case c.RelayPasses < 0:
		return c, fmt.Errorf("relay passes: got %d", c.RelayPasses)
	case c.BytesPerStream < 0:
		return c, fmt.Errorf("bytes per stream: got %d", c.BytesPerStream)
	case c.Arg == "":
		return c, errors.New("the subcommand that leads to demo.Main is not named")
	}
	if c.Receivers == Equal {
		c.reading, c.stalled = 0, 0
	} else {
		setDefault(&c.reading, defaultReading)
		setDefault(&c.stalled, defaultStalled)
	}
	return c, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// labels names the streams: demo:/export/a, demo:/export/b and so on.
func (c Config) labels() []string {
	labels := make([]string, c.Streams)
	for i := range labels {
		labels[i] = "demo:/export/" + string(rune('a'+i))
	}
	return labels
}

// A Total is what arrived of one stream.
type Total struct {
	Label string
	Bytes int64
	// DamagedAt is the offset of the first byte that is not what the source
	// sent there; -1 when there is none.
	DamagedAt int64
}

// A Stream names the processes of one stream.
type Stream struct {
	Label     string
	SourcePID int
	RelayPID  int
}
