package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
	"pausetest/internal/report"
	"pausetest/plots"
)

// study reads a run: its folder, or the recording itself.
func study(path string) (*analysis.Study, error) {
	r, err := openRecording(path)
	if err != nil {
		return nil, err
	}
	s, err := analysis.Analyze(r)
	if err != nil {
		return nil, unreadable(fmt.Errorf("%s: %w", path, err))
	}
	return s, nil
}

// A rendering is one way to put a study on paper.
type rendering struct {
	name   string
	render func(io.Writer, *analysis.Study) error
}

// renderings are what a run folder holds beside the recording, all made from it.
var renderings = []rendering{
	{resultFile, report.JSON},
	{curveFile, figure(plots.Curve)},
	{timelineFile, figure(plots.Timeline)},
	{reportFile, report.HTML},
}

func figure(draw func(io.Writer, *analysis.Study, plots.Format) error) func(io.Writer, *analysis.Study) error {
	return func(w io.Writer, s *analysis.Study) error { return draw(w, s, plots.PNG) }
}

// finish reads back what was recorded and puts it on paper: by the same way as
// anybody would who has nothing but the recording. The study is returned even
// when there is no room for the files; its samples can't be gone through any more.
func finish(ctx context.Context, f *runFolder) (*analysis.Study, error) {
	file, err := f.root.Open(recordingFile)
	if err != nil {
		return nil, fmt.Errorf("reading the recording back: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading the recording back: %w", err)
	}
	s, err := analysis.Analyze(recording.NewFile(file, info.Size()))
	if err != nil {
		return nil, fmt.Errorf("reading the recording back: %w", err)
	}
	var errs []error
	for _, r := range renderings {
		if ctx.Err() != nil {
			return s, errors.Join(append(errs, fmt.Errorf("%s was not written: %w", r.name, context.Cause(ctx)))...)
		}
		errs = append(errs, f.write(r.name, func(w io.Writer) error { return r.render(w, s) }))
	}
	return s, errors.Join(errs...)
}

// exitCodeFor turns a verdict into an exit code, where that was asked for.
func exitCodeFor(wanted bool, v analysis.Verdict) error {
	switch {
	case wanted && v == analysis.Collapse:
		return &exitError{code: exitCollapse}
	case wanted && v == analysis.Inconclusive:
		return &exitError{code: exitInconclusive}
	}
	return nil
}

func newReport() *cobra.Command {
	var format, out string
	var with []string
	formats := map[string]func(io.Writer, *analysis.Study) error{
		"text": report.Text, "json": report.JSON, "md": report.Markdown, "html": report.HTML,
	}
	c := &cobra.Command{
		Use:   "report RUN...",
		Short: "judge a recording again and print what it says",
		Long: `report reads the recordings of runs (their folders, folders of runs, or the files
themselves) and prints verdict, tables and warnings. It needs nothing but the recording, no
privilege, and gives the same answer as the run itself did, to the byte.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			render, ok := formats[format]
			if !ok {
				return badInput("", "--format %q: expected text, json, md or html", format)
			}
			var all []*analysis.Study
			for _, path := range args {
				studies, err := studiesIn(path, with)
				if err != nil {
					return err
				}
				all = append(all, studies...)
			}
			if out == "" {
				out = "-"
			} else if len(all) > 1 {
				return badInput("leave --out away to print all of them", "--out takes one run, not %d", len(all))
			}
			for _, s := range all {
				if err := writeFile(cmd.OutOrStdout(), out, func(w io.Writer) error { return render(w, s) }); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&format, "format", "text", "text, json, md or html")
	c.Flags().StringVarP(&out, "out", "o", "", "write to `FILE` instead of standard output")
	c.Flags().StringArrayVar(&with, "with", nil, "only runs with the label `KEY=VALUE` (repeatable)")
	return c
}

// writeFile writes a file whole or not at all. A file that was there is replaced,
// also behind a link; anything else (a device, a pipe) is written to as it is and
// never replaced. "-" is standard output.
func writeFile(stdout io.Writer, name string, fn func(io.Writer) error) error {
	const hint = "name a file in a folder that you may write to"
	if name == "-" {
		return printing(fn(stdout))
	}
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	switch info, err := os.Stat(name); {
	case err == nil && info.IsDir():
		return badInput("name a file in it", "writing %s: it is a folder", name)
	case err == nil && !info.Mode().IsRegular():
		file, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return badInput(hint, "writing %s: %w", name, err)
		}
		return failedIf(errors.Join(fn(file), file.Close()), "writing "+name)
	}
	file, err := renameio.NewPendingFile(name, renameio.WithPermissions(0o644))
	if err != nil {
		return badInput(hint, "writing %s: %w", name, err)
	}
	defer file.Cleanup()
	if err := fn(file); err != nil {
		return failedIf(err, "writing "+name)
	}
	return failedIf(file.CloseAtomicallyReplace(), "writing "+name)
}

func printing(err error) error { return failedIf(err, "printing") }

// printJSON prints a value as all commands print JSON.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return printing(enc.Encode(v))
}

// failedIf adds what was being done to an error, if there is one.
func failedIf(err error, doing string) error {
	if err == nil {
		return nil
	}
	if _, told := errors.AsType[*exitError](err); told {
		return err
	}
	return failed("", fmt.Errorf("%s: %w", doing, err))
}
