package limiter

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"pausetest/internal/recording"
)

// staged has one, two and three streams running for so many looks each, 0.1 s apart.
func staged(looks [3]int, frames ...frame) Facts {
	f := Facts{Vitals: observed(play(looks[0]+looks[1]+looks[2], frames...)), Rates: map[int]float64{1: 1e6, 2: 6e5, 3: 4e5},
		OverOne: map[int]Ratio{2: {.6, .8}, 3: {.4, .5}}}
	from := int64(1)
	for i, n := range looks {
		f.Windows = append(f.Windows, Window{Active: []int{1, 2, 3}[:i+1], FromNS: from, ToNS: from + int64(n)*1e8 - 1})
		from += int64(n) * 1e8
	}
	return f
}

// TestLimitOfEachLevel has a relay stand in a write while another socket has room,
// which is nobody's loss while one stream runs.
func TestLimitOfEachLevel(t *testing.T) {
	const full = 65536
	blocked := tarsWrite(writes(recording.ToSocket, socks+1), full, 0, 0).shut(.9)
	type limit struct {
		Active  int
		Kind    Kind
		Process string
		Name    string
		Share   float64
	}
	writer := func(active int) limit {
		return limit{active, BlockingWriter, "relay", "relay, a single blocking writer", 1}
	}
	undecided := func(active int) limit { return limit{active, Unknown, "", "not decided", 0} }
	for name, test := range map[string]struct {
		facts Facts
		want  []limit
	}{
		"from two on": {staged([3]int{30, 30, 30}, blocked), []limit{{1, Receivers, "", "the receivers", 1}, writer(2), writer(3)}},
		"too few looks at some": {staged([3]int{30, leastLooks - 1, 30}, blocked),
			[]limit{{1, Receivers, "", "the receivers", 1}, undecided(2), writer(3)}},
		"too few looks at the highest": {staged([3]int{30, 30, 5}, blocked), []limit{{1, Receivers, "", "the receivers", 1}, writer(2), undecided(3)}},
	} {
		f := Find(test.facts)
		var got []limit
		for _, l := range f.Levels {
			process := ""
			if l.Limit.Process != nil {
				process = l.Limit.Process.Name
			}
			got = append(got, limit{l.Active, l.Limit.Kind, process, l.Limit.Name, l.Limit.Share})
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if top := f.Levels[len(f.Levels)-1].Limit; f.Kind != top.Kind || f.Process != top.Process || f.Device != top.Device {
			t.Errorf("%s: %s of %+v, but at the highest level %+v", name, f.Kind, f.Process, top)
		}
	}
}

func TestNames(t *testing.T) {
	tl := &tally{names: map[string]string{files: "sda"}}
	named := func(kind Kind, who, device string) share {
		return share{blamed: blamed{kind: kind, name: who, device: device}, who: group{name: who}}
	}
	for want, s := range map[string]share{
		"amandad, a single blocking writer": named(BlockingWriter, "amandad", ""),
		"CPU time of demo-relay":            named(Computing, "demo-relay", ""),
		"CPU time of a process":             named(Computing, "", ""),
		"the host's CPUs":                   named(HostCPU, "tar", ""),
		"the receivers":                     named(Receivers, "", ""),
		"the sockets' send buffers":         named(SendBuffer, "", ""),
		"the network":                       named(Network, "", ""),
		"disk sda":                          named(Disk, "tar", files),
		"disk sda, shared":                  named(SharedDisk, "tar", files),
		"disk 8:16":                         named(Disk, "tar", "8:16"),
		"storage":                           named(Disk, "tar", ""),
		"a network file system":             named(NetworkFS, "tar", ""),
		"the host's memory":                 named(Memory, "tar", ""),
		"what feeds tar":                    named(Input, "tar", ""),
		"what reads the streams' pipes":     named(Outside, "tar", ""),
		"not decided":                       named(Unknown, "", ""),
	} {
		if got := tl.name(s); got != want {
			t.Errorf("%s: %q, want %q", s.kind, got, want)
		}
	}
}

func TestStretches(t *testing.T) {
	level := func(active int, kind Kind, name string, share float64) Level {
		return Level{Active: active, Limit: Limit{Kind: kind, Name: name, Share: share}}
	}
	for name, test := range map[string]struct {
		levels []Level
		want   []string
	}{
		"none": {nil, nil},
		"one":  {[]Level{level(3, Receivers, "the receivers", .9)}, []string{"3"}},
		"two are put together": {[]Level{level(1, Receivers, "the receivers", .9), level(2, Computing, "CPU time of a", .8), level(3, Computing, "CPU time of a", .7)},
			[]string{"1", "2 and 3"}},
		"far apart": {[]Level{level(1, Network, "the network", 1), level(2, Network, "the network", 1), level(4, Network, "the network", 1), level(8, Unknown, "not decided", 0)},
			[]string{"1, 2 and 4", "8"}},
		"another process": {[]Level{level(1, Computing, "CPU time of a", 1), level(2, Computing, "CPU time of b", 1), level(3, Computing, "CPU time of a", 1)},
			[]string{"1", "2", "3"}},
	} {
		f := Finding{Levels: test.levels}
		var got []string
		for _, s := range f.Stretches() {
			got = append(got, s.Active())
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	f := Finding{Levels: []Level{level(2, Computing, "CPU time of a", .8), level(3, Computing, "CPU time of a", .7), level(4, Computing, "CPU time of a", .9)}}
	if s := f.Stretches()[0]; s.From != 2 || s.To != 4 || s.LeastShare != .7 || s.MostShare != .9 {
		t.Errorf("%+v", s)
	}
}

// What a level's own ratio does not show is nobody's fault: neither without an
// estimate, nor where its interval reaches 1, whatever the mean rates are.
func TestLevelNeedsItsOwnRatio(t *testing.T) {
	blocked := tarsWrite(writes(recording.ToSocket, socks+1), 65536, 0, 0).shut(.9)
	for name, over := range map[string]map[int]Ratio{
		"not estimated":      {3: {.4, .5}},
		"costs next to none": {2: {.95, .98}, 3: {.4, .5}},
		"interval reaches 1": {2: {.6, 1}, 3: {.4, .5}},
	} {
		f := staged([3]int{leastLooks, leastLooks, leastLooks}, blocked)
		f.OverOne = over
		levels := Find(f).Levels
		if got := [2]Kind{levels[1].Limit.Kind, levels[2].Limit.Kind}; got != [2]Kind{Receivers, BlockingWriter} {
			t.Errorf("%s: two and three streams: %v", name, got)
		}
	}
}

// Nothing is named, and nothing has a share, where the sources were not seen.
func TestNothingNamedHasNoShare(t *testing.T) {
	tl := &tally{looks: 100}
	if got := tl.limit(tl.decide([]share{{blamed: blamed{kind: Unknown}, share: 1}})); got.Kind != Unknown || got.Share != 0 {
		t.Errorf("%+v", got)
	}
}
