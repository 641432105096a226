package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pausetest/internal/analysis"
	"pausetest/internal/report"
	"pausetest/plots"
)

func newCompare() *cobra.Command {
	var format, out, figure string
	var force bool
	var with []string
	c := &cobra.Command{
		Use:   "compare A B [...]",
		Short: "compare runs: before and after, host against host",
		Long: `compare sets two or more conditions side by side. Each is a run, or a folder of runs
that were made under the same circumstances; NAME=PATH gives it a name. It says how
much the ratio and the throughput at each level differ, with intervals, and refuses
what is not comparable unless it is forced to.`,
		Example: `  pausetest compare before=runs/bsd after=runs/bsdtcp --figure ab.png
  pausetest compare mon=runs/mon tue=runs/tue --with site=east`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var conditions []report.Condition
			for _, arg := range args {
				one, err := condition(arg, with)
				if err != nil {
					return err
				}
				conditions = append(conditions, one)
			}
			result, err := report.Compare(conditions, force)
			if _, refused := errors.AsType[*report.NotComparableError](err); refused {
				return badInput("compare like with like, or add --force if you know better", "%w", err)
			}
			if err != nil {
				return badInput("", "%w", err)
			}
			if figure != "" {
				drawn, err := plots.FormatOf(figure)
				if err != nil {
					return badInput("the ending of the name chooses the format: .png, .svg or .pdf", "--figure %s: %w", figure, err)
				}
				if err := writeFile(cmd.OutOrStdout(), figure, func(w io.Writer) error { return result.Figure(w, drawn) }); err != nil {
					return err
				}
			}
			return writeAs(cmd.OutOrStdout(), out, format, map[string]func(io.Writer) error{
				"text": result.Text, "json": result.JSON, "md": result.Markdown, "html": result.HTML,
			})
		},
	}
	f := c.Flags()
	f.StringVar(&format, "format", "text", "text, json, md or html")
	f.StringVarP(&out, "out", "o", "", "write to `FILE` instead of standard output")
	f.StringVar(&figure, "figure", "", "draw the curves on one axis into `FILE` (.png, .svg or .pdf)")
	f.BoolVar(&force, "force", false, "compare what is not comparable, and say so")
	f.StringArrayVar(&with, "with", nil, "only runs with the label `KEY=VALUE` (repeatable)")
	return c
}

// writeAs writes in the format that was asked for, to a file or to stdout.
func writeAs(stdout io.Writer, out, format string, formats map[string]func(io.Writer) error) error {
	write, ok := formats[format]
	if !ok {
		return badInput("", "--format %q: expected text, json, md or html", format)
	}
	if out == "" {
		out = "-"
	}
	return writeFile(stdout, out, write)
}

// condition reads one side of a comparison: NAME=PATH or PATH, a run or a folder
// of runs.
func condition(arg string, with []string) (report.Condition, error) {
	name, path, named := strings.Cut(arg, "=")
	if !named {
		path = arg
		name = filepath.Base(filepath.Clean(arg))
	}
	studies, err := studiesIn(path, with)
	return report.Condition{Name: name, Studies: studies}, err
}

func labelled(s *analysis.Study, with []string) bool {
	return !slices.ContainsFunc(with, func(label string) bool {
		key, value, _ := strings.Cut(label, "=")
		got, ok := s.Header.Labels[key]
		return !ok || got != value
	})
}

// studiesIn reads the run at path, or every run in the folder at path, in the
// order in which they were made; of these only the ones that have every label.
func studiesIn(path string, with []string) ([]*analysis.Study, error) {
	files, err := recordingsIn(path)
	if err != nil {
		return nil, err
	}
	var studies []*analysis.Study
	for _, file := range files {
		s, err := study(file)
		if err != nil {
			return nil, err
		}
		if labelled(s, with) {
			studies = append(studies, s)
		}
	}
	if len(studies) == 0 {
		return nil, badInput("", "%s: no run has the label %s", path, strings.Join(with, ", "))
	}
	slices.SortStableFunc(studies, func(a, b *analysis.Study) int { return a.Header.Started.Compare(b.Header.Started) })
	return studies, nil
}

// recordingsIn names the run at path, or every run in the folder at path.
func recordingsIn(path string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(path, recordingFile)); !errors.Is(err, fs.ErrNotExist) || !isFolder(path) {
		return []string{path}, nil
	}
	found, err := filepath.Glob(filepath.Join(path, "*", recordingFile))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, badInput("name the folder of a run, or a folder of such folders", "%s holds no %s, nor does any folder in it", path, recordingFile)
	}
	return found, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
