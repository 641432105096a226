package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
)

// maxLineBytes bounds one record; a header with hundreds of streams and their
// command lines stays well below.
const maxLineBytes = 16 << 20

// A SyntaxError is a line that is no record, with valid records after it.
type SyntaxError struct {
	Line   int // from 1
	Reason string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// A TruncatedError says that the recording was cut off within a line: by a
// power cut, a full disk, or a kill -9. Everything before that line is good.
type TruncatedError struct {
	Line int // the line that is incomplete
}

func (e *TruncatedError) Error() string {
	return fmt.Sprintf("the recording is cut off in line %d; the lines before it are used", e.Line)
}

// ErrNoHeader is returned for a file that is no recording, or whose very first
// line was cut off.
var ErrNoHeader = errors.New("no header: this is not a recording, or it was cut off before its first line ended")

// A Reader reads records one by one.
type Reader struct {
	r     *bufio.Reader
	line  int
	begun bool // the header was read
	err   error
	// passOver are beginnings of lines that are not decoded.
	passOver []string
}

// NewReader returns a reader of the recording in r.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReaderSize(r, 1<<16)} }

// Next returns the next record. At the end it returns io.EOF, or a
// *TruncatedError if the last line is incomplete. Errors are final.
func (r *Reader) Next() (Record, error) {
	if r.err != nil {
		return Record{}, r.err
	}
	rec, err := r.next()
	r.err = err
	return rec, err
}

// All yields the records in order. An error other than the end is yielded once,
// as the last pair.
func (r *Reader) All() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for {
			rec, err := r.Next()
			if err == io.EOF {
				return
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

func (r *Reader) next() (Record, error) {
	for {
		line, err := r.readLine()
		if err != nil {
			return Record{}, err
		}
		if len(bytes.TrimSpace(line)) == 0 || r.begun && r.passesOver(line) {
			continue
		}
		rec, err := parse(line, !r.begun)
		if err == nil {
			r.begun = true
			return rec, nil
		}
		if !r.begun {
			return Record{}, err
		}
		if rest, _ := r.onlyPadding(); rest {
			return Record{}, &TruncatedError{Line: r.line}
		}
		return Record{}, &SyntaxError{Line: r.line, Reason: err.Error()}
	}
}

func (r *Reader) passesOver(line []byte) bool {
	for _, beginning := range r.passOver {
		if len(line) >= len(beginning) && string(line[:len(beginning)]) == beginning {
			return true
		}
	}
	return false
}

// readLine returns the next line without its newline. It is valid until more is read.
func (r *Reader) readLine() ([]byte, error) {
	r.line++
	var line []byte
	for {
		part, err := r.r.ReadSlice('\n')
		if err == nil && line == nil {
			return part[:len(part)-1], nil
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return line[:len(line)-1], nil
		case err == bufio.ErrBufferFull:
			if len(line) > maxLineBytes {
				return nil, &SyntaxError{Line: r.line, Reason: fmt.Sprintf("longer than %d bytes", maxLineBytes)}
			}
		case err == io.EOF && len(line) == 0:
			if !r.begun {
				return nil, ErrNoHeader
			}
			return nil, io.EOF
		case err == io.EOF:
			return line, nil
		default:
			return nil, fmt.Errorf("reading the recording: %w", err)
		}
	}
}

// onlyPadding reports whether nothing but white space and NUL bytes follows: a
// power cut may leave a file longer than what was written, filled with NULs.
func (r *Reader) onlyPadding() (bool, error) {
	for {
		b, err := r.r.ReadByte()
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if b != 0 && b != '\n' && b != '\r' && b != ' ' && b != '\t' {
			return false, nil
		}
	}
}

func parse(line []byte, first bool) (Record, error) {
	if s, ok := quickSample(line); ok && !first {
		return Record{Sample: s}, nil
	}
	var rec Record
	if err := json.Unmarshal(line, &rec); err != nil {
		if first {
			return Record{}, ErrNoHeader
		}
		return Record{}, err
	}
	if err := rec.check(first); err != nil {
		if first {
			return Record{}, ErrNoHeader
		}
		return Record{}, err
	}
	if first && (rec.Header.Format < 1 || rec.Header.Format > Format) {
		return Record{}, fmt.Errorf("recording format %d; this program reads formats 1 to %d", rec.Header.Format, Format)
	}
	return rec, nil
}
