package main

import (
	"fmt"
	"os/exec"
	"slices"
	"time"
)

// A contender is one way to do a thing.
type contender struct {
	name string
	// run does it once. What it does before it returns its time is not counted
	// when it measures itself.
	run func() (time.Duration, error)
}

// timed counts all that f does.
func timed(name string, f func() error) contender {
	return contender{name, func() (time.Duration, error) {
		begin := time.Now()
		err := f()
		return time.Since(begin), err
	}}
}

// command counts a whole process, its output thrown away.
func command(name string, args ...string) contender {
	return timed(name, func() error {
		err := exec.Command(args[0], args[1:]...).Run()
		if _, said := err.(*exec.ExitError); said {
			return nil // pgrep, say, that finds nobody
		}
		return err
	})
}

// What keeps a whole run within ten minutes.
const (
	longestTurns = 20 * time.Second
	leastRounds  = 3
)

// byTurns lets the contenders take turns, each round beginning with another, and
// returns each one's times in the order of the rounds. One more round, the first,
// warms up and isn't counted. On a slow machine there are fewer rounds.
func byTurns(rounds int, contenders ...contender) ([][]time.Duration, error) {
	times := make([][]time.Duration, len(contenders))
	begin := time.Now()
	for round := range rounds + 1 {
		if round > leastRounds && time.Since(begin) > longestTurns {
			break
		}
		for i := range contenders {
			at := (i + round) % len(contenders)
			took, err := contenders[at].run()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", contenders[at].name, err)
			}
			if round > 0 {
				times[at] = append(times[at], took)
			}
		}
	}
	return times, nil
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

// ratio is the median of the rounds' own ratios, so that what slows a whole round
// down does not count.
func ratio(ours, theirs []time.Duration) float64 {
	var all []float64
	for i := range ours {
		all = append(all, float64(ours[i])/float64(theirs[i]))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// compare measures the first contender against each of the others and prints a line
// each. reach is the largest ratio that will do; 0: there is none.
func (s *session) compare(what string, rounds int, reach []float64, contenders ...contender) error {
	times, err := byTurns(rounds, contenders...)
	if err != nil {
		return err
	}
	for i := 1; i < len(contenders); i++ {
		s.line(fmt.Sprintf("%s, beside %s", what, contenders[i].name), median(times[0]).String(), median(times[i]).String(),
			ratio(times[0], times[i]), reach[i-1])
	}
	return nil
}

// line prints one comparison.
func (s *session) line(what, ours, theirs string, ratio, reach float64) {
	goal, verdict := "", ""
	if reach > 0 {
		goal = fmt.Sprintf("%.2f", reach)
		if ratio > reach {
			verdict = "short"
		}
	}
	fmt.Fprintf(s.table, "%s\t%s\t%s\t%.2f\t%s\t%s\n", what, ours, theirs, ratio, goal, verdict)
}
