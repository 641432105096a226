// Command tracer measures what it costs a program that makes many small writes to
// be watched: by fdvol, while fdvol watches another program, by bpftrace, strace
// and perf. Every round has each of them once, one after the other; what is printed
// are medians of the rounds, and ratios within a round.
//
//	go run ./test/bench/tracer [--rounds 5] [--without strace,perf]
//
// It needs root, and the Debian packages bpftrace, strace and linux-perf; a peer
// that is missing is left out.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == writerArg {
		write(os.Stdin, os.Stdout)
		return
	}
	rounds := flag.Int("rounds", 5, "how many rounds to measure")
	without := flag.String("without", "", "methods to leave out, by the first word of their names, with commas between")
	flag.Parse()
	if err := compare(*rounds, strings.Split(*without, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "tracer:", err)
		os.Exit(1)
	}
}

// compare measures all methods and prints the table.
func compare(rounds int, without []string) error {
	w, err := startWriter()
	if err != nil {
		return err
	}
	defer w.end()
	var all []method
	for _, m := range methods() {
		first, _, _ := strings.Cut(m.name, " ")
		switch {
		case slices.Contains(without, first):
		case !m.present():
			fmt.Printf("%s: not installed, left out\n", m.name)
		default:
			all = append(all, m)
		}
	}
	results := make([][]result, len(all))
	for range rounds {
		for i, m := range all {
			r, err := m.measure(w)
			if err != nil {
				return fmt.Errorf("measuring %s: %w", m.name, err)
			}
			results[i] = append(results[i], r)
		}
	}
	return print(all, results)
}

// print prints medians. The first method is the program left alone; what the others
// add to it is taken round by round.
func print(all []method, results [][]result) error {
	t := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "WATCHED BY\tA WRITE\tADDED\tSLOWDOWN\tOF 500 000/s\tGIVEN THE CPU\tCOUNTED")
	alone := results[0]
	added := make([][]float64, len(all))
	for i, m := range all {
		var slowdown []float64
		for round, r := range results[i] {
			added[i] = append(added[i], r.callNS-alone[round].callNS)
			slowdown = append(slowdown, r.callNS/alone[round].callNS)
		}
		countedText := "-"
		if m.counts {
			countedText = fmt.Sprintf("%.1f %%", 100*median(results[i], func(r result) float64 { return r.countedShare }))
		}
		fmt.Fprintf(t, "%s\t%.0f ns\t%.0f ns\t%.2f\t%.1f %%\t%.1f %%\t%s\n", m.name,
			median(results[i], func(r result) float64 { return r.callNS }), middle(added[i]), middle(slowdown),
			100*median(results[i], func(r result) float64 { return r.keptShare }),
			100*median(results[i], func(r result) float64 { return r.possibleShare }), countedText)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fdvol := slices.IndexFunc(all, func(m method) bool { return m.name == watchedByFdvol })
	for i, m := range all {
		if m.needs == "" || fdvol < 0 {
			continue // no peer, or nothing to compare it with
		}
		var ratios []float64
		for round := range results[i] {
			ratios = append(ratios, added[fdvol][round]/added[i][round])
		}
		fmt.Printf("what fdvol adds, as a share of what %s adds: %.3f (%.3f to %.3f)\n", m.name, middle(ratios), slices.Min(ratios), slices.Max(ratios))
	}
	return nil
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
