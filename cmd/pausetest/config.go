package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pausetest/internal/config"
	"pausetest/internal/printable"
	"pausetest/internal/strictyaml"
)

func newConfig() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "check the configuration file, or show what is in force and from where",
		Long: `Every flag of run, check, streams, fdvol and history that means more than one invocation
has a key of the same name in ` + settingsFile + `, or in the file that --config names:

    max-pause: 5s
    runs: /var/lib/pausetest/runs
    fail-on: [inconclusive, refused, no-streams]

and an environment variable such as PAUSETEST_MAX_PAUSE. The command line goes before
the environment, that before the file, that before the default, each as a whole.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return badInput("see: pausetest config --help", "unknown command %q", args[0])
			}
			return cmd.Help()
		},
	}
	c.AddCommand(newConfigCheck(), newConfigShow())
	for _, sub := range c.Commands() {
		complain(sub)
	}
	return c
}

func newConfigCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE]",
		Short: "say what is wrong with a configuration file, with line and column",
		Long: `check reads the configuration file (` + settingsFile + ` unless one is named) and prints all
that is wrong with it, a line each: unknown keys, values of the wrong kind, and what
the commands would say of the values. It exits with 2 if there is anything.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := settingsFile
			if len(args) == 1 {
				name = args[0]
			}
			text, err := readSettings(name, true)
			if err != nil {
				return err
			}
			faults := faultsIn(name, text)
			for _, f := range faults {
				fmt.Fprintln(cmd.OutOrStdout(), oneLine(f.Error()))
			}
			if len(faults) > 0 {
				return &exitError{code: exitUsage}
			}
			return nil
		},
	}
}

// faultsIn is all that is wrong with a file: what the parser says of its form, each
// flag of its own value, and each command of what all of them come to.
func faultsIn(name string, text []byte) []*strictyaml.Error {
	root := newRoot(io.Discard, io.Discard)
	set, faults := config.ParseFile(name, text, keysOf(root))
	for _, c := range configurables(root) {
		errs := giveAll(c, set)
		if errs == nil && c.PreRunE != nil {
			errs = []error{c.PreRunE(c, nil)}
		}
		for _, err := range errs {
			if err != nil {
				faults = append(faults, locate(name, err, set))
			}
		}
	}
	slices.SortStableFunc(faults, func(a, b *strictyaml.Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Reason, b.Reason))
	})
	return slices.CompactFunc(faults, func(a, b *strictyaml.Error) bool { return *a == *b }) // run and check say the same
}

// giveAll sets all flags of a command that a file has a value for.
func giveAll(c *cobra.Command, set map[string]config.Setting) (errs []error) {
	for _, f := range keyed(c) {
		if s, ok := set[f.Name]; ok {
			if err := give(c.Flags(), s); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errs
}

// locate finds the place of an error in the file: where it says one, or where the
// first of the keys is set that it speaks of.
func locate(name string, err error, set map[string]config.Setting) *strictyaml.Error {
	if e, ok := errors.AsType[*strictyaml.Error](err); ok && e.File == name {
		return e
	}
	fault := &strictyaml.Error{File: name, Reason: err.Error()}
	for key, s := range set {
		if at := s.Values[0].Origin; mentions(fault.Reason, key) && (fault.Line == 0 || at.Line < fault.Line) {
			fault.Line, fault.Column = at.Line, at.Column
		}
	}
	return fault
}

// A shownSetting is one key as `pausetest config show` prints it.
type shownSetting struct {
	Key      string        `json:"key"`
	Value    any           `json:"value"` // a string, or a list of them
	From     config.Origin `json:"from"`
	Commands []string      `json:"commands"` // to which it applies
}

// shownSettings is what `pausetest config show --json` prints.
type shownSettings struct {
	File     string         `json:"file"`
	Settings []shownSetting `json:"settings"`
	Unknown  []string       `json:"unknown_variables"` // of the environment
}

func newConfigShow() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "show",
		Short: "print every setting that is in force, and from where it is",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			shown, err := settingsInForce(cmd)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), shown)
			}
			return printing(shown.write(cmd.OutOrStdout()))
		},
	}
	configFlag(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// settingsInForce is what the commands would run with if they were called as this one
// is.
func settingsInForce(cmd *cobra.Command) (*shownSettings, error) {
	root := newRoot(io.Discard, io.Discard)
	shown := &shownSettings{Settings: []shownSetting{}, Unknown: []string{}}
	shown.File, _ = settingsName(cmd)
	for _, c := range configurables(root) {
		if flag := cmd.Flags().Lookup("config"); flag.Changed {
			if err := c.Flags().Set(flag.Name, flag.Value.String()); err != nil {
				return nil, err
			}
		}
		if err := settle(c); err != nil {
			return nil, err
		}
		for _, f := range keyed(c) {
			shown.add(c.Name(), f)
		}
	}
	slices.SortStableFunc(shown.Settings, func(a, b shownSetting) int { return cmp.Compare(a.Key, b.Key) })
	_, unknown := settingsInEnvironment(keysOf(root))
	shown.Unknown = append(shown.Unknown, unknown...)
	return shown, nil
}

// add adds a flag of a command. What is the same for several is shown once.
func (l *shownSettings) add(command string, f *pflag.Flag) {
	var value any = f.Value.String()
	if list, ok := f.Value.(pflag.SliceValue); ok {
		value = append([]string{}, list.GetSlice()...)
	}
	from := originOf(f)
	for i := range l.Settings {
		if s := &l.Settings[i]; s.Key == f.Name && s.From == from && reflect.DeepEqual(s.Value, value) {
			s.Commands = append(s.Commands, command)
			return
		}
	}
	l.Settings = append(l.Settings, shownSetting{f.Name, value, from, []string{command}})
}

func (l *shownSettings) write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "KEY\tVALUE\tFROM\tFOR")
	for _, s := range l.Settings {
		text := fmt.Sprint(s.Value)
		if list, ok := s.Value.([]string); ok {
			text = strings.Join(list, ", ")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", s.Key, cmp.Or(printable.Text(text, 60), "-"), printable.Text(s.From.String(), 0), strings.Join(s.Commands, ", "))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, name := range l.Unknown {
		fmt.Fprintf(w, "note: %s is no setting\n", printable.Text(name, 60))
	}
	return nil
}
