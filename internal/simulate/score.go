package simulate

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"pausetest/internal/analysis"
)

// A Score is what many runs of one world came to. It is part of the output of
// `pausetest simulate --json`. Frequencies are parts of all runs, 0..1.
type Score struct {
	World      string `json:"world"`
	Streams    int    `json:"streams"`
	Attributed bool   `json:"attributed"` // the streams' own counters could be read
	Runs       int    `json:"runs"`
	// TrueRatio is T(N)/T(1) if nobody paused anything.
	TrueRatio float64 `json:"true_ratio"`
	// Verdicts holds all five, also those that never came up.
	Verdicts map[analysis.Verdict]float64 `json:"verdicts"`
	// Coverage is how often the last repeated interval held TrueRatio; runs
	// that ended without an interval count as a miss.
	Coverage        float64 `json:"coverage"`
	MeanRatio       float64 `json:"mean_ratio"`          // of the runs that have one
	MeanBlocks      float64 `json:"mean_blocks"`         // counted ones; after a restart, those since
	MeanWallSec     float64 `json:"mean_wall_seconds"`   // from the start to the end of the last block
	MeanPausedSec   float64 `json:"mean_paused_seconds"` // stream-seconds withheld from the backups
	LongestPauseSec float64 `json:"longest_pause_seconds"`
	// Restarted is how often the settle check had blocks discarded and measured
	// anew; on a host without lasting transients, its false alarms.
	Restarted float64 `json:"restarted"`
	// Levels is how well the best number of streams was found; null unless the
	// levels between one and all were measured.
	Levels *LevelScore `json:"levels"`
	// Pairs is how well it was found which streams hurt each other; null unless
	// every two of them were measured.
	Pairs *PairScore `json:"pairs"`
}

// A LevelScore is about the best number of streams.
type LevelScore struct {
	Best         int     `json:"best"`          // the true one
	BestRelative float64 `json:"best_relative"` // its throughput over that of all streams
	NearBest     float64 `json:"near_best"`     // runs in which the level that looked best is within 10 % of the best
	MeanLoss     float64 `json:"mean_loss"`     // part of the best throughput lost by following the looks
	Advised      float64 `json:"advised"`       // runs that recommended a number
	// AdvisedNearBest is NearBest among the runs that recommended one.
	AdvisedNearBest float64 `json:"advised_near_best"`
	Coverage        float64 `json:"coverage"` // of T(k)/T(N) over the levels between
}

// A level that moves less than the best one by no more than this part counts as
// near it, or as as good.
const (
	nearBest = 0.10
	asGood   = 0.001
)

// Score plays a world so many times, on so many cores, and scores the runs. The
// runs depend on the seed and not on the number of cores, and two worlds played
// with the same seed meet the same luck. tick, if not nil, is called after every
// run, from any goroutine.
func (p Protocol) Score(ctx context.Context, w *World, runs int, seed uint64, cores int, tick func()) (Score, error) {
	played := make([]brief, runs)
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range max(1, cores) {
		group.Go(func() error {
			for {
				i := int(next.Add(1) - 1)
				if i >= runs {
					return nil
				}
				o, err := Play(ctx, w, p, seedOf(seed, i), nil)
				if err != nil {
					return err
				}
				played[i] = o.brief()
				if tick != nil {
					tick()
				}
			}
		})
	}
	if err := group.Wait(); err != nil {
		return Score{}, err
	}
	s := score(w, played)
	if p.Plan.PairRounds > 0 {
		s.Pairs = scorePairs(w, played)
	}
	return s, nil
}

// A brief is what a score needs of an outcome, which is much larger.
type brief struct {
	verdict                        analysis.Verdict
	ratio                          float64
	interval                       analysis.Interval
	blocks                         int
	wallSec, pausedSec, longestSec float64
	restarted                      bool
	levels                         []analysis.RelativeLevel
	advised                        int // number of streams; 0: none
	pairs                          []analysis.Interaction
}

func (o *Outcome) brief() brief {
	b := brief{
		verdict: o.Verdict, ratio: o.Ratio, interval: o.Interval, blocks: o.Blocks,
		wallSec: o.WallSeconds, pausedSec: o.PausedStreamSec, longestSec: o.LongestPauseSec,
		restarted: o.Restarts > 0, levels: o.Relative, pairs: o.Interactions,
	}
	if r := o.RecommendedStreams; r != nil {
		b.advised = r.Streams
	}
	return b
}

// seedOf is the seed of a run: a bijection of its number for every seed, so that
// no run is played twice (the finalizer of SplitMix64, Steele et al. 2014).
func seedOf(seed uint64, run int) uint64 {
	z := seed + (uint64(run)+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// score counts what was played.
func score(w *World, played []brief) Score {
	truth := w.Truth()
	s := Score{
		World: w.Name, Streams: len(w.SpeedMBps), Attributed: w.Attributed, Runs: len(played),
		TrueRatio: truth[len(truth)-1],
		Verdicts: map[analysis.Verdict]float64{
			analysis.Collapse: 0, analysis.Saturated: 0, analysis.Scaling: 0, analysis.NoCollapse: 0, analysis.Inconclusive: 0,
		},
	}
	estimated := 0
	for i := range played {
		b := &played[i]
		s.Verdicts[b.verdict]++
		if b.ratio > 0 {
			estimated++
			s.MeanRatio += b.ratio
			s.Coverage += count(holds(b.interval, s.TrueRatio))
		}
		s.MeanBlocks += float64(b.blocks)
		s.MeanWallSec += b.wallSec
		s.MeanPausedSec += b.pausedSec
		s.LongestPauseSec = max(s.LongestPauseSec, b.longestSec)
		s.Restarted += count(b.restarted)
	}
	runs := float64(len(played))
	for v := range s.Verdicts {
		s.Verdicts[v] /= runs
	}
	for _, x := range []*float64{&s.Coverage, &s.MeanBlocks, &s.MeanWallSec, &s.MeanPausedSec, &s.Restarted} {
		*x /= runs
	}
	s.MeanRatio /= float64(max(1, estimated))
	round(&s.MeanRatio, &s.TrueRatio, &s.MeanWallSec, &s.MeanPausedSec)
	s.Levels = scoreLevels(truth, played)
	return s
}

func count(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func holds(i analysis.Interval, x float64) bool { return i.Low <= x && x <= i.High }

// round leaves what is worth printing.
func round(values ...*float64) {
	for _, x := range values {
		*x = math.Round(*x*1e6) / 1e6
	}
}

// scoreLevels compares the level that looked best with the one that is.
func scoreLevels(truth []float64, played []brief) *LevelScore {
	n := len(truth)
	best := slices.Max(truth)
	s := &LevelScore{
		Best:         1 + slices.IndexFunc(truth, func(t float64) bool { return t >= (1-asGood)*best }),
		BestRelative: best / truth[n-1],
	}
	near := func(level int) bool { return truth[level-1] >= (1-nearBest)*best }
	var looked, between float64
	for i := range played {
		b := &played[i]
		if len(b.levels) == 0 {
			continue
		}
		looked++
		top := slices.MaxFunc(b.levels, func(a, b analysis.RelativeLevel) int { return cmp.Compare(a.Ratio, b.Ratio) })
		s.MeanLoss += 1 - truth[top.Active-1]/best
		s.NearBest += count(near(top.Active))
		s.Advised += count(b.advised > 0)
		s.AdvisedNearBest += count(b.advised > 0 && near(b.advised))
		for _, l := range b.levels {
			if l.Active > 1 && l.Active < n {
				between++
				s.Coverage += count(holds(l.Interval, truth[l.Active-1]/truth[n-1]))
			}
		}
	}
	if looked == 0 {
		return nil
	}
	s.AdvisedNearBest /= max(1, s.Advised)
	s.Coverage /= max(1, between)
	for _, x := range []*float64{&s.NearBest, &s.MeanLoss, &s.Advised} {
		*x /= looked
	}
	round(&s.BestRelative, &s.MeanLoss, &s.Coverage, &s.AdvisedNearBest)
	return s
}
