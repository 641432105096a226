package history

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// A Policy says which runs have to go. The newest one never has to.
type Policy struct {
	Keep     time.Duration // runs that began longer ago go; 0: none does for its age
	MaxBytes int64         // the oldest go until all files of the others take no more; 0: no limit
}

// facts are what is decided by.
type facts struct {
	name    string
	started time.Time
	bytes   int64 // of all its files
	empty   bool  // a deletion that was cut off left no more than the folder
	busy    error // why it may not be deleted now; nil: it may
}

// due says which runs have to go, oldest first, and which would have to if they were
// not busy.
func (p Policy) due(runs []facts, now time.Time) (gone, busy []facts) {
	runs = slices.Clone(runs)
	slices.SortFunc(runs, func(a, b facts) int {
		return cmp.Or(a.started.Compare(b.started), cmp.Compare(a.name, b.name))
	})
	var total int64
	for _, r := range runs {
		total += r.bytes
	}
	for _, r := range runs[:max(0, len(runs)-1)] {
		tooOld := p.Keep > 0 && now.Sub(r.started) > p.Keep
		tooMuch := p.MaxBytes > 0 && total > p.MaxBytes
		switch {
		case !tooOld && !tooMuch:
		case r.busy != nil:
			busy = append(busy, r)
		default:
			gone = append(gone, r)
			total -= r.bytes
		}
	}
	return gone, busy
}

// A Removal is a run that was deleted, or would be.
type Removal struct {
	Path    string    `json:"path"`
	Started time.Time `json:"started"` // zero: only an empty folder was left of it
	Bytes   int64     `json:"bytes"`
}

// A Pruning is what became of a folder of runs.
type Pruning struct {
	Deleted   []Removal // oldest first
	Kept      int       // runs
	KeptBytes int64
	Left      []Skipped // folders that no policy touches, and why
}

// check refuses a policy that asks for nothing or makes no sense.
func (p Policy) check() error {
	if p.Keep < 0 || p.MaxBytes < 0 || p == (Policy{}) {
		return errors.New("a policy needs an age or a size, neither of them negative")
	}
	return nil
}
