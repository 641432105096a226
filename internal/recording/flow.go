package recording

// A Flow is the way of the streams' bytes from disk to wire, as the descriptors
// of their processes showed it at one instant. Only what lies on such a way is
// in it: no logs, no messages, no index.
type Flow struct {
	Streams []FlowStream `json:"streams"` // by id
	Nodes   []FlowNode   `json:"nodes"`   // by id: storage, then processes, then interfaces
	Edges   []FlowEdge   `json:"edges"`   // by From, To, Via, Name
	// Unread says what could not be looked at, one sentence each.
	Unread []string `json:"unread,omitempty"`
}

// A FlowStream is a stream that the flow shows.
type FlowStream struct {
	ID    int    `json:"id"` // Stream.ID
	Label string `json:"label"`
}

// FlowKind is what a node of a flow is.
type FlowKind string

// The kinds of nodes.
const (
	FlowDisk       FlowKind = "disk"       // a whole disk: "sda"
	FlowFileSystem FlowKind = "filesystem" // one of which no disk is known: "nfs server:/export"
	FlowProcess    FlowKind = "process"
	FlowInterface  FlowKind = "interface"
)

// A FlowNode is a place that bytes come from, go through, or go to.
type FlowNode struct {
	ID      int      `json:"id"` // from 1, within its flow
	Kind    FlowKind `json:"kind"`
	Name    string   `json:"name"`
	PID     int      `json:"pid,omitempty"` // of a process
	Streams []int    `json:"streams"`       // ids of those that come through, ascending
}

// FlowVia is by what bytes go from one node to the next.
type FlowVia string

// The kinds of edges.
const (
	ViaFiles   FlowVia = "files"   // of a file system; Name is where it is mounted
	ViaPipe    FlowVia = "pipe"    // Inode says which
	ViaUnix    FlowVia = "unix"    // a pair of unix sockets; Inode is the nearer end's
	ViaMemory  FlowVia = "memory"  // a shared memory segment; Name is its path
	ViaTCP     FlowVia = "tcp"     // Name is "local > remote"
	ViaUnknown FlowVia = "unknown" // it was not seen how they get there
)

// A FlowEdge is one channel from a node to another.
type FlowEdge struct {
	From int     `json:"from"` // FlowNode.ID
	To   int     `json:"to"`
	Via  FlowVia `json:"via"`
	Name string  `json:"name,omitempty"`
	// Detail of files: "ext4 on sda1".
	Detail string `json:"detail,omitempty"`
	Inode  uint64 `json:"inode,omitempty"` // of the pipe or socket
	// SentBytes and ReceivedBytes are what a TCP socket had carried by then:
	// acknowledged by the peer, and received.
	SentBytes     uint64 `json:"sent_bytes,omitempty"`
	ReceivedBytes uint64 `json:"received_bytes,omitempty"`
	// Assumed: the direction, or that files are read, follows from what is around
	// and not from a descriptor.
	Assumed bool  `json:"assumed,omitempty"`
	Streams []int `json:"streams"` // ids of those that may go this way, ascending
}
