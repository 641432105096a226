package flowchart

import (
	"fmt"
	"slices"
	"strings"

	"pausetest/internal/printable"
	"pausetest/internal/recording"
)

// Sentences say what several streams share, and what was not seen. They are
// printable and end without a full stop.
func Sentences(f *recording.Flow) []string { return newChart(f).sentences() }

func (c *chart) sentences() []string {
	list := []string{}
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for _, n := range c.nodes {
		if n.Kind == recording.FlowProcess && n.shared() {
			say("%s carries %s", n.text(), c.part(n.Streams))
		}
	}
	if len(list) == 0 && len(c.flow.Streams) > 1 {
		say("no process carries more than one stream")
	}
	for _, b := range c.bundles {
		c.sayChannels(b, say)
	}
	for _, n := range c.nodes {
		if !n.shared() {
			continue
		}
		in, out := streamsOf(n.in), streamsOf(n.out)
		switch n.Kind {
		case recording.FlowDisk, recording.FlowFileSystem:
			what, does := n.text(), "read"
			if n.Kind == recording.FlowDisk {
				what = "disk " + what
			}
			switch {
			case len(in) > 0 && len(out) > 0:
				does = "use"
			case len(in) > 0:
				does = "write to"
			}
			say("%s %s the same %s", c.who(n.Streams), does, what)
		case recording.FlowInterface:
			if len(in) > 1 {
				say("%s leave by %s", c.part(in), n.text())
			}
			if len(out) > 1 {
				say("%s come in by %s", c.part(out), n.text())
			}
		}
	}
	for _, n := range c.nodes {
		unseen := slices.DeleteFunc(slices.Clone(n.in), func(b *bundle) bool { return b.via(recording.ViaUnknown) < len(b.edges) })
		if len(unseen) > 0 {
			say("it could not be seen how the bytes of %s get to %s", c.who(streamsOf(unseen)), n.text())
		}
	}
	for _, text := range c.flow.Unread {
		list = append(list, printable.Text(text, 0))
	}
	return list
}

// sayChannels names what two nodes are joined by when several streams go that way.
func (c *chart) sayChannels(b *bundle, say func(string, ...any)) {
	if len(b.streams) < 2 {
		return
	}
	e := &b.edges[0]
	switch tcp := b.via(recording.ViaTCP); {
	case tcp > 1:
		process := b.from
		if process.Kind != recording.FlowProcess {
			process = b.to
		}
		say("%s has %d TCP connections for them; which stream goes by which can't be seen from outside", process.text(), tcp)
	case len(b.edges) > 1 || len(e.Streams) < 2:
	case tcp == 1:
		say("one TCP connection (%s) carries %s", printable.Text(e.Name, 80), c.part(e.Streams))
	case e.Via == recording.ViaPipe, e.Via == recording.ViaUnix, e.Via == recording.ViaMemory:
		say("one %s from %s to %s carries %s", b.text(), b.from.text(), b.to.text(), c.part(e.Streams))
	}
}

func streamsOf(bundles []*bundle) []int {
	var ids []int
	for _, b := range bundles {
		ids = append(ids, b.streams...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// part is how many of the streams: "3 of 3 streams".
func (c *chart) part(ids []int) string {
	return fmt.Sprintf("%d of %d streams", len(ids), len(c.flow.Streams))
}

// who names a few streams, and counts more.
func (c *chart) who(ids []int) string {
	const named = 3
	if len(ids) > named {
		return c.part(ids)
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = c.label(id, 60)
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// label is a stream's name, or its number when it has none.
func (c *chart) label(id, runes int) string {
	for _, s := range c.flow.Streams {
		if text := printable.Text(s.Label, runes); s.ID == id && strings.TrimSpace(text) != "" {
			return text
		}
	}
	return fmt.Sprintf("stream %d", id)
}
