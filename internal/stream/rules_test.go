package stream

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pausetest/internal/procctl/proctable"
	"pausetest/internal/strictyaml"
)

func TestBuiltinRules(t *testing.T) {
	rules := Builtin()
	for _, name := range []string{"amanda", "zfs-send", "btrfs-send", "virtual-machine", "xtrabackup", "mysqldump", "bacula-fd",
		"pg-basebackup", "rsync", "tar-ssh", "dump", "borg", "restic", "pg-dump", "backuppc", "demo"} {
		r := rules.named(name)
		if r == nil {
			t.Errorf("no rule %s", name)
			continue
		}
		if r.Refuse != nil && (r.Refuse.Reason == "" || r.Refuse.Hint == "") {
			t.Errorf("rule %s refuses without reason or alternative", name)
		}
	}
	if got := time.Duration(rules.named("amanda").MinimumAge); got != 2*time.Minute {
		t.Errorf("amanda's minimum age is %v", got)
	}
}

func TestParseRulesErrors(t *testing.T) {
	for _, tc := range []struct {
		name, src    string
		line, column int
		reason       string
	}{
		{"unknown key", "rules:\n  - name: a\n    program: [x]\n", 3, 5, "unknown field"},
		{"unknown top key", "rule: []\n", 1, 1, "unknown field"},
		{"unknown key in a label", "rules:\n  - name: a\n    programs: [x]\n    label:\n      disk: [{before: x}]\n", 5, 15, "unknown field"},
		{"bad expression", "rules:\n  - name: a\n    programs: [x]\n    arguments: ['(']\n", 4, 17, "missing closing )"},
		{"bad duration", "rules:\n  - name: a\n    programs: [x]\n    minimum_age: soon\n", 4, 18, "duration"},
		{"negative duration", "rules:\n  - name: a\n    programs: [x]\n    minimum_age: -1s\n", 4, 18, "duration"},
		{"no name", "rules:\n  - programs: [x]\n", 2, 0, "name"},
		{"bad name", "rules:\n  - name: A b\n    programs: [x]\n", 2, 0, "name"},
		{"no programs", "rules:\n  - name: a\n", 2, 0, "names no programs"},
		{"empty program", "rules:\n  - name: a\n    programs: ['']\n", 2, 0, "empty program"},
		{"bad engine", "rules:\n  - name: a\n    engine: magic\n", 2, 0, "engine"},
		{"refuses without reason", "rules:\n  - name: a\n    programs: [x]\n    refuse: {hint: no}\n", 2, 0, "without a reason"},
		{"two takes", "rules:\n  - name: a\n    programs: [x]\n    label: {disk: [{after: -a, last: true}]}\n", 4, 0, "exactly one"},
		{"same name twice", "rules:\n  - {name: a, programs: [x]}\n  - {name: a, programs: [y]}\n", 0, 0, "two rules"},
		{"wrong type", "rules: 7\n", 1, 0, ""},
		{"not yaml", "rules: [\n", 0, 0, ""},
		{"empty", "", 1, 1, "empty"},
	} {
		_, err := ParseRules("x.yaml", []byte(tc.src))
		fault, ok := errors.AsType[*strictyaml.Error](err)
		if !ok {
			t.Errorf("%s: got %v", tc.name, err)
			continue
		}
		if fault.File != "x.yaml" || fault.Line == 0 || fault.Column == 0 ||
			tc.line != 0 && fault.Line != tc.line || tc.column != 0 && fault.Column != tc.column ||
			!strings.Contains(fault.Reason, tc.reason) {
			t.Errorf("%s: got %v, want %d:%d ... %s", tc.name, fault, tc.line, tc.column, tc.reason)
		}
	}
}

func TestMerge(t *testing.T) {
	parse := func(src string) *Rules {
		rules, err := ParseRules("x.yaml", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		return rules
	}
	base := parse("transports: [ssh]\nrules:\n  - {name: a, programs: [a]}\n  - {name: b, programs: [b]}\n")
	merged := base.Merge(
		parse("transports: [carry]\nrules:\n  - {name: b, programs: [b2]}\n  - {name: c, programs: [c]}\n"),
		parse("relays: [relay]\nrules:\n  - {name: d, programs: [d]}\n  - {name: c, disabled: true}\n"))
	var got []string
	for _, r := range merged.Rules {
		got = append(got, r.Name+"="+strings.Join(r.Programs, ","))
	}
	if want := []string{"d=d", "c=", "a=a", "b=b2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if !slices.Equal(merged.Transports, []string{"ssh", "carry"}) || !slices.Equal(merged.Relays, []string{"relay"}) {
		t.Errorf("transports %q, relays %q", merged.Transports, merged.Relays)
	}
	if base.named("b").Programs[0] != "b" {
		t.Error("merging changed the rules merged into")
	}
}

func FuzzParseRules(f *testing.F) {
	f.Add(builtinYAML)
	f.Add([]byte("rules:\n  - {name: a, programs: [x], label: {disk: [{match: '('}]}}\n"))
	f.Add([]byte("rules: [{name: a, programs: [x], arguments: [null], refuse: {reason: r}}]\ntransports: ~\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		rules, err := ParseRules("x.yaml", src)
		if err != nil {
			if _, ok := errors.AsType[*strictyaml.Error](err); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		// What parses can be used.
		args := []string{"x", "-a", "b"}
		for i := range rules.Rules {
			r := &rules.Rules[i]
			r.fits(&process{names: r.Programs, Process: proctable.Process{Args: args}})
			take(slices.Concat(r.Label.Label, r.Label.Host, r.Label.Disk, r.Label.Level), args)
		}
	})
}
