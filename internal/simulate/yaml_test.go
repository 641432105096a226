package simulate

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pausetest/internal/strictyaml"
)

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
	check("null\n", "w:1:1: the file is empty")
	check("- 1\n", "")
	check("relative: [1, 1]\n", "")
	check(smallest+"tau: 3s\n", "")
	check(smallest+"variation: {cv: 0.2, tua: 3s}\n", "")
	check(smallest+"variation:\n  cv: 0.2\n  cv: 0.3\n", "")
	check(smallest+"variation: 0.2\n", "")
	check(smallest+"capacity: fast\n", "")
	check(smallest+"capacity: \"118\"\n", "")
	check(smallest+"capacity: -1\n", "")
	check(smallest+"capacity: .inf\n", "")
	check(smallest+"capacity: .nan\n", "")
	check(smallest+"capacity:\n", "")
	check(smallest+"capacity: 0.4\n", "")
	check(smallest+"step: 50\n", "")
	check(smallest+"step: 5h\n", "")
	check(smallest+"attributed: 1\n", "")
	check("streams: [100]\nrelative: [1]\n", "")
	check("streams: [100, 0]\nrelative: [1, 1]\n", "")
	check("streams: [100, x]\nrelative: [1, 1]\n", "")
	check("streams: [100, 100]\nrelative: [1, 1, 1]\n", "")
	check("streams: [100, 100]\nrelative: [2, 1]\n", "")
	check("streams: [100, 100]\nrelative: [1, -1]\n", "")
	check(smallest+"switching:\n  drain: [2s, 1s]\n", "")
	check(smallest+"switching:\n  drain: 2s\n", "")
	check(smallest+"endings:\n  - stream: 3\n    between: [1s, 2s]\n", "")
	check(smallest+"endings:\n  - stream: none\n    between: [1s, 2s]\n", "")
	check(smallest+"endings:\n  - between: [1s, 2s]\n", "")
	check(smallest+"endings:\n  - {stream: 1, at: 3s}\n", "")
	check(smallest+"starts: [{stream: 1, between: [1s, 2s]}]\n", "")
	check(smallest+"regime: {shortest: 5s, longest: 2s}\n", "")
	check(smallest+"name: \"a\\nb\"\n", "")
	check("a: &a [1, 2]\nstreams: *a\n", "")
	check("streams: &a [1, 2]\nrelative: *a\n", "")
	check(smallest+"---\n"+smallest, "")
}
