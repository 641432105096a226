package analysis

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"pausetest/internal/recording"
)

// The scale of the levels computed anew, against the table the rule uses.
func TestLevelScale(t *testing.T) {
	for n, row := range tabulated {
		for i, oneSided := range []float64{0.025, 0.05} {
			if got := computeScale(n, oneSided); math.Abs(got/row[i]-1) > 0.03 {
				t.Errorf("computeScale(%d, %g) = %.5f, want %.5f within 3 %%", n, oneSided, got, row[i])
			}
			if got := levelScale(n, oneSided); got != row[i] {
				t.Errorf("levelScale(%d, %g) = %g, want %g", n, oneSided, got, row[i])
			}
		}
	}
}

func TestLevelScaleBetweenAndBeyond(t *testing.T) {
	if single := computeScale(4, 0.025); math.Abs(single-0.025) > 1e-6 {
		t.Errorf("with a single look the scale is %g, want 0.025", single)
	}
	if c := levelScale(10, 0.025); !(c < levelScale(8, 0.025) && c > levelScale(12, 0.025)) {
		t.Errorf("levelScale(10) = %g lies outside its neighbours", c)
	}
	far, hundred := levelScale(400, 0.025), levelScale(mostComputed, 0.025)
	if far != hundred/2 {
		t.Errorf("levelScale(400) = %g, want %g", far, hundred/2)
	}
}

func TestCriticalValues(t *testing.T) {
	r := newRule(recording.Plan{})
	for n, want := range map[int]float64{4: 7.655, 6: 4.633, 8: 3.819, 12: 3.230, 24: 2.752} {
		near(t, "critical t", r.critical(estimate{n: n, df: n - 1}), want, 0.6e-3)
	}
}

// Independent normal blocks with the mean on the boundary: the chance of ever
// crossing is the error asked for. 20,000 runs put three standard errors at
// 0.33 % (2.5 %) and 0.46 % (5 %).
func TestOneSidedError(t *testing.T) {
	const runs = 20000
	for _, tt := range []struct{ confidence, want, within float64 }{{0.95, 0.025, 0.0035}, {0.90, 0.05, 0.0048}} {
		r := newRule(recording.Plan{Confidence: tt.confidence})
		critical := map[int]float64{}
		for n := firstLookFew; n <= r.maxBlocks; n++ {
			critical[n] = r.critical(estimate{n: n, df: n - 1})
		}
		random := rand.New(rand.NewPCG(1, 2))
		crossed := 0
		for range runs {
			var sum, squares float64
			for n := 1; n <= r.maxBlocks; n++ {
				x := random.NormFloat64()
				sum += x
				squares += x * x
				if n < firstLookFew {
					continue
				}
				m := float64(n)
				se := math.Sqrt((squares - sum*sum/m) / (m - 1) / m)
				if sum/m >= critical[n]*se {
					crossed++
					break
				}
			}
		}
		near(t, "error", float64(crossed)/runs, tt.want, tt.within)
	}
}

func TestClassify(t *testing.T) {
	tests := []struct {
		low, high float64
		want      Verdict
	}{
		{0.1, 0.79, Collapse}, {0.7, 0.9, Inconclusive}, {0.81, 1.2, Saturated}, {0.81, 1.3, NoCollapse},
		{1.26, 3, Scaling}, {0.5, 2, Inconclusive}, {1.1, 1.3, NoCollapse},
	}
	for _, tt := range tests {
		if got := classify(Interval{tt.low, tt.high}); got != tt.want {
			t.Errorf("[%g, %g]: %s, want %s", tt.low, tt.high, got, tt.want)
		}
	}
}

// The critical value of the e-process is where the e-process reaches 1/α.
func TestEProcess(t *testing.T) {
	near(t, "E at t=0", eValue(0, 6, 5), 1/math.Sqrt(25), 1e-12)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 200).Draw(t, "n")
		df := rapid.IntRange(1, n-1).Draw(t, "df")
		critical := mixtureCritical(n, df, 20)
		if math.IsInf(critical, 1) {
			if e := eValue(1e9, n, df); e > 20 {
				t.Fatalf("E(1e9) = %g although no t should reach 20", e)
			}
			return
		}
		if e := eValue(critical, n, df); math.Abs(e/20-1) > 1e-6 {
			t.Fatalf("E(%g) = %g, want 20", critical, e)
		}
	})
}

// Stopped whenever it likes, the e-process errs at most in 5 % of runs with both
// signs together.
func TestEProcessError(t *testing.T) {
	const runs, last = 4000, 60
	critical := make([]float64, last+1)
	for n := firstLookFew; n <= last; n++ {
		critical[n] = mixtureCritical(n, n-1, 20)
	}
	random := rand.New(rand.NewPCG(3, 4))
	crossed := 0
	for range runs {
		var sum, squares float64
		for n := 1; n <= last; n++ {
			x := random.NormFloat64()
			sum += x
			squares += x * x
			m := float64(n)
			if n >= firstLookFew && math.Abs(sum/m) >= critical[n]*math.Sqrt((squares-sum*sum/m)/(m-1)/m) {
				crossed++
				break
			}
		}
	}
	if share := float64(crossed) / runs; share > 0.05 || share < 0.005 {
		t.Errorf("crossed in %.2f %% of runs, want below 5 and above 0.5", 100*share)
	}
}
