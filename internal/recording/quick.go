package recording

import "bytes"

// quickSample decodes the line of a sample as Writer writes it. It knows nothing else:
// any other line, and numbers of more than quickDigits, are left to encoding/json.
//
// Note: most lines are samples, and drawing goes through them again.
// encoding/json takes 4 µs for one of three streams, this a tenth of it.
func quickSample(line []byte) (*Sample, bool) {
	var s struct { // one piece of memory
		Sample
		iface   InterfaceCounters
		sockets uint64
	}
	q := quickReader{rest: line, ok: true}
	q.expect(`{"sample":{"t_ns":`)
	s.TNS = int64(q.number())
	if q.accept(`,"late_ns":`) {
		s.LateNS = int64(q.number())
	}
	if q.accept(`,"iface":{"rx":`) {
		s.Interface = &s.iface
		s.iface.RxBytes = q.number()
		q.expect(`,"tx":`)
		s.iface.TxBytes = q.number()
		q.expect(`}`)
	}
	if q.accept(`,"attr_t_ns":`) {
		s.AttributedTNS = int64(q.number())
	}
	s.SocketBytes = q.counter(`,"sockets":`, &s.sockets)
	if q.accept(`,"streams":[`) {
		s.Streams = q.streams()
	}
	q.expect(`}}`)
	return &s.Sample, q.ok && len(q.rest) == 0
}

// A quickReader takes a line apart; ok is false once there was something unexpected.
type quickReader struct {
	rest []byte
	ok   bool
}

func (q *quickReader) accept(text string) bool {
	if len(q.rest) < len(text) || string(q.rest[:len(text)]) != text {
		return false
	}
	q.rest = q.rest[len(text):]
	return true
}

func (q *quickReader) expect(text string) { q.ok = q.accept(text) && q.ok }

// quickDigits can't overflow any of the numbers.
const quickDigits = 18

func (q *quickReader) number() uint64 {
	var n uint64
	digits := 0
	for digits < len(q.rest) && q.rest[digits]-'0' <= 9 {
		n = 10*n + uint64(q.rest[digits]-'0')
		digits++
	}
	q.ok = q.ok && digits > 0 && digits <= quickDigits && (digits == 1 || q.rest[0] != '0')
	q.rest = q.rest[digits:]
	return n
}

// counter is the number behind a name, kept at a place; nil without that name.
func (q *quickReader) counter(name string, at *uint64) *uint64 {
	if !q.accept(name) {
		return nil
	}
	*at = q.number()
	return at
}

func (q *quickReader) streams() []StreamCounters {
	n := bytes.Count(q.rest, []byte(`{"id":`))
	streams, values := make([]StreamCounters, 0, n), make([]uint64, 2*n)
	for i := 0; i < n && q.ok; i++ {
		if i > 0 {
			q.expect(`,`)
		}
		q.expect(`{"id":`)
		id := q.number()
		streams = append(streams, StreamCounters{ID: int(id), IOBytes: q.counter(`,"io":`, &values[2*i]), SocketBytes: q.counter(`,"sockets":`, &values[2*i+1])})
		q.ok = q.ok && uint64(int(id)) == id
		q.expect(`}`)
	}
	q.expect(`]`)
	return streams
}
