package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Nobody can take a recording for a finished one while its run goes on, also not while
// the operator has it suspended.
func TestRunHoldsItsRecording(t *testing.T) {
	t.Parallel()
	p := newPatient(t, 2)
	p.start()
	p.untilPaused()
	file, err := os.Open(filepath.Join(p.out, recordingFile))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != syscall.EWOULDBLOCK {
		t.Errorf("locking the recording of a run: %v", err)
	}
	p.run.Process.Signal(syscall.SIGINT)
	p.exits(exitFailed)
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Errorf("locking it after the run: %v", err)
	}
}
