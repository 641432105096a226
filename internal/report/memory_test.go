package report

import (
	"io"
	"iter"
	"runtime"
	"testing"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
)

// A denser recording is another one with so many samples and vitals in the place of
// each, made while it is gone through: the same time, the same segments and events.
func denser(records recording.Sequence, times int64) recording.Sequence {
	return func(yield func(recording.Record, error) bool) {
		var last recording.Record // the sample or vitals before
		for r := range records {
			switch {
			case r.Sample != nil && last.Sample != nil:
				for i := range times - 1 {
					if !yield(recording.Record{Sample: sampleBetween(last.Sample, r.Sample, i+1, times)}, nil) {
						return
					}
				}
				last.Sample = r.Sample
			case r.Sample != nil:
				last.Sample = r.Sample
			case r.Vitals != nil && last.Vitals != nil:
				for i := range times - 1 {
					v := *last.Vitals
					v.TNS += (r.Vitals.TNS - v.TNS) * (i + 1) / times
					v.LooksNS = []int64{v.TNS}
					if !yield(recording.Record{Vitals: &v}, nil) {
						return
					}
				}
				last.Vitals = r.Vitals
			case r.Vitals != nil:
				last.Vitals = r.Vitals
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// sampleBetween is the sample at i of so many steps from a to b.
func sampleBetween(a, b *recording.Sample, i, steps int64) *recording.Sample {
	at := func(from, to uint64) uint64 { return from + uint64(int64(to-from)*i/steps) }
	counter := func(from, to *uint64) *uint64 { return new(at(*from, *to)) }
	s := &recording.Sample{
		TNS: int64(at(uint64(a.TNS), uint64(b.TNS))), AttributedTNS: int64(at(uint64(a.AttributedTNS), uint64(b.AttributedTNS))), LateNS: a.LateNS,
		Interface:   &recording.InterfaceCounters{RxBytes: at(a.Interface.RxBytes, b.Interface.RxBytes), TxBytes: at(a.Interface.TxBytes, b.Interface.TxBytes)},
		SocketBytes: counter(a.SocketBytes, b.SocketBytes),
	}
	for k, from := range a.Streams {
		to := b.Streams[k]
		s.Streams = append(s.Streams, recording.StreamCounters{ID: from.ID, IOBytes: counter(from.IOBytes, to.IOBytes), SocketBytes: counter(from.SocketBytes, to.SocketBytes)})
	}
	return s
}

// A weighed recording weighs what is alive at the end of each pass, when whoever goes
// through it knows most.
type weighed struct {
	recording.Sequence
	passes *[]uint64 // live bytes
}

func (w weighed) All() iter.Seq2[recording.Record, error] { return weighing(w, w.Sequence.All()) }
func (w weighed) Samples() iter.Seq2[*recording.Sample, error] {
	return weighing(w, w.Sequence.Samples())
}
func (w weighed) Vitals() iter.Seq2[*recording.Vitals, error] {
	return weighing(w, w.Sequence.Vitals())
}

func weighing[T any](w weighed, records iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for v, err := range records {
			if !yield(v, err) {
				return
			}
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		*w.passes = append(*w.passes, m.HeapAlloc)
	}
}

// Ten times as many samples and vitals take no more memory to judge, to draw and to
// export.
func TestMemoryDoesNotGrowWithSamples(t *testing.T) {
	base := hosts()["collapse-3"].records()
	weigh := func(times int64) (samples int, passes []uint64) {
		s, err := analysis.Analyze(weighed{denser(base, times), &passes})
		if err != nil {
			t.Fatal(err)
		}
		if s.Result.Verdict != analysis.Collapse || s.Result.Limiter == nil || s.Result.LazyCounter || s.Result.EffectiveSamples == 0 {
			t.Fatalf("not the recording that was meant: %+v", s.Result)
		}
		for _, write := range []func(io.Writer, *analysis.Study) error{HTML, SamplesCSV} {
			if err := write(io.Discard, s); err != nil {
				t.Fatal(err)
			}
		}
		return s.Result.RecordedSamples, passes
	}
	weigh(1) // what is made once
	few, before := weigh(10)
	many, after := weigh(100)
	if few < 10_000 || many < 9*few || len(before) != 4 || len(after) != 4 {
		t.Fatalf("%d and %d samples, %d and %d passes", few, many, len(before), len(after))
	}
	for i, pass := range []string{"judging", "finding the limit", "drawing", "exporting"} {
		const slack = 1 << 20 // bounded buffers that the few don't fill; a sample alone takes 100 bytes
		if after[i] > before[i]+slack {
			t.Errorf("%s: %d samples take %d bytes, %d take %d", pass, few, before[i], many, after[i])
		}
	}
}
