package limiter

import "pausetest/internal/recording"

// A cast is the processes on the paths for some time.
type cast struct {
	byPID   map[int]*recording.Member
	sources map[int]*recording.Member   // by stream
	carry   map[int][]*recording.Member // by stream
	readers map[uint64][]*recording.Member
	writers map[uint64][]*recording.Member
}

func newCast(members []recording.Member) *cast {
	c := &cast{byPID: map[int]*recording.Member{}, sources: map[int]*recording.Member{}, carry: map[int][]*recording.Member{},
		readers: map[uint64][]*recording.Member{}, writers: map[uint64][]*recording.Member{}}
	for i := range members {
		m := &members[i]
		c.byPID[m.PID] = m
		for _, stream := range m.Streams {
			if m.Source {
				c.sources[stream] = m
			}
			if m.Carrier {
				c.carry[stream] = append(c.carry[stream], m)
			}
		}
		for _, inode := range m.Reads {
			c.readers[inode] = append(c.readers[inode], m)
		}
		for _, inode := range m.Writes {
			c.writers[inode] = append(c.writers[inode], m)
		}
	}
	return c
}

// A look is what everybody did at one instant.
type look struct {
	*cast
	doing  map[int][]recording.Activity // by pid; nothing for one that was not seen
	queued map[uint64]int64             // by inode; negative when not known
}

// A replay plays vitals back: it fills in what they leave out because it has not
// changed.
type replay struct {
	cast      *cast
	doing     map[int][]recording.Activity
	queued    map[uint64]int64
	processes map[int]recording.ProcessVitals
	sockets   map[uint64]recording.SocketVitals
	disks     map[string]recording.DiskVitals
	host      *recording.HostVitals
}

func newReplay() *replay {
	return &replay{cast: newCast(nil), doing: map[int][]recording.Activity{}, queued: map[uint64]int64{},
		processes: map[int]recording.ProcessVitals{}, sockets: map[uint64]recording.SocketVitals{}, disks: map[string]recording.DiskVitals{}}
}

// play takes a record in. It calls each with every look since the record before, in
// order; the look is valid until each returns.
func (r *replay) play(v *recording.Vitals, each func(tNS int64, l *look)) {
	if len(v.Members) > 0 {
		before := r.cast
		r.cast = newCast(v.Members)
		for pid, m := range before.byPID {
			if now := r.cast.byPID[pid]; now == nil || now.StartTicks != m.StartTicks {
				delete(r.doing, pid)
				delete(r.processes, pid)
			}
		}
	}
	for i, tNS := range v.LooksNS {
		for k := range v.Processes {
			p := &v.Processes[k]
			if at, ok := nth(p.Looks, i); ok {
				r.doing[p.PID] = seenAt(v, at)
			}
		}
		for k := range v.Sockets {
			s := &v.Sockets[k]
			if queued, ok := nth(s.QueuedBytes, i); ok {
				r.queued[s.Inode] = queued
			}
		}
		each(tNS, &look{cast: r.cast, doing: r.doing, queued: r.queued})
	}
	for _, p := range v.Processes {
		r.processes[p.PID] = p
	}
	for _, s := range v.Sockets {
		r.sockets[s.Inode] = s
	}
	for _, d := range v.Disks {
		r.disks[d.Device] = d
	}
	if v.Host != nil {
		r.host = v.Host
	}
}

// nth is what was seen at a look; one entry holds for all looks.
func nth[T any](entries []T, i int) (T, bool) {
	if len(entries) == 1 {
		i = 0
	}
	if i >= len(entries) {
		var none T
		return none, false
	}
	return entries[i], true
}

// seenAt is an entry of Seen; nothing for a number that is none.
func seenAt(v *recording.Vitals, i int) []recording.Activity {
	if i < 0 || i >= len(v.Seen) {
		return nil
	}
	return v.Seen[i]
}
