package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"golang.org/x/sys/unix"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"pausetest/internal/demo"
	"pausetest/internal/procctl"
)

const (
	effectSpan   = 75 * time.Second
	effectWindow = 250 * time.Millisecond
	effectSettle = 25 * time.Millisecond // after the watcher was stopped or continued
	effectReach  = 0.005                 // the largest share of the throughput that may be lost
)

// effect measures what three real streams move while a whole pausetest watches them
// and pauses nobody, and while nobody watches, window after window: behind a link,
// as dumps are, and as fast as the processors can copy, where every cycle that the
// watcher takes is missed.
func effect(s *session) error {
	for _, link := range []struct {
		name           string
		bytesPerSecond int64
	}{{"behind a link of 40 MB/s", demo.DefaultLinkBytesPerSecond}, {"as fast as the processors copy", 1 << 40}} {
		d, err := startDemo(link.bytesPerSecond)
		if err != nil {
			return err
		}
		ratios, err := s.effectOn(d)
		if err := errors.Join(err, d.Close()); err != nil {
			return err
		}
		s.printEffect("dumps "+link.name, ratios)
	}
	return nil
}

// effectOn returns ln(watched/unwatched) of the throughputs of every pair of
// windows. Which of a pair comes first alternates, so that a drift cancels out.
//
// Note: the watcher is one run all the time, which a signal stops and continues. So the
// windows of a pair are neighbours, and what it does once in a while is in some of them;
// to start it anew for each would allow twelve pairs in the same time.
func (s *session) effectOn(d *demo.Demo) (logRatios []float64, err error) {
	var written []*procctl.IOCounter
	for _, stream := range d.Streams() {
		id, err := identify(stream.SourcePID)
		if err != nil {
			return nil, err
		}
		counter, err := procctl.OpenIO(id)
		if err != nil {
			return nil, err
		}
		defer counter.Close()
		written = append(written, counter)
	}
	w, err := startWatching(s.binary, d.Streams())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.cmd.Process.Signal(unix.SIGCONT), w.end()) }()
	rateAfter := func(signal unix.Signal) (float64, error) {
		if err := w.cmd.Process.Signal(signal); err != nil {
			return 0, err
		}
		time.Sleep(effectSettle)
		return rateOf(written)
	}
	order := []unix.Signal{unix.SIGCONT, unix.SIGSTOP}
	for begin := time.Now(); time.Since(begin) < effectSpan; slices.Reverse(order) {
		rates := map[unix.Signal]float64{}
		for _, signal := range order {
			if rates[signal], err = rateAfter(signal); err != nil {
				return nil, err
			}
		}
		logRatios = append(logRatios, math.Log(rates[unix.SIGCONT]/rates[unix.SIGSTOP]))
	}
	return logRatios, nil
}

// rateOf is what the counters together move in a window, in bytes per second.
func rateOf(counters []*procctl.IOCounter) (float64, error) {
	total := func() (sum uint64, err error) {
		for _, c := range counters {
			n, err := c.Read()
			if err != nil {
				return 0, err
			}
			sum += n
		}
		return sum, nil
	}
	before, err := total()
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	time.Sleep(effectWindow)
	after, err := total()
	return float64(after-before) / time.Since(begin).Seconds(), err
}

// printEffect prints the ratio with its 95 % interval (Student's t over the pairs'
// logarithms). It falls short only if the interval lies beyond what was to be
// reached; one that is wider than that is said to be so.
func (s *session) printEffect(what string, logRatios []float64) {
	mean, sd := stat.MeanStdDev(logRatios, nil)
	n := float64(len(logRatios))
	half := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(0.975) * sd / math.Sqrt(n)
	low, high := math.Exp(mean-half), math.Exp(mean+half)
	verdict := "indistinguishable from 1"
	switch {
	case high < 1-effectReach:
		verdict = "short"
	case low < 1-effectReach:
		verdict = "interval too wide to tell 0.5 %"
	}
	fmt.Fprintf(s.table, "%s, watched beside unwatched\t\t\t%.4f (%.4f to %.4f)\t%.4f\t%s\n",
		what, math.Exp(mean), low, high, 1-effectReach, verdict)
}
