package simulate

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pausetest/internal/recording"
	"pausetest/internal/strictyaml"
)

const everyKey = "name, streams, relative, capacity, attributed, true_ratio, background, variation, regime, host, switching, counter, sampling, step, endings, starts, shared"

const smallest = "streams: [100, 50]\nrelative: [1, 0.5]\n"

func TestParseWorld(t *testing.T) {
	w, err := ParseWorld("host.yaml", []byte(smallest))
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	want.Name, want.SpeedMBps, want.Relative = "host.yaml", []float64{100, 50}, []float64{1, 0.5}
	if d := cmp.Diff(want, w); d != "" {
		t.Error(d)
	}
}

func TestParseWorldErrors(t *testing.T) {
	check := func(src, want string) {
		t.Helper()
		_, err := ParseWorld("w", []byte(src))
		got := "no error"
		if err != nil {
			got = err.Error()
			if _, ok := errors.AsType[*strictyaml.Error](err); !ok {
				t.Errorf("%q: a %T", src, err)
			}
		}
		if got != want {
			t.Errorf("%q\n got %s\nwant %s", src, got, want)
		}
	}
	check("", "w:1:1: the file is empty")
	check("# nothing\n", "w:1:1: the file is empty")
	check("null\n", "w:1:1: expected a mapping with the keys "+everyKey+"; found nothing")
	check("- 1\n", "w:1:1: expected a mapping with the keys "+everyKey+"; found a list")
	check("relative: [1, 1]\n", "w:1:1: \"streams\" is missing")
	check(smallest+"tau: 3s\n", "w:3:1: unknown field \"tau\"; the keys here are "+everyKey)
	check(smallest+"variation.tau: 3s\n", "w:3:1: unknown field \"variation.tau\"; the keys here are "+everyKey)
	check(smallest+"variation: {cv: 0.2, tua: 3s}\n", "w:3:22: unknown field \"tua\"; the keys here are cv, tau")
	check(smallest+"variation:\n  cv: 0.2\n  cv: 0.3\n", "w:5:3: mapping key \"cv\" already defined at [4:3]")
	check(smallest+"variation: 0.2\n", "w:3:12: variation: expected a mapping with the keys cv, tau; found 0.2")
	check(smallest+"capacity: fast\n", "w:3:11: capacity: expected a number, found \"fast\"")
	check(smallest+"capacity: \"118\"\n", "w:3:11: capacity: expected a number, found \"118\"")
	check(smallest+"capacity: -1\n", "w:3:11: capacity: -1 is out of range; expected 0 to 1000000")
	check(smallest+"capacity: .inf\n", "w:3:11: capacity: expected a number, found \".inf\"")
	check(smallest+"capacity: .nan\n", "w:3:11: capacity: expected a number, found \".nan\"")
	check(smallest+"capacity:\n", "w:3:11: capacity: expected a number, found nothing")
	check(smallest+"capacity: 0.4\n", "w:3:11: capacity: 0.4 MB/s leave the streams nothing beside 0.5 MB/s of background")
	check(smallest+"step: 50\n", "w:3:7: step: expected a duration such as 1.5s or 250ms, found 50")
	check(smallest+"step: 5h\n", "w:3:7: step: \"5h\" is out of range; expected 1ms to 1s")
	check(smallest+"attributed: 1\n", "w:3:13: attributed: expected true or false, found 1")
	check("streams: [100]\nrelative: [1]\n", "w:1:10: streams: 1 numbers; expected 2 to 64")
	check("streams: [100, 0]\nrelative: [1, 1]\n", "w:1:16: streams: 0 is out of range; expected more than 0, at most 1000000")
	check("streams: [100, x]\nrelative: [1, 1]\n", "w:1:16: streams: expected a number, found \"x\"")
	check("streams: [100, 100]\nrelative: [1, 1, 1]\n", "w:2:11: relative: 3 values for 2 streams; expected one for each number of streams from 1 to 2")
	check("streams: [100, 100]\nrelative: [2, 1]\n", "w:2:11: relative: the first value is 2; expected 1: it is the throughput of one stream relative to itself")
	check("streams: [100, 100]\nrelative: [1, -1]\n", "w:2:15: relative: -1 is out of range; expected 0.000001 to 1000")
	check(smallest+"switching:\n  drain: [2s, 1s]\n", "w:4:10: switching.drain: 1s is before 2s")
	check(smallest+"switching:\n  drain: 2s\n", "w:4:10: switching.drain: expected two durations such as [100ms, 1s], found \"2s\"")
	check(smallest+"endings:\n  - stream: 3\n    between: [1s, 2s]\n", "w:4:3: endings: there is no stream 3; expected random or 1 to 2")
	check(smallest+"endings:\n  - stream: none\n    between: [1s, 2s]\n", "w:4:13: endings: stream: expected random or the number of a stream from 1, found \"none\"")
	check(smallest+"endings:\n  - between: [1s, 2s]\n", "w:4:5: endings: \"stream\" is missing")
	check(smallest+"endings:\n  - {stream: 1, at: 3s}\n", "w:4:17: endings: unknown field \"at\"; the keys here are stream, between")
	check(smallest+"starts: [{stream: 1, between: [1s, 2s]}]\n", "w:3:9: starts: 1 of 2 streams start later; at least two have to run from the beginning")
	check(smallest+"regime: {shortest: 5s, longest: 2s}\n", "w:3:33: regime.longest: 2s is shorter than the shortest, 5s")
	check(smallest+"shared: [{streams: [1, 3], capacity: 5}]\n", "w:3:9: shared: there is no stream 3; expected 1 to 2")
	check(smallest+"shared: [{streams: [1, 1], capacity: 5}]\n", "w:3:9: shared: stream 1 comes up twice")
	check(smallest+"shared: [{streams: [1], capacity: 5}]\n", "w:3:20: shared: streams: expected at least two numbers of streams such as [1, 3], found a list")
	check(smallest+"shared: [{streams: [1, random], capacity: 5}]\n", "w:3:24: shared: streams: expected the number of a stream from 1, found \"random\"")
	check(smallest+"shared: [{streams: [1, 2]}]\n", "w:3:11: shared: \"capacity\" is missing")
	check(smallest+"name: \"a\\nb\"\n", "w:3:7: name: a name is printable, on one line; found \"a\\nb\"")
	check("a: &a [1, 2]\nstreams: *a\n", "w:1:1: unknown field \"a\"; the keys here are "+everyKey)
	check("streams: &a [1, 2]\nrelative: *a\n", "w:1:10: streams: expected a list of numbers such as [100, 100], found \"&\"")
	check(smallest+"---\n"+smallest, "w: a second YAML document follows the first; one is expected")
}

// Every built-in world survives being printed and read, and tells every key.
func TestPrintedWorldIsTheSame(t *testing.T) {
	for _, l := range Builtins() {
		worlds, err := Builtin(l.Name)
		if err != nil || len(worlds) != 1 || worlds[0].Name != l.Name || l.About == "" {
			t.Fatalf("%+v: %v, %v", l, worlds, err)
		}
		sameAgain(t, worlds[0])
	}
	w := Defaults()
	w.Name, w.SpeedMBps, w.Relative, w.TrueRatio = `"a": {b}`, []float64{1e-3, 1.0 / 3}, []float64{1, 2.0 / 3}, 0.7
	w.Endings = []Change{{1, Range{time.Second, time.Minute}}, {0, Range{time.Second, time.Second}}}
	w.Shared = []Shared{{[]int{1, 2}, 55.5}}
	sameAgain(t, w)
}

func sameAgain(t *testing.T, w World) {
	t.Helper()
	text := w.YAML()
	again, err := ParseWorld("printed", []byte(text))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	if d := cmp.Diff(w, again, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("%s differs after printing:\n%s", w.Name, d)
	}
	for _, k := range w.keys() {
		name := k.name[strings.LastIndex(k.name, ".")+1:]
		if !strings.Contains(text, name+": ") {
			t.Fatalf("%s is not printed", k.name)
		}
	}
}

func TestBuiltinPatterns(t *testing.T) {
	count := func(name string, want int) {
		t.Helper()
		worlds, err := Builtin(name)
		if err != nil || len(worlds) != want {
			t.Errorf("%s: %d worlds, error %v; want %d", name, len(worlds), err, want)
		}
	}
	count("quiet/flat", 1)
	count("quiet/flat+attributed", 1)
	count("ar/*", 9)
	count("*/b80+attributed", 13)
	count("nosuch", 0)
	rows := readTable(t)
	count("all", len(rows))
	if _, err := Builtin("["); err == nil {
		t.Error("a bad pattern is no error")
	}
	all, _ := Builtin("all")
	for i, r := range rows {
		if all[i].Name != r.world {
			t.Errorf("row %d is %s, want %s", i, all[i].Name, r.world)
		}
	}
}

// Whatever is read is an error with a position, or a world that can be printed,
// read again and played for a moment.
func FuzzParseWorld(f *testing.F) {
	for _, l := range []string{"quiet/collapse", "end/flat", "start/b80+attributed", "usl8-ar"} {
		worlds, _ := Builtin(l)
		f.Add([]byte(worlds[0].YAML()))
	}
	f.Add([]byte(smallest + "endings: [{stream: 1, between: [1s, 1s]}, {stream: random, between: [1s, 2s]}]\n"))
	f.Add([]byte("streams: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		w, err := ParseWorld("w", src)
		if err != nil {
			if _, ok := errors.AsType[*strictyaml.Error](err); !ok {
				t.Fatalf("%T is not *strictyaml.Error: %v", err, err)
			}
			return
		}
		sameAgain(t, w)
		h := newHost(&w, rand.New(rand.NewPCG(1, 1)))
		before := uint64(0)
		until := min(20*int64(w.Sampling.Every), 1000*int64(w.Step))
		h.Observe(t.Context(), until, func(r recording.Record) bool {
			if s := r.Sample; s != nil {
				if s.Interface.TxBytes < before {
					t.Fatalf("the counter went from %d to %d", before, s.Interface.TxBytes)
				}
				before = s.Interface.TxBytes
			}
			return true
		})
		if most := 1e6 * w.CapacityMBps * float64(h.nowNS) / 1e9; !(h.counted >= 0 && h.counted <= most*1.000001) {
			t.Fatalf("%g bytes in %d ns of %g MB/s", h.counted, h.nowNS, w.CapacityMBps)
		}
	})
}
