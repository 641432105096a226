package recording

import (
	"bytes"
	"errors"
	"iter"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// collect is what a sequence yields before its end, and the error that it ends with.
func collect[T any](seq iter.Seq2[T, error]) (all []T, err error) {
	for v, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, v)
	}
	return all, nil
}

// A file that is gone through again says the same, whatever was appended meanwhile,
// and its samples and vitals are those among its records, wherever it was cut off.
func TestFileSaysTheSameAgain(t *testing.T) {
	src := encode(t, slices.Concat(records(), records()[1:]))
	for bytesLeft := range len(src) + 1 {
		file := NewFile(bytes.NewReader(src), int64(bytesLeft))
		all, err := decode(src[:bytesLeft])
		var samples []*Sample
		var vitals []*Vitals
		for _, r := range all {
			if r.Sample != nil {
				samples = append(samples, r.Sample)
			}
			if r.Vitals != nil {
				vitals = append(vitals, r.Vitals)
			}
		}
		_, cut := errors.AsType[*TruncatedError](err)
		for range 2 {
			gotAll, gotErr := collect(file.All())
			gotSamples, err1 := collect(file.Samples())
			gotVitals, err2 := collect(file.Vitals())
			if d := cmp.Diff(all, gotAll) + cmp.Diff(samples, gotSamples) + cmp.Diff(vitals, gotVitals); d != "" {
				t.Fatalf("%d bytes: %s", bytesLeft, d)
			}
			if (gotErr == nil) != (err == nil) || cut && errors.Join(err1, err2) != nil || !cut && err != nil && (err1 == nil || err2 == nil) {
				t.Fatalf("%d bytes: errors %v, %v, %v, want %v", bytesLeft, gotErr, err1, err2, err)
			}
		}
	}
}

func TestSequence(t *testing.T) {
	broken := errors.New("disk on fire")
	s := Sequence(func(yield func(Record, error) bool) {
		for _, r := range records() {
			if !yield(r, nil) {
				return
			}
		}
		yield(Record{}, broken)
	})
	samples, err := collect(s.Samples())
	if d := cmp.Diff([]*Sample{records()[2].Sample}, samples); d != "" || !errors.Is(err, broken) {
		t.Errorf("error %v: %s", err, d)
	}
	for v, err := range s.Vitals() {
		if err != nil || v.TNS != 3 {
			t.Errorf("%+v, %v", v, err)
		}
		break
	}
}
