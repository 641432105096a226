// Package demo is a small backup night to try pausetest on: real processes,
// pipes and sockets on loopback, started by us and ended by us, and in them a
// collapse that nobody programmed.
//
//	source ─pipe─┐                      ┌─ receiver ─┐
//	source ─pipe─┤ relay ──TCP sockets──┼─ receiver ─┼─ one link for all
//	source ─pipe─┘                      └─ receiver ─┘
//
// A source stands for tar: it writes 32 KiB blocks into a pipe for as long as
// somebody takes them. The relay stands for Amanda's client daemon up to 3.3:
// one thread that polls the pipes, reads at most 32 KiB from each that has
// something, and writes it, blocking, to that stream's own TCP connection with
// its 64 KiB buffers. The receivers stand for the backup server: each reads its
// own connection, all of them together no faster than one link allows, and now
// and then one stands still for a moment, as a server does whose disk is busy.
//
// # Why it collapses
//
// One stream alone fills the link whenever its receiver reads. With several
// streams in one relay, a receiver that stands still fills its buffers within
// milliseconds; then the relay hangs in the write to it, and every other stream
// stands still too although its own receiver would read. Data moves only
// while all receivers read at once, and the more streams there are the rarer
// that is. With a relay for each stream (as under Amanda's bsdtcp) a stalled
// receiver holds up nobody else: the others take over the link, and more streams
// move more. With receivers that never stall both arrangements just fill the link.
// Those three are the negative controls.
//
// # What is honest about it
//
// No part of the data path knows how many streams there are, or whether one is
// paused. The only deliberate waits are the link's pace, which depends on bytes,
// and a receiver's stalls, which are drawn from a seed and the stream's number
// alone and go on whether data comes or not. What is chosen is the kind
// of receivers. Blocking writes alone collapse nothing; it takes stalls that
// are independent of each other and long against the buffers. That this was
// the cause on any particular backup host is not claimed.
//
// What moves is checked: the receivers compare every byte with what the source
// must have sent, so a demo also shows that pausing damaged nothing.
package demo
