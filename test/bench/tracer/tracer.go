// Package tracer measures what it costs a program that makes many small writes to
// be watched: by fdvol, while fdvol watches another program, by bpftrace, strace
// and perf. Every round has each of them once, one after the other; what is printed
// are medians of the rounds, and ratios within a round.
//
//	go run ./test/bench -rows tracer
//
// It needs root, and the Debian packages bpftrace, strace and linux-perf; a peer
// that is missing is left out.
package tracer

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// A Comparison is what became of the rounds.
type Comparison struct {
	methods []method
	results [][]result // by method, then by round
}

// Compare measures all methods that are installed. The program that calls it hands
// itself to WriterMain when WriterArg is its first argument.
func Compare(rounds int) (*Comparison, error) {
	w, err := startWriter()
	if err != nil {
		return nil, err
	}
	defer w.end()
	c := &Comparison{}
	for _, m := range methods() {
		if m.present() {
			c.methods = append(c.methods, m)
		}
	}
	c.results = make([][]result, len(c.methods))
	for range rounds {
		for i, m := range c.methods {
			r, err := m.measure(w)
			if err != nil {
				return nil, fmt.Errorf("measuring %s: %w", m.name, err)
			}
			c.results[i] = append(c.results[i], r)
		}
	}
	return c, nil
}

// Print prints medians. The first method is the program left alone; what the others
// add to it is taken round by round.
func (c *Comparison) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "WATCHED BY\tA WRITE\tADDED\tSLOWDOWN\tOF 500 000/s\tGIVEN THE CPU\tCOUNTED")
	for i, m := range c.methods {
		results := c.results[i]
		var slowdown []float64
		for round, r := range results {
			slowdown = append(slowdown, r.callNS/c.results[0][round].callNS)
		}
		countedText := "-"
		if m.counts {
			countedText = fmt.Sprintf("%.1f %%", 100*median(results, func(r result) float64 { return r.countedShare }))
		}
		fmt.Fprintf(t, "%s\t%.0f ns\t%.0f ns\t%.2f\t%.1f %%\t%.1f %%\t%s\n", m.name,
			median(results, func(r result) float64 { return r.callNS }), middle(c.added(i)), middle(slowdown),
			100*median(results, func(r result) float64 { return r.keptShare }),
			100*median(results, func(r result) float64 { return r.possibleShare }), countedText)
	}
	return t.Flush()
}

// added is what a method adds to a write, in nanoseconds, round by round.
func (c *Comparison) added(method int) []float64 {
	var added []float64
	for round, r := range c.results[method] {
		added = append(added, r.callNS-c.results[0][round].callNS)
	}
	return added
}

// A Peer is what fdvol adds to a write beside what another tracer adds.
type Peer struct {
	Name             string
	OursNS, TheirsNS float64
	Ratio            float64 // the median of the rounds' own
}

// Peers are the tracers that were measured.
func (c *Comparison) Peers() []Peer {
	ours := c.added(c.fdvol())
	var peers []Peer
	for i, m := range c.methods {
		if m.needs == "" {
			continue
		}
		theirs := c.added(i)
		var ratios []float64
		for round := range ours {
			ratios = append(ratios, ours[round]/theirs[round])
		}
		peers = append(peers, Peer{m.name, middle(ours), middle(theirs), middle(ratios)})
	}
	return peers
}

// KeptShare is how much of 500,000 writes a second the program could make while
// fdvol watched it, if nobody else wanted its processor.
func (c *Comparison) KeptShare() float64 {
	return median(c.results[c.fdvol()], func(r result) float64 { return r.possibleShare })
}

func (c *Comparison) fdvol() int {
	return slices.IndexFunc(c.methods, func(m method) bool { return m.name == watchedByFdvol })
}

func median(results []result, of func(result) float64) float64 {
	values := make([]float64, len(results))
	for i, r := range results {
		values[i] = of(r)
	}
	return middle(values)
}

func middle(values []float64) float64 {
	sorted := slices.SortedFunc(slices.Values(values), cmp.Compare[float64])
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}
