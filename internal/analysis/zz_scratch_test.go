package analysis

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pausetest/internal/recording"
)

type zw struct {
	rnd              *rand.Rand
	n                int
	rel, m, g, a     []float64
	cv, tau, dr, ra  float64
	now              int64
	C, B, cnt        float64
	h, next, lastVis int64
	j                *Judge
	on               []bool
	num, blk         int
	io               []float64
	lazyP            int64
	vis              float64
	gave             bool
}

func (w *zw) step() {
	dt := .05
	phi := math.Exp(-dt / w.tau)
	v := math.Log(1 + w.cv*w.cv)
	K, A := 0.0, 0.0
	r := make([]float64, w.n)
	for i := range w.n {
		w.g[i] = phi*w.g[i] + math.Sqrt(v*(1-phi*phi))*w.rnd.NormFloat64()
		if w.on[i] {
			w.a[i] = 1 - (1-w.a[i])*math.Exp(-dt/w.ra)
		} else {
			w.a[i] *= math.Exp(-dt / w.dr)
		}
		K += w.a[i]
		r[i] = w.a[i] * w.m[i] * math.Exp(w.g[i]-v/2)
		A += r[i]
	}
	e := 1.0
	if K > 1 {
		k := math.Min(K, float64(w.n))
		f := math.Floor(k)
		if int(f) == w.n {
			f--
		}
		e0, e1 := w.rel[int(f)-1]/f, w.rel[int(f)]/(f+1)
		e = math.Exp(math.Log(e0) + (k-f)*math.Log(e1/e0))
	}
	tot := e * A
	sc := e
	if tot > w.C-w.B {
		sc *= (w.C - w.B) / tot
		tot = w.C - w.B
	}
	for i := range r {
		w.io[i] += r[i] * sc * dt * 1e6
	}
	w.cnt += (tot + w.B) * dt * 1e6
	w.now += 50e6
	if w.now >= w.next {
		if w.rnd.Float64() < .05 {
			return
		}
		for w.next <= w.now {
			w.next += w.h
		}
		x := uint64(w.cnt/1500) * 1500
		s := recording.Sample{TNS: w.now, Interface: &recording.InterfaceCounters{TxBytes: x}}
		if w.gave {
			for i := range w.io {
				b := uint64(w.io[i])
				s.Streams = append(s.Streams, recording.StreamCounters{ID: i + 1, IOBytes: &b})
			}
		}
		w.j.Hear(recording.Record{Sample: &s})
	}
}
func (w *zw) ev(e recording.Event) { e.TNS = w.now; w.j.Hear(recording.Record{Event: &e}) }
func (w *zw) seg(ph recording.Phase, act []int, lead int, s, m int64) {
	for i := range w.on {
		was := w.on[i]
		w.on[i] = false
		for _, a := range act {
			if a == i+1 {
				w.on[i] = true
			}
		}
		if was && !w.on[i] {
			w.ev(recording.Event{Kind: recording.Pausing, Stream: i + 1})
		}
		if !was && w.on[i] {
			w.ev(recording.Event{Kind: recording.Resumed, Stream: i + 1})
		}
	}
	w.num++
	w.ev(recording.Event{Kind: recording.SegmentBegin, Segment: &recording.Segment{Number: w.num, Block: w.blk, Phase: ph, Active: act, Lead: lead, SettleNS: s, MeasureNS: m}})
	for end := w.now + s + m; w.now < end; {
		w.step()
	}
	w.ev(recording.Event{Kind: recording.SegmentEnd})
}
func zrun(seed uint64, m, rel []float64, cv, tau float64, gave bool) Result {
	rnd := rand.New(rand.NewPCG(seed, 9))
	n := len(m)
	w := &zw{rnd: rnd, n: n, rel: rel, m: m, cv: cv, tau: tau, dr: .1 + .9*rnd.Float64(), ra: .1 + .4*rnd.Float64(), C: 1180, B: .5, h: 250e6, next: 250e6, gave: gave}
	w.g, w.a, w.on, w.io = make([]float64, n), make([]float64, n), make([]bool, n), make([]float64, n)
	var all []int
	h := recording.Header{SampleNS: 250e6, Plan: recording.Plan{}}
	v := math.Log(1 + cv*cv)
	for i := range n {
		w.g[i] = math.Sqrt(v) * rnd.NormFloat64()
		w.a[i] = 1
		w.on[i] = true
		all = append(all, i+1)
		h.Streams = append(h.Streams, recording.Stream{ID: i + 1})
	}
	w.j = NewJudge(h)
	w.seg(recording.PhaseBaseline, all, 0, 0, 5e9)
	rt := func() (int64, int64) {
		s, m := w.j.Plan(n)
		w.ev(recording.Event{Kind: recording.Retimed, SettleNS: s, MeasureNS: m})
		return s, m
	}
	s, mm := rt()
	var deck []int
	for {
		if w.blk > 0 {
			g := int64(1e9 + 2e9*rnd.Float64())
			w.seg(recording.PhaseGap, all, 0, 0, g/50e6*50e6)
		}
		if len(deck) == 0 {
			deck = rnd.Perm(n)
		}
		l := deck[0] + 1
		deck = deck[1:]
		w.blk++
		if rnd.IntN(2) == 0 {
			w.seg(recording.PhaseMain, all, l, s, mm)
			w.seg(recording.PhaseMain, []int{l}, l, s, mm)
		} else {
			w.seg(recording.PhaseMain, []int{l}, l, s, mm)
			w.seg(recording.PhaseMain, all, l, s, mm)
		}
		a, _ := w.j.Advise()
		if a == Stop {
			break
		}
		if a == Restart {
			zres[fmt.Sprint(w.j.extensions, " at ", len(w.j.blocks))]++
			s, mm = rt()
		}
	}
	w.ev(recording.Event{Kind: recording.RunEnd})
	return w.j.Result()
}
var zres = map[string]int{}

func TestZZ(t *testing.T) {
	_ = 0
	bi := []float64{110, 10, 110, 10, 110, 10, 110, 10}
	ones := []float64{1, 1, 1, 1, 1, 1, 1, 1}
	for _, c := range []struct {
		name   string
		m, rel []float64
		R, cv, tau float64
		gave   bool
	}{
		{"eight-bimodal/flat plain .2 12.9 0 1.9 85 | 99.2 12.1 163 449", bi, ones, 1, .2, 3, false},
		{"eight-bimodal/flat share .2 88.2 .1 5.3 6.2 | 97.2 13.7 189 525", bi, ones, 1, .2, 3, true},
	} {
		f := map[Verdict]int{}
		var cov, n, wall, p float64
		zres = map[string]int{}
		const runs = 2000
		for i := range runs {
			r := zrun(uint64(i), c.m, c.rel, c.cv, c.tau, c.gave)
			f[r.Verdict]++
			if r.Interval.Low <= c.R && c.R <= r.Interval.High {
				cov++
			}
			n += float64(r.Blocks)
			wall += r.WallSeconds
			p += r.PausedStreamSec
		}
		pc := func(v Verdict) float64 { return 100 * float64(f[v]) / runs }
		fmt.Printf("%s\n   col %.1f sat %.1f scal %.1f noC %.1f inc %.1f | cov %.1f n %.1f wall %.0f P %.0f\n", c.name, pc(Collapse), pc(Saturated), pc(Scaling), pc(NoCollapse), pc(Inconclusive), 100*cov/runs, n/runs, wall/runs, p/runs)
		fmt.Println(zres)
	}
}
