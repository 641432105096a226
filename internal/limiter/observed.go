package limiter

import (
	"iter"

	"pausetest/internal/recording"
)

// Observed are the vitals of a recording. They are heard once for what has to be known
// of all of them, and then gone through again.
type Observed struct {
	Again iter.Seq[*recording.Vitals]

	any          bool
	fault        string            // of the last record
	first, moved map[uint64]uint64 // bytes of each socket, by inode
	most         uint64            // of moved
}

// Hear takes the next vitals in.
func (o *Observed) Hear(v *recording.Vitals) {
	if !o.any {
		o.any, o.first, o.moved = true, map[uint64]uint64{}, map[uint64]uint64{}
	}
	o.fault = v.Fault
	for _, s := range v.Sockets {
		bytes := s.AckedBytes + s.ReceivedBytes
		if _, known := o.first[s.Inode]; !known {
			o.first[s.Inode] = bytes
		}
		if bytes >= o.first[s.Inode] {
			o.moved[s.Inode] = bytes - o.first[s.Inode]
			o.most = max(o.most, o.moved[s.Inode])
		}
	}
}

// leastOfSockets is the part of what the fastest socket moved that a socket must
// have moved to count as one that carries a stream; the others carry messages.
const leastOfSockets = 0.01

// carrying are the sockets that carry the streams' bytes.
func (o *Observed) carrying() map[uint64]bool {
	carries := map[uint64]bool{}
	for inode, bytes := range o.moved {
		carries[inode] = bytes > 0 && float64(bytes) >= leastOfSockets*float64(o.most)
	}
	return carries
}

// faultOf says that the observing ended before the run; "" when it did not.
func faultOf(o Observed) string {
	if o.fault != "" {
		return "the processes were not observed to the end (" + o.fault + ")"
	}
	return ""
}
