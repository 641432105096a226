package limiter_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"pausetest/internal/demo"
)

// A throttle makes the disk slow for the sources alone: the kernel's block layer
// holds their requests back, and they sleep as on any slow disk.
type throttle int

const (
	none      throttle = iota
	oneEach            // slowDisk for each source
	oneForAll          // slowDisk for all of them together
)

// throttledGroups is the version 1 hierarchy in which groups of processes get their
// share of a disk.
//
// Note: under version 2 a folder of ours gets a share only if the system hands the
// controller down to it, which is not ours to change.
const throttledGroups = "/sys/fs/cgroup/blkio"

// apply moves the sources to groups of their own.
func (h throttle) apply(t *testing.T, device string, streams []demo.Stream) {
	t.Helper()
	for i, s := range streams {
		if h == oneForAll {
			i = 0
		}
		name := filepath.Join(throttledGroups, fmt.Sprintf("pausetest-limiter-%d-%d", os.Getpid(), i))
		if err := os.Mkdir(name, 0o755); err == nil {
			t.Cleanup(func() { os.Remove(name) })
		} else if !errors.Is(err, os.ErrExist) {
			require(t, "blkio", err.Error())
		}
		limit := fmt.Sprintf("%s %d", device, slowDisk)
		if err := os.WriteFile(filepath.Join(name, "blkio.throttle.read_bps_device"), []byte(limit), 0); err != nil {
			require(t, "blkio", err.Error())
		}
		if err := os.WriteFile(filepath.Join(name, "cgroup.procs"), []byte(strconv.Itoa(s.SourcePID)), 0); err != nil {
			t.Fatal(err)
		}
		source := s.SourcePID
		t.Cleanup(func() { // back to the root group, so that ours can go
			_ = os.WriteFile(filepath.Join(throttledGroups, "cgroup.procs"), []byte(strconv.Itoa(source)), 0)
		})
	}
}

// dataFile makes a file on a disk, and not in memory, for the sources to read.
func dataFile(t *testing.T) string {
	t.Helper()
	file, err := os.CreateTemp("/var/tmp", "pausetest-limiter-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(file.Name()) })
	_, err = file.Write(make([]byte, 8<<20))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

// deviceOf is the disk that a file lies on. A throttle wants a whole disk, and a
// partition's device is not one.
func deviceOf(t *testing.T, name string) string {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err != nil {
		t.Fatal(err)
	}
	device := fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev))
	if _, err := os.Stat("/sys/dev/block/" + device); err != nil {
		require(t, "disk", name+" does not lie on one: "+err.Error())
	}
	if _, err := os.Stat("/sys/dev/block/" + device + "/partition"); err == nil {
		whole, err := os.ReadFile("/sys/dev/block/" + device + "/../dev")
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(whole))
	}
	return device
}
