package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var keys = map[string]Shape{"budget": Single, "note": Single, "open-ended": Single, "window": Single, "match": List, "label": Map}

// said is what a file sets, and what is wrong with it.
func said(text string) []string {
	set, faults := ParseFile("f.yaml", []byte(text), keys)
	out := []string{}
	for key, s := range set {
		for _, v := range s.Values {
			out = append(out, fmt.Sprintf("%s = %q at %v", key, v.Text, v.Origin))
		}
	}
	slices.Sort(out)
	for _, f := range faults {
		out = append(out, f.Error())
	}
	return out
}

func TestParseFile(t *testing.T) {
	check := func(text string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, said(text)); diff != "" && len(want)+len(said(text)) > 0 {
			t.Errorf("%q: %s", text, diff)
		}
	}
	check("")
	check("# budget: 60\n\n---\n")
	check("budget: 60\n", `budget = "60" at f.yaml:1:9`)
	check("budget: 1e3\nopen-ended: true\n", `budget = "1e3" at f.yaml:1:9`, `open-ended = "true" at f.yaml:2:13`)
	check("window: 22:00-05:00\n", `window = "22:00-05:00" at f.yaml:1:9`)
	check("note: |\n  two\n  lines\n", `note = "two\nlines\n" at f.yaml:1:7`)
	check("note: ''\n", `note = "" at f.yaml:1:7`)
	check("match: ^tar\n", `match = "^tar" at f.yaml:1:8`)
	check("match:\n  - ^tar\n  - 7\n", `match = "7" at f.yaml:3:5`, `match = "^tar" at f.yaml:2:5`)
	check("label: {site: east, rack: 4}\n", `label = "rack=4" at f.yaml:1:21`, `label = "site=east" at f.yaml:1:9`)

	check("bugdet: 60\nnote: x\n", `note = "x" at f.yaml:2:7`, `f.yaml:1:1: unknown key "bugdet"`)
	check("note: x\nbudget: [60]\nlabel: site=east\nmatch: {a: b}\n", `note = "x" at f.yaml:1:7`,
		"f.yaml:2:9: budget: expected a single value, found a list",
		"f.yaml:3:8: label: expected names with values, found a single value",
		"f.yaml:4:8: match: expected a list, found names with values")
	check("note:\n", "f.yaml:1:7: note: expected a single value, found nothing")
	check("match: []\n", "f.yaml:1:8: match: it is empty; leave the key out for the default")
	check("match: [[a]]\n", "f.yaml:1:9: match: expected a single value, found a list")
	check("label: {a: [b]}\n", "f.yaml:1:12: label: expected a single value, found a list")
	check("note: *x\n", `f.yaml:1:8: could not find alias "x"`)
	check("match: [&x a, *x]\n", "f.yaml:1:9: match: expected a single value, found something else")
	check("- budget\n", "f.yaml:1:1: expected keys with their values, such as max-pause: 5s; found a list")
	check("budget\n", "f.yaml:1:1: expected keys with their values, such as max-pause: 5s; found a single value")
	check("note: x\nnote: y\n", `f.yaml:2:1: mapping key "note" already defined at [1:1]`)
	check("{note: x, 'note': y}\n", `f.yaml:1:11: mapping key "note" already defined at [1:2]`)
	check("note: x\n---\nnote: y\n", `note = "x" at f.yaml:1:7`, "f.yaml: a second YAML document follows the first; one is expected")
}

func TestParseEnvironment(t *testing.T) {
	set, unknown := ParseEnvironment([]string{"PAUSETEST_BUDGET=60", "PAUSETEST_OPEN_ENDED=", "PAUSETEST_LABEL=a=b", "PAUSETEST_STATE_DIR=/x", "PAUSETEST_COLOUR=", "HOME=/", "X"}, keys)
	got := map[string]string{}
	for key, s := range set {
		got[key] = s.Values[0].Text + " from " + s.Origin.String()
	}
	if diff := cmp.Diff(map[string]string{"budget": "60 from PAUSETEST_BUDGET", "label": "a=b from PAUSETEST_LABEL"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"PAUSETEST_STATE_DIR", "PAUSETEST_COLOUR"}, unknown); diff != "" {
		t.Error(diff)
	}
}

// Whatever the text: each fault names the file, and what is set has a key, values and
// a place in the text.
func FuzzParseFile(f *testing.F) {
	for _, text := range []string{"budget: 60\n", "match: [a, b]\nlabel: {a: b}\n", "note: |\n x\n", "<<: {a: b}\n", "? [a]\n: b\n", "note: !!str x\n", "a: &a [*a]\n", "note: !0 #"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		set, faults := ParseFile("f.yaml", text, keys)
		for _, fault := range faults {
			if fault.File != "f.yaml" || fault.Reason == "" {
				t.Errorf("a fault without file or reason: %+v", fault)
			}
		}
		lines := strings.Count(string(text), "\n") + strings.Count(string(text), "\r") + 1
		for key, s := range set {
			if _, known := keys[key]; !known || s.Key != key || len(s.Values) == 0 || s.Origin.Line < 1 || s.Origin.Line > lines {
				t.Errorf("%q is set to %+v in %d lines", key, s, lines)
			}
		}
	})
}
