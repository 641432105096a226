package analysis

import "pausetest/internal/recording"

// A Lateness says which samples came so late that a reader may ask why.
type Lateness struct {
	Samples int   // how many
	WorstNS int64 // by how much at worst
}

func (l *Lateness) hear(s *recording.Sample) {
	const worthTellingNS = 50e6
	if s.LateNS > worthTellingNS {
		l.Samples++
		l.WorstNS = max(l.WorstNS, s.LateNS)
	}
}
