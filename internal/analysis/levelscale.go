package analysis

import (
	"math"
	"sync"

	"gonum.org/v1/gonum/integrate/quad"
)

// calibratedFrom is the first look that the scale of levels is calibrated for.
// A rule that starts later is slightly conservative.
const calibratedFrom = firstLookFew

// tabulated holds the scales for the usual numbers of blocks, by
// maxBlocks, for one-sided errors of 2.5 % and of 5 %. TestLevelScale computes
// them anew.
var tabulated = map[int][2]float64{
	8: {.01051, .0229}, 12: {.00780, .0175}, 16: {.00674, .0153}, 20: {.00609, .0139},
	24: {.00567, .0131}, 32: {.00512, .0118}, 40: {.00483, .0111},
}

// computed keeps what computeScale returned: simulations ask for the same value
// thousands of times.
var computed sync.Map // scaleKey -> float64

type scaleKey struct {
	maxBlocks int
	oneSided  float64
}

// mostComputed bounds the number of looks computeScale is asked for.
const mostComputed = 100

// levelScale returns c such that a group-sequential t test of blocks that are
// independent and normal, looked at after every block from the fourth (or the
// last, if that is earlier) to maxBlocks with the one-sided levels
// c·sqrt(n/maxBlocks), errs with probability oneSided in all.
func levelScale(maxBlocks int, oneSided float64) float64 {
	if maxBlocks > mostComputed {
		// c falls more slowly than this: the rule errs on the safe side.
		return levelScale(mostComputed, oneSided) * math.Sqrt(mostComputed/float64(maxBlocks))
	}
	if row, ok := tabulated[maxBlocks]; ok {
		switch percent := math.Round(oneSided*1e6) / 1e4; percent {
		case 2.5:
			return row[0]
		case 5:
			return row[1]
		}
	}
	key := scaleKey{maxBlocks, oneSided}
	if c, ok := computed.Load(key); ok {
		return c.(float64)
	}
	c := computeScale(maxBlocks, oneSided)
	computed.Store(key, c)
	return c
}

// computeScale solves crossing(c) = oneSided. The chance of crossing is almost
// proportional to c, so that a secant on the logarithms takes a few steps.
func computeScale(maxBlocks int, oneSided float64) float64 {
	if maxBlocks < 2 {
		return oneSided
	}
	first := min(calibratedFrom, maxBlocks)
	at := func(logC float64) float64 {
		return math.Log(crossing(math.Exp(logC), first, maxBlocks) / oneSided)
	}
	// The tabulated values follow this power law within a few per cent.
	x0 := math.Log(oneSided * 0.226 * math.Pow(24/float64(maxBlocks), 0.45))
	y0 := at(x0)
	x1 := x0 - y0
	for range 20 {
		y1 := at(x1)
		if math.Abs(y1) < 1e-4 || y1 == y0 {
			break
		}
		x0, x1, y0 = x1, x1-y1*(x1-x0)/(y1-y0), y1
	}
	return math.Exp(x1)
}

// Resolution of the integral: nodes of the grid a state is kept on, and of each
// quadrature. Doubling both moves the result by less than 1 %.
const (
	gridNodes       = 320
	quadratureNodes = 24
)

// farthest bounds the next block's angle at so many standard deviations.
const farthest = 9

// crossing is the probability that the t statistic of independent standard
// normal blocks reaches its critical value at any look from first to last.
//
// On the boundary, where the mean is 0, the statistics of successive looks form
// a Markov chain. With s = Σx and q = sqrt(Σx²), the angle φ whose sine is
// s/(q·sqrt(n)) carries t = sqrt(n−1)·tan φ and is independent of q. The next
// block, x/q = tan ψ, has ψ with a density proportional to cos^(n−1), and
//
//	sqrt(n+1)·sin φ' = sqrt(n)·sin φ·cos ψ + sin ψ.
//
// So the chance of crossing later, as a function of φ, is found backwards from
// the last look by one integral a step.
func crossing(c float64, first, last int) float64 {
	level := func(n int) float64 { return c * math.Sqrt(float64(n)/float64(last)) }
	critical := func(n int) float64 {
		return math.Atan(studentQuantile(1-level(n), n-1) / math.Sqrt(float64(n-1)))
	}
	nodes := legendre()
	later := newGrid(critical(last)) // chance of crossing after look n; 0 after the last
	for n := last - 1; n >= first; n-- {
		before := newGrid(critical(n))
		for i := range before.values {
			before.values[i] = crossingFrom(math.Sin(before.angle(i)), n, later, nodes)
		}
		later = before
	}
	return level(first) + later.expect(first, nodes)
}

// crossingFrom is the chance of crossing at look n+1 or later from the state
// whose sine is given. The angles ψ that lead beyond the critical angle form an
// interval, which counts in full.
func crossingFrom(sine float64, n int, later grid, nodes quadrature) float64 {
	w := math.Sqrt(float64(n)) * sine
	delta := math.Atan(w)
	reach := math.Sqrt(float64(n+1)) * math.Sin(later.end) / math.Sqrt(1+w*w)
	weight := func(psi float64) float64 { return math.Pow(math.Cos(psi), float64(n-1)) }
	next := func(psi float64) float64 {
		s := (w*math.Cos(psi) + math.Sin(psi)) / math.Sqrt(float64(n+1))
		return weight(psi) * later.at(math.Asin(max(-1, min(1, s))))
	}
	whole := cosineIntegral(n - 1)
	edge := min(math.Pi/2, farthest/math.Sqrt(float64(n)))
	if reach >= 1 {
		return nodes.integrate(next, -edge, edge) / whole
	}
	inRange := func(psi float64) float64 { return max(-edge, min(edge, psi)) }
	from := inRange(math.Asin(reach) - delta)
	to := inRange(math.Pi - math.Asin(reach) - delta)
	root := math.Sqrt(float64(n))
	crossed := studentCDF(root*math.Tan(to), n) - studentCDF(root*math.Tan(from), n)
	missed := nodes.integrate(next, -edge, from) + nodes.integrate(next, to, edge)
	return crossed + missed/whole
}

// cosineIntegral is the integral of cos^k from −π/2 to π/2.
func cosineIntegral(k int) float64 {
	a, _ := math.Lgamma(float64(k+1) / 2)
	b, _ := math.Lgamma(float64(k)/2 + 1)
	return math.Sqrt(math.Pi) * math.Exp(a-b)
}

// A grid is a function on the angles from −π/2 to end, linear between nodes.
type grid struct {
	end    float64
	values []float64
}

func newGrid(end float64) grid { return grid{end: end, values: make([]float64, gridNodes+1)} }

func (g grid) step() float64 { return (g.end + math.Pi/2) / gridNodes }

func (g grid) angle(i int) float64 { return -math.Pi/2 + float64(i)*g.step() }

func (g grid) at(angle float64) float64 {
	x := (angle + math.Pi/2) / g.step()
	i := max(0, min(gridNodes-1, int(x)))
	return g.values[i] + (g.values[i+1]-g.values[i])*min(1, x-float64(i))
}

// expect is the mean of the function over the states at look n below end.
func (g grid) expect(n int, nodes quadrature) float64 {
	f := func(angle float64) float64 { return math.Pow(math.Cos(angle), float64(n-2)) * g.at(angle) }
	return nodes.integrate(f, -math.Pi/2, g.end) / cosineIntegral(n-2)
}

// A quadrature holds the nodes and weights of Gauss and Legendre on [−1, 1].
type quadrature struct{ x, weight []float64 }

func legendre() quadrature {
	q := quadrature{make([]float64, quadratureNodes), make([]float64, quadratureNodes)}
	quad.Legendre{}.FixedLocations(q.x, q.weight, -1, 1)
	return q
}

func (q quadrature) integrate(f func(float64) float64, from, to float64) float64 {
	if !(to > from) {
		return 0
	}
	mid, half := (from+to)/2, (to-from)/2
	sum := 0.0
	for i, x := range q.x {
		sum += q.weight[i] * f(mid+half*x)
	}
	return sum * half
}
