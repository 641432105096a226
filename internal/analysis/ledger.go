package analysis

import "pausetest/internal/recording"

// A ledger is the account of what the run took from the backups, kept from the
// recorded events alone: who was paused when, and whether it was resumed.
type ledger struct {
	accounts []account
}

// An account is one stream's.
type account struct {
	id int
	// owed: it was paused and not resumed since.
	owed bool
	// running: somebody else continued it meanwhile, so that the clock stands.
	running   bool
	sinceNS   int64
	pausedNS  int64
	longestNS int64
	pauses    int
}

func (l *ledger) account(id int) *account {
	for i := range l.accounts {
		if l.accounts[i].id == id {
			return &l.accounts[i]
		}
	}
	l.accounts = append(l.accounts, account{id: id})
	return &l.accounts[len(l.accounts)-1]
}

// hear books an event. A pause counts from before its first stop signal to
// after its last continue signal.
func (l *ledger) hear(e *recording.Event) {
	switch e.Kind {
	case recording.Pausing, recording.Paused:
		if a := l.account(e.Stream); !a.owed {
			a.owed, a.running, a.sinceNS = true, false, e.TNS
			a.pauses++
		}
	case recording.Resumed, recording.StreamEnded, recording.StreamRefused:
		l.account(e.Stream).resume(e.TNS)
	case recording.ForeignContinue:
		l.account(e.Stream).stopClock(e.TNS)
	case recording.GuardLost:
		for i := range l.accounts {
			l.accounts[i].resume(e.TNS)
		}
	}
}

func (a *account) resume(tNS int64) {
	a.stopClock(tNS)
	a.owed = false
}

func (a *account) stopClock(tNS int64) {
	if !a.owed || a.running {
		return
	}
	a.running = true
	a.add(tNS)
}

func (a *account) add(tNS int64) {
	d := max(0, tNS-a.sinceNS)
	a.pausedNS += d
	a.longestNS = max(a.longestNS, d)
}

// until returns the account as it stands at an instant: a pause that no record
// ends goes on until there.
func (a account) until(tNS int64) account {
	if a.owed && !a.running {
		a.add(tNS)
	}
	return a
}

// withheld is the time of all pauses of all streams, and the longest of them,
// up to an instant.
func (l *ledger) withheld(untilNS int64) (totalNS, longestNS int64) {
	for _, a := range l.accounts {
		a = a.until(untilNS)
		totalNS += a.pausedNS
		longestNS = max(longestNS, a.longestNS)
	}
	return totalNS, longestNS
}
