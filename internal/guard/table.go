package guard

import "pausetest/internal/procctl"

// A watch is what the guard knows and decides, apart from how it hears and
// acts: it makes no system call and reads no clock, so that its rules can be
// tested by themselves. All times are nanoseconds of one clock.
type watch struct {
	leaseNS  int64
	limits   limits
	heardNS  int64   // when the controller last gave a sign of life
	fired    cause   // once set it stays
	entries  []entry // by rising serial: the order of the intents
	accounts accounts
}

// An entry is a hold: a process that is, or is about to be, stopped, or a cgroup
// that is, or is about to be, frozen.
type entry struct {
	serial  uint64
	fd      int                    // pidfd or freeze file
	freezer procctl.FreezerVersion // zero for a process
	untilNS int64                  // the pause must have ended by then
	stream  uint32                 // whose pause it is
}

// hear takes a message's sending time as the sign of life, not its arrival:
// beats that waited in the queue while the guard was held up prove nothing
// about now.
func (w *watch) hear(atNS, nowNS int64) {
	w.heardNS = max(w.heardNS, min(atNS, nowNS))
}

// intend adds holds of one kind and one stream, numbered from first. A guard that
// has fired takes none. Nor does it take serials that don't rise: forget relies on
// their order.
func (w *watch) intend(first uint64, fds []int, freezer procctl.FreezerVersion, stream uint32, atNS int64) bool {
	if w.fired != causeNone {
		return false
	}
	if n := len(w.entries); n > 0 && first <= w.entries[n-1].serial {
		return false
	}
	a := w.accounts.of(stream)
	for i, fd := range fds {
		w.entries = append(w.entries, entry{first + uint64(i), fd, freezer, atNS + w.limits.maxPauseNS, stream})
		a.take(atNS)
	}
	return true
}

// forget removes the holds numbered first to first+count-1, which were let go by
// the given instant, and hands their descriptors to release.
func (w *watch) forget(first uint64, count int, atNS int64, release func(fd int)) {
	w.prune(func(e entry) bool {
		gone := e.serial >= first && e.serial-first < uint64(count)
		if gone {
			w.accounts.of(e.stream).give(atNS)
			release(e.fd)
		}
		return gone
	})
}

// prune removes the entries that gone reports, asking about the latest first.
func (w *watch) prune(gone func(entry) bool) {
	kept := len(w.entries)
	for i := len(w.entries) - 1; i >= 0; i-- {
		if e := w.entries[i]; !gone(e) {
			kept--
			w.entries[kept] = e
		}
	}
	w.entries = w.entries[:copy(w.entries, w.entries[kept:])]
}

// due says whether the guard must fire now. A silent controller harms nobody
// while nothing is paused.
func (w *watch) due(nowNS int64) cause {
	if len(w.entries) == 0 {
		return causeNone
	}
	if nowNS-w.heardNS > w.leaseNS {
		return causeSilence
	}
	for _, e := range w.entries {
		if nowNS > e.untilNS {
			return causeOverrun
		}
	}
	return w.accounts.spent(w.limits, nowNS)
}

// dueNS is the last instant at which due is causeNone if nothing is heard until
// then; ok is false when nothing is paused.
func (w *watch) dueNS() (atNS int64, ok bool) {
	if len(w.entries) == 0 {
		return 0, false
	}
	atNS = w.heardNS + w.leaseNS
	for _, e := range w.entries {
		atNS = min(atNS, e.untilNS)
	}
	if spentNS, limited := w.accounts.spentNS(w.limits); limited {
		atNS = min(atNS, spentNS)
	}
	return atNS, true
}

// fire records why the guard fires; the first cause stands.
func (w *watch) fire(c cause) {
	if w.fired == causeNone {
		w.fired = c
	}
}
