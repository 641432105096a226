package guard

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The wire protocol. Controller and guard exchange messages of exactly
// messageSize bytes over a SOCK_SEQPACKET socket pair; both are the same
// executable, so little-endian layout and version are fixed:
//
//	offset size
//	     0    4  magic "pgd2"
//	     4    1  kind
//	     5    1  cause    why the guard fired; 0: it has not
//	     6    2  count    holds the message is about
//	     8    8  seq      number of the request; replies repeat it
//	    16    8  first    serial number of the first hold
//	    24    8  at       CLOCK_BOOTTIME at sending, ns; replies repeat it
//	    32    8  lease    ns, only in hello
//	    40    8  maxpause ns, only in hello; so are the next two, 0: no limit
//	    48    8  maxtotal ns, all pauses of one stream
//	    56    8  budget   ns, all pauses of all streams
//	    64    4  errno    of a refusal; 0: none
//	    68    4  stream   whose processes or cgroups, in intend and freeze
//
// The controller sends hello, intend (with count pidfds in SCM_RIGHTS), freeze
// (with count open freeze files), forget, beat and done, and gets one ack for
// each. The guard speaks unasked only once,
// when it fires; every ack repeats the cause, so that nothing depends on that
// message's arrival.
//
// A hold is a process or a cgroup. The controller numbers them in the order of
// their intents. The guard needs no other name for them.
const messageSize = 72

const magic = 'p' | 'g'<<8 | 'd'<<16 | '2'<<24

// maxFDs is how many descriptors one message may carry (SCM_MAX_FD of Linux).
const maxFDs = 253

type kind uint8

const (
	kindHello  kind = iota + 1 // terms: lease and longest pause
	kindIntend                 // count processes, numbered from first, are about to be stopped
	kindFreeze                 // count cgroups, numbered from first, are about to be frozen
	kindForget                 // the same processes run again, the same cgroups are thawed
	kindBeat                   // the controller lives
	kindDone                   // everything runs; the guard continues what it still knows, and ends
	kindAck                    // the guard has done what seq asked, unless errno or cause says otherwise
	kindFired                  // the guard fired
	kindEnd                    // first invalid kind
)

// A cause is why the guard fired.
type cause uint8

const (
	causeNone        cause = iota
	causeExit              // the controller exited
	causeClosed            // the controller closed its end of the socket
	causeSilence           // the lease ran out
	causeOverrun           // a pause passed its limit
	causeStreamTotal       // all pauses of a stream together passed theirs
	causeBudget            // all pauses together passed theirs
	causeProtocol          // the controller sent something unintelligible
	causeEnd               // first invalid cause
)

func (c cause) String() string {
	switch c {
	case causeNone:
		return "not fired"
	case causeExit:
		return "the controller exited"
	case causeClosed:
		return "the controller closed its socket"
	case causeSilence:
		return "the controller was silent for longer than the lease"
	case causeOverrun:
		return "a pause passed its limit"
	case causeStreamTotal:
		return "a stream was paused for longer in all than it may be"
	case causeBudget:
		return "the pauses together passed their budget"
	case causeProtocol:
		return "the controller sent an unintelligible message"
	}
	return fmt.Sprintf("cause %d", uint8(c))
}

type message struct {
	Kind    kind
	Cause   cause
	Count   uint16
	Seq     uint64
	First   uint64
	AtNS    int64
	LeaseNS int64
	limits
	Errno  uint32
	Stream uint32
}

// encode writes m into b without allocating: the guard calls it too.
func (m *message) encode(b *[messageSize]byte) {
	le := binary.LittleEndian
	le.PutUint32(b[0:], magic)
	b[4] = byte(m.Kind)
	b[5] = byte(m.Cause)
	le.PutUint16(b[6:], m.Count)
	le.PutUint64(b[8:], m.Seq)
	le.PutUint64(b[16:], m.First)
	le.PutUint64(b[24:], uint64(m.AtNS))
	le.PutUint64(b[32:], uint64(m.LeaseNS))
	le.PutUint64(b[40:], uint64(m.maxPauseNS))
	le.PutUint64(b[48:], uint64(m.maxPausedTotalNS))
	le.PutUint64(b[56:], uint64(m.budgetNS))
	le.PutUint32(b[64:], m.Errno)
	le.PutUint32(b[68:], m.Stream)
}

var errMessage = errors.New("malformed guard message")

// decode accepts exactly what encode writes.
func decode(b []byte) (message, error) {
	if len(b) != messageSize {
		return message{}, errMessage
	}
	le := binary.LittleEndian
	m := message{
		Kind:    kind(b[4]),
		Cause:   cause(b[5]),
		Count:   le.Uint16(b[6:]),
		Seq:     le.Uint64(b[8:]),
		First:   le.Uint64(b[16:]),
		AtNS:    int64(le.Uint64(b[24:])),
		LeaseNS: int64(le.Uint64(b[32:])),
		limits: limits{
			maxPauseNS:       int64(le.Uint64(b[40:])),
			maxPausedTotalNS: int64(le.Uint64(b[48:])),
			budgetNS:         int64(le.Uint64(b[56:])),
		},
		Errno:  le.Uint32(b[64:]),
		Stream: le.Uint32(b[68:]),
	}
	switch {
	case le.Uint32(b[0:]) != magic,
		m.Kind == 0, m.Kind >= kindEnd, m.Cause >= causeEnd,
		m.AtNS < 0, m.LeaseNS < 0, m.maxPauseNS < 0, m.maxPausedTotalNS < 0, m.budgetNS < 0:
		return message{}, errMessage
	}
	return m, nil
}
