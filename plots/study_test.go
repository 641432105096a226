package plots

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"pausetest/internal/analysis"
	"pausetest/internal/limiter"
	"pausetest/internal/recording"
)

// A world says how the synthetic studies of these tests came to be: a truth,
// and what is strange about it.
type world struct {
	streams int
	ratio   float64 // T(N)/T(1)
	verdict analysis.Verdict
	rounds  int     // blocks
	between bool    // all levels in between, too
	label   string  // of every stream, with %d; "" for a default
	linkBit uint64  // speed of the link
	alone   float64 // bytes per second of one stream alone
	events  bool    // events of every kind
	seed    uint64
	levels  []int // those between that are measured; nil for all
	// limits are named at the levels in turn, ascending; the last one at all that are
	// left. none for a recording without vitals.
	limits []string
	shared string // the process that all streams flow through; "" for none
}

const second = int64(time.Second)

// study plays a world: N streams in blocks of ALL and ONLY(lead), 1.5 s to
// settle and 1.5 s measured, samples every 100 ms.
func (w world) study() *analysis.Study {
	if w.alone == 0 {
		w.alone = 26e6
	}
	if w.rounds == 0 {
		w.rounds = 6
	}
	p := &player{world: w, rng: rand.New(rand.NewPCG(w.seed, 7)), running: map[int]bool{}}
	p.s = &analysis.Study{Header: recording.Header{
		Format: 1, SampleNS: second / 10, Direction: recording.Transmit,
		Interface:   recording.Interface{Name: "eth0"},
		Started:     time.Date(2026, 11, 22, 3, 15, 0, 0, time.UTC),
		Attribution: recording.Attribution{Sockets: true, IO: true},
	}}
	for id := 1; id <= w.streams; id++ {
		label := fmt.Sprintf("fs3:/export/home%d level 0", id)
		if w.label != "" {
			label = fmt.Sprintf(w.label, id)
		}
		p.s.Streams = append(p.s.Streams, recording.Stream{ID: id, Label: label})
		p.running[id] = true
	}
	p.s.Header.Streams = p.s.Streams
	p.play()
	withSamples(p.s, p.samples)
	p.judge()
	return p.s
}

// withSamples gives a study the samples that it goes through.
func withSamples(s *analysis.Study, samples []recording.Sample) {
	s.Samples = func(yield func(*recording.Sample, error) bool) {
		for i := range samples {
			if !yield(&samples[i], nil) {
				return
			}
		}
	}
	for i := range samples {
		s.LastNS = max(s.LastNS, samples[i].TNS)
	}
	for i := range s.Events {
		s.LastNS = max(s.LastNS, s.Events[i].TNS)
	}
}

// changedSamples are copies of a study's samples, each of them changed.
func changedSamples(s *analysis.Study, change func(*recording.Sample)) []recording.Sample {
	var out []recording.Sample
	for sample := range s.Samples {
		c := *sample
		change(&c)
		out = append(out, c)
	}
	return out
}

// timelineOf is the timeline of a study whose samples can be read.
func timelineOf(s *analysis.Study) timeline {
	t, err := newTimeline(s)
	if err != nil {
		panic(err)
	}
	return t
}

type player struct {
	world
	s       *analysis.Study
	samples []recording.Sample
	rng     *rand.Rand
	now     int64
	bytes   []float64 // by stream
	other   float64
	running map[int]bool
	pauseNS int64
	number  int
}

func (p *player) play() {
	p.bytes = make([]float64, p.streams+1)
	p.sample()
	p.run(3 * second)
	for b := 1; b <= p.rounds; b++ {
		sets := [][]int{p.all(), {(b-1)%p.streams + 1}}
		if p.rng.IntN(2) == 0 {
			slices.Reverse(sets)
		}
		if p.between && p.streams > 2 {
			for k := 2; k < p.streams; k++ {
				if p.levels == nil || slices.Contains(p.levels, k) {
					sets = append(sets, p.all()[:k])
				}
			}
		}
		for _, set := range sets {
			p.segment(b, set)
		}
		p.activate(p.all())
		p.run(second + p.rng.Int64N(2*second))
	}
}

func (p *player) all() []int {
	var ids []int
	for id := 1; id <= p.streams; id++ {
		ids = append(ids, id)
	}
	return ids
}

func (p *player) activate(set []int) {
	for id := 1; id <= p.streams; id++ {
		switch want := slices.Contains(set, id); {
		case p.running[id] && !want:
			p.event(recording.Event{Kind: recording.Pausing, Stream: id})
			p.event(recording.Event{Kind: recording.Paused, Stream: id})
			p.running[id] = false
		case !p.running[id] && want:
			p.event(recording.Event{Kind: recording.Resumed, Stream: id})
			p.running[id] = true
		}
	}
}

func (p *player) event(e recording.Event) {
	e.TNS = p.now
	p.s.Events = append(p.s.Events, e)
}

func (p *player) segment(block int, set []int) {
	p.activate(set)
	p.number++
	seg := analysis.Segment{Segment: recording.Segment{Number: p.number, Block: block, Phase: recording.PhaseMain, Active: set}}
	seg.BeginNS = p.now
	p.run(3 * second / 2)
	seg.FromNS = p.now
	before := slices.Clone(p.bytes)
	p.run(3 * second / 2)
	seg.ToNS, seg.EndNS, seg.Used = p.now, p.now, true
	if p.events && p.number == 5 {
		seg.Used, seg.Cut = false, "stream ended"
	}
	var sum float64
	for id := 1; id <= p.streams; id++ {
		rate := (p.bytes[id] - before[id]) / 1.5
		sum += rate
		seg.Streams = append(seg.Streams, analysis.StreamRate{ID: id, BytesPerSecond: rate, Source: analysis.IO})
	}
	seg.Rates = map[analysis.Source]float64{analysis.Sockets: sum, analysis.Interface: sum + 2e6}
	p.s.Segments = append(p.s.Segments, seg)
}

// rate is the truth: geometric between one and all.
func (p *player) rate() (total float64, ids []int) {
	for id, r := range p.running {
		if r {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	share := 0.0
	if p.streams > 1 {
		share = float64(len(ids)-1) / float64(p.streams-1)
	}
	return p.alone * (1 + (p.ratio-1)*share), ids
}

func (p *player) run(ns int64) {
	noise := 0.0
	for end := p.now + ns; p.now < end; {
		total, ids := p.rate()
		noise = 0.7*noise + 0.12*p.rng.NormFloat64()
		total *= max(0.02, 1+noise)
		for _, id := range ids {
			own := 1 + 0.4*float64(id%3-1)/float64(len(ids))
			p.bytes[id] += total / float64(len(ids)) * own / 10
			if !p.running[id] {
				panic("a paused stream moves")
			}
		}
		for id, r := range p.running {
			if !r {
				p.pauseNS += second / 10
				_ = id
			}
		}
		p.other += 2e6 / 10 * p.rng.Float64() * 2
		p.now += second / 10
		p.sample()
	}
}

func (p *player) sample() {
	if p.events && (p.now/second == 11 || p.now/second == 21 && p.now%second < second/3) {
		return // missed
	}
	var sum float64
	var streams []recording.StreamCounters
	for id := 1; id <= p.streams; id++ {
		sum += p.bytes[id]
		streams = append(streams, recording.StreamCounters{ID: id, IOBytes: new(uint64(p.bytes[id]))})
	}
	if p.events && p.now > 30*second {
		sum -= 5e8 // the counter went backwards
		sum = max(sum, 0)
	}
	p.samples = append(p.samples, recording.Sample{
		TNS: p.now, AttributedTNS: p.now + 1000, Streams: streams, SocketBytes: new(uint64(sum)),
		Interface: &recording.InterfaceCounters{TxBytes: uint64(sum*1.04 + p.other)},
	})
}

func (p *player) judge() {
	r := &p.s.Result
	n := float64(p.rounds)
	*r = analysis.Result{
		Format: 1, Verdict: p.verdict, Ratio: p.ratio, Confidence: 0.95, DecidedBy: analysis.Sockets,
		Interval:     analysis.Interval{Low: p.ratio * (1 - 0.5/n), High: p.ratio * (1 + 0.6/n)},
		Blocks:       p.rounds,
		WallSeconds:  float64(p.now) / 1e9,
		StreamCounts: []int{p.streams}, PausedStreamSec: float64(p.pauseNS) / 1e9, LongestPauseSec: 3.004, MaxPauseSec: 30,
		Started: p.s.Header.Started, Host: recording.Host{Name: "fs3"},
		Interface: recording.Interface{Name: "eth0", SpeedBitsPerSecond: p.linkBit},
		Sources:   []analysis.SourceEstimate{{Source: analysis.Sockets, Ratio: p.ratio, One: p.alone, All: p.alone * p.ratio, Blocks: p.rounds}},
	}
	byLevel := map[int][]float64{}
	for _, seg := range p.s.Segments {
		if seg.Used {
			byLevel[len(seg.Active)] = append(byLevel[len(seg.Active)], seg.Rates[analysis.Sockets])
		}
	}
	for k, rates := range byLevel {
		r.Levels = append(r.Levels, analysis.Level{Active: k, LevelRate: levelRate(rates)})
	}
	slices.SortFunc(r.Levels, func(a, b analysis.Level) int { return cmp.Compare(a.Active, b.Active) })
	best := slices.MaxFunc(r.Levels, func(a, b analysis.Level) int { return cmp.Compare(a.BytesPerSecond, b.BytesPerSecond) })
	if p.between {
		r.RecommendedStreams = &analysis.Recommendation{Streams: best.Active, Cautious: best.Active}
	}
	if u, ok := analysis.FitUSL(r.Levels); ok {
		p.s.USL = &u
	}
	p.judgeStreams()
	p.blame()
	if p.events {
		for i, kind := range []recording.EventKind{recording.StreamEnded, recording.StreamAppeared, recording.ForeignContinue,
			recording.Retimed, recording.Decided, recording.ClockJump, recording.LimitReached, recording.Interrupted} {
			e := recording.Event{TNS: int64(i*i+1) * second, Kind: kind}
			if kind == recording.Retimed { // the first one only ends the baseline
				p.s.Events = append(p.s.Events, e)
			}
			if i < 3 {
				e.Stream = i%p.streams + 1
			}
			p.s.Events = append(p.s.Events, e)
			if kind == recording.Retimed {
				e.Kind, e.TNS = recording.StopPending, e.TNS+second/2
				p.s.Events = append(p.s.Events, e)
			}
		}
	}
}

// blame names the limit of each level, and the shared process.
func (p *player) blame() {
	r := &p.s.Result
	if p.shared != "" {
		r.SharedProcess = &analysis.SharedProcess{PID: 801, Name: p.shared, Streams: p.all()}
	}
	if len(p.limits) == 0 {
		return
	}
	f := &limiter.Finding{Active: p.streams, Process: &limiter.Process{PID: 801, Name: p.shared}}
	for i, l := range r.Levels {
		name := p.limits[min(i, len(p.limits)-1)]
		f.Levels = append(f.Levels, limiter.Level{Active: l.Active, Limit: limiter.Limit{Kind: limiter.BlockingWriter, Name: name, Share: 0.9}})
		f.Cause = name
	}
	r.Limiter = f
}

func (p *player) judgeStreams() {
	for _, st := range p.s.Streams {
		alone, together := []float64{}, []float64{}
		for _, seg := range p.s.Segments {
			rate := seg.Streams[st.ID-1].BytesPerSecond
			switch {
			case len(seg.Active) == 1 && seg.Active[0] == st.ID:
				alone = append(alone, rate)
			case len(seg.Active) == p.streams:
				together = append(together, rate)
			}
		}
		res := analysis.StreamResult{ID: st.ID, Label: st.Label, PID: 4000 + st.ID}
		if len(alone) > 0 {
			res.Alone = new(levelRate(alone))
		}
		if len(together) > 0 {
			res.Together = new(levelRate(together))
		}
		p.s.Result.Streams = append(p.s.Result.Streams, res)
	}
}

func levelRate(rates []float64) analysis.LevelRate {
	mean := 0.0
	for _, r := range rates {
		mean += r / float64(len(rates))
	}
	return analysis.LevelRate{BytesPerSecond: mean, Low: min(mean, slices.Min(rates)), High: max(mean, slices.Max(rates)), Segments: len(rates)}
}
