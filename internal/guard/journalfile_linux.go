package guard

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl/proctable"
)

const journalName = "journal"

// A journalFile is the journal of the run that holds the lock.
type journalFile struct {
	dir       *stateDir
	f         *os.File
	headerEnd int64
	end       int64 // of the last whole line
}

// newHeader describes this run, or whoever asks: boot and pid namespace are
// compared with those of a journal that is found.
func newHeader() (journalHeader, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return journalHeader{}, fmt.Errorf("reading the boot id: %w", err)
	}
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return journalHeader{}, fmt.Errorf("reading the pid namespace: %w", err)
	}
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return journalHeader{}, fmt.Errorf("reading our own start time: %w", err)
	}
	self, err := proctable.ParseStat(stat)
	if err != nil {
		return journalHeader{}, fmt.Errorf("reading our own start time: %w", err)
	}
	return journalHeader{
		Format:       journalFormat,
		BootID:       strings.TrimSpace(string(boot)),
		PIDNamespace: namespace,
		Controller:   journalProc(self.ID()),
		Started:      time.Now().Round(0),
	}, nil
}

// createJournal begins a journal; none may be there.
func createJournal(d *stateDir, h journalHeader) (*journalFile, error) {
	f, err := d.open(journalName, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL)
	if err != nil {
		return nil, fmt.Errorf("creating the journal: %w", err)
	}
	j := &journalFile{dir: d, f: f}
	if err := errors.Join(j.append(h, true), d.dir.Sync()); err != nil {
		j.remove()
		return nil, err
	}
	j.headerEnd = j.end
	return j, nil
}

// append adds a line. When that fails, the line does not count: it is not
// whole, or the next one overwrites it.
func (j *journalFile) append(record any, sync bool) error {
	line, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("encoding a journal record: %w", err)
	}
	line = append(line, '\n')
	_, err = j.f.WriteAt(line, j.end)
	if err == nil && sync {
		err = j.f.Sync()
	}
	if err != nil {
		_ = j.f.Truncate(j.end)
		return fmt.Errorf("writing the journal: %w", err)
	}
	j.end += int64(len(line))
	return nil
}

// reset shortens the journal to its header: nothing is paused. That works on a
// full disk, and keeps the journal of a long run small.
func (j *journalFile) reset() error {
	if err := j.f.Truncate(j.headerEnd); err != nil {
		return fmt.Errorf("clearing the journal: %w", err)
	}
	j.end = j.headerEnd
	return nil
}

// remove ends the journal and deletes it.
func (j *journalFile) remove() error {
	return errors.Join(j.f.Close(), j.dir.remove(journalName))
}

// readJournal reads the journal of an earlier run; found is false when there is
// none.
func readJournal(d *stateDir) (j journal, found bool, err error) {
	f, err := d.open(journalName, unix.O_RDONLY)
	if errors.Is(err, unix.ENOENT) {
		return journal{}, false, nil
	}
	if err != nil {
		return journal{}, true, fmt.Errorf("opening the journal: %w", err)
	}
	defer f.Close()
	j, err = parseJournal(f)
	return j, true, err
}
