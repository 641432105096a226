package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"pausetest/internal/experiment"
)

// pairRounds is how often --pairs measures every two streams unless told otherwise:
// fewer than four carry no statement (docs/statistics.md).
const pairRounds = 6

// mostPairRounds bounds it against a slip of the pen.
const mostPairRounds = 100

func pairsFlag(f *pflag.FlagSet, rounds *int) {
	const name = "pairs"
	f.IntVar(rounds, name, 0, "after the rest, measure every two streams, and each alone, so many `ROUNDS`: which of them hurt each other? (--pairs alone: "+strconv.Itoa(pairRounds)+"; the cost grows with the third power of the streams, see --dry-run)")
	f.Lookup(name).NoOptDefVal = strconv.Itoa(pairRounds)
}

func badPairs(rounds int) error {
	return badInput("--pairs alone, or with a number after an equals sign: --pairs=8", "--pairs=%d: expected 0 to %d", rounds, mostPairRounds)
}

// pairsCost is one round of every two streams and each alone, each against all. Of
// two streams the blocks of the verdict have that already.
func pairsCost(streams int, holdNS int64) cost {
	if streams < 3 {
		return cost{}
	}
	n := int64(streams)
	two, one := n*(n-1)/2, n
	return cost{(two*(n-2) + one*(n-1)) * holdNS, (two + one) * (2*holdNS + gapNS)}
}

// pairsText says what --pairs costs; empty without it.
func (p *plan) pairsText(streams int, t experiment.Timing) string {
	rounds := p.design.PairRounds
	switch {
	case rounds == 0:
		return ""
	case streams < 3:
		return "there are only two streams: the blocks of the verdict say what they do to each other"
	}
	c := pairsCost(streams, t.SettleNS+t.MeasureNS).times(rounds)
	return fmt.Sprintf("of that, up to %.0f stream-seconds and %.0f s for every two of %d streams and each alone, %s",
		time.Duration(c.withheldNS).Seconds(), time.Duration(c.lastsNS).Seconds(), streams, count(rounds, "round|rounds"))
}
