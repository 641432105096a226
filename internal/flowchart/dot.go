package flowchart

import (
	"fmt"
	"io"
	"strings"

	"pausetest/internal/recording"
)

// DOT writes the flow for Graphviz.
func DOT(w io.Writer, f *recording.Flow) error {
	c := newChart(f)
	var b strings.Builder
	b.WriteString("digraph flow {\n\trankdir=LR;\n\tnode [shape=box];\n")
	for _, n := range c.nodes {
		attributes := ""
		switch n.Kind {
		case recording.FlowDisk, recording.FlowFileSystem:
			attributes = ", shape=cylinder"
		case recording.FlowInterface:
			attributes = ", shape=ellipse"
		}
		label := n.text()
		if n.shared() {
			label += "\n" + c.part(n.Streams)
			attributes += ", penwidth=2"
		}
		fmt.Fprintf(&b, "\tn%d [label=%s%s];\n", n.ID, dotQuoted(label), attributes)
	}
	for _, e := range c.bundles {
		label := e.text()
		if len(e.streams) == 1 {
			label += "\n" + c.label(e.streams[0], 40)
		}
		style := ""
		if e.via(recording.ViaUnknown) == len(e.edges) {
			style = ", style=dashed"
		}
		fmt.Fprintf(&b, "\tn%d -> n%d [label=%s%s];\n", e.from.ID, e.to.ID, dotQuoted(label), style)
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// dotQuoted is a string of the DOT language. A backslash of the text stays one; a
// newline of ours becomes \n, a centred line break.
func dotQuoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
