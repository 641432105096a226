package demo

import (
	"math/rand/v2"
	"time"
)

// stalls is the rhythm of one receiver: it reads for a while, stands still for a
// while, and so on. It follows the clock alone and goes on whether data comes or not.
//
// Note: the lengths are uniform between half and one and a half times their mean.
// Exponential ones vary more than three times as much (a coefficient of variation
// of 1 against 0.29), and so would what a measured segment of few cycles finds.
type stalls struct {
	readingMean, stalledMean time.Duration // no stalls when stalledMean is 0
	rng                      *rand.Rand

	reading bool
	until   time.Time // end of the present stretch
}

// newStalls starts a rhythm that only the seed and the stream's number decide.
func newStalls(seed uint64, stream int, readingMean, stalledMean time.Duration) *stalls {
	return &stalls{
		readingMean: readingMean, stalledMean: stalledMean,
		rng:   rand.New(rand.NewPCG(seed, uint64(stream))),
		until: time.Now(),
	}
}

// wait returns as soon as the receiver may read: at once, or after the stall.
func (s *stalls) wait() {
	if s.stalledMean == 0 {
		return
	}
	for {
		s.advance(time.Now())
		if s.reading {
			return
		}
		time.Sleep(time.Until(s.until))
	}
}

// advance moves to the stretch that holds now.
func (s *stalls) advance(now time.Time) {
	for !now.Before(s.until) {
		s.reading = !s.reading
		mean := s.stalledMean
		if s.reading {
			mean = s.readingMean
		}
		s.until = s.until.Add(time.Duration((0.5 + s.rng.Float64()) * float64(mean)))
	}
}
