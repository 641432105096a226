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
		return nil, badInput(recordingHint, "%s: %w", path, err)
	}
	return copied, nil
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
		return recording.File{}, fmt.Errorf("copying the recording: %w", err)
	}
	err = errors.Join(os.Remove(file.Name()), copyRecording(file, once))
	size, failed := file.Seek(0, io.SeekEnd)
	if err = errors.Join(err, failed); err != nil {
		file.Close()
		return recording.File{}, fmt.Errorf("copying the recording: %w", err)
	}
	return recording.NewFile(file, size), nil
}

func copyRecording(to io.Writer, from io.Reader) error {
	for _, err := range recording.NewReader(io.TeeReader(from, to)).All() {
		if _, cut := errors.AsType[*recording.TruncatedError](err); err != nil && !cut {
			return err
		}
	}
	return nil
}
