package main

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pausetest/internal/recording"
	"pausetest/internal/schedule"
)

// runOptions are the flags of an experiment.
type runOptions struct {
	selection
	out, runs         string
	iface, direction  string
	mechanism         string
	schedule          string
	seed              uint64
	blocks, maxBlocks int
	goal, confidence  string
	openEnded         bool
	levels            string
	rounds            int // of the levels between; 0: the method's
	placebo           int
	sample            time.Duration
	settle            time.Duration

	maxPause, maxPausedTotal, minRun time.Duration
	budget                           float64
	dataTimeout                      time.Duration
	unattributed                     float64
	pairs                            int

	note     string
	labels   map[string]string
	dryRun   bool
	exitCode bool
	quiet    bool
}

func newRun() *cobra.Command {
	o := &runOptions{}
	var p *plan
	var l *looker
	c := &cobra.Command{
		Use:   "run",
		Short: "pause and resume the running dumps on a schedule, measure, judge and draw",
		Long: `run finds the concurrent dumps of this host, checks that they may be paused, and
measures throughput with all of them running against throughput with one running
alone, in short pairs of random order, until the answer is certain enough. Then it
writes a run folder: recording, result, figures, report.

A stream is paused for about 3 s at a time. Ctrl-C, a lost terminal and Ctrl-Z
resume everything first; a guard process does so should pausetest itself die or hang.`,
		Example: `  pausetest run --dry-run            what would be done, and what may be paused
  pausetest run --note "before bsdtcp"
  pausetest run --match '^tar .*--create' --iface eth0`,
		Args: cobra.NoArgs,
		PreRunE: func(cmd *cobra.Command, _ []string) (err error) {
			p, l, err = o.ask(cmd.Flags())
			return err
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			first, err := firstLook(cmd, l)
			if err != nil {
				return err
			}
			if o.dryRun {
				return newExecution(cmd, p, l).dryRun(cmd.OutOrStdout(), first)
			}
			return perform(cmd, p, l, first)
		},
	}
	o.selection.flags(c.Flags())
	o.flags(c.Flags())
	o.liveFlags(c.Flags())
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "print what would be done and touch nothing")
	configurable(c, "out", "pid", "dry-run")
	return c
}

// liveFlags are those that the demo has no use for.
func (o *runOptions) liveFlags(f *pflag.FlagSet) {
	f.StringVar(&o.runs, "runs", runsDir, "the folder that new run folders go into")
	f.StringVar(&o.iface, "iface", "", "network interface to sample (default: the one the streams' own sockets leave by)")
	f.StringVar(&o.direction, "direction", "tx", "what the dumps do here: tx (this host sends them) or rx (it receives them)")
	f.StringVar(&o.mechanism, "mechanism", mechanismSignals, "how to pause: signals (SIGSTOP), or freezer for streams that are wholly their own cgroup")
	f.StringVar(&o.schedule, "schedule", "", "run the schedule in `FILE` instead of the default one (YAML)")
}

// flags are those that the demo has as well.
func (o *runOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.out, "out", "", "the run folder, which must not exist (default: a new one, named after time and host)")
	f.Uint64Var(&o.seed, "seed", 0, "make the random choices of an earlier run again (default: a new seed)")
	f.IntVar(&o.blocks, "blocks", 0, "run exactly so many blocks, and look once (default: until decided)")
	f.IntVar(&o.maxBlocks, "max-blocks", 24, "run at most so many blocks")
	f.StringVar(&o.goal, "goal", string(recording.GoalClass), "what to decide: class (collapse, saturated or scaling) or collapse (yes or no)")
	f.StringVar(&o.confidence, "confidence", "95", "confidence of the intervals in percent: 95 or 90")
	f.BoolVar(&o.openEnded, "open-ended", false, "keep the error rate whenever you stop or extend (costs more blocks)")
	f.StringVar(&o.levels, "levels", "between", "levels to measure: between (all of them, after the verdict) or ends (one and all)")
	f.IntVar(&o.placebo, "placebo", 0, "add so many pairs in which streams are stopped and continued at once")
	f.DurationVar(&o.sample, "sample", 100*time.Millisecond, "time between samples")
	f.DurationVar(&o.settle, "settle", 0, "settling time of a segment (default: chosen by the method)")
	f.DurationVar(&o.maxPause, "max-pause", 10*time.Second, "longest single pause of a stream; the guard enforces this and the next two, too")
	f.DurationVar(&o.maxPausedTotal, "max-paused-total", 0, "longest time a stream may be paused in all (default: no limit)")
	f.Float64Var(&o.budget, "budget", 0, "stream-seconds that may be withheld in all (default: no limit)")
	f.DurationVar(&o.minRun, "min-run", time.Second, "time a stream runs between two pauses")
	f.DurationVar(&o.dataTimeout, "dtimeout", 30*time.Minute, "after which silence the other end gives a dump up (Amanda's dtimeout)")
	f.Float64Var(&o.unattributed, "unattributed-share", unknownShare, "largest share (0..1) of the traffic beside one stream that is not the backup's, if you know it")
	pairsFlag(f, &o.pairs)
	f.StringVar(&o.note, "note", "", "a sentence to keep with the run")
	f.StringToStringVar(&o.labels, "label", nil, "`KEY=VALUE` to keep with the run (repeatable)")
	f.BoolVar(&o.exitCode, "exit-code", false, "exit with 3 when inconclusive and 4 when a collapse was found")
	f.BoolVar(&o.quiet, "quiet", false, "show no progress")
}

// The mechanisms of pausing.
const (
	mechanismSignals = "signals"
	mechanismFreezer = "freezer"
)

// unknownShare is the unattributed share when the operator doesn't name one.
const unknownShare = -1

// A plan is an experiment whose every choice is made and checked.
type plan struct {
	*runOptions
	schedule   *schedule.Schedule
	design     recording.Plan
	limits     recording.Limits
	direction  recording.Direction
	seed       uint64
	confidence float64
	until      time.Time // when every pause has to be over; zero: any time
}

// plan checks the flags against each other before anything is looked at.
func (o *runOptions) plan(f *pflag.FlagSet) (*plan, error) {
	p := &plan{runOptions: o, schedule: schedule.Default()}
	if o.schedule != "" {
		text, err := readText(o.schedule)
		if err != nil {
			return nil, badInput("the README shows a schedule", "reading the schedule: %w", err)
		}
		if p.schedule, err = schedule.Parse(o.schedule, text); err != nil {
			return nil, badInput("docs/schedule.schema.json has every key", "%w", err)
		}
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	p.limits = recording.Limits{
		MaxPauseNS: int64(o.maxPause), MaxPausedTotalNS: int64(o.maxPausedTotal),
		BudgetNS: int64(o.budget * 1e9), MinRunNS: int64(o.minRun),
	}
	if err := p.schedule.CheckMaxPause(p.limits.MaxPauseNS); err != nil {
		return nil, badInput("shorten the segment, or raise --max-pause", "%w", err)
	}
	switch {
	case f.Changed("seed"):
		p.seed = o.seed
	case p.schedule.Seed != nil:
		p.seed = *p.schedule.Seed
	default:
		p.seed = uint64(rand.Uint32()) // short enough to be typed again
	}
	p.design = recording.Plan{
		Design: recording.Sequential, Goal: recording.Goal(o.goal), Confidence: p.confidence,
		SettleNS: max(int64(o.settle), p.schedule.SettleNS), MaxBlocks: o.maxBlocks,
		Between: o.levels == "between", BetweenRounds: o.rounds, Placebo: o.placebo,
		UnattributedShare: o.unattributed, Schedule: p.schedule.Text,
		PairRounds: o.pairs,
	}
	p.settleDesign()
	return p, nil
}

// settleDesign fills in how the number of blocks is settled.
func (p *plan) settleDesign() {
	switch {
	case p.openEnded:
		p.design.Design = recording.OpenEnded
	case p.blocks > 0:
		p.design.Design, p.design.MaxBlocks = recording.Fixed, p.blocks
	case p.schedule.Blocks > 0:
		p.design.Design, p.design.MaxBlocks = recording.Fixed, p.schedule.Blocks
	}
	if !p.schedule.IsPairs() {
		p.design.Between = false // the operator's own schedule has the levels it wants
	}
}

// check refuses flags that make no sense, each with what would.
func (p *plan) check() error {
	switch p.runOptions.direction {
	case "", "tx":
		p.direction = recording.Transmit
	case "rx":
		p.direction = recording.Receive
	default:
		return badInput("", "--direction %q: expected tx or rx", p.runOptions.direction)
	}
	switch p.runOptions.confidence {
	case "95":
		p.confidence = 0.95
	case "90":
		p.confidence = 0.90
	default:
		return badInput("", "--confidence %q: expected 95 or 90", p.runOptions.confidence)
	}
	oneOf := func(flag, value string, allowed ...string) error {
		if slices.Contains(allowed, value) {
			return nil
		}
		return badInput("", "--%s %q: expected %s", flag, value, strings.Join(allowed, " or "))
	}
	if err := oneOf("goal", p.goal, string(recording.GoalClass), string(recording.GoalCollapse)); err != nil {
		return err
	}
	if err := oneOf("mechanism", cmp.Or(p.mechanism, mechanismSignals), mechanismSignals, mechanismFreezer); err != nil {
		return err
	}
	if err := oneOf("levels", p.levels, "between", "ends"); err != nil {
		return err
	}
	switch {
	case p.blocks < 0 || p.blocks == 1 || p.blocks > 1000:
		return badInput("", "--blocks %d: expected 2 to 1000", p.blocks)
	case p.maxBlocks < 4 || p.maxBlocks > 1000:
		return badInput("", "--max-blocks %d: expected 4 to 1000", p.maxBlocks)
	case p.placebo < 0 || p.placebo > 100:
		return badInput("", "--placebo %d: expected 0 to 100", p.placebo)
	case p.pairs < 0 || p.pairs > mostPairRounds:
		return badPairs(p.pairs)
	case p.sample < 10*time.Millisecond || p.sample > 250*time.Millisecond:
		return badInput("finer windows are noise, coarser ones miss the edges of a segment", "--sample %v: expected 10ms to 250ms", p.sample)
	case p.settle < 0 || p.settle > 30*time.Second:
		return badInput("", "--settle %v: expected up to 30s", p.settle)
	case !(p.budget >= 0 && p.budget <= 1e6): // NaN, too
		return badInput("", "--budget %g: expected stream-seconds from 0 (no limit) to 1000000", p.budget)
	case p.maxPausedTotal < 0 || p.minRun < 0:
		return badInput("", "a limit can't be negative")
	case p.maxPause < time.Second:
		return badInput("a segment lasts about 3 s", "--max-pause %v: expected at least 1s", p.maxPause)
	case p.maxPause > p.dataTimeout/4:
		return badInput("a pause may last a quarter of the time after which the other end gives up, at most", "--max-pause %v is too long for --dtimeout %v", p.maxPause, p.dataTimeout)
	case p.unattributed != unknownShare && !(p.unattributed >= 0 && p.unattributed <= 1):
		return badInput("leave it out if you don't know", "--unattributed-share %g: expected 0 to 1", p.unattributed)
	}
	for _, key := range slices.Sorted(maps.Keys(p.labels)) {
		if key == "" || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r == '=' }) {
			return badInput("", "--label %q: expected KEY=VALUE, the key without blanks", fmt.Sprintf("%s=%s", key, p.labels[key]))
		}
	}
	return nil
}
