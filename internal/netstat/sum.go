package netstat

// A Sum adds up the bytes of a changing set of sockets. It only grows, so that
// the difference of two readings is what moved in between: the bytes of a
// socket that vanished stay in. The zero value is ready for use.
//
// A socket counts from its first reading. What it had moved before belongs to
// no interval of ours: were it counted, the discovery of an hour-old socket
// would look like gigabytes in one sample.
//
// Note: what a socket moved between its last reading and its end is lost; it is
// at most one sampling period's worth, once.
type Sum struct {
	bytes uint64
	last  map[uint64]uint64 // cookie: last reading
}

// Add takes a reading of the socket with the given cookie.
func (s *Sum) Add(cookie, bytes uint64) {
	if s.last == nil {
		s.last = make(map[uint64]uint64)
	}
	last, known := s.last[cookie]
	if known && bytes <= last {
		return
	}
	if known {
		s.bytes += bytes - last
	}
	s.last[cookie] = bytes
}

// Bytes is the sum so far.
func (s *Sum) Bytes() uint64 { return s.bytes }
