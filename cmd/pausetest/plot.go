package main

import (
	"fmt"
	"io"
	"maps"
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
}

func newPlot() *cobra.Command {
	var which, out string
	names := strings.Join(slices.Sorted(maps.Keys(figures)), ", ")
	c := &cobra.Command{
		Use:   "plot RUN",
		Short: "draw the figures of a run from its recording",
		Long: `plot draws the figures of a run from its recording alone: on any machine, without
privilege, the same bytes each time. Without --figure it draws curve.png and
timeline.png, as the run itself did.

  curve      throughput against the number of active streams
  timeline   throughput over time, with every pause
  streams    each stream alone, and its share when all run`,
		Example: `  pausetest plot RUN --out figures/
  pausetest plot RUN --figure streams --out streams.svg`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
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
	return c
}

func drawBoth(stdout io.Writer, s *analysis.Study, dir string) error {
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
	if err := writeFile(name, draw); err != nil {
		return err
	}
	_, err := fmt.Fprintln(stdout, name)
	return err
}
