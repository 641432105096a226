package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pausetest/internal/report"
)

// aRecording is a real one.
const aRecording = "../../internal/recording/testdata/formats/1.jsonl"

func passAgain(t *testing.T, path string, change func()) error {
	t.Helper()
	r, err := openRecording(path)
	if err != nil {
		t.Fatal(err)
	}
	count := func() (n int, err error) {
		for _, err := range r.Samples() {
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	}
	before, err := count()
	if err != nil || before == 0 {
		t.Fatalf("%d samples, %v", before, err)
	}
	change()
	after, err := count()
	if err == nil && after != before {
		t.Errorf("%d samples, then %d", before, after)
	}
	return err
}

// A recording that grows is read as it was when it was first seen; one that was
// replaced or cut is not read as if it were the same.
func TestRecordingChangesWhileItIsRead(t *testing.T) {
	text, err := os.ReadFile(aRecording)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	for name, test := range map[string]struct {
		change func(path string) error
		want   string
	}{
		"grows": {func(path string) error {
			return os.WriteFile(path, append(bytes.Clone(text), lines[len(lines)/2]...), 0o600)
		}, ""},
		"is cut": {func(path string) error { return os.Truncate(path, int64(len(text))/2) }, "replaced or cut while it was read"},
		"is replaced": {func(path string) error {
			if err := os.WriteFile(path+".new", text, 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		}, "replaced or cut while it was read"},
		"vanishes": {os.Remove, "opening the recording again"},
	} {
		path := filepath.Join(t.TempDir(), recordingFile)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		err := passAgain(t, path, func() {
			if err := test.change(path); err != nil {
				t.Fatal(err)
			}
		})
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
}

// What can be read only once says the same as the file, cut off or not.
func TestRecordingFromAPipe(t *testing.T) {
	text, err := os.ReadFile(aRecording)
	if err != nil {
		t.Fatal(err)
	}
	written := func(path string) string {
		s, err := study(path)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := report.HTML(&out, s); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	path := filepath.Join(t.TempDir(), recordingFile)
	for _, size := range []int{len(text), len(text)*2/3 + 7} {
		if err := os.WriteFile(path, text[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			w.Write(text[:size])
			w.Close()
		}()
		got := written(fmt.Sprintf("/dev/fd/%d", r.Fd()))
		r.Close()
		if got != written(path) {
			t.Errorf("%d bytes: the pipe does not say the same as the file", size)
		}
	}
	if _, err := keptCopy(io.LimitReader(zeroes{}, 1<<30)); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("of what is no recording: %v", err)
	}
}

// Without room for the copy nothing is wrong with the recording.
func TestNoRoomForACopyIsNoBadInput(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	_, err = openRecording(fmt.Sprintf("/dev/fd/%d", r.Fd()))
	if e, told := errors.AsType[*exitError](err); !told || e.code != exitFailed || !strings.Contains(e.hint, "TMPDIR") {
		t.Errorf("%+v", err)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	text, err := os.Open(aRecording)
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	err = (&copying{to: full}).recording(text)
	if e, told := errors.AsType[*exitError](err); !told || e.code != exitFailed || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%+v", err)
	}
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
