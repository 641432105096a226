package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"pausetest/internal/disk"
	"pausetest/internal/flow"
	"pausetest/internal/flowchart"
	"pausetest/internal/netstat"
	"pausetest/internal/printable"
	"pausetest/internal/procctl/proctable"
	"pausetest/internal/recording"
)

// flow finds the way of some streams' bytes. What can't be read of it makes it
// poorer, and is said in it; it is no error.
func (l *looker) flow(k look, streams []flow.Stream) recording.Flow {
	facts := flow.Facts{Snapshot: k.snapshot, Streams: streams, Mounts: map[int][]proctable.Mount{}}
	unread := func(err error) {
		if err != nil {
			facts.Unread = append(facts.Unread, printable.Text(err.Error(), 0))
		}
	}
	for _, p := range k.found.Ignored {
		facts.Aside = append(facts.Aside, p.Process)
	}
	sockets := map[uint64]bool{}
	for i := range streams {
		s := &streams[i].Stream
		for inode := range k.sockets(s) {
			sockets[inode] = true
		}
		for _, id := range slices.Concat(s.Processes, s.Writers, s.Targets, s.Carriers) {
			if _, read := facts.Mounts[id.PID]; !read {
				facts.Mounts[id.PID], _ = l.table.Mounts(id.PID)
			}
		}
	}
	pairs, err := netstat.ListUnix()
	unread(err)
	for _, s := range pairs {
		facts.Unix = append(facts.Unix, flow.UnixSocket(s))
		if s.Peer != 0 && sockets[s.Peer] { // whoever holds it may carry on
			k.heldBy(s.Inode, sockets)
		}
	}
	facts.TCP, err = connections(sockets)
	unread(err)
	facts.Blocks, err = disk.Read("")
	unread(err)
	return flow.Find(facts)
}

// heldBy adds all sockets of the processes that hold one.
func (l look) heldBy(inode uint64, sockets map[uint64]bool) {
	for i := range l.snapshot.Processes {
		fds := l.snapshot.Processes[i].FDs
		if !slices.ContainsFunc(fds, func(fd proctable.FD) bool { return fd.Kind == proctable.Socket && fd.Inode == inode }) {
			continue
		}
		for _, fd := range fds {
			if fd.Kind == proctable.Socket {
				sockets[fd.Inode] = true
			}
		}
	}
}

// connections are the TCP sockets of those inodes, with what they have carried and
// the interface they go by.
func connections(inodes map[uint64]bool) ([]flow.TCPSocket, error) {
	sockets, err := netstat.ListTCP(inodes)
	if err != nil {
		return nil, err
	}
	counter, err := netstat.OpenSockets()
	if err != nil {
		return nil, err
	}
	defer counter.Close()
	type route struct {
		local, remote netip.Addr
		bound         int
	}
	interfaces := map[route]string{}
	var list []flow.TCPSocket
	for _, s := range sockets {
		r := route{s.Local.Addr(), s.Remote.Addr(), s.BoundIndex}
		if _, known := interfaces[r]; !known {
			interfaces[r] = "unknown interface"
			if i, err := netstat.InterfaceForSockets([]netstat.Socket{s}); err == nil {
				interfaces[r] = i.Name
			}
		}
		stats, err := counter.Read(s)
		if err == netstat.ErrSocketGone {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, flow.TCPSocket{Inode: s.Inode, Local: s.Local, Remote: s.Remote, Interface: interfaces[r],
			SentBytes: stats.AckedBytes, ReceivedBytes: stats.ReceivedBytes})
	}
	return list, nil
}

// flowSeen is the record of the managed streams' ways.
func (h *liveHost) flowSeen(first look) recording.Record {
	var streams []flow.Stream
	for id, m := range h.live {
		streams = append(streams, flow.Stream{ID: id, Stream: m.found})
	}
	f := h.looker.flow(first, streams)
	return recording.Record{Event: &recording.Event{TNS: h.NowNS(), Kind: recording.FlowSeen, Flow: &f}}
}

// graphs are the ways to show a flow.
var graphs = map[string]func(io.Writer, *recording.Flow) error{
	"text": flowchart.Text, "dot": flowchart.DOT, "svg": flowchart.SVG, "json": flowJSON,
}

// A flowDocument is what `pausetest streams --graph=json` prints.
type flowDocument struct {
	recording.Flow
	Sentences []string `json:"sentences"`
}

func flowJSON(w io.Writer, f *recording.Flow) error {
	return printJSON(w, flowDocument{*f, flowchart.Sentences(f)})
}

// graph prints the way of all streams' bytes, those that may not be paused
// included.
func (l *looker) graph(ctx context.Context, w io.Writer, format string) error {
	show := graphs[format]
	if show == nil {
		return badInput("", "--graph %q: expected text, dot, svg or json", format)
	}
	k, err := l.look(ctx)
	if err != nil {
		return err
	}
	streams := make([]flow.Stream, len(k.found.Streams))
	for i, s := range k.found.Streams {
		streams[i] = flow.Stream{ID: i + 1, Stream: s}
	}
	if len(streams) == 0 && format == "text" {
		_, err := fmt.Fprintln(w, noStreams)
		return printing(err)
	}
	f := l.flow(k, streams)
	return printing(show(w, &f))
}
