package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pausetest/internal/analysis"
	"pausetest/internal/history"
	"pausetest/internal/printable"
	"pausetest/internal/report"
	"pausetest/plots"
)

// historyOptions are the flags of history.
type historyOptions struct {
	since, until string
	labels       map[string]string
	verdicts     []string
	hosts        []string
	asJSON       bool
	figure       string
	anyStreams   bool
	runs         string
}

func newHistory() *cobra.Command {
	o := &historyOptions{}
	c := &cobra.Command{
		Use:   "history [DIR...]",
		Short: "list the runs that were made, newest first, and what changed between them",
		Long: `history lists the runs in folders of runs (default: ./` + runsDir + `, where run and
check put them), newest first. Below the list it says when the ratio of a series of
runs changed for good. A series is runs of one host, of the same streams (their levels
aside) by the same interface, judged by the same counter. A series that never changes
is said to have changed with a chance of 1 % at most, though it be looked at every
night; it takes three runs on either side to see a change.

What is no run, or can't be read, is named on standard error and passed over. A
recording that was cut off is judged as far as it goes. Times are UTC.`,
		Example: `  pausetest history --since 7d
  pausetest history --verdict collapse --label site=east --json
  pausetest history /var/lib/pausetest/runs --figure trend.png
  pausetest history prune --keep 90d --max-size 2G --dry-run`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return o.list(cmd, args) },
	}
	f := c.Flags()
	f.StringVar(&o.since, "since", "", "runs that began since then: `AGE|DATE` such as 7d, 24h or 2026-11-03")
	f.StringVar(&o.until, "until", "", "runs that began until then: `AGE|DATE`; a date to the end of that day")
	f.StringToStringVar(&o.labels, "label", nil, "runs with the label `KEY=VALUE` (repeatable: with all of them)")
	f.StringArrayVar(&o.hosts, "host", nil, "runs on the host `NAME` (repeatable: on any of them)")
	f.StringSliceVar(&o.verdicts, "verdict", nil, "list only runs with these `VERDICTS`; changes are sought in all")
	f.BoolVar(&o.anyStreams, "any-streams", false, "put runs of different streams into one series if they are equally many")
	f.BoolVar(&o.asJSON, "json", false, "print JSON (docs/history.schema.json)")
	f.StringVar(&o.figure, "figure", "", "draw the ratio over time into `FILE` as well (.png, .svg or .pdf)")
	f.StringVar(&o.runs, "runs", runsDir, "the folder of runs that is meant where none is named")
	configurable(c, "since", "until", "label", "host", "verdict", "any-streams", "json", "figure")
	c.AddCommand(newPrune())
	for _, sub := range c.Commands() {
		complain(sub)
	}
	return c
}

// filter reads the flags that say which runs are wanted.
func (o *historyOptions) filter(now time.Time) (history.Filter, error) {
	f := history.Filter{Hosts: o.hosts, Labels: o.labels}
	var err error
	if o.since != "" {
		if f.Since, err = history.ParseSince(o.since, now); err != nil {
			return f, badInput("", "--since %w", err)
		}
	}
	if o.until != "" {
		if f.Until, err = history.ParseUntil(o.until, now); err != nil {
			return f, badInput("", "--until %w", err)
		}
	}
	for _, v := range o.verdicts {
		if !slices.Contains(analysis.Verdicts, analysis.Verdict(v)) {
			return f, badInput("", "--verdict %q: expected one of %s", v, strings.Trim(fmt.Sprint(analysis.Verdicts), "[]"))
		}
	}
	return f, nil
}

func (o *historyOptions) list(cmd *cobra.Command, folders []string) error {
	filter, err := o.filter(time.Now())
	if err != nil {
		return err
	}
	var format plots.Format
	if o.figure != "" {
		if format, err = plots.FormatOf(o.figure); err != nil {
			return badInput("the ending of the name chooses the format: .png, .svg or .pdf", "--figure %s: %w", o.figure, err)
		}
	}
	runs, skipped, err := readHistory(cmd, o.runs, folders, filter)
	if err != nil {
		return err
	}
	studies := make([]*analysis.Study, len(runs))
	for i, r := range runs {
		studies[i] = r.Study
	}
	series := analysis.SeriesOf(studies, o.anyStreams)
	var h report.History
	for _, r := range runs {
		if len(o.verdicts) == 0 || slices.Contains(o.verdicts, string(r.Study.Result.Verdict)) {
			h.Add(r.Path, r.Study)
		}
	}
	for _, s := range series {
		h.AddSeries(s)
	}
	for _, s := range skipped {
		h.AddSkipped(s.Path, s.Reason)
		note(cmd.ErrOrStderr(), "passed over", s)
	}
	write := h.Text
	if o.asJSON {
		write = h.JSON
	}
	if err := printing(write(cmd.OutOrStdout())); err != nil || o.figure == "" {
		return err
	}
	return writeFile(cmd.OutOrStdout(), o.figure, func(w io.Writer) error { return plots.Trend(w, studies, series, format) })
}

// readHistory reads the runs in the folders that were named, or in the one where runs
// are put, which need not be there yet.
func readHistory(cmd *cobra.Command, runs string, folders []string, filter history.Filter) ([]history.Run, []history.Skipped, error) {
	if len(folders) == 0 {
		if _, err := os.Stat(runs); errors.Is(err, fs.ErrNotExist) {
			return nil, nil, nil
		}
		folders = []string{runs}
	}
	found, skipped, err := history.Reader{Tool: version(), Filter: filter}.Read(cmd.Context(), folders)
	if err != nil {
		return nil, nil, badInput("name a folder of run folders", "reading the runs: %w", err)
	}
	return found, skipped, nil
}

// note says on one line what was done with a folder, and why.
func note(w io.Writer, what string, s history.Skipped) {
	fmt.Fprintf(w, "note: %s %s: %s\n", what, printable.Text(s.Path, 0), oneLine(s.Reason.Error()))
}

// retention are the flags that say which runs have to go.
type retention struct {
	age, maxSize string
}

func (r *retention) flags(f *pflag.FlagSet) {
	f.StringVar(&r.age, "keep", "", "delete runs that began longer ago than `AGE`, such as 90d")
	f.StringVar(&r.maxSize, "max-size", "", "delete the oldest runs until the others take `SIZE` at most, such as 2G or 500M")
}

// policy is the zero policy if no flag was given.
func (r *retention) policy() (p history.Policy, err error) {
	if r.age != "" {
		if p.Keep, err = history.ParseAge(r.age); err != nil {
			return p, badInput("", "--keep %w", err)
		}
	}
	if r.maxSize != "" {
		if p.MaxBytes, err = history.ParseSize(r.maxSize); err != nil {
			return p, badInput("", "--max-size %w", err)
		}
	}
	return p, nil
}

// keep deletes what the policy, if there is one, does not keep after a check.
func (r *retention) keep(dir string) error {
	p, err := r.policy()
	if err != nil || p == (history.Policy{}) || !isFolder(dir) {
		return err
	}
	if _, err = history.Prune(dir, p, time.Now(), false); err != nil {
		return fmt.Errorf("deleting old runs in %s: %w", dir, err)
	}
	return nil
}

func newPrune() *cobra.Command {
	var keep retention
	var p history.Policy
	var runs string
	var dryRun, asJSON bool
	c := &cobra.Command{
		Use:   "prune [DIR]",
		Short: "delete old runs, and nothing that is not one",
		Long: `prune deletes runs from a folder of runs (default: ./` + runsDir + `): those older
than --keep, then the oldest until the others fit --max-size. It prints what it
deletes; with nothing to delete it is silent.

The newest run always stays, and so does one that is still going on or was changed within
the last hour. A folder is deleted only if it belongs to the user who runs prune, has the
name that a run gives by itself, holds the recording of that very run, and nothing
that a run does not write. Every other folder is left alone and named on standard error:
to keep a run for good, give its folder a name of its own.`,
		Example: `  pausetest history prune --keep 90d --max-size 2G --dry-run
  pausetest history prune --keep 26w /var/lib/pausetest/runs`,
		Args: cobra.MaximumNArgs(1),
		PreRunE: func(*cobra.Command, []string) (err error) {
			p, err = keep.policy()
			return err
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if p == (history.Policy{}) {
				return badInput("", "nothing says which runs to keep: give --keep, --max-size or both")
			}
			dir := runs
			if len(args) > 0 {
				dir = args[0]
			} else if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return prune(cmd, dir, p, dryRun, asJSON)
		},
	}
	keep.flags(c.Flags())
	c.Flags().StringVar(&runs, "runs", runsDir, "the folder of runs that is meant where none is named")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "print what would be deleted and touch nothing")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	configurable(c, "dry-run", "json")
	return c
}

func prune(cmd *cobra.Command, dir string, p history.Policy, dryRun, asJSON bool) error {
	if !isFolder(dir) {
		return badInput("name a folder of run folders", "%s is no folder", dir)
	}
	done, err := history.Prune(dir, p, time.Now(), dryRun)
	for _, s := range done.Left {
		note(cmd.ErrOrStderr(), "left alone", s)
	}
	return errors.Join(printing(writePruning(cmd.OutOrStdout(), done, dryRun, asJSON)), failedIf(err, "pruning "+dir))
}

func writePruning(w io.Writer, done history.Pruning, dryRun, asJSON bool) error {
	if asJSON {
		return printJSON(w, struct {
			DryRun    bool              `json:"dry_run"`
			Deleted   []history.Removal `json:"deleted"` // oldest first
			Kept      int               `json:"kept"`    // runs
			KeptBytes int64             `json:"kept_bytes"`
		}{dryRun, append([]history.Removal{}, done.Deleted...), done.Kept, done.KeptBytes})
	}
	if len(done.Deleted) == 0 {
		return nil
	}
	verb, bytes := "deleted", int64(0)
	if dryRun {
		verb = "would delete"
	}
	for _, r := range done.Deleted {
		bytes += r.Bytes
		if _, err := fmt.Fprintf(w, "%s %s (%s)\n", verb, printable.Text(r.Path, 0), report.Bytes(float64(r.Bytes))); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%s %s, %s; kept %s, %s\n", verb, count(len(done.Deleted), "folder|folders"), report.Bytes(float64(bytes)),
		count(done.Kept, "run|runs"), report.Bytes(float64(done.KeptBytes)))
	return err
}
