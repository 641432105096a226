package analysis

import (
	"encoding/json"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"pausetest/internal/recording"
)

// A played host is a run loop in miniature: it walks pairs as the real one
// does, asks the judge, and keeps what was recorded. The real loop on the real
// simulated hosts is tested with package sim; here a test says exactly which
// rate each segment has.
type played struct {
	t      *testing.T
	header recording.Header
	judge  *Judge
	heard  []recording.Record

	nowNS  int64
	live   []int
	number int
	block  int
	timing timing

	sampleNS int64
	lazyNS   int64 // the interface publishes its counter only so often
	total    float64
	own      map[int]float64
	shown    uint64
	shownNS  int64
	bytes    func(active []int) map[int]float64 // rate of each active stream, bytes per second
	// otherBytes per second go through the interface beside the streams'.
	otherBytes float64
	// drift multiplies rates from the first to the second half of a measured window.
	drift func(active []int) float64
	// beforeEnd happens before a segment's end is recorded.
	beforeEnd func(s recording.Segment)
	random    *rand.Rand
	countIO   bool // count the streams' own bytes though the header doesn't vouch for them
}

func play(t *testing.T, streams int, plan recording.Plan, bytes func([]int) map[int]float64) *played {
	h := recording.Header{
		Format: 1, Seed: 7, SampleNS: 100e6, Direction: recording.Transmit, Plan: plan,
		Limits:      recording.Limits{MaxPauseNS: 10e9},
		Attribution: recording.Attribution{Sockets: true, IO: true},
	}
	p := &played{t: t, bytes: bytes, sampleNS: 100e6, own: map[int]float64{}, random: rand.New(rand.NewPCG(5, 6))}
	for id := 1; id <= streams; id++ {
		h.Streams = append(h.Streams, recording.Stream{ID: id, Label: string(rune('a' + id)), Source: recording.Process{PID: 100 + id}})
		p.live = append(p.live, id)
	}
	p.header = h
	return p
}

// flat rates: each active stream moves its part of total(number of active streams).
func total(rate func(active int) float64) func([]int) map[int]float64 {
	return func(active []int) map[int]float64 {
		m := map[int]float64{}
		for _, id := range active {
			m[id] = rate(len(active)) / float64(len(active))
		}
		return m
	}
}

func (p *played) write(r recording.Record) {
	p.heard = append(p.heard, r)
	p.judge.Hear(r)
}

func (p *played) event(e recording.Event) {
	e.TNS = p.nowNS
	p.write(recording.Record{Event: &e})
}

// start begins the run and measures the baseline.
func (p *played) start() {
	p.judge = NewJudge(p.header)
	p.heard = []recording.Record{{Header: &p.header}}
	p.segment(recording.Segment{Phase: recording.PhaseBaseline, Active: slices.Clone(p.live), MeasureNS: p.judge.BaselineNS()})
	p.retime()
}

func (p *played) retime() {
	s, m := p.judge.Plan(len(p.live))
	p.timing = timing{s, m}
	p.event(recording.Event{Kind: recording.Retimed, SettleNS: s, MeasureNS: m})
}

// segment runs one: what isn't active is paused for its length.
func (p *played) segment(s recording.Segment) {
	p.number++
	s.Number = p.number
	for _, id := range p.live {
		if !slices.Contains(s.Active, id) {
			p.event(recording.Event{Kind: recording.Pausing, Stream: id})
			p.event(recording.Event{Kind: recording.Paused, Stream: id})
		}
	}
	p.event(recording.Event{Kind: recording.SegmentBegin, Segment: &s})
	end := p.nowNS + s.SettleNS + s.MeasureNS
	mid := end - s.MeasureNS/2
	for p.nowNS < end {
		p.nowNS = min(p.nowNS+p.sampleNS, end)
		factor := 1.0
		if p.drift != nil && p.nowNS > mid {
			factor = p.drift(s.Active)
		}
		for id, rate := range p.bytes(s.Active) {
			n := factor * rate * float64(p.sampleNS) / 1e9
			p.total += n
			p.own[id] += n
		}
		p.sample()
	}
	if p.beforeEnd != nil {
		p.beforeEnd(s)
	}
	p.event(recording.Event{Kind: recording.SegmentEnd, Number: s.Number})
	for _, id := range p.live {
		if !slices.Contains(s.Active, id) {
			p.event(recording.Event{Kind: recording.Resumed, Stream: id})
		}
	}
}

func (p *played) sample() {
	on := uint64(p.total + p.otherBytes*float64(p.nowNS)/1e9)
	if p.lazyNS == 0 || p.nowNS/p.lazyNS != p.shownNS/p.lazyNS {
		p.shown, p.shownNS = on, p.nowNS
	}
	s := recording.Sample{TNS: p.nowNS, Interface: &recording.InterfaceCounters{TxBytes: p.shown}, AttributedTNS: p.nowNS}
	if p.header.Attribution.Sockets {
		n := uint64(p.total)
		s.SocketBytes = &n
	}
	if p.header.Attribution.IO || p.countIO {
		for _, id := range p.live {
			n := uint64(p.own[id])
			s.Streams = append(s.Streams, recording.StreamCounters{ID: id, IOBytes: &n})
		}
	}
	p.write(recording.Record{Sample: &s})
}

func (p *played) pair(phase recording.Phase, first, second recording.Segment) {
	p.segment(recording.Segment{Phase: recording.PhaseGap, Active: slices.Clone(p.live), MeasureNS: 1e9})
	p.block++
	for _, s := range []recording.Segment{first, second} {
		s.Phase, s.Block, s.SettleNS, s.MeasureNS = phase, p.block, p.timing.settleNS, p.timing.measureNS
		p.segment(s)
	}
}

// mainBlock runs all against one, the order by a coin.
func (p *played) mainBlock() {
	lead := p.live[p.block%len(p.live)]
	all := recording.Segment{Active: slices.Clone(p.live), Lead: lead}
	one := recording.Segment{Active: []int{lead}, Lead: lead}
	if p.random.IntN(2) == 0 {
		all, one = one, all
	}
	p.pair(recording.PhaseMain, all, one)
}

// run goes on until the judge says stop, at most so many blocks.
func (p *played) run(most int) {
	p.start()
	for range most {
		p.mainBlock()
		switch action, reason := p.judge.Advise(); action {
		case Stop:
			p.event(recording.Event{Kind: recording.Decided, Detail: reason})
			return
		case Restart:
			p.retime()
		}
	}
}

func (p *played) end() { p.event(recording.Event{Kind: recording.RunEnd, Detail: "done"}) }

func (p *played) records() iter.Seq2[recording.Record, error] {
	return func(yield func(recording.Record, error) bool) {
		for _, r := range p.heard {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// analyze reads what was recorded and checks that the run knew the same.
func (p *played) analyze() *Study {
	p.t.Helper()
	s, err := Analyze(recording.Sequence(p.records()))
	if err != nil {
		p.t.Fatal(err)
	}
	if live, read := asJSON(p.t, p.judge.Result()), asJSON(p.t, s.Result); live != read {
		p.t.Fatalf("the run and its recording disagree:\n%s\n%s", live, read)
	}
	return s
}

type failer interface {
	Helper()
	Fatal(args ...any)
}

func asJSON(t failer, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
