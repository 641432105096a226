package recording

import (
	"errors"
	"io"
	"iter"
)

// A File is a recording that can be gone through again and again, and says the same
// each time: what is appended to it meanwhile is not read.
type File struct {
	r     io.ReaderAt
	bytes int64
}

// NewFile returns the recording in the first bytes of r.
func NewFile(r io.ReaderAt, bytes int64) File { return File{r, bytes} }

// All yields the records in order, like Reader.All, from the first one each time.
func (f File) All() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) { f.reader().All()(yield) }
}

// Samples yields the samples alone, as far as the recording is whole. What else is in
// it is passed over without being decoded, by the beginning of its line: a line that
// names two kinds of record, which no writer of ours writes, is of the first.
func (f File) Samples() iter.Seq2[*Sample, error] {
	return only(f.passingOver(`{"vitals":{`, `{"event":{`), sampleIn)
}

// Vitals yields the vitals alone, likewise.
func (f File) Vitals() iter.Seq2[*Vitals, error] {
	return only(f.passingOver(`{"sample":{`, `{"event":{`), vitalsIn)
}

func (f File) reader() *Reader { return NewReader(io.NewSectionReader(f.r, 0, f.bytes)) }

func (f File) passingOver(beginnings ...string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		r := f.reader()
		r.passOver = beginnings
		r.All()(yield)
	}
}

// A Sequence is a recording whose records come from elsewhere, such as memory: in the
// same order each time.
type Sequence iter.Seq2[Record, error]

// All yields the records in order.
func (s Sequence) All() iter.Seq2[Record, error] { return iter.Seq2[Record, error](s) }

// Samples yields the samples alone, as far as the recording is whole.
func (s Sequence) Samples() iter.Seq2[*Sample, error] { return only(s.All(), sampleIn) }

// Vitals yields the vitals alone, likewise.
func (s Sequence) Vitals() iter.Seq2[*Vitals, error] { return only(s.All(), vitalsIn) }

func sampleIn(r Record) *Sample { return r.Sample }
func vitalsIn(r Record) *Vitals { return r.Vitals }

// only yields what records of one kind hold. The end of a recording that was cut off
// is an end like any other.
func only[T any](records iter.Seq2[Record, error], in func(Record) *T) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for r, err := range records {
			if err != nil {
				if _, cut := errors.AsType[*TruncatedError](err); !cut {
					yield(nil, err)
				}
				return
			}
			if v := in(r); v != nil && !yield(v, nil) {
				return
			}
		}
	}
}
