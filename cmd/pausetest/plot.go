package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pausetest/internal/analysis"
	"pausetest/plots"
)

// figures are the figures of one run, by name.
var figures = map[string]func(io.Writer, *analysis.Study, plots.Format) error{
	"curve":    plots.Curve,
	"timeline": plots.Timeline,
	"streams":  plots.Streams,
	"pairs":    plots.Pairs,
}

func newPlot() *cobra.Command {
	var which, out string
	var with []string
	names := strings.Join(append(slices.Sorted(maps.Keys(figures)), trend), ", ")
	c := &cobra.Command{
		Use:   "plot RUN...",
		Short: "draw the figures of a run from its recording",
		Long: `plot draws the figures of a run from its recording alone: on any machine, without
privilege, the same bytes each time. Without --figure it draws curve.png and
timeline.png, as the run itself did.

  curve      throughput against the number of active streams
  timeline   throughput over time, with every pause
  streams    each stream alone, and its share when all run
  pairs      which streams hurt each other (of a run with --pairs)
  trend      the ratio over many runs, or over a folder of runs`,
		Example: `  pausetest plot RUN --out figures/
  pausetest plot RUN --figure streams --out streams.svg
  pausetest plot pausetest-runs --figure trend`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if which == trend {
				return drawTrend(cmd.OutOrStdout(), args, with, out)
			}
			if len(args) > 1 {
				return badInput("only the trend is drawn from several runs", "%d runs given", len(args))
			}
			s, err := study(args[0])
			if err != nil {
				return err
			}
			if which == "" {
				return drawBoth(cmd.OutOrStdout(), s, out)
			}
			draw, ok := figures[which]
			if !ok {
				return badInput("", "--figure %q: expected one of %s", which, names)
			}
			if out == "" {
				out = which + ".png"
			}
			format, err := plots.FormatOf(out)
			if err != nil {
				return badInput("the ending of the name chooses the format: .png, .svg or .pdf", "--out %s: %w", out, err)
			}
			return drawTo(cmd.OutOrStdout(), out, func(w io.Writer) error { return draw(w, s, format) })
		},
	}
	c.Flags().StringVar(&which, "figure", "", "draw one figure: "+names)
	c.Flags().StringVarP(&out, "out", "o", "", "with --figure: the file; else the folder for curve.png and timeline.png (default: here)")
	c.Flags().StringArrayVar(&with, "with", nil, "of the trend: only runs with the label `KEY=VALUE` (repeatable)")
	return c
}

// trend is the figure that is drawn from many runs.
const trend = "trend"

// drawTrend draws the ratio of many runs over time, each series by itself, and marks
// where it changed for good.
func drawTrend(stdout io.Writer, paths, with []string, out string) error {
	var all []*analysis.Study
	for _, path := range paths {
		studies, err := studiesIn(path, with)
		if err != nil {
			return err
		}
		all = append(all, studies...)
	}
	if out == "" {
		out = trend + ".png"
	}
	format, err := plots.FormatOf(out)
	if err != nil {
		return badInput("the ending of the name chooses the format: .png, .svg or .pdf", "--out %s: %w", out, err)
	}
	return drawTo(stdout, out, func(w io.Writer) error { return plots.Trend(w, all, analysis.SeriesOf(all, false), format) })
}

func drawBoth(stdout io.Writer, s *analysis.Study, dir string) error {
	if dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return badInput("name a folder that you may write to", "making the folder for the figures: %w", err)
		}
	}
	for _, r := range renderings {
		if filepath.Ext(r.name) != ".png" {
			continue
		}
		if err := drawTo(stdout, filepath.Join(dir, r.name), func(w io.Writer) error { return r.render(w, s) }); err != nil {
			return err
		}
	}
	return nil
}

func drawTo(stdout io.Writer, name string, draw func(io.Writer) error) error {
	if err := writeFile(stdout, name, draw); err != nil || name == "-" {
		return err
	}
	_, err := fmt.Fprintln(stdout, name)
	return printing(err)
}
