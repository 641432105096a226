package analysis

import "pausetest/internal/recording"

// A sequel follows the streams' own counters, each from the stream's last resume on.
type sequel map[int]*course // by stream id

// A course is one stream's counter from an instant on.
type course struct {
	latest   recording.StreamCounters // whenever it was read
	latestNS int64

	resumed     bool
	fromNS      int64 // of the last resume
	first, last uint64
	readings    int
	sockets     bool // it is that of the stream's sockets
}

func (q sequel) course(id int) *course {
	if q[id] == nil {
		q[id] = &course{}
	}
	return q[id]
}

func (q sequel) hearEvent(e *recording.Event) {
	if e.Kind != recording.Resumed {
		return
	}
	c := q.course(e.Stream)
	if c.resumed && e.TNS <= c.fromNS {
		return
	}
	*c = course{latest: c.latest, latestNS: c.latestNS, resumed: true, fromNS: e.TNS}
	c.take() // it may be of that very instant
}

func (q sequel) hearSample(s *recording.Sample) {
	for i := range s.Streams {
		c := q.course(s.Streams[i].ID)
		c.latest, c.latestNS = s.Streams[i], attributedNS(s)
		c.take()
	}
}

// take counts the latest reading, if it is of the time after the resume.
func (c *course) take() {
	if !c.resumed || c.latestNS < c.fromNS {
		return
	}
	value, sockets := c.latest.IOBytes, false
	if value == nil {
		value, sockets = c.latest.SocketBytes, true
	}
	switch {
	case value == nil:
	case c.readings == 0:
		c.first, c.last, c.readings, c.sockets = *value, *value, 1, sockets
	case c.sockets == sockets:
		c.last = *value
		c.readings++
	}
}

// moved is how far each counter went; it says nothing of one that was read less than
// twice, or went backwards.
func (q sequel) moved() map[int]uint64 {
	bytes := map[int]uint64{}
	for id, c := range q {
		if c.readings >= 2 && c.last >= c.first {
			bytes[id] = c.last - c.first
		}
	}
	return bytes
}
