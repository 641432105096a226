// Package flowchart shows a recorded flow: in sentences, as text, as a picture,
// and for other programs that draw graphs. It goes by the recording alone, trusts
// nothing in it, and always gives the same bytes for the same flow.
package flowchart

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"

	"pausetest/internal/printable"
	"pausetest/internal/recording"
)

// A chart is a flow with its edges bundled and its nodes in columns.
type chart struct {
	flow    *recording.Flow
	nodes   []*node // by id
	bundles []*bundle
}

type node struct {
	recording.FlowNode
	in, out []*bundle
	column  int
}

// A bundle is all edges from one node to another.
type bundle struct {
	from, to *node
	edges    []recording.FlowEdge
	streams  []int
	back     bool // it closes a circle
}

// newChart leaves out edges without ends, which no flow of ours has.
func newChart(f *recording.Flow) *chart {
	c := &chart{flow: f}
	byID := map[int]*node{}
	for _, n := range f.Nodes {
		if byID[n.ID] == nil {
			byID[n.ID] = &node{FlowNode: n}
			c.nodes = append(c.nodes, byID[n.ID])
		}
	}
	slices.SortFunc(c.nodes, func(a, b *node) int { return cmp.Compare(a.ID, b.ID) })
	bundled := map[[2]int]*bundle{}
	for _, e := range f.Edges {
		from, to := byID[e.From], byID[e.To]
		if from == nil || to == nil || from == to {
			continue
		}
		b := bundled[[2]int{e.From, e.To}]
		if b == nil {
			b = &bundle{from: from, to: to}
			bundled[[2]int{e.From, e.To}] = b
			c.bundles = append(c.bundles, b)
		}
		b.edges = append(b.edges, e)
		b.streams = slices.Compact(slices.Sorted(slices.Values(append(b.streams, e.Streams...))))
	}
	slices.SortFunc(c.bundles, func(a, b *bundle) int {
		return cmp.Or(cmp.Compare(a.from.ID, b.from.ID), cmp.Compare(a.to.ID, b.to.ID))
	})
	for _, b := range c.bundles {
		b.from.out, b.to.in = append(b.from.out, b), append(b.to.in, b)
	}
	return c
}

// split gives what is read from and written to a node on each side, for a picture
// that goes from left to right.
func (c *chart) split() {
	for _, n := range slices.Clone(c.nodes) {
		if n.Kind == recording.FlowProcess || len(n.in) == 0 || len(n.out) == 0 {
			continue
		}
		end := &node{FlowNode: n.FlowNode, in: n.in}
		for _, b := range n.in {
			b.to = end
		}
		n.in = nil
		c.nodes = append(c.nodes, end)
	}
	c.findBack()
	c.setColumns()
}

// findBack marks what closes a circle, so that the rest has an order.
func (c *chart) findBack() {
	const under, done = 1, 2
	state := map[*node]int{}
	var visit func(n *node)
	visit = func(n *node) {
		state[n] = under
		for _, b := range n.out {
			if state[b.to] == 0 {
				visit(b.to)
			}
			b.back = b.back || state[b.to] == under
		}
		state[n] = done
	}
	for _, fed := range []bool{false, true} { // those that nothing feeds are where it begins
		for _, n := range c.nodes {
			if state[n] == 0 && len(n.in) > 0 == fed {
				visit(n)
			}
		}
	}
}

// setColumns puts every node right of all that feeds it, and what ends a way in
// the last column.
func (c *chart) setColumns() {
	settled := map[*node]bool{}
	var settle func(n *node) int
	settle = func(n *node) int {
		if settled[n] {
			return n.column
		}
		settled[n] = true
		if n.Kind == recording.FlowProcess {
			n.column = 1 // also when no disk was seen
		}
		for _, b := range n.in {
			if !b.back {
				n.column = max(n.column, settle(b.from)+1)
			}
		}
		return n.column
	}
	last := 0
	for _, n := range c.nodes {
		last = max(last, settle(n))
	}
	for _, n := range c.nodes {
		if n.Kind != recording.FlowProcess && n.column > 0 {
			n.column = last
		}
	}
	used := map[int]bool{}
	for _, n := range c.nodes {
		used[n.column] = true
	}
	for _, n := range c.nodes {
		n.column = slices.Index(slices.Sorted(maps.Keys(used)), n.column)
	}
}

// text names a node: "amandad[1372]", "sda".
func (n *node) text() string {
	name := printable.Text(n.Name, 60)
	if n.Kind == recording.FlowProcess {
		return fmt.Sprintf("%s[%d]", name, n.PID)
	}
	return name
}

func (n *node) shared() bool { return len(n.Streams) > 1 }

// via counts the edges of a kind.
func (b *bundle) via(kind recording.FlowVia) int {
	n := 0
	for i := range b.edges {
		if b.edges[i].Via == kind {
			n++
		}
	}
	return n
}

// text names the channels of a bundle: "shared memory + pipe", "3 TCP to 10.77.0.2".
func (b *bundle) text() string {
	var parts []string
	for _, name := range b.folders() {
		parts = append(parts, printable.Text(name, 40))
	}
	if b.via(recording.ViaMemory) > 0 {
		parts = append(parts, "shared memory")
	}
	if n := b.via(recording.ViaPipe); n > 0 {
		parts = append(parts, several(n, "pipe"))
	}
	if n := b.via(recording.ViaUnix); n > 0 {
		parts = append(parts, several(n, "unix socket"))
	}
	if n := b.via(recording.ViaTCP); n > 0 {
		text := "TCP"
		if n > 1 {
			text = fmt.Sprintf("%d TCP", n)
		}
		if peer := b.peer(); peer != "" {
			text += " to " + peer
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return "way not seen"
	}
	return strings.Join(parts, " + ")
}

// short is text for the gap between two columns.
func (b *bundle) short() string {
	switch {
	case b.via(recording.ViaMemory) > 0:
		return "memory"
	case b.via(recording.ViaPipe) > 0:
		return several(b.via(recording.ViaPipe), "pipe")
	case b.via(recording.ViaUnix) > 0:
		return "unix"
	case b.via(recording.ViaTCP) > 1:
		return fmt.Sprintf("%d TCP", b.via(recording.ViaTCP))
	case b.via(recording.ViaTCP) == 1:
		return "TCP"
	case b.via(recording.ViaFiles) > 0:
		folder := printable.Text(b.folders()[0], 0)
		if len(folder) > shortRunes {
			folder = "…/" + path.Base(folder)
		}
		return folder
	}
	return "not seen"
}

func (b *bundle) folders() []string {
	var list []string
	for i := range b.edges {
		if e := &b.edges[i]; e.Via == recording.ViaFiles && !slices.Contains(list, e.Name) {
			list = append(list, e.Name)
		}
	}
	return list
}

// peer is the one address that a bundle's connections lead to, without its port;
// empty when there are several.
func (b *bundle) peer() string {
	peers := map[string]bool{}
	for i := range b.edges {
		if _, remote, found := strings.Cut(b.edges[i].Name, " > "); found && b.edges[i].Via == recording.ViaTCP {
			if address, err := netip.ParseAddrPort(remote); err == nil {
				remote = address.Addr().String()
			}
			peers[remote] = true
		}
	}
	if len(peers) != 1 || b.to.Kind != recording.FlowInterface {
		return ""
	}
	for peer := range peers {
		return printable.Text(peer, 60)
	}
	return ""
}

func several(n int, what string) string {
	if n == 1 {
		return what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
