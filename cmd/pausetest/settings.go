package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pausetest/internal/config"
	"pausetest/internal/printable"
	"pausetest/internal/strictyaml"
)

// settingsFile is where settings are read from unless --config names another file.
const settingsFile = "/etc/pausetest/pausetest.yaml"

// settingsVariable names another file, too.
const settingsVariable = "PAUSETEST_CONFIG"

// Marks on commands and flags.
const (
	configurableMark = "pausetest-configurable" // the command's flags have keys
	keylessMark      = "pausetest-keyless"      // but this one
	originMark       = "pausetest-origin"       // where the flag was set, if not on the command line
)

// configurable gives every flag of a command a key in the configuration file, but for
// those that mean one invocation only.
//
// Note: the keys are flat, and a key counts for every command that has the flag. Two
// commands that shall differ take a file each, or a flag. The demo and what works on
// recordings have no keys: they give the same answer on every machine.
func configurable(c *cobra.Command, keyless ...string) {
	configFlag(c)
	for _, name := range append(keyless, "config") {
		if err := c.Flags().SetAnnotation(name, keylessMark, nil); err != nil {
			panic(err)
		}
	}
	c.Annotations = map[string]string{configurableMark: ""}
}

func configFlag(c *cobra.Command) {
	c.Flags().String("config", settingsFile, "read settings from `FILE`, which must exist then; none if empty")
}

// configurables are the commands that have keys.
func configurables(root *cobra.Command) []*cobra.Command {
	var out []*cobra.Command
	for _, c := range root.Commands() {
		if isConfigurable(c) {
			out = append(out, c)
		}
		out = append(out, configurables(c)...)
	}
	return out
}

func isConfigurable(c *cobra.Command) bool {
	_, marked := c.Annotations[configurableMark]
	return marked
}

// keyed are the flags of a command that have a key.
func keyed(c *cobra.Command) []*pflag.Flag {
	var out []*pflag.Flag
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if _, keyless := f.Annotations[keylessMark]; !keyless && f.Name != "help" {
			out = append(out, f)
		}
	})
	return out
}

// keysOf are the keys of all commands, and what their values look like.
func keysOf(root *cobra.Command) map[string]config.Shape {
	keys := map[string]config.Shape{}
	for _, c := range configurables(root) {
		for _, f := range keyed(c) {
			keys[f.Name] = config.Single
			if _, isList := f.Value.(pflag.SliceValue); isList {
				keys[f.Name] = config.List
			} else if f.Value.Type() == "stringToString" {
				keys[f.Name] = config.Map
			}
		}
	}
	return keys
}

// settle gives the flags of a command that were not set on the command line what the
// environment has for them, or else the file.
func settle(cmd *cobra.Command) error {
	if !isConfigurable(cmd) {
		return nil
	}
	name, mustExist := settingsName(cmd)
	text, err := readSettings(name, mustExist)
	if err != nil {
		return err
	}
	keys := keysOf(cmd.Root())
	inFile, faults := config.ParseFile(name, text, keys)
	if len(faults) > 0 {
		return badInput("see all that is wrong with: pausetest config check "+name, "%w", faults[0])
	}
	inEnvironment, _ := settingsInEnvironment(keys)
	for _, f := range keyed(cmd) {
		s, set := inEnvironment[f.Name]
		if !set {
			s, set = inFile[f.Name]
		}
		if !set || f.Changed {
			continue
		}
		if err := give(cmd.Flags(), s); err != nil {
			return err
		}
	}
	return nil
}

// refuseMisspelt refuses variables that look like settings and are none: a limit that
// was misspelt must not be no limit.
func refuseMisspelt(cmd *cobra.Command) error {
	if !isConfigurable(cmd) {
		return nil
	}
	if _, unknown := settingsInEnvironment(keysOf(cmd.Root())); len(unknown) > 0 {
		return badInput("see those that are set: pausetest config show; every key has a variable", "%s is no setting", printable.Text(unknown[0], 60))
	}
	return nil
}

// settingsInEnvironment are the settings of the environment, and the names of
// variables that look like one and are none.
func settingsInEnvironment(keys map[string]config.Shape) (set map[string]config.Setting, unknown []string) {
	set, unknown = config.ParseEnvironment(os.Environ(), keys)
	return set, slices.DeleteFunc(unknown, func(name string) bool {
		// One that is empty is as if unset, whatever its name.
		return os.Getenv(name) == "" || slices.Contains(otherVariables, name) || slices.Contains(testVariables, name)
	})
}

// otherVariables are those of ours that are no settings.
var otherVariables = []string{settingsVariable, "PAUSETEST_STATE_DIR"}

// testVariables are those of our tests; the programs that these start inherit them.
var testVariables = []string{
	"PAUSETEST_AMANDA_KEEP", "PAUSETEST_ARTIFACTS", "PAUSETEST_DEMO_LINK", "PAUSETEST_DEMO_MEASURE", "PAUSETEST_DEMO_STALLS",
	"PAUSETEST_LIMITER", "PAUSETEST_REQUIRE", "PAUSETEST_TABLE", "PAUSETEST_TORTURE",
}

// settledLeniently is what the environment, or else the file, has for a key, though
// they be faulty otherwise.
func settledLeniently(cmd *cobra.Command, key string) string {
	keys := keysOf(cmd.Root())
	set, _ := config.ParseEnvironment(os.Environ(), keys)
	if _, inEnvironment := set[key]; !inEnvironment {
		name, mustExist := settingsName(cmd)
		text, err := readSettings(name, mustExist)
		if err != nil {
			return ""
		}
		set, _ = config.ParseFile(name, text, keys)
	}
	if s, ok := set[key]; ok && len(s.Values) > 0 {
		return s.Values[0].Text
	}
	return ""
}

// give sets a flag as the command line would have done it.
func give(flags *pflag.FlagSet, s config.Setting) error {
	for _, v := range s.Values {
		err := flags.Set(s.Key, v.Text)
		if err == nil {
			continue
		}
		reason := fmt.Sprintf("%s: %s", s.Key, whyNot(flags.Lookup(s.Key), v.Text, err))
		if v.Origin.File == "" {
			return badInput("", "%s: %s", v.Origin, reason)
		}
		return &strictyaml.Error{File: v.Origin.File, Line: v.Origin.Line, Column: v.Origin.Column, Reason: reason}
	}
	o := s.Origin
	return flags.SetAnnotation(s.Key, originMark, []string{o.Variable, o.File, strconv.Itoa(o.Line), strconv.Itoa(o.Column)})
}

// originOf is where a flag was set; nowhere if it has its default, or was set on the
// command line.
func originOf(f *pflag.Flag) (o config.Origin) {
	if mark := f.Annotations[originMark]; mark != nil {
		o.Variable, o.File = mark[0], mark[1]
		o.Line, _ = strconv.Atoi(mark[2])
		o.Column, _ = strconv.Atoi(mark[3])
	}
	return o
}

// whyNot says what a flag expects in place of a text that it refused.
func whyNot(f *pflag.Flag, text string, err error) string {
	expected := map[string]string{
		"bool": "true or false", "duration": "a duration such as 30s or 2m", "float64": "a number",
		"int": "a whole number", "uint64": "a whole number from 0",
	}[f.Value.Type()]
	if expected == "" {
		if cause := errors.Unwrap(err); cause != nil {
			err = cause
		}
		return err.Error()
	}
	return fmt.Sprintf("expected %s, found %q", expected, text)
}

// settingsName is the file to read settings from: the one of --config or of the
// environment, which must exist, or else the usual one.
func settingsName(cmd *cobra.Command) (name string, mustExist bool) {
	named := cmd.Flags().Lookup("config")
	if v := os.Getenv(settingsVariable); v != "" && !named.Changed {
		return v, true
	}
	return named.Value.String(), named.Changed
}

// readSettings reads the file with the settings; none is as good as an empty one if
// it need not exist, or has no name.
func readSettings(name string, mustExist bool) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	text, err := readTrusted(name)
	if errors.Is(err, fs.ErrNotExist) && !mustExist {
		return nil, nil
	}
	if _, ok := errors.AsType[*distrusted](err); ok {
		return nil, badInput(distrustedHint, "reading settings: %w", err)
	}
	if err != nil {
		return nil, badInput("name a file with --config, or none with --config=", "reading settings: %w", err)
	}
	return text, nil
}

// withOrigins adds to an error about flags where those were set that nobody wrote on
// the command line.
func withOrigins(cmd *cobra.Command, err error) error {
	e, ok := errors.AsType[*exitError](err)
	if !ok || e.err == nil || !isConfigurable(cmd) {
		return err
	}
	var set []string
	for _, f := range keyed(cmd) {
		if origin := originOf(f); origin != (config.Origin{}) && mentions(e.Error(), f.Name) {
			set = append(set, fmt.Sprintf("--%s is set by %v", f.Name, origin))
		}
	}
	if set == nil {
		return err
	}
	return &exitError{code: e.code, err: fmt.Errorf("%w (%s)", e.err, strings.Join(set, ", ")), hint: e.hint}
}

// mentions reports whether a text speaks of a flag.
func mentions(text, flag string) bool {
	for {
		_, rest, found := strings.Cut(text, "--"+flag)
		if !found {
			return false
		}
		if rest == "" || !strings.ContainsRune("-abcdefghijklmnopqrstuvwxyz", rune(rest[0])) {
			return true
		}
		text = rest
	}
}
