package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"pausetest/internal/recording"
	"pausetest/internal/simulate"
)

// simulateOptions are the flags of simulate. Those that `run` has as well mean
// the same.
type simulateOptions struct {
	worlds       []string
	runs         int
	seed         uint64
	json, list   bool
	print        string
	goal         string
	confidence   string
	openEnded    bool
	maxBlocks    int
	levels       string
	unattributed float64
	pairs        int
}

func newSimulate() *cobra.Command {
	o := &simulateOptions{}
	c := &cobra.Command{
		Use:   "simulate",
		Short: "play the experiment on simulated hosts: what would it cost, and what could it find?",
		Long: `simulate plays the very same run loop and judge as "run" against simulated hosts
in virtual time, many times, and prints how often each verdict came out, how often
the interval held the truth, how long a run took and what it kept from the backups.
It touches nothing on this host and needs no privilege.

A world is a simulated host: a built-in one (--list), a pattern of them ('ar/*'),
"all" (those of the table in docs/statistics.md) or a YAML file. To describe your
own host, start from a built-in world: --print shows it with every key explained.
The same seed gives the same output, whatever the number of cores.`,
		Example: `  pausetest simulate --world quiet/collapse
  pausetest simulate --world 'ar/*' --runs 1000 --json
  pausetest simulate --print quiet/flat > myhost.yaml
  pausetest simulate --world myhost.yaml --goal collapse`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	o.flags(c.Flags())
	return c
}

func (o *simulateOptions) flags(f *pflag.FlagSet) {
	f.StringSliceVar(&o.worlds, "world", nil, "`WORLD` to play: a built-in name or pattern, all, or a YAML file (repeatable, or a comma list)")
	f.IntVar(&o.runs, "runs", 200, "play each world so many times")
	f.Uint64Var(&o.seed, "seed", 1, "seed of all random choices")
	f.BoolVar(&o.json, "json", false, "print JSON")
	f.BoolVar(&o.list, "list", false, "list the built-in worlds")
	f.StringVar(&o.print, "print", "", "print the built-in world `NAME` as YAML, every key explained")
	f.StringVar(&o.goal, "goal", string(recording.GoalClass), "what to decide: class (collapse, saturated or scaling) or collapse (yes or no)")
	f.StringVar(&o.confidence, "confidence", "95", "confidence of the intervals in percent: 95 or 90")
	f.BoolVar(&o.openEnded, "open-ended", false, "keep the error rate whenever you stop or extend (costs more blocks)")
	f.IntVar(&o.maxBlocks, "max-blocks", 24, "run at most so many blocks")
	f.StringVar(&o.levels, "levels", "ends", "levels to measure: ends (one and all) or between (all of them, after the verdict)")
	f.Float64Var(&o.unattributed, "unattributed-share", 0, "where only the interface is counted: largest share (0..1) of the traffic beside one stream that the tool is told of; -1: nothing is known, as in a run without this flag")
	pairsFlag(f, &o.pairs)
}

func (o *simulateOptions) run(cmd *cobra.Command) error {
	stdout := cmd.OutOrStdout()
	switch {
	case o.list:
		return printing(listWorlds(stdout, o.json))
	case o.print != "":
		worlds, err := simulate.Builtin(o.print)
		if err != nil || len(worlds) != 1 {
			return badInput("see: pausetest simulate --list", "--print %q: not the name of one built-in world", o.print)
		}
		_, err = io.WriteString(stdout, worlds[0].YAML())
		return printing(err)
	}
	p, err := o.protocol()
	if err != nil {
		return err
	}
	worlds, err := findWorlds(o.worlds)
	if err != nil {
		return err
	}
	document, err := o.play(cmd.Context(), cmd.ErrOrStderr(), p, worlds)
	if err != nil {
		return failed("", err)
	}
	if o.json {
		return printing(document.JSON(stdout))
	}
	return printing(document.Text(stdout))
}

// protocol checks the flags and is what the simulated tool is told.
func (o *simulateOptions) protocol() (simulate.Protocol, error) {
	p := simulate.Protocol{
		Plan: recording.Plan{
			Design: recording.Sequential, Goal: recording.Goal(o.goal), MaxBlocks: o.maxBlocks,
			Between: o.levels == "between", UnattributedShare: o.unattributed, PairRounds: o.pairs,
		},
		Limits: recording.Limits{MaxPauseNS: int64(10 * time.Second), MinRunNS: int64(time.Second)},
	}
	if o.openEnded {
		p.Plan.Design = recording.OpenEnded
	}
	switch o.confidence {
	case "95":
		p.Plan.Confidence = 0.95
	case "90":
		p.Plan.Confidence = 0.90
	default:
		return p, badInput("", "--confidence %q: expected 95 or 90", o.confidence)
	}
	switch {
	case !slices.Contains([]recording.Goal{recording.GoalClass, recording.GoalCollapse}, p.Plan.Goal):
		return p, badInput("", "--goal %q: expected class or collapse", o.goal)
	case o.levels != "ends" && o.levels != "between":
		return p, badInput("", "--levels %q: expected ends or between", o.levels)
	case o.maxBlocks < 4 || o.maxBlocks > 1000:
		return p, badInput("", "--max-blocks %d: expected 4 to 1000", o.maxBlocks)
	case o.runs < 1 || o.runs > 1_000_000:
		return p, badInput("", "--runs %d: expected 1 to 1000000", o.runs)
	case o.pairs < 0 || o.pairs > mostPairRounds:
		return p, badPairs(o.pairs)
	case !(o.unattributed <= 1):
		return p, badInput("", "--unattributed-share %g: expected 0 to 1, or -1", o.unattributed)
	}
	return p, nil
}

// findWorlds returns the worlds that are named. What is no built-in world is a
// file.
func findWorlds(names []string) ([]simulate.World, error) {
	if len(names) == 0 {
		return nil, badInput("name one with --world; pausetest simulate --list shows the built-in ones", "no world to play")
	}
	var worlds []simulate.World
	for _, name := range names {
		found, err := simulate.Builtin(name)
		if err != nil {
			return nil, badInput("", "--world: %w", err)
		}
		if len(found) == 0 {
			w, err := readWorld(name)
			if err != nil {
				return nil, err
			}
			found = []simulate.World{w}
		}
		worlds = append(worlds, found...)
	}
	return worlds, nil
}

func readWorld(name string) (simulate.World, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return simulate.World{}, badInput("pausetest simulate --list shows the built-in worlds", "world %q: neither a built-in world nor a file", name)
	}
	if err != nil {
		return simulate.World{}, badInput("", "reading the world: %w", err)
	}
	w, err := simulate.ParseWorld(name, text)
	if err != nil {
		return simulate.World{}, badInput("pausetest simulate --print quiet/flat explains every key", "%w", err)
	}
	return w, nil
}

// play plays all worlds on all cores.
func (o *simulateOptions) play(ctx context.Context, stderr io.Writer, p simulate.Protocol, worlds []simulate.World) (*simulate.Document, error) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	d := simulate.NewDocument(p, o.runs, o.seed)
	c := newCountdown(stderr, o.runs*len(worlds))
	defer c.done()
	for i := range worlds {
		s, err := p.Score(ctx, &worlds[i], o.runs, o.seed, runtime.GOMAXPROCS(0), c.tick)
		if err != nil {
			return nil, err
		}
		d.Worlds = append(d.Worlds, s)
	}
	return d, nil
}

// A countdown shows on a terminal how much is done; elsewhere it shows nothing.
type countdown struct {
	w       io.Writer // nil: no terminal
	mu      sync.Mutex
	n, all  int
	percent int
}

func newCountdown(w io.Writer, all int) *countdown {
	c := &countdown{all: all, percent: -1}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		c.w = w
	}
	return c
}

// tick counts one run.
func (c *countdown) tick() {
	if c.w == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	if p := 100 * c.n / c.all; p > c.percent {
		c.percent = p
		fmt.Fprintf(c.w, "\r\x1b[Kplayed %d of %d runs (%d %%)", c.n, c.all, p)
	}
}

func (c *countdown) done() {
	if c.w != nil {
		fmt.Fprint(c.w, "\r\x1b[K")
	}
}

func listWorlds(w io.Writer, asJSON bool) error {
	list := simulate.Builtins()
	if asJSON {
		return printJSON(w, struct {
			Worlds []simulate.Listed `json:"worlds"`
		}{list})
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "world\tall\twhat it stands for")
	for _, l := range list {
		mark := ""
		if l.InTable {
			mark = "*"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", l.Name, mark, l.About)
	}
	fmt.Fprintln(t, "\n* one of \"all\". Any world also with +attributed: the streams' own counters can be read.")
	return t.Flush()
}
