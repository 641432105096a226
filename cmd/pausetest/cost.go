package main

import (
	"time"

	"pausetest/internal/analysis"
	"pausetest/internal/experiment"
	"pausetest/internal/recording"
)

// A cost is what a plan takes from the backups, and how long it lasts. Neither
// counts blocks that have to be run again because something came between.
type cost struct {
	withheldNS, lastsNS int64
}

func (c cost) plus(o cost) cost { return cost{c.withheldNS + o.withheldNS, c.lastsNS + o.lastsNS} }

func (c cost) times(n int) cost { return cost{int64(n) * c.withheldNS, int64(n) * c.lastsNS} }

// costs are the least that can decide the plan's question, and the most it may
// take.
func (p *plan) costs(streams int, t experiment.Timing) (least, most cost) {
	block := p.blockCost(streams, t)
	fewest := analysis.FirstLook(p.design, streams)
	if p.design.Design == recording.Fixed {
		fewest = p.design.MaxBlocks
	}
	rest := p.restCost(streams, t)
	return block.times(fewest).plus(rest), block.times(p.design.MaxBlocks).plus(rest)
}

// gapNS is the mean time between blocks when it is left to the method.
const gapNS = int64(2 * time.Second)

// blockCost is one pass over the schedule, and the gap before it.
func (p *plan) blockCost(streams int, t experiment.Timing) cost {
	c := cost{lastsNS: gapNS}
	if p.schedule.GapNS >= 0 {
		c.lastsNS = p.schedule.GapNS
	}
	for _, seg := range p.schedule.Segments {
		holdNS := seg.HoldNS
		if holdNS == 0 {
			holdNS = t.SettleNS + t.MeasureNS
		}
		active := streams
		switch a := seg.Active; {
		case a.Count > 0:
			active = a.Count
		case len(a.Labels) > 0:
			active = len(a.Labels)
		}
		c = c.plus(cost{int64(streams-active) * holdNS, holdNS})
	}
	return c
}

// restCost is the baseline, the levels between, the placebo and every two streams.
func (p *plan) restCost(streams int, t experiment.Timing) cost {
	const baselineNS = int64(5 * time.Second)
	holdNS := t.SettleNS + t.MeasureNS
	c := cost{lastsNS: baselineNS}
	if p.design.Between {
		for _, k := range experiment.LevelsBetween(streams) {
			pair := cost{int64(streams-k) * holdNS, 2*holdNS + gapNS}
			c = c.plus(pair.times(experiment.BetweenRounds(p.design)))
		}
	}
	c = c.plus(pairsCost(streams, holdNS).times(p.design.PairRounds))
	return c.plus(cost{0, 2*holdNS + gapNS}.times(p.design.Placebo))
}

// feasible refuses a plan that could not be carried out on so many streams: it is
// better said now than after the baseline.
func (p *plan) feasible(streams []recording.Stream, t experiment.Timing) error {
	if err := p.schedule.CheckLabels(labelsOf(streams)); err != nil {
		return badInput("the labels are those that pausetest streams prints", "%w", err)
	}
	if err := p.schedule.CheckStreams(len(streams)); err != nil {
		return badInput("list them with: pausetest streams", "%w", err)
	}
	if holdNS := t.SettleNS + t.MeasureNS; p.usesMethodTiming() && holdNS > p.limits.MaxPauseNS {
		return badInput("settle for less, or raise --max-pause", "a segment of %v would pause streams for longer than the limit of %v (--max-pause)",
			time.Duration(holdNS), p.maxPause)
	}
	for _, seg := range p.schedule.Segments {
		if seg.HoldNS > 0 && seg.HoldNS <= t.SettleNS {
			return badInput("hold it for longer, or settle for less", "a segment of %v leaves nothing to measure after settling for %v",
				time.Duration(seg.HoldNS), time.Duration(t.SettleNS))
		}
	}
	if block := p.blockCost(len(streams), t); p.limits.BudgetNS > 0 && block.withheldNS > p.limits.BudgetNS {
		return badInput("allow for several blocks: see pausetest run --dry-run", "--budget %g does not suffice for one block, which takes %g stream-seconds",
			p.budget, time.Duration(block.withheldNS).Seconds())
	}
	return nil
}

func (p *plan) usesMethodTiming() bool {
	if p.design.PairRounds > 0 {
		return true
	}
	for _, seg := range p.schedule.Segments {
		if seg.HoldNS == 0 && !seg.Active.All {
			return true
		}
	}
	return false
}
