package flowchart

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"pausetest/internal/printable"
	"pausetest/internal/recording"
)

// textWidth leaves room for a report's indent in a terminal of 80 columns.
const textWidth = 78

// Text writes the flow for a terminal: for each stream the part of its way that is
// its own, then what several share, then the sentences.
func Text(w io.Writer, f *recording.Flow) error {
	var b strings.Builder
	c := newChart(f)
	for _, line := range c.lines() {
		b.WriteString(line)
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	for _, s := range c.sentences() {
		wrapped(&b, words(s), "", "  ")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Lines are the ways without the sentences, one line each, fit for a terminal.
func Lines(f *recording.Flow) []string { return newChart(f).lines() }

func (c *chart) lines() []string {
	var b strings.Builder
	for _, ids := range c.groups() {
		switch {
		case len(ids) == 1:
			fmt.Fprintf(&b, "%d: %s\n", ids[0], c.label(ids[0], textWidth-6))
		case len(ids) == len(c.flow.Streams):
			b.WriteString("all together\n")
		default:
			fmt.Fprintf(&b, "%s together\n", numbers(ids))
		}
		for _, trail := range c.trails(ids) {
			wrapped(&b, trail, "   ", "     ")
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

func numbers(ids []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(ids), " ", ", "), "[]")
}

// groups are the sets of streams that have some part of their way to themselves:
// single ones first.
func (c *chart) groups() [][]int {
	var groups [][]int
	add := func(ids []int) {
		if len(ids) > 0 && !slices.ContainsFunc(groups, func(g []int) bool { return slices.Equal(g, ids) }) {
			groups = append(groups, ids)
		}
	}
	for _, s := range c.flow.Streams {
		add([]int{s.ID})
	}
	for _, b := range c.bundles {
		add(b.streams)
	}
	slices.SortStableFunc(groups, func(a, b []int) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return slices.Compare(a, b)
	})
	return groups
}

// trails are the bundles of a group strung together. Each is shown once, so that
// they end also where the flow goes round in a circle.
func (c *chart) trails(ids []int) [][]string {
	left := map[*bundle]bool{}
	for _, b := range c.bundles {
		left[b] = slices.Equal(b.streams, ids)
	}
	var trails [][]string
	follow := func(b *bundle) {
		trail := []string{mark(b.from)}
		for b != nil {
			left[b] = false
			trail = append(trail, arrow(b.text()), mark(b.to))
			i := slices.IndexFunc(b.to.out, func(next *bundle) bool { return left[next] })
			if i < 0 {
				break
			}
			b = b.to.out[i]
		}
		trails = append(trails, trail)
	}
	fed := func(n *node) bool {
		return slices.ContainsFunc(n.in, func(b *bundle) bool { return left[b] })
	}
	for _, begins := range []bool{true, false} {
		for _, b := range c.bundles {
			for left[b] && (!begins || !fed(b.from)) {
				follow(b)
			}
		}
	}
	if len(trails) == 0 && len(ids) == 1 { // a way of a single process, or of none at all
		for _, n := range c.nodes {
			if slices.Equal(n.Streams, ids) {
				trails = append(trails, []string{mark(n)})
			}
		}
	}
	return trails
}

// mark is a node as a trail shows it; an asterisk says that streams share it.
func mark(n *node) string {
	if n.shared() {
		return n.text() + "*"
	}
	return n.text()
}

func arrow(text string) string { return "─" + printable.Text(text, textWidth-20) + "→" }

func words(s string) []string { return strings.Fields(s) }

// wrapped sets pieces in lines; none is broken.
func wrapped(b *strings.Builder, pieces []string, first, rest string) {
	line := first
	for i, piece := range pieces {
		if i > 0 && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(piece) > textWidth {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = rest
		}
		if strings.TrimSpace(line) != "" {
			line += " "
		}
		line += piece
	}
	b.WriteString(line + "\n")
}
