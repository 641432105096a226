package simulate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"

	"pausetest/internal/analysis"
	"pausetest/internal/experiment"
	"pausetest/internal/judge"
	"pausetest/internal/recording"
	"pausetest/internal/schedule"
)

// A Protocol is how a world is played: what `pausetest run` would be told.
type Protocol struct {
	Plan   recording.Plan
	Limits recording.Limits
}

// An Outcome is what one run of a world came to.
type Outcome struct {
	analysis.Result
	// Restarts is how often blocks were discarded for a longer settling.
	Restarts int
	// Relative is T(k)/T(N) at every level measured; nil unless the plan asks
	// for the levels between.
	Relative []analysis.RelativeLevel
}

// theSchedule is the one that a run without --schedule has.
var theSchedule = sync.OnceValue(schedule.Default)

// Play runs one experiment on a world, in virtual time: the loop, the schedule
// and the judge are those of a live run. The same world, protocol and seed give
// the same outcome. Records go to keep, which may be nil; a sample's memory is
// used again after it returns.
func Play(ctx context.Context, w *World, p Protocol, seed uint64, keep experiment.Recorder) (Outcome, error) {
	rng := rand.New(rand.NewPCG(seed, 0x2545f4914f6cdd1d))
	runSeed := rng.Uint64()
	h := newHost(w, rng)
	header := h.header(p, runSeed)
	j := judge.New(header)
	r := &counter{keep: keep}
	if keep != nil {
		if err := keep.Write(recording.Record{Header: &header}); err != nil {
			return Outcome{}, fmt.Errorf("keeping the records: %w", err)
		}
	}
	_, err := experiment.Run(ctx, experiment.Config{
		Schedule: theSchedule(), Seed: runSeed, Plan: p.Plan, Limits: p.Limits, Known: h.census,
	}, experiment.Host{Streams: h, Meter: h, Judge: j, Recorder: r})
	if err != nil {
		return Outcome{}, fmt.Errorf("playing %s: %w", w.Name, err)
	}
	o := Outcome{Result: j.Result(), Restarts: max(0, r.retimed-1)}
	if p.Plan.Between {
		o.Relative = j.Relative()
	}
	return o, nil
}

func (h *host) header(p Protocol, seed uint64) recording.Header {
	plan := p.Plan
	plan.Schedule = theSchedule().Text
	return recording.Header{
		Format: recording.Format, Simulated: true, Seed: seed, Plan: plan, Limits: p.Limits,
		Host:        recording.Host{Name: "simulated"},
		Note:        h.world.Name,
		Interface:   recording.Interface{Name: "sim0", ChosenBy: "simulate"},
		Direction:   recording.Transmit,
		SampleNS:    int64(h.world.Sampling.Every),
		Streams:     h.census,
		Attribution: recording.Attribution{IO: h.world.Attributed},
	}
}

// A counter counts what the judge's result does not hold, and passes records on.
type counter struct {
	keep    experiment.Recorder
	retimed int
}

func (c *counter) Write(r recording.Record) error {
	if r.Event != nil && r.Event.Kind == recording.Retimed {
		c.retimed++
	}
	if c.keep != nil {
		return c.keep.Write(r)
	}
	return nil
}
