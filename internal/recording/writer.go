package recording

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// A Writer appends records to a file, one line each. Every record is handed
// over in a single Write, so that a crash can cut off the last line but never
// weave two together.
//
// Note: there is no buffer. Ten lines a second cost nothing, and what a buffer
// still held at a kill -9 would be missing from the evidence.
type Writer struct {
	w     io.Writer
	line  bytes.Buffer
	err   error
	begun bool
}

// NewWriter returns a writer that appends to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write appends a record. The first one must be a header. After an error
// nothing more is written, and every further call returns that error.
func (w *Writer) Write(r Record) error {
	if w.err != nil {
		return w.err
	}
	if w.err = r.check(!w.begun); w.err != nil {
		return w.err
	}
	w.begun = true
	w.line.Reset()
	enc := json.NewEncoder(&w.line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		w.err = fmt.Errorf("encoding a record: %w", err)
		return w.err
	}
	if _, err := w.w.Write(w.line.Bytes()); err != nil {
		w.err = fmt.Errorf("appending to the recording: %w", err)
	}
	return w.err
}

// check reports a record that is not exactly one of header, event, sample and
// vitals, or is not in its place.
func (r Record) check(first bool) error {
	set := 0
	for _, is := range []bool{r.Header != nil, r.Event != nil, r.Sample != nil, r.Vitals != nil} {
		if is {
			set++
		}
	}
	switch {
	case set != 1:
		return fmt.Errorf("a record is one header, event, sample or vitals; this one is %d", set)
	case first && r.Header == nil:
		return fmt.Errorf("a recording begins with a header")
	case !first && r.Header != nil:
		return fmt.Errorf("a second header")
	}
	return nil
}
