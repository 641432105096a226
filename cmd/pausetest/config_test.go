package main

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"pausetest/internal/config"
)

var update = flag.Bool("update", false, "write the generated part of docs/configuration.md anew")

// The table of keys in docs/configuration.md says what the flags say.
func TestKeysAreDocumented(t *testing.T) {
	const name = "../../docs/configuration.md"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), " -update` -->\n")
	_, tail, okTail := strings.Cut(rest, "<!-- end of keys -->")
	if !ok || !okTail {
		t.Fatalf("%s has no place for the keys", name)
	}
	want := head + " -update` -->\n" + keyTable() + "<!-- end of keys -->" + tail
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("write it anew with -update: %s", diff)
	}
}

// The file that the documentation shows is right.
func TestDocumentedFile(t *testing.T) {
	text, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	file, _, ok := strings.Cut(rest, "```\n")
	if !ok {
		t.Fatal("docs/configuration.md shows no file")
	}
	for _, fault := range faultsIn("configuration.md", []byte(file)) {
		t.Error(fault)
	}
}

// keyTable is every key as a row of Markdown.
func keyTable() string {
	kinds := map[string]string{
		"bool": "true or false", "duration": "duration", "float64": "number", "int": "whole number", "uint64": "whole number",
		"string": "text", "stringArray": "list", "stringSlice": "list", "stringToString": "names with values",
	}
	type row struct{ kind, usage string }
	rows := map[string]row{}
	defaults := map[string][]string{} // for each of its commands
	commands := map[string][]string{}
	for _, c := range configurables(newRoot(io.Discard, io.Discard)) {
		for _, f := range keyed(c) {
			_, usage := pflag.UnquoteUsage(f)
			rows[f.Name] = row{kinds[f.Value.Type()], strings.ReplaceAll(strings.TrimSuffix(usage, " (repeatable)"), "|", `\|`)}
			commands[f.Name] = append(commands[f.Name], c.Name())
			value := f.DefValue
			if slices.Contains([]string{"0", "0s", "-1", "false", "[]"}, value) {
				value = "" // the words say what that means
			}
			defaults[f.Name] = append(defaults[f.Name], value)
		}
	}
	var b strings.Builder
	b.WriteString("\n| key | value | for | default | what it sets |\n|---|---|---|---|---|\n")
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		var given []string
		for _, value := range slices.Compact(slices.Clone(defaults[key])) {
			if value != "" {
				given = append(given, "`"+value+"`")
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", key, rows[key].kind, strings.Join(commands[key], ", "), strings.Join(given, ", "), rows[key].usage)
	}
	b.WriteString("\n")
	return b.String()
}

// Every flag of a command that has keys is a key, or means one invocation only. A
// new flag is a key by itself; this list is of those that are not.
func TestFlagsWithoutKeys(t *testing.T) {
	got := map[string][]string{}
	for _, c := range configurables(newRoot(io.Discard, io.Discard)) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !slices.Contains(keyed(c), f) {
				got[c.Name()] = append(got[c.Name()], f.Name)
			}
		})
	}
	want := map[string][]string{
		"check":   {"config", "exit-code", "out", "pid", "quiet"},
		"fdvol":   {"classes", "config", "duration", "json", "method", "pid"},
		"history": {"any-streams", "config", "figure", "host", "json", "label", "since", "until", "verdict"},
		"prune":   {"config", "dry-run", "json"},
		"run":     {"config", "dry-run", "out", "pid"},
		"streams": {"config", "graph", "json", "pid", "print-rules", "tree", "window"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// No key's variable is one that means something else.
func TestVariablesDontClash(t *testing.T) {
	taken := slices.Concat(otherVariables, testVariables)
	for key := range keysOf(newRoot(io.Discard, io.Discard)) {
		if v := config.Variable(key); slices.Contains(taken, v) {
			t.Errorf("the variable of %s is %s, which is taken", key, v)
		}
	}
}

// A key has one meaning for all commands: the same kind of value.
func TestKeysMeanTheSame(t *testing.T) {
	types := map[string]string{}
	for _, c := range configurables(newRoot(io.Discard, io.Discard)) {
		for _, f := range keyed(c) {
			if known := types[f.Name]; known != "" && known != f.Value.Type() {
				t.Errorf("%s is %s for one command and %s for %s", f.Name, known, f.Value.Type(), c.Name())
			}
			types[f.Name] = f.Value.Type()
		}
	}
}

// Whatever a file says, the program neither falls nor goes on with half of it.
func FuzzSettings(f *testing.F) {
	for _, text := range []string{"budget: 60\n", "match: ['(']\n", "label: {a: b}\n", "label: {\"a\\n\": \"\\\"\"}\n", "fail-on: 'busy,\"'\n", "seed: -1\n", "window: 22:00-05:00\nwait: 9h\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		root := newRoot(io.Discard, io.Discard)
		set, faults := config.ParseFile("f.yaml", text, keysOf(root))
		for _, c := range configurables(root) {
			for _, err := range giveAll(c, set) {
				faults = append(faults, locate("f.yaml", err, set))
			}
		}
		for _, fault := range faults {
			if fault.File != "f.yaml" || strings.ContainsAny(oneLine(fault.Error()), "\n\x1b") {
				t.Errorf("%q", fault)
			}
		}
	})
}

func TestMentions(t *testing.T) {
	check := func(text, flag string, want bool) {
		t.Helper()
		if got := mentions(text, flag); got != want {
			t.Errorf("mentions(%q, %q) = %v", text, flag, got)
		}
	}
	check("--max-pause 5s: no", "max-pause", true)
	check("too long (--max-pause)", "max-pause", true)
	check("--max-pause", "max-pause", true)
	check("--max-paused-total 5s: no", "max-pause", false)
	check("--max-paused-total 5s, --max-pause 3s", "max-pause", true)
	check("max-pause", "max-pause", false)
}
