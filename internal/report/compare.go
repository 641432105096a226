package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"pausetest/internal/analysis"
)

// A Condition is one side of a comparison: the runs made under the same
// circumstances.
type Condition struct {
	Name    string
	Studies []*analysis.Study
}

// A Comparison says how conditions differ from the first of them.
type Comparison struct {
	Confidence  float64           `json:"confidence"`
	Sentence    string            `json:"sentence"`
	Conditions  []ConditionResult `json:"conditions"`
	Differences []Difference      `json:"differences"` // of the second condition from the first, the third from the first, ...
	// Overridden are the reasons for which the comparison would be refused.
	Overridden []string `json:"overridden,omitempty"`
	Warnings   []string `json:"warnings"`

	given []Condition
}

// A ConditionResult is what a condition's runs say together.
type ConditionResult struct {
	Name            string            `json:"name"`
	Runs            int               `json:"runs"` // that gave a ratio
	Ratio           float64           `json:"ratio"`
	Interval        analysis.Interval `json:"interval"`
	Verdicts        map[string]int    `json:"verdicts"`
	PausedStreamSec float64           `json:"paused_stream_seconds"`
	Levels          []analysis.Level  `json:"levels"`

	ratio  effect
	levels map[int]effect // those that have an interval
}

// A Difference is a condition against the first one.
type Difference struct {
	Name    string `json:"name"`
	Against string `json:"against"`
	// Factor is the ratio T(N)/T(1) here over that there.
	Factor   float64           `json:"factor"`
	Interval analysis.Interval `json:"interval"`
	// Levels is the throughput at each level here over that there.
	Levels []LevelDifference `json:"levels"`
}

// A LevelDifference is T(k) here over T(k) there.
type LevelDifference struct {
	Active int     `json:"active"`
	Factor float64 `json:"factor"`
	// Interval is null where one side has too few segments for one.
	Interval *analysis.Interval `json:"interval"`
}

// A NotComparableError says why a comparison is refused.
type NotComparableError struct{ Reasons []string }

func (e *NotComparableError) Error() string {
	return "not comparable: " + strings.Join(e.Reasons, "; ")
}

// Compare sets two or more conditions side by side. It refuses what is not
// comparable with a *NotComparableError, unless forced to.
//
// Runs are the unit where both sides have several: Welch's interval for the
// difference of their mean log ratios. Where a side has only one, its own
// interval stands for it, and the two are joined by the square-and-add rule
// (Zou & Donner 2008, "MOVER"): it needs nothing but the two estimates with
// their limits, and keeps what a repeated interval is wider by.
func Compare(conditions []Condition, force bool) (*Comparison, error) {
	if len(conditions) < 2 {
		return nil, fmt.Errorf("comparing: two conditions or more are needed, not %d", len(conditions))
	}
	c := &Comparison{Warnings: []string{}, given: conditions}
	for _, cond := range conditions {
		if len(cond.Studies) == 0 {
			return nil, fmt.Errorf("comparing: no run of %q", cond.Name)
		}
	}
	if reasons := notComparable(conditions); len(reasons) > 0 {
		if !force {
			return nil, &NotComparableError{reasons}
		}
		c.Overridden = reasons
	}
	c.Confidence = conditions[0].Studies[0].Result.Confidence
	for _, cond := range conditions {
		r := summarize(cond, c.Confidence)
		if r.Runs == 0 {
			return nil, fmt.Errorf("comparing: no run of %q gave a ratio", cond.Name)
		}
		c.Conditions = append(c.Conditions, r)
	}
	first := &c.Conditions[0]
	for i := range c.Conditions[1:] {
		c.Differences = append(c.Differences, differ(first, &c.Conditions[i+1], c.Confidence))
	}
	c.warn()
	c.Sentence = c.sentence()
	return c, nil
}

// An effect is a logarithm with its interval.
type effect struct {
	log, low, high float64
	runs           int
	se             float64 // of the mean over runs; with several
}

// smallestError is the floor of the standard error of one run's log ratio, as
// in the analysis: counters agree with themselves better than with the world.
const smallestError = 0.02

// overRuns is the mean over runs with its t interval.
func overRuns(logs []float64, confidence float64) effect {
	n := float64(len(logs))
	mean, sum := 0.0, 0.0
	for _, x := range logs {
		mean += x / n
	}
	for _, x := range logs {
		sum += (x - mean) * (x - mean)
	}
	se := max(math.Sqrt(sum/(n-1)/n), smallestError/math.Sqrt(n))
	half := studentT(confidence, n-1) * se
	return effect{log: mean, low: mean - half, high: mean + half, runs: len(logs), se: se}
}

func oneRun(value float64, i analysis.Interval) effect {
	return effect{log: math.Log(value), low: math.Log(i.Low), high: math.Log(i.High), runs: 1}
}

// studentT is the two-sided quantile.
func studentT(confidence, df float64) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(0.5 + confidence/2)
}

// minus is the difference of two effects with its interval.
func (a effect) minus(b effect, confidence float64) effect {
	d := a.log - b.log
	if a.runs > 1 && b.runs > 1 {
		va, vb := a.se*a.se, b.se*b.se
		df := (va + vb) * (va + vb) / (va*va/float64(a.runs-1) + vb*vb/float64(b.runs-1))
		half := studentT(confidence, df) * math.Sqrt(va+vb)
		return effect{log: d, low: d - half, high: d + half}
	}
	return effect{
		log:  d,
		low:  d - math.Hypot(a.log-a.low, b.high-b.log),
		high: d + math.Hypot(a.high-a.log, b.log-b.low),
	}
}

func (a effect) interval() analysis.Interval {
	return analysis.Interval{Low: rounded(math.Exp(a.low)), High: rounded(math.Exp(a.high))}
}

// rounded leaves nine digits, so that every machine prints the same.
func rounded(x float64) float64 {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return 0
	}
	v, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 9, 64), 64)
	if err != nil {
		return 0
	}
	return v
}

func summarize(cond Condition, confidence float64) ConditionResult {
	r := ConditionResult{Name: cond.Name, Verdicts: map[string]int{}, levels: map[int]effect{}}
	var logs []float64
	var used []*analysis.Study
	for _, s := range cond.Studies {
		res := &s.Result
		r.PausedStreamSec = rounded(r.PausedStreamSec + res.PausedStreamSec)
		r.Verdicts[string(res.Verdict)]++
		if res.Ratio > 0 && res.Interval.Low > 0 && res.Interval.High >= res.Ratio {
			logs = append(logs, math.Log(res.Ratio))
			used = append(used, s)
		}
	}
	r.Runs = len(used)
	switch len(used) {
	case 0:
		return r
	case 1:
		r.ratio = oneRun(used[0].Result.Ratio, used[0].Result.Interval)
	default:
		r.ratio = overRuns(logs, confidence)
	}
	r.Ratio, r.Interval = rounded(math.Exp(r.ratio.log)), r.ratio.interval()
	r.summarizeLevels(used, confidence)
	return r
}

// summarizeLevels makes one curve of the runs': of several, the geometric mean
// at each level.
func (r *ConditionResult) summarizeLevels(used []*analysis.Study, confidence float64) {
	at := map[int][]analysis.LevelRate{}
	for _, s := range used {
		for _, l := range s.Result.Levels {
			if l.BytesPerSecond > 0 {
				at[l.Active] = append(at[l.Active], l.LevelRate)
			}
		}
	}
	for active, rates := range at {
		level := rates[0]
		if len(rates) > 1 {
			var logs []float64
			level.Segments = 0
			for _, l := range rates {
				logs = append(logs, math.Log(l.BytesPerSecond))
				level.Segments += l.Segments
			}
			e := overRuns(logs, confidence)
			r.levels[active] = e
			i := e.interval()
			level.BytesPerSecond, level.Low, level.High = rounded(math.Exp(e.log)), i.Low, i.High
		} else if level.Segments > 1 && level.Low > 0 {
			r.levels[active] = oneRun(level.BytesPerSecond, analysis.Interval{Low: level.Low, High: level.High})
		}
		r.Levels = append(r.Levels, analysis.Level{Active: active, LevelRate: level})
	}
	slices.SortFunc(r.Levels, func(a, b analysis.Level) int { return a.Active - b.Active })
}

func differ(from, to *ConditionResult, confidence float64) Difference {
	e := to.ratio.minus(from.ratio, confidence)
	d := Difference{Name: to.Name, Against: from.Name, Factor: rounded(math.Exp(e.log)), Interval: e.interval(), Levels: []LevelDifference{}}
	for _, l := range to.Levels {
		at := slices.IndexFunc(from.Levels, func(m analysis.Level) bool { return m.Active == l.Active })
		if at < 0 {
			continue
		}
		ld := LevelDifference{Active: l.Active, Factor: rounded(l.BytesPerSecond / from.Levels[at].BytesPerSecond)}
		a, b := to.levels[l.Active], from.levels[l.Active]
		if a.runs > 0 && b.runs > 0 {
			ld.Interval = new(a.minus(b, confidence).interval())
		}
		d.Levels = append(d.Levels, ld)
	}
	return d
}

// Differs reports whether the interval excludes that nothing changed.
func (d *Difference) Differs() bool { return d.Interval.Low > 1 || d.Interval.High < 1 }
