// Command pausetest says whether concurrent backup dumps slow one another down.
// It pauses and resumes the dumps of a live host on a schedule while it samples
// interface bandwidth, judges with honest statistics, and draws what it found.
//
// This package is flags, terminal and exit codes, one file a subcommand, and the
// only place where the halves of the program and the operating system meet.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"pausetest/internal/demo"
	"pausetest/internal/guard"
	"pausetest/internal/printable"
	"pausetest/internal/strictyaml"
)

func main() {
	// A reader that goes away (| head) must not kill us while streams are
	// paused: writing to it becomes an error like any other.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	// The hidden parts come first: they are other programs in the same file.
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case guardArg:
			os.Exit(guard.Main())
		case demoPartArg:
			os.Exit(demo.Main(os.Args[2:]))
		}
	}
	os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
}

// The hidden subcommands that this program starts itself as.
const (
	guardArg    = "guard"
	demoPartArg = "demo-part"
)

// Exit codes.
const (
	exitDone         = 0
	exitFailed       = 1
	exitUsage        = 2
	exitInconclusive = 3 // with --exit-code
	exitCollapse     = 4 // with --exit-code
	// exitSignalled and the number of a signal is what shells say of a program that
	// was ended by it; a check that was waiting says so itself.
	exitSignalled = 128
)

// An exitError carries what the user is told and the exit code.
type exitError struct {
	code int
	err  error // nil: the code alone; everything was said
	hint string
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// badInput is an error the user can mend by asking differently.
func badInput(hint, format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...), hint: hint}
}

// failed is an error that came from outside: the system, a file, a process.
func failed(hint string, err error) error {
	return &exitError{code: exitFailed, err: err, hint: hint}
}

// execute runs one command line and returns the exit code. Nothing below it
// exits, so that whatever was started is ended in good order.
func execute(args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		if p := recover(); p != nil {
			err := failed("everything that was paused has been resumed; please report this with the command line", fmt.Errorf("internal fault: %v", p))
			code = complainTo(err, stderr)
			if isPlugin(nil, args) {
				code = complainToMonitoring(err, stdout)
			}
		}
	}()
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	cmd, err := root.ExecuteC()
	err = withOrigins(cmd, err)
	if isPlugin(cmd, args) {
		return complainToMonitoring(err, stdout)
	}
	return complainTo(err, stderr)
}

// complainTo tells the user about an error and returns the exit code.
func complainTo(err error, stderr io.Writer) int {
	if err == nil {
		return exitDone
	}
	e, ok := errors.AsType[*exitError](err)
	if !ok {
		e = &exitError{code: exitFailed, err: err}
		if _, isText := errors.AsType[*strictyaml.Error](err); isText {
			e.code = exitUsage
		}
	}
	if e.err != nil {
		fmt.Fprintf(stderr, "pausetest: error: %s\n", oneLine(err.Error()))
	}
	if e.hint != "" {
		fmt.Fprintf(stderr, "hint: %s\n", e.hint)
	}
	return e.code
}

// oneLine keeps messages greppable (joined errors come in several lines) and a
// terminal unharmed: they quote what others wrote.
func oneLine(s string) string {
	return printable.Text(strings.ReplaceAll(strings.TrimSpace(s), "\n", "; "), 0)
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "pausetest",
		Short: "find out whether concurrent backup dumps slow one another down",
		Long: `pausetest finds the concurrent dumps of this host, pauses and resumes them on a
schedule while it samples interface bandwidth, and says with honest statistics
whether N of them move less than one. Nothing stays paused, whatever dies.

Try it first, without root and without a backup:

    pausetest demo`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs, // or cobra's own error for them would have no exit code
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return badInput("see: pausetest --help", "unknown command %q", args[0])
			}
			return cmd.Help()
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			// This order: only who knows the settings knows how to complain (--plugin).
			if err := settle(cmd); err != nil {
				return err
			}
			return refuseMisspelt(cmd)
		},
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return badInput("see: "+cmd.CommandPath()+" --help", "%w", err)
	})
	root.AddCommand(
		newDemo(),
		newStreams(),
		newFdvol(),
		newRun(),
		newCheck(),
		newReport(),
		newPlot(),
		newCompare(),
		newHistory(),
		newExport(),
		newSimulate(),
		newResume(),
		newConfig(),
		newMan(),
		newVersion(),
	)
	for _, c := range root.Commands() {
		complain(c)
	}
	return root
}

// complain gives arguments that a command does not take the exit code of bad
// input, and a hint.
func complain(c *cobra.Command) {
	args := c.Args
	if args == nil {
		return
	}
	c.Args = func(cmd *cobra.Command, given []string) error {
		if err := args(cmd, given); err != nil {
			return badInput("see: "+cmd.CommandPath()+" --help", "%w", err)
		}
		return nil
	}
}
