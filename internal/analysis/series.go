package analysis

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"pausetest/internal/recording"
)

// A Series is runs whose ratios may be held against one another from night to
// night: the same streams of the same host by the same interface, judged by the
// same counter.
type Series struct {
	SeriesKey
	Studies []*Study // by time; all gave a ratio
	Changes []Change
}

// A SeriesKey is what the runs of a series have in common.
type SeriesKey struct {
	Host      string              `json:"host"`
	Interface string              `json:"interface"`
	Direction recording.Direction `json:"direction"`
	DecidedBy Source              `json:"decided_by"`
	Simulated bool                `json:"simulated"`
	// StreamCounts is every N that went into the ratio, such as "3" or "3, 2".
	StreamCounts string `json:"stream_counts"`
	// Streams are the names of the streams, one a line; empty where runs of different
	// streams are in one series.
	Streams string `json:"streams"`
}

// SeriesOf sorts runs into series, those with most runs first, and finds the changes
// in each. Runs without a ratio are in none. With anyStreams, equally many streams are
// enough, whichever they are: what a site with many disks has every night.
//
// Note: two counters are two series. The ratio by the interface is drawn towards 1
// by whatever else the interface carries; a night in which the streams' own counters
// could not be read would look like a change.
func SeriesOf(studies []*Study, anyStreams bool) []Series {
	var all []Series
	index := map[SeriesKey]int{}
	for _, s := range studies {
		if !hasRatio(&s.Result) {
			continue
		}
		key := keyOf(s, anyStreams)
		i, known := index[key]
		if !known {
			i = len(all)
			index[key] = i
			all = append(all, Series{SeriesKey: key})
		}
		all[i].Studies = append(all[i].Studies, s)
	}
	for i := range all {
		slices.SortStableFunc(all[i].Studies, func(a, b *Study) int { return a.Result.Started.Compare(b.Result.Started) })
		all[i].Changes = Changes(all[i].Studies)
	}
	slices.SortStableFunc(all, func(a, b Series) int { return cmp.Compare(len(b.Studies), len(a.Studies)) })
	return all
}

func keyOf(s *Study, anyStreams bool) SeriesKey {
	r := &s.Result
	key := SeriesKey{
		Host: r.Host.Name, Interface: r.Interface.Name, Direction: s.Header.Direction, DecidedBy: r.DecidedBy, Simulated: r.Simulated,
		StreamCounts: strings.ReplaceAll(strings.Trim(fmt.Sprint(r.StreamCounts), "[]"), " ", ", "),
	}
	if anyStreams {
		return key
	}
	names := make([]string, len(s.Header.Streams))
	for i, stream := range s.Header.Streams {
		names[i] = passing.ReplaceAllString(stream.Label, "")
	}
	slices.Sort(names)
	key.Streams = strings.Join(names, "\n")
	return key
}

// passing is the part of a stream's label that differs from night to night though
// the stream is the same: the level of the dump, a process id.
var passing = regexp.MustCompile(`( level \S+)?( \(pid \d+\))?$`)

// Words names the series in a sentence: "fs3, eth0, 3 streams (fs3:/export, fs3:/home)".
func (k SeriesKey) Words() string {
	text := fmt.Sprintf("%s, %s, %s streams", k.Host, k.Interface, k.StreamCounts)
	if k.Streams != "" {
		text += " (" + strings.ReplaceAll(k.Streams, "\n", ", ") + ")"
	}
	if k.Simulated {
		text += ", SIMULATED"
	}
	return text + ", by " + k.DecidedBy.Words()
}
