package simulate

import (
	"math/rand/v2"
	"time"
)

// The length of the run that finds what the capacity takes away, its step and
// its seed: the truth of a world is a constant, and takes no longer to find
// where the world's own step is fine.
const (
	truthSteps = 400_000
	truthStep  = 50 * time.Millisecond
	truthSeed  = 1
)

// Truth is the throughput of 1 to N streams relative to the mean of one alone,
// as it would show if nobody paused anything: truth[k-1] is T(k)/T(1). It is
// Relative, less what the capacity cuts off, which a long run without switching
// measures. Where the capacity never binds it is Relative to the last digit.
// Drift is left out.
func (w *World) Truth() []float64 {
	n := len(w.SpeedMBps)
	truth := make([]float64, n)
	wanted, moved := w.steady()
	for k := range truth {
		truth[k] = w.Relative[k] * (moved[k] / wanted[k]) / (moved[0] / wanted[0])
	}
	if w.TrueRatio > 0 {
		truth[n-1] = w.TrueRatio
	}
	return truth
}

// steady returns what k streams would move on average without the capacity, and
// with it, for k = 1 to N. Which k streams: each run of neighbours on the circle
// of all counts alike, as the tool deals them.
func (w *World) steady() (wanted, moved []float64) {
	rng := rand.New(rand.NewPCG(truthSeed, 0))
	n := len(w.SpeedMBps)
	wanted, moved = make([]float64, n), make([]float64, n)
	speeds, regimes := make([]ar1, n), make([]regime, n)
	for i := range n {
		speeds[i], regimes[i] = newAR1(w.Variation, truthStep, rng), newRegime(w.Regime, rng)
	}
	noise, other := newAR1(w.Host.Noise, truthStep, rng), newBackground(w.Background, rng)
	law := newContention(w.Relative)
	rates := make([]float64, 2*n) // the circle, twice round
	for range truthSteps {
		common := noise.next(rng)
		for i := range n {
			rates[i] = common * w.SpeedMBps[i] * speeds[i].next(rng) * regimes[i].next(int64(truthStep), rng)
			rates[i+n] = rates[i]
		}
		room := w.CapacityMBps - other.next(int64(truthStep), rng)
		for k := 1; k <= n; k++ {
			efficiency := law.at(float64(k))
			sum := 0.0
			for i := range k - 1 {
				sum += rates[i]
			}
			for i := range n {
				sum += rates[i+k-1]
				wanted[k-1] += efficiency * sum
				moved[k-1] += min(efficiency*sum, room)
				sum -= rates[i]
			}
		}
	}
	return wanted, moved
}
