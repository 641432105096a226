package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"pausetest/internal/netstat"
	"pausetest/internal/printable"
	"pausetest/internal/recording"
	"pausetest/internal/report"
	"pausetest/internal/stream"
)

// A streamLine is one stream as `pausetest streams` shows it.
type streamLine struct {
	Label     string              `json:"label"`
	Host      string              `json:"host,omitempty"`
	Disk      string              `json:"disk,omitempty"`
	Level     string              `json:"level,omitempty"`
	LabelFrom string              `json:"label_from"`
	Rule      string              `json:"rule"`
	PID       int                 `json:"pid"`
	AgeSec    float64             `json:"age_seconds"`
	Rate      *float64            `json:"bytes_per_second"` // null: may not be read
	Pausable  bool                `json:"pausable"`
	Refused   *recording.Refusal  `json:"refused,omitempty"`
	Shared    *recording.Process  `json:"shared_process"`
	Targets   []recording.Process `json:"pause_target"`
	Processes []recording.Process `json:"processes"`
}

// A streamList is what `pausetest streams --json` prints.
type streamList struct {
	Streams  []streamLine  `json:"streams"`
	Ignored  []ignoredLine `json:"ignored"`
	Warnings []string      `json:"warnings"`
}

const noStreams = `no streams found
hint: name others with --match or --pid; the rules: pausetest streams --print-rules`

type ignoredLine struct {
	recording.Process
	Reason string `json:"reason"`
}

func newStreams() *cobra.Command {
	var o selection
	var asJSON, asTree, printRules bool
	var graph string
	var window time.Duration
	var l *looker
	c := &cobra.Command{
		Use:   "streams",
		Short: "list the backup streams that run now, and whether they may be paused",
		Long: `streams looks at the processes of this host, twice, and shows the concurrent dumps
it finds: label, processes, what would be stopped to pause it, how fast it moves,
the process it shares with others, and whether it may be paused and if not why.
It stops nothing.`,
		Args: cobra.NoArgs,
		PreRunE: func(cmd *cobra.Command, _ []string) (err error) {
			l, err = newLooker(&o, cmd.Flags())
			return err
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if printRules {
				_, err := io.WriteString(cmd.OutOrStdout(), stream.BuiltinText())
				return printing(err)
			}
			if window < 100*time.Millisecond || window > time.Minute {
				return badInput("", "--window %v: expected 100ms to 1m", window)
			}
			if err := recoverUnlessBusy(cmd.ErrOrStderr()); err != nil {
				return err
			}
			if graph != "" {
				if asJSON || asTree {
					return badInput("the graph as JSON: --graph=json", "--graph goes with neither --json nor --tree")
				}
				return l.graph(cmd.Context(), cmd.OutOrStdout(), graph)
			}
			list, err := l.list(cmd.Context(), window)
			if err != nil {
				return err
			}
			return printing(list.write(cmd.OutOrStdout(), asJSON, asTree))
		},
	}
	o.flags(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&asTree, "tree", false, "show every process of every stream")
	c.Flags().StringVar(&graph, "graph", "", "show the way of the streams' bytes from disk to wire, and what they share, as `FORMAT`: text, dot, svg or json")
	c.Flags().Lookup("graph").NoOptDefVal = "text"
	c.Flags().BoolVar(&printRules, "print-rules", false, "print the built-in stream rules, which explain every key")
	c.Flags().DurationVar(&window, "window", time.Second, "how long to look for the rates")
	configurable(c, "pid", "json", "tree", "graph", "print-rules", "window")
	return c
}

// list looks at the host, and once more after the window for the rates.
func (l *looker) list(ctx context.Context, window time.Duration) (*streamList, error) {
	first, err := l.look(ctx)
	if err != nil {
		return nil, err
	}
	before, at := l.counters(first)
	if len(first.found.Streams) > 0 {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(window):
		}
	}
	after, until := l.counters(first)
	out := &streamList{Streams: []streamLine{}, Ignored: []ignoredLine{}, Warnings: append([]string{}, first.found.Warnings...)}
	for i := range first.found.Streams {
		s := &first.found.Streams[i]
		line := first.line(s)
		if before[i] != nil && after[i] != nil && *after[i] >= *before[i] {
			rate := float64(*after[i]-*before[i]) / (float64(until-at) / 1e9)
			line.Rate = &rate
		}
		out.Streams = append(out.Streams, line)
	}
	for _, ig := range first.found.Ignored {
		out.Ignored = append(out.Ignored, ignoredLine{first.process(ig.Process), ig.Reason})
	}
	return out, nil
}

// counters are what each stream has written, and when that was read.
func (l *looker) counters(k look) ([]*uint64, int64) {
	out := make([]*uint64, len(k.found.Streams))
	for i := range k.found.Streams {
		out[i] = l.written(&k.found.Streams[i])
	}
	return out, netstat.MonotonicNS()
}

func (l look) line(s *stream.Stream) streamLine {
	line := streamLine{
		Label: printable.Text(s.Label, 0), Host: printable.Text(s.Host, 0), Disk: printable.Text(s.Disk, 0),
		Level: printable.Text(s.Level, 0), LabelFrom: s.LabelSource, Rule: s.Rule, PID: s.Source.PID,
		AgeSec: float64(s.AgeNS) / 1e9, Pausable: s.Refusal == nil,
		Targets: l.processes(s.Targets), Processes: l.processes(s.Processes),
	}
	if s.Shared != nil {
		p := l.process(*s.Shared)
		line.Shared = &p
	}
	if s.Refusal != nil {
		r := refusalOf(s)
		line.Refused = &r
	}
	return line
}

func (l *streamList) write(w io.Writer, asJSON, asTree bool) error {
	switch {
	case asJSON:
		return printJSON(w, l)
	case len(l.Streams) == 0:
		fmt.Fprintln(w, noStreams)
	case asTree:
		l.writeTree(w)
	default:
		if err := l.writeTable(w); err != nil {
			return err
		}
	}
	writeWarnings(w, l.Warnings)
	return nil
}

func (l *streamList) writeTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "STREAM\tPID\tAGE\tRATE\tSHARED PROCESS\tMAY BE PAUSED")
	for _, s := range l.Streams {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\n", printable.Text(s.Label, 60), s.PID, age(s.AgeSec), rate(s.Rate), shared(s.Shared), s.mayBePaused())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, s := range l.Streams {
		if s.Refused != nil && s.Refused.Hint != "" {
			fmt.Fprintf(w, "hint: %s: %s\n", printable.Text(s.Label, 60), s.Refused.Hint)
		}
	}
	return nil
}

func (l *streamList) writeTree(w io.Writer) {
	for _, s := range l.Streams {
		fmt.Fprintf(w, "%s  %s, %s, %s\n", printable.Text(s.Label, 60), age(s.AgeSec), rate(s.Rate), s.mayBePaused())
		if s.Shared != nil {
			fmt.Fprintf(w, "  through    %7d  %s\n", s.Shared.PID, printable.Text(s.Shared.Command, 80))
		}
		target := map[int]bool{}
		for _, p := range s.Targets {
			target[p.PID] = true
		}
		for _, p := range s.Processes {
			mark := "          "
			if target[p.PID] {
				mark = "is stopped"
			}
			fmt.Fprintf(w, "  %s %7d  %s\n", mark, p.PID, printable.Text(p.Command, 80))
		}
	}
	for _, p := range l.Ignored {
		fmt.Fprintf(w, "no stream    %7d  %s: %s\n", p.PID, printable.Text(p.Command, 60), p.Reason)
	}
}

func (s streamLine) mayBePaused() string {
	if s.Pausable {
		return "yes"
	}
	return "no: " + s.Refused.Reason
}

func shared(p *recording.Process) string {
	if p == nil {
		return "-"
	}
	return fmt.Sprintf("%s (pid %d)", printable.Text(p.Name, 20), p.PID)
}

func rate(bytesPerSecond *float64) string {
	if bytesPerSecond == nil {
		return "unknown"
	}
	return report.Rate(*bytesPerSecond)
}

// age is a time to the second: "11s", "2m", "1h4m10s".
func age(seconds float64) string {
	text := time.Duration(seconds * 1e9).Truncate(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	return text
}
