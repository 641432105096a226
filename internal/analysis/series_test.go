package analysis

import (
	"slices"
	"testing"
	"time"

	"pausetest/internal/recording"
)

// run is one night's run of streams with these labels.
func run(day int, host, iface string, by Source, labels ...string) *Study {
	s := &Study{Result: Result{
		Started: time.Date(2026, 11, day, 3, 0, 0, 0, time.UTC), Host: recording.Host{Name: host}, Interface: recording.Interface{Name: iface},
		DecidedBy: by, Blocks: 6, Ratio: 1, Interval: Interval{0.9, 1.1}, StreamCounts: []int{len(labels)},
	}}
	for _, l := range labels {
		s.Header.Streams = append(s.Header.Streams, recording.Stream{Label: l})
	}
	return s
}

func TestSeriesOf(t *testing.T) {
	studies := []*Study{
		run(9, "fs1", "eth0", Sockets, "fs1:/b level 0", "fs1:/a level 1"),
		run(1, "fs1", "eth0", Sockets, "fs1:/a level 0", "fs1:/b level 1"),
		run(2, "fs1", "eth0", Interface, "fs1:/a level 0", "fs1:/b level 1"),
		run(3, "fs1", "eth1", Sockets, "fs1:/a level 0", "fs1:/b level 1"),
		run(4, "fs2", "eth0", Sockets, "fs1:/a level 0", "fs1:/b level 1"),
		run(5, "fs1", "eth0", Sockets, "fs1:/a level 0", "fs1:/c level 1"),
		run(6, "fs1", "eth0", Sockets, "fs1:/a level 0", "fs1:/b level 1", "fs1:/c level 1"),
		run(7, "fs1", "eth0", Sockets, "rsync /srv (pid 812)", "fs1:/b level 1 (pid 7)"),
		run(8, "fs1", "eth0", Sockets, "rsync /srv (pid 9)", "fs1:/b"),
	}
	without := run(1, "fs1", "eth0", Sockets, "fs1:/a level 0", "fs1:/b level 1")
	without.Result.Interval = Interval{}
	check := func(anyStreams bool, want ...[]int) {
		t.Helper()
		var got [][]int
		for _, s := range SeriesOf(append(studies, without), anyStreams) {
			var days []int
			for _, study := range s.Studies {
				days = append(days, study.Result.Started.Day())
			}
			got = append(got, days)
		}
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("series of days %v, want %v", got, want)
		}
	}
	check(false, []int{1, 9}, []int{7, 8}, []int{2}, []int{3}, []int{4}, []int{5}, []int{6})
	check(true, []int{1, 5, 7, 8, 9}, []int{2}, []int{3}, []int{4}, []int{6})
	if got, want := SeriesOf(studies, false)[0].Words(), "fs1, eth0, 2 streams (fs1:/a, fs1:/b), by the streams' sockets"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
