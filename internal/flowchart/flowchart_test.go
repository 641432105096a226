package flowchart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/graph/formats/dot"
	"pgregory.net/rapid"

	"pausetest/internal/recording"
)

// arbitrary flows hold hostile names, circles and edges without ends.
func arbitrary(t *rapid.T) *recording.Flow {
	f := &recording.Flow{}
	name := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{`</svg><script>"`, "a\\\"b", "x\n\x1b[31m\u202e", `\`, "", "a > b", "<b>&", strings.Repeat("ä", 300)}))
	id := rapid.IntRange(0, 7)
	ids := rapid.SliceOfN(rapid.IntRange(1, 4), 0, 4)
	for range rapid.IntRange(0, 4).Draw(t, "streams") {
		f.Streams = append(f.Streams, recording.FlowStream{ID: rapid.IntRange(1, 4).Draw(t, "id"), Label: name.Draw(t, "label")})
	}
	kinds := []recording.FlowKind{recording.FlowDisk, recording.FlowFileSystem, recording.FlowProcess, recording.FlowInterface, "new"}
	for range rapid.IntRange(0, 7).Draw(t, "nodes") {
		f.Nodes = append(f.Nodes, recording.FlowNode{ID: id.Draw(t, "id"), Kind: rapid.SampledFrom(kinds).Draw(t, "kind"),
			Name: name.Draw(t, "name"), PID: id.Draw(t, "pid"), Streams: ids.Draw(t, "of")})
	}
	vias := []recording.FlowVia{recording.ViaFiles, recording.ViaPipe, recording.ViaUnix, recording.ViaMemory, recording.ViaTCP, recording.ViaUnknown, "new"}
	for range rapid.IntRange(0, 14).Draw(t, "edges") {
		f.Edges = append(f.Edges, recording.FlowEdge{From: id.Draw(t, "from"), To: id.Draw(t, "to"), Via: rapid.SampledFrom(vias).Draw(t, "via"),
			Name: name.Draw(t, "name"), Streams: ids.Draw(t, "of")})
	}
	f.Unread = rapid.SliceOfN(name, 0, 1).Draw(t, "unread")
	return f
}

func TestAnyFlow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := arbitrary(t)
		shown := map[string]string{"sentences": strings.Join(Sentences(f), "\n"), "lines": strings.Join(Lines(f), "\n")}
		for name, show := range map[string]func(io.Writer, *recording.Flow) error{"text": Text, "dot": DOT, "svg": SVG} {
			var b, again bytes.Buffer
			if err := errors.Join(show(&b, f), show(&again, f)); err != nil || b.String() != again.String() {
				t.Fatalf("%s: not the same twice, or %v", name, err)
			}
			shown[name] = b.String()
		}
		for name, text := range shown {
			if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' }) || !utf8.ValidString(text) {
				t.Fatalf("%s holds what may not be shown: %q", name, text)
			}
		}
		if err := parsesAsXML(shown["svg"]); err != nil {
			t.Fatalf("%v in %s", err, shown["svg"])
		}
		if graphs, err := dot.ParseString(shown["dot"]); err != nil || len(graphs.Graphs) != 1 {
			t.Fatalf("%v in %s", err, shown["dot"])
		}
		w, h := Size(f)
		if want := fmt.Sprintf(`width="%d" height="%d"`, w, h); w < 1 || h < 1 || w > 20000 || !strings.Contains(shown["svg"], want) {
			t.Fatalf("size %d by %d, but %.200s", w, h, shown["svg"])
		}
	})
}

// parsesAsXML holds that names are neither elements nor attributes.
func parsesAsXML(text string) error {
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if e, ok := token.(xml.StartElement); ok && !slices.Contains([]string{"svg", "title", "desc", "rect", "defs", "marker", "path", "g", "text"}, e.Name.Local) {
			return fmt.Errorf("element %s", e.Name.Local)
		}
	}
}

// shared is three streams of which two share a relay, a socket and a disk.
func shared() *recording.Flow {
	return &recording.Flow{
		Streams: []recording.FlowStream{{ID: 1, Label: "a"}, {ID: 2, Label: "b"}, {ID: 3, Label: "c"}},
		Nodes: []recording.FlowNode{
			{ID: 1, Kind: recording.FlowDisk, Name: "sda", Streams: []int{1, 3}},
			{ID: 2, Kind: recording.FlowFileSystem, Name: "nfs nas:/x", Streams: []int{2}},
			{ID: 3, Kind: recording.FlowProcess, Name: "tar", PID: 11, Streams: []int{1}},
			{ID: 4, Kind: recording.FlowProcess, Name: "tar", PID: 12, Streams: []int{2}},
			{ID: 5, Kind: recording.FlowProcess, Name: "tar", PID: 13, Streams: []int{3}},
			{ID: 6, Kind: recording.FlowProcess, Name: "relay", PID: 20, Streams: []int{1, 2}},
			{ID: 7, Kind: recording.FlowInterface, Name: "eth0", Streams: []int{1, 2, 3}},
		},
		Edges: []recording.FlowEdge{
			{From: 1, To: 3, Via: recording.ViaFiles, Name: "/a", Streams: []int{1}},
			{From: 1, To: 5, Via: recording.ViaFiles, Name: "/c", Streams: []int{3}},
			{From: 2, To: 4, Via: recording.ViaFiles, Name: "/b", Streams: []int{2}},
			{From: 3, To: 6, Via: recording.ViaPipe, Inode: 1, Streams: []int{1}},
			{From: 4, To: 6, Via: recording.ViaMemory, Name: "/dev/shm/x", Streams: []int{2}},
			{From: 4, To: 6, Via: recording.ViaPipe, Inode: 2, Streams: []int{2}},
			{From: 6, To: 7, Via: recording.ViaTCP, Name: "10.0.0.1:1 > [fd00::2]:22", Streams: []int{1, 2}},
			{From: 5, To: 7, Via: recording.ViaTCP, Name: "10.0.0.1:2 > 10.0.0.9:22", Streams: []int{3}},
		},
	}
}

func TestText(t *testing.T) {
	var b strings.Builder
	if err := Text(&b, shared()); err != nil {
		t.Fatal(err)
	}
	const want = `1: a
   sda* ─/a→ tar[11] ─pipe→ relay[20]*
2: b
   nfs nas:/x ─/b→ tar[12] ─shared memory + pipe→ relay[20]*
3: c
   sda* ─/c→ tar[13] ─TCP to 10.0.0.9→ eth0*
1, 2 together
   relay[20]* ─TCP to fd00::2→ eth0*

relay[20] carries 2 of 3 streams
one TCP connection (10.0.0.1:1 > [fd00::2]:22) carries 2 of 3 streams
a and c read the same disk sda
3 of 3 streams leave by eth0
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPictureCoversNothing holds that no box lies on another and all lie within.
func TestPictureCoversNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPicture(arbitrary(t))
		for i, a := range p.nodes {
			top, bottom := p.middle[a]-boxHeight/2, p.middle[a]+boxHeight/2
			if top < 0 || bottom > p.height || p.left[a.column]+p.width[a.column] > p.right {
				t.Fatalf("%s reaches out of the picture", a.text())
			}
			for _, b := range p.nodes[i+1:] {
				if a.column == b.column && max(top, p.middle[b]-boxHeight/2) < min(bottom, p.middle[b]+boxHeight/2) {
					t.Fatalf("%s lies on %s", a.text(), b.text())
				}
			}
		}
	})
}

// TestCircleEnds shows a flow that goes round.
func TestCircleEnds(t *testing.T) {
	f := shared()
	f.Edges = append(f.Edges, recording.FlowEdge{From: 6, To: 3, Via: recording.ViaUnix, Streams: []int{1}})
	if lines := strings.Join(Lines(f), "\n"); !strings.Contains(lines, "tar[11] ─pipe→ relay[20]* ─unix socket→ tar[11]") {
		t.Error(lines)
	}
	for _, b := range newPicture(f).bundles {
		if !b.back && b.to.column <= b.from.column {
			t.Errorf("%s stands not left of %s", b.from.text(), b.to.text())
		}
	}
}
