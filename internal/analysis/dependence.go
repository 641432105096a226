package analysis

// A dependence describes how little a sample adds to the one before it. It is
// shown and never used: no interval is made from samples.
type dependence struct {
	lag1      float64 // correlation of successive rates
	effective float64 // samples that are worth as much as if they were independent
}

// dependenceOf computes both from the deciding source's rates, sample to
// sample, in the used segments of the verdict. The mean of each level is taken
// out first, since switching levels is no correlation; lags never reach from
// one segment into another. The sum of correlations is cut at its first
// non-positive pair (Geyer's initial positive sequence). Correlation that
// outlasts a segment can't be seen, so the effective number is an upper bound.
func dependenceOf(j *Judge) (dependence, bool) {
	runs, samples := j.levelRuns()
	var variance, n float64
	longest := 0
	for _, r := range runs {
		longest = max(longest, len(r))
		for _, x := range r {
			variance += x * x
			n++
		}
	}
	if variance == 0 || longest < 3 {
		return dependence{}, false
	}
	correlation := func(lag int) float64 {
		sum, count := 0.0, 0.0
		for _, r := range runs {
			for i := lag; i < len(r); i++ {
				sum += r[i] * r[i-lag]
				count++
			}
		}
		if count == 0 {
			return 0
		}
		return sum / count / (variance / n)
	}
	d := dependence{lag1: max(-1, min(1, correlation(1)))}
	sum := d.lag1
	for lag := 2; lag+1 < longest; lag += 2 {
		pair := correlation(lag) + correlation(lag+1)
		if pair <= 0 {
			break
		}
		sum += pair
	}
	d.effective = float64(samples) / max(1, 1+2*sum)
	return d, true
}

// levelRuns are the sample rates of the verdict's used segments, a run for each,
// less the mean of their level, and how many there were before too many were kept.
func (j *Judge) levelRuns() (runs [][]float64, samples int) {
	type total struct{ sum, n float64 }
	byLevel := map[int]total{}
	var used []*segment
	for i := range j.segments {
		s := &j.segments[i]
		if !s.Used || !inVerdict(s.Phase) {
			continue
		}
		used = append(used, s)
		samples += s.sampleRates
		t := byLevel[len(s.Active)]
		for _, r := range j.window.sampleRates[s.rateFrom:s.rateTo] {
			t.sum += r
			t.n++
		}
		byLevel[len(s.Active)] = t
	}
	for _, s := range used {
		t := byLevel[len(s.Active)]
		var run []float64
		for _, r := range j.window.sampleRates[s.rateFrom:s.rateTo] {
			run = append(run, r-t.sum/t.n)
		}
		runs = append(runs, run)
	}
	return runs, samples
}
