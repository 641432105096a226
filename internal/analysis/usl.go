package analysis

import "math"

// A USL is Gunther's Universal Scalability Law,
//
//	T(k) = λk / (1 + σ(k−1) + κk(k−1)),
//
// fitted to the measured levels. It is drawn beside them and nothing is advised
// from it: it can't bend to a step, and its peak's uncertainty is badly
// understated (docs/statistics.md).
type USL struct {
	Lambda float64 // bytes per second of one stream
	Sigma  float64 // contention
	Kappa  float64 // coherency
	Levels int     // it was fitted to
}

// At is the law's throughput with k streams, in bytes per second.
func (u USL) At(k float64) float64 {
	return u.Lambda * k / (1 + u.Sigma*(k-1) + u.Kappa*k*(k-1))
}

// Peak is the number of streams at which the law is highest, between 1 and n.
func (u USL) Peak(n int) float64 {
	switch {
	case u.Sigma >= 1:
		return 1
	case u.Kappa == 0:
		return float64(n)
	}
	return max(1, min(float64(n), math.Sqrt((1-u.Sigma)/u.Kappa)))
}

// FitUSL fits k/T(k) = (1/λ)(1 + σ(k−1) + κk(k−1)) by least squares of the
// relative deviations, with σ and κ not below 0. It needs three levels.
func FitUSL(levels []Level) (USL, bool) {
	var rows []uslRow
	for _, l := range levels {
		if k := float64(l.Active); l.BytesPerSecond > 0 && k >= 1 {
			w := l.BytesPerSecond / k
			rows = append(rows, uslRow{w, w * (k - 1), w * k * (k - 1)})
		}
	}
	if len(rows) < 3 {
		return USL{}, false
	}
	// With two coefficients that may be 0 there are four candidates; the best
	// one that is feasible is the solution.
	best, found := USL{}, false
	leastSquares := math.Inf(1)
	for _, use := range [][3]bool{{true, true, true}, {true, true, false}, {true, false, true}, {true, false, false}} {
		x, ok := fitColumns(rows, use)
		if !ok || x[0] <= 0 || x[1] < 0 || x[2] < 0 {
			continue
		}
		sum := 0.0
		for _, r := range rows {
			d := 1 - r[0]*x[0] - r[1]*x[1] - r[2]*x[2]
			sum += d * d
		}
		if sum < leastSquares {
			leastSquares, found = sum, true
			best = USL{Lambda: 1 / x[0], Sigma: x[1] / x[0], Kappa: x[2] / x[0], Levels: len(rows)}
		}
	}
	return best, found
}

// A uslRow holds the three terms of one level, weighted so that they add up to 1.
type uslRow [3]float64

// fitColumns solves the normal equations for the columns in use; the others'
// coefficients are 0.
func fitColumns(rows []uslRow, use [3]bool) (x [3]float64, ok bool) {
	var a [3][4]float64
	for i := range 3 {
		if !use[i] {
			a[i][i] = 1
			continue
		}
		for _, r := range rows {
			for k := range 3 {
				if use[k] {
					a[i][k] += r[i] * r[k]
				}
			}
			a[i][3] += r[i]
		}
	}
	return solve(a)
}

// solve is Gauss's elimination with pivoting.
func solve(a [3][4]float64) (x [3]float64, ok bool) {
	for i := range 3 {
		pivot := i
		for k := i + 1; k < 3; k++ {
			if math.Abs(a[k][i]) > math.Abs(a[pivot][i]) {
				pivot = k
			}
		}
		a[i], a[pivot] = a[pivot], a[i]
		if a[i][i] == 0 {
			return x, false
		}
		for k := i + 1; k < 3; k++ {
			f := a[k][i] / a[i][i]
			for m := i; m < 4; m++ {
				a[k][m] -= f * a[i][m]
			}
		}
	}
	for i := 2; i >= 0; i-- {
		x[i] = a[i][3]
		for k := i + 1; k < 3; k++ {
			x[i] -= a[i][k] * x[k]
		}
		x[i] /= a[i][i]
	}
	return x, true
}
