package main

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
)

const recordingHint = "name the folder of a run, or its " + recordingFile

// openRecording opens the recording of a run: of its folder, or the file itself.
func openRecording(path string) (analysis.Recording, error) {
	if isFolder(path) {
		path = filepath.Join(path, recordingFile)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, badInput(recordingHint, "opening the recording: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, badInput(recordingHint, "opening the recording: %w", err)
	}
	if info.Mode().IsRegular() {
		return stored{path, info}, nil
	}
	copied, err := keptCopy(file)
	if err != nil {
		return nil, unreadable(fmt.Errorf("%s: %w", path, err))
	}
	return copied, nil
}

// unreadable makes what is wrong with a recording bad input, unless it was found to be
// something else.
func unreadable(err error) error {
	if _, told := errors.AsType[*exitError](err); told {
		return err
	}
	return badInput(recordingHint, "%w", err)
}

// A stored recording is a file that is opened anew each time it is gone through, so
// that there may be thousands of them at hand. It ends where it ended when it was first
// seen.
type stored struct {
	path string
	seen os.FileInfo
}

func (s stored) All() iter.Seq2[recording.Record, error] { return opened(s, recording.File.All) }
func (s stored) Samples() iter.Seq2[*recording.Sample, error] {
	return opened(s, recording.File.Samples)
}
func (s stored) Vitals() iter.Seq2[*recording.Vitals, error] { return opened(s, recording.File.Vitals) }

func opened[T any](s stored, of func(recording.File) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		file, err := os.Open(s.path)
		if err != nil {
			yield(none, fmt.Errorf("opening the recording again: %w", err))
			return
		}
		defer file.Close()
		if info, err := file.Stat(); err != nil || !os.SameFile(info, s.seen) || info.Size() < s.seen.Size() {
			yield(none, errors.Join(err, errors.New("the recording was replaced or cut while it was read")))
			return
		}
		of(recording.NewFile(file, s.seen.Size()))(yield)
	}
}

// keptCopy copies what can be read only once, such as a pipe, into a file without a
// name, which lasts as long as the program. What is no recording is copied no further
// than it takes to see that.
func keptCopy(once io.Reader) (recording.File, error) {
	file, err := os.CreateTemp("", "pausetest-")
	if err != nil {
		return recording.File{}, noCopy(err)
	}
	if err := os.Remove(file.Name()); err != nil {
		file.Close()
		return recording.File{}, noCopy(err)
	}
	copied := copying{to: file}
	if err := copied.recording(once); err != nil {
		file.Close()
		return recording.File{}, err
	}
	return recording.NewFile(file, copied.bytes), nil
}

// noCopy is a fault of this machine's, not of the recording.
func noCopy(err error) error {
	return failed("a recording that can be read only once is copied to the folder for temporary files; set TMPDIR to one with room",
		fmt.Errorf("copying the recording: %w", err))
}

// copying tells a fault of writing from one of reading, which a TeeReader mixes up.
type copying struct {
	to    io.Writer
	bytes int64
	err   error
}

// Write implements io.Writer.
func (c *copying) Write(p []byte) (n int, err error) {
	n, err = c.to.Write(p)
	c.bytes, c.err = c.bytes+int64(n), err
	return n, err
}

func (c *copying) recording(from io.Reader) error {
	for _, err := range recording.NewReader(io.TeeReader(from, c)).All() {
		if c.err != nil {
			return noCopy(c.err)
		}
		if _, cut := errors.AsType[*recording.TruncatedError](err); err != nil && !cut {
			return err
		}
	}
	return nil
}
