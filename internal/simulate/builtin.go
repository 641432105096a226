package simulate

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// A Listed is a built-in world: its name, what it stands for, and whether it
// belongs to the table of docs/statistics.md.
type Listed struct {
	Name    string `json:"world"`
	About   string `json:"about"`
	InTable bool   `json:"in_table"` // one of "all"
}

// attributedSuffix makes a built-in world one whose streams' own counters can
// be read.
const attributedSuffix = "+attributed"

// An effect is what concurrency does to the throughput of three streams.
type effect struct {
	name, about string
	relative    []float64
	change      func(*World) // what else; may be nil
}

var effects = []effect{
	{"collapse", "three streams move 0.30 of one", []float64{1, .45, .30}, nil},
	{"r60", "three streams move 0.60 of one", []float64{1, .80, .60}, nil},
	{"b80", "three streams move 0.80 of one, the boundary of collapse", []float64{1, .90, .80}, nil},
	{"mild85", "three streams move 0.85 of one", []float64{1, .95, .85}, nil},
	{"flat", "three streams move as much as one", []float64{1, 1, 1}, nil},
	{"b125", "three streams move 1.25 of one, the boundary of scaling", []float64{1, 1.15, 1.25}, nil},
	{"scale2", "three streams move twice what one moves", []float64{1, 1.6, 2}, nil},
	{"free", "three streams don't notice each other; for --pairs, as the next", []float64{1, 2, 3}, widest},
	{"disk", "streams 1 and 3 share a disk, which gives them little more than one", []float64{1, 2, 3}, func(w *World) {
		widest(w)
		w.Shared = []Shared{{Streams: []int{1, 3}, CapacityMBps: 110}}
	}},
}

// widest is a link that limits nobody.
func widest(w *World) { w.CapacityMBps = 1e5 }

// A scenario is what makes a host hard to measure.
type scenario struct {
	name, about string
	change      func(*World)
}

var scenarios = []scenario{
	{"quiet", "nothing special", func(*World) {}},
	{"ar", "speeds vary much and slowly", func(w *World) { w.Variation = slowNoise }},
	{"hetero", "streams of 160, 100 and 40 MB/s", func(w *World) { w.SpeedMBps = []float64{160, 100, 40} }},
	{"regime", "streams alternate between full and quarter speed", func(w *World) { w.Regime.Factor = 0.25 }},
	{"drift", "the host becomes three times faster in four minutes", func(w *World) { w.Host.Growth = 1.1 }},
	{"bgburst", "60 MB/s of other traffic come and go", func(w *World) { w.Background.SteadyMBps, w.Background.BurstMBps = 2, 60 }},
	{"lazy1", "the counter is refreshed once a second", func(w *World) { w.Counter.Refresh = time.Second }},
	{"lazy2", "the counter is refreshed every two seconds", func(w *World) { w.Counter.Refresh = 2 * time.Second }},
	{"end", "a stream ends meanwhile", func(w *World) {
		w.Endings = []Change{{Between: Range{20 * time.Second, 110 * time.Second}}}
	}},
	{"start", "the third stream starts meanwhile", func(w *World) {
		w.Starts = []Change{{Stream: 3, Between: Range{20 * time.Second, 110 * time.Second}}}
	}},
	{"slowbuf", "large buffers: streams stop and come back slowly", func(w *World) {
		w.Switching.Drain = Range{1500 * time.Millisecond, 3 * time.Second}
		w.Switching.Ramp = Range{500 * time.Millisecond, 1500 * time.Millisecond}
	}},
	{"over", "survivors overshoot for a second", func(w *World) {
		w.Switching.Overshoot, w.Switching.OvershootDecay = 0.5, time.Second
	}},
}

var slowNoise = Noise{CV: 0.5, Tau: 10 * time.Second}

// byItself are the worlds that are no product of scenario and effect.
var byItself = []struct {
	name, about string
	build       func(*World)
}{
	{"linear4", "four streams that a 1 Gbit/s link just carries", linked(4, 30)},
	{"linkflat3", "three streams, each of which fills the link alone", linked(3, 140)},
	{"linkcap3", "three streams that a link holds at twice one", linked(3, 60)},
	{"bgheavy/collapse", "a collapse hidden under 100 MB/s of other traffic", func(w *World) {
		alike(w, 3, 20)
		w.Relative = []float64{1, .45, .30}
		w.Background.SteadyMBps = 100
	}},
	{"usl8", "eight streams after the Universal Scalability Law, best at 3", func(w *World) {
		alike(w, 8, 60)
		w.Relative = law(8, func(k float64) float64 { return k / (1 + .05*(k-1) + .1*k*(k-1)) })
	}},
	{"eight/collapse", "eight streams, collapsed from the third on", eight(stepDown)},
	{"eight/flat", "eight streams move as much as one", eight(one)},
	{"eight/free", "eight streams don't notice each other", func(w *World) {
		alike(w, 8, 60)
		w.Relative = law(8, func(k float64) float64 { return k })
		widest(w)
	}},
	{"eight/disks", "streams 1 and 2 share a disk, and 3, 4 and 5 another", func(w *World) {
		alike(w, 8, 60)
		w.Relative = law(8, func(k float64) float64 { return k })
		widest(w)
		w.Shared = []Shared{{Streams: []int{1, 2}, CapacityMBps: 66}, {Streams: []int{3, 4, 5}, CapacityMBps: 66}}
	}},
	{"eight-bimodal/flat", "four fast and four slow streams move as much as one", bimodal(one)},
	{"eight-bimodal/b80", "four fast and four slow streams move 0.80 of one", bimodal([]float64{1, .9, .8, .8, .8, .8, .8, .8})},
	{"eight-bimodal/collapse", "four fast and four slow streams, collapsed from the third on", bimodal(stepDown)},
	{"linkcap8", "eight streams that a link holds at four times one", linked(8, 30)},
	{"collapse8", "as eight/collapse; for --levels between, as those below", eight(stepDown)},
	{"flat8", "as eight/flat", eight(one)},
	{"lin4", "as linear4", linked(4, 30)},
	{"seed3", "as quiet/collapse", func(w *World) { alike(w, 3, 100); w.Relative = []float64{1, .45, .30} }},
	{"peak2of4", "four streams, best at 2", func(w *World) { alike(w, 4, 50); w.Relative = []float64{1, 1.5, 1.2, .9} }},
}

var (
	one      = []float64{1, 1, 1, 1, 1, 1, 1, 1}
	stepDown = []float64{1, .45, .3, .3, .3, .3, .3, .3}
	// starNames are the worlds of the levels between; each also with slow noise.
	starNames = []string{"usl8", "linkcap8", "collapse8", "flat8", "lin4", "seed3", "peak2of4"}
)

func alike(w *World, streams int, speedMBps float64) {
	w.SpeedMBps = slices.Repeat([]float64{speedMBps}, streams)
}

func law(streams int, at func(k float64) float64) []float64 {
	var relative []float64
	for k := 1; k <= streams; k++ {
		relative = append(relative, at(float64(k)))
	}
	return relative
}

// linked are streams that don't hinder each other, on a link of 1 Gbit/s.
func linked(streams int, speedMBps float64) func(*World) {
	return func(w *World) {
		alike(w, streams, speedMBps)
		w.Relative = law(streams, func(k float64) float64 { return k })
		w.CapacityMBps = 118
	}
}

func eight(relative []float64) func(*World) {
	return func(w *World) { alike(w, 8, 60); w.Relative = slices.Clone(relative) }
}

func bimodal(relative []float64) func(*World) {
	return func(w *World) {
		w.SpeedMBps = []float64{110, 10, 110, 10, 110, 10, 110, 10}
		w.Relative = slices.Clone(relative)
	}
}

// inTable are the rows of the table in docs/statistics.md, in its order.
var inTable = strings.Fields(`
	quiet/collapse quiet/r60 quiet/b80 quiet/mild85 quiet/flat quiet/b125 quiet/scale2
	linear4 linkflat3 hetero/collapse hetero/b80 hetero/flat
	ar/collapse ar/r60 ar/b80 ar/flat regime/collapse regime/b80 regime/flat drift/flat
	end/collapse end/flat bgburst/collapse bgburst/collapse+attributed bgburst/flat
	lazy1/collapse lazy2/flat slowbuf/collapse slowbuf/b80 over/b80 over/flat
	bgheavy/collapse bgheavy/collapse+attributed eight/collapse
	eight-bimodal/flat eight-bimodal/flat+attributed eight-bimodal/b80+attributed`)

// builtin is a world that is made when asked for.
type builtin struct {
	Listed
	build func(*World)
}

func (b builtin) world() World {
	w := Defaults()
	w.Name = b.Name
	b.build(&w)
	return w
}

// builtins are all worlds without the suffix, in order.
func builtins() []builtin {
	var all []builtin
	for _, s := range scenarios {
		for _, e := range effects {
			all = append(all, builtin{Listed{Name: s.name + "/" + e.name, About: s.about + "; " + e.about}, func(w *World) {
				alike(w, 3, 100)
				w.Relative = slices.Clone(e.relative)
				if e.change != nil {
					e.change(w)
				}
				s.change(w)
			}})
		}
	}
	for _, b := range byItself {
		all = append(all, builtin{Listed{Name: b.name, About: b.about}, b.build})
		if slices.Contains(starNames, b.name) {
			all = append(all, builtin{Listed{Name: b.name + "-ar", About: "the same; speeds vary much and slowly"}, func(w *World) {
				b.build(w)
				w.Variation = slowNoise
			}})
		}
	}
	for i := range all {
		all[i].InTable = slices.Contains(inTable, all[i].Name)
	}
	return all
}

// Builtins lists the built-in worlds. Each has a twin whose name ends in
// +attributed; only those of the table are listed.
func Builtins() []Listed {
	var list []Listed
	for _, b := range builtins() {
		list = append(list, b.Listed)
		if twin := b.Name + attributedSuffix; slices.Contains(inTable, twin) {
			list = append(list, Listed{twin, "the same; the streams' own counters can be read", true})
		}
	}
	return list
}

// Builtin returns the built-in worlds a name stands for: one, those that match
// a pattern (path.Match: ar/*), or with "all" those of the table. There is none
// by an unknown name.
func Builtin(name string) ([]World, error) {
	all := builtins()
	if name == "all" {
		var table []World
		for _, row := range inTable {
			w, err := Builtin(row)
			if err != nil {
				return nil, err
			}
			table = append(table, w...)
		}
		return table, nil
	}
	pattern, attributed := strings.CutSuffix(name, attributedSuffix)
	var found []World
	for _, b := range all {
		match, err := path.Match(pattern, b.Name)
		if err != nil {
			return nil, fmt.Errorf("the pattern %q: %w", name, err)
		}
		if match {
			w := b.world()
			if attributed {
				w.Name += attributedSuffix
				w.Attributed = true
			}
			found = append(found, w)
		}
	}
	return found, nil
}
