package simulate

import (
	"math/rand/v2"
	"time"
)

// The length of the run that finds what limits take away, its step and its seed:
// the truth of a world is a constant, and takes no longer to find where the world's
// own step is fine.
const (
	truthSteps = 400_000
	truthStep  = 50 * time.Millisecond
	truthSeed  = 1
)

// Truth is the throughput of 1 to N streams relative to the mean of one alone,
// as it would show if nobody paused anything: truth[k-1] is T(k)/T(1). It is
// Relative, less what the capacity and what streams share cut off, which a long run
// without switching measures. Where neither binds it is Relative to the last digit.
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

// PairTruth is what every two streams move together over what they move apart, as
// it would show if nobody paused anything: truth[i][j] for i < j, streams from 0.
func (w *World) PairTruth() [][]float64 {
	n := len(w.SpeedMBps)
	law := newContention(w.Relative)
	alone, together := make([]float64, n), make([][]float64, n)
	for i := range n {
		together[i] = make([]float64, n)
	}
	w.watch(func(m moment) {
		for i := range n {
			alone[i] += min(law.at(1)*(m.rates[i]-w.excess(m, i)), m.room)
			for j := range i {
				together[j][i] += min(law.at(2)*(m.rates[j]+m.rates[i]-w.excess(m, j, i)), m.room)
			}
		}
	})
	for i := range n {
		for j := range i {
			together[j][i] /= alone[i] + alone[j]
		}
	}
	return together
}

// steady returns what k streams would move on average without limits, and with
// them, for k = 1 to N. Which k streams: each run of neighbours on the circle of all
// counts alike, as the tool deals them.
func (w *World) steady() (wanted, moved []float64) {
	n := len(w.SpeedMBps)
	wanted, moved = make([]float64, n), make([]float64, n)
	law := newContention(w.Relative)
	rates := make([]float64, 2*n) // the circle, twice round
	circle := make([]int, 2*n)
	for i := range circle {
		circle[i] = i % n
	}
	w.watch(func(m moment) {
		for i := range n {
			rates[i], rates[i+n] = m.rates[i], m.rates[i]
		}
		for k := 1; k <= n; k++ {
			efficiency := law.at(float64(k))
			sum := 0.0
			for i := range k - 1 {
				sum += rates[i]
			}
			for i := range n {
				sum += rates[i+k-1]
				wanted[k-1] += efficiency * sum
				moved[k-1] += min(efficiency*(sum-w.excess(m, circle[i:i+k]...)), m.room)
				sum -= rates[i]
			}
		}
	})
	return wanted, moved
}

// A moment is what the streams would move at an instant if nothing limited them, the
// factor of the host that is in it, and what the link leaves them; MB/s.
type moment struct {
	rates  []float64
	factor float64
	room   float64
}

// watch lets all streams run for long, and looks at every step. What it shows is
// used again for the next.
func (w *World) watch(look func(moment)) {
	rng := rand.New(rand.NewPCG(truthSeed, 0))
	n := len(w.SpeedMBps)
	speeds, regimes := make([]ar1, n), make([]regime, n)
	for i := range n {
		speeds[i], regimes[i] = newAR1(w.Variation, truthStep, rng), newRegime(w.Regime, rng)
	}
	noise, other := newAR1(w.Host.Noise, truthStep, rng), newBackground(w.Background, rng)
	m := moment{rates: make([]float64, n)}
	for range truthSteps {
		m.factor = noise.next(rng)
		for i := range n {
			m.rates[i] = m.factor * w.SpeedMBps[i] * speeds[i].next(rng) * regimes[i].next(int64(truthStep), rng)
		}
		m.room = w.CapacityMBps - other.next(int64(truthStep), rng)
		look(m)
	}
}

// excess is what the given streams, from 0, would move beyond what they share.
func (w *World) excess(m moment, active ...int) float64 {
	beyond := 0.0
	for _, d := range w.Shared {
		sum := 0.0
		for _, stream := range d.Streams {
			for _, i := range active {
				if i == stream-1 {
					sum += m.rates[i]
				}
			}
		}
		beyond += max(0, sum-d.CapacityMBps*m.factor)
	}
	return beyond
}
