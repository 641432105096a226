package main

import (
	"context"
	"maps"
	"slices"

	"pausetest/internal/printable"
	"pausetest/internal/recording"
	"pausetest/internal/vitals"
)

// paths are the ways of the managed streams' bytes: through their own trees and what
// they share, to those whose sockets carry them.
func (h *liveHost) paths() []vitals.Path {
	var paths []vitals.Path
	for _, id := range slices.Sorted(maps.Keys(h.live)) {
		found := &h.live[id].found
		p := vitals.Path{Stream: id, Source: found.Source, Carriers: found.Carriers, Processes: found.Processes}
		if found.Shared != nil {
			p.Processes = append(slices.Clip(p.Processes), *found.Shared)
		}
		paths = append(paths, p)
	}
	return paths
}

// observe lets the vitals be observed, beside the sampling, until ctx ends. A record
// for which there is no room is lost; the next one holds the counters. A fault of the
// observing is recorded, and the run goes on without.
func (h *liveHost) observe(ctx context.Context) {
	err := h.vitals.Run(ctx, func(v recording.Vitals) bool {
		select {
		case h.sampler.out <- recording.Record{Vitals: &v}:
			return true
		default:
			return false
		}
	})
	if err == nil {
		return
	}
	select {
	case h.sampler.out <- recording.Record{Vitals: &recording.Vitals{TNS: h.NowNS(), Fault: printable.Text(err.Error(), 0)}}:
	case <-ctx.Done():
	}
}
