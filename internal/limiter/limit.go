package limiter

import (
	"cmp"
	"fmt"
)

// A Limit is what is named as the limit with so many streams running.
type Limit struct {
	Kind Kind `json:"kind"`
	// Name is what it is in a few words: "the receivers", "disk sda, shared".
	Name string `json:"name"`
	// Process is the one that is the limit, or that stands for several of its name;
	// null where none is.
	Process *Process `json:"process"`
	Device  string   `json:"device,omitempty"` // the disk's
	// Share is the part of the streams' time that it accounts for; 0 where nothing is
	// named.
	Share float64 `json:"share"`
}

// decide picks of ranked causes the one that is named as the limit; an unknown one
// where none may be.
func (t *tally) decide(causes []share) share {
	if best := causes[0]; best.kind != Unknown && t.looks >= leastLooks && best.share >= decisive {
		return best
	}
	return share{blamed: blamed{kind: Unknown}}
}

func (t *tally) limit(s share) Limit {
	return Limit{Kind: s.kind, Name: t.name(s), Process: s.process(), Device: s.device, Share: rounded(s.share)}
}

// name is a cause in a few words.
func (t *tally) name(s share) string {
	who := cmp.Or(s.who.name, "a process")
	switch s.kind {
	case BlockingWriter:
		return who + ", a single blocking writer"
	case Computing:
		return "CPU time of " + who
	case HostCPU:
		return "the host's CPUs"
	case Receivers:
		return "the receivers"
	case SendBuffer:
		return "the sockets' send buffers"
	case Network:
		return "the network"
	case Disk:
		return t.disk(s.device)
	case SharedDisk:
		return t.disk(s.device) + ", shared"
	case NetworkFS:
		return "a network file system"
	case Memory:
		return "the host's memory"
	case Input:
		return "what feeds " + who
	case Outside:
		return "what reads the streams' pipes"
	}
	return "not decided"
}

// disk names a disk.
func (t *tally) disk(device string) string {
	if device == "" {
		return "storage"
	}
	return "disk " + t.diskName(device)
}

// subject names who is blamed.
func (s *share) subject() string {
	switch {
	case s.who.name == "":
		return "a process"
	case s.who.role == Source:
		return "the sources (" + s.who.name + ")"
	}
	return fmt.Sprintf("%s[%d]", s.who.name, s.pid)
}
