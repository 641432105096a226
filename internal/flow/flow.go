// Package flow finds the way of the streams' bytes from disk to wire: through
// which processes, by which pipes and sockets, and so what several streams share.
//
// It is pure: everything it goes by is a plain value. What a process writes to
// its standard error, pipes that nobody on the way reads, and what reads a dump
// for its index are left out.
package flow

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"pausetest/internal/disk"
	"pausetest/internal/printable"
	"pausetest/internal/procctl/proctable"
	"pausetest/internal/recording"
	"pausetest/internal/stream"
)

// Facts are what a flow is found from. Whatever is missing makes the flow poorer,
// not wrong.
type Facts struct {
	Snapshot *proctable.Snapshot
	Streams  []Stream
	// Aside are processes on no stream's way, although they read its bytes.
	Aside []proctable.ProcID
	Unix  []UnixSocket
	TCP   []TCPSocket
	// Mounts are those that a process sees, by its pid.
	Mounts map[int][]proctable.Mount
	Blocks disk.Blocks
	Unread []string // what could not be looked at; see recording.Flow
}

// A Stream is a stream with its number in the recording.
type Stream struct {
	ID int
	stream.Stream
}

// A UnixSocket is one end of a connection within the host.
type UnixSocket struct {
	Inode, Peer uint64
	Named       bool // it has an address
}

// A TCPSocket is a connection, and the interface that the route to its peer names.
type TCPSocket struct {
	Inode                    uint64
	Local, Remote            netip.AddrPort
	Interface                string
	SentBytes, ReceivedBytes uint64 // 0 when they could not be read
}

// leaves holds when the socket's bytes go to the wire rather than come from it.
func (s *TCPSocket) leaves() bool { return s.SentBytes >= s.ReceivedBytes }

// Find finds the flow. It depends on the facts alone, not on their order.
func Find(facts Facts) recording.Flow {
	h := newHolders(&facts)
	d := draft{nodes: map[place]*recording.FlowNode{}, edges: map[edge]*recording.FlowEdge{}}
	out := recording.Flow{Streams: []recording.FlowStream{}, Unread: facts.Unread}
	for i := range facts.Streams {
		s := &facts.Streams[i]
		out.Streams = append(out.Streams, recording.FlowStream{ID: s.ID, Label: shown(s.Label)})
		w := newWay(h, s)
		w.find()
		for _, e := range w.edges {
			d.add(e, s.ID)
		}
		for pid := range w.processes {
			d.node(w.process(pid), s.ID)
		}
	}
	slices.SortFunc(out.Streams, func(a, b recording.FlowStream) int { return cmp.Compare(a.ID, b.ID) })
	out.Nodes, out.Edges = d.numbered()
	return out
}

// shownRunes bounds names that others chose, so that they can't fill a recording.
const shownRunes = 400

func shown(s string) string { return printable.Text(s, shownRunes) }

// A place is a node before it has a number. Its fields are what tells it from
// every other.
type place struct {
	kind recording.FlowKind
	pid  int
	name string
}

// An edge is one channel between two places.
type edge struct {
	from, to       place
	via            recording.FlowVia
	name, detail   string
	inode          uint64
	sent, received uint64
	assumed        bool
}

// A draft is a flow before its nodes have numbers.
type draft struct {
	nodes map[place]*recording.FlowNode
	edges map[edge]*recording.FlowEdge
}

func (d *draft) node(p place, id int) {
	n := d.nodes[p]
	if n == nil {
		n = &recording.FlowNode{Kind: p.kind, Name: shown(p.name), PID: p.pid}
		d.nodes[p] = n
	}
	n.Streams = with(n.Streams, id)
}

func (d *draft) add(e edge, id int) {
	d.node(e.from, id)
	d.node(e.to, id)
	known := d.edges[e]
	if known == nil {
		known = &recording.FlowEdge{Via: e.via, Name: shown(e.name), Detail: shown(e.detail), Inode: e.inode,
			SentBytes: e.sent, ReceivedBytes: e.received, Assumed: e.assumed}
		d.edges[e] = known
	}
	known.Streams = with(known.Streams, id)
}

// with adds an id to an ascending list that lacks it.
func with(ids []int, id int) []int {
	at, found := slices.BinarySearch(ids, id)
	if found {
		return ids
	}
	return slices.Insert(ids, at, id)
}

var kindOrder = []recording.FlowKind{recording.FlowDisk, recording.FlowFileSystem, recording.FlowProcess, recording.FlowInterface}

// numbered gives the nodes their ids, in an order that depends on what they are.
func (d *draft) numbered() ([]recording.FlowNode, []recording.FlowEdge) {
	nodes, edges := []recording.FlowNode{}, []recording.FlowEdge{}
	places := slices.SortedFunc(maps.Keys(d.nodes), func(a, b place) int {
		return cmp.Or(cmp.Compare(slices.Index(kindOrder, a.kind), slices.Index(kindOrder, b.kind)),
			cmp.Compare(a.pid, b.pid), cmp.Compare(a.name, b.name))
	})
	number := map[place]int{}
	for i, p := range places {
		number[p] = i + 1
		n := *d.nodes[p]
		n.ID = i + 1
		nodes = append(nodes, n)
	}
	for e, known := range d.edges {
		out := *known
		out.From, out.To = number[e.from], number[e.to]
		edges = append(edges, out)
	}
	slices.SortFunc(edges, func(a, b recording.FlowEdge) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Via, b.Via),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.Inode, b.Inode), cmp.Compare(a.Detail, b.Detail))
	})
	return nodes, edges
}
