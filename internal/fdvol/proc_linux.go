package fdvol

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"pausetest/internal/fdvol/volume"
	"pausetest/internal/procctl/proctable"
)

// A Proc reads what /proc tells of processes: what each has read and written, and
// how far its positions in files have moved. It tells no descriptors but files
// apart, no sizes and no times; send(2), recv(2) and splice(2) are not in its
// numbers. It may be used by one goroutine at a time.
type Proc struct {
	root      string
	processes map[int]*procCount
	denied    map[int]bool
	tracked   []int
}

// A procCount is the first and the latest reading of a process, and of the files
// that it had open at the latest.
type procCount struct {
	first, latest proctable.IO
	files         map[int]*fileCount // by descriptor
}

// A fileCount follows a descriptor through one file.
type fileCount struct {
	path                 string
	direction            volume.Direction
	position, movedBytes uint64
}

// NewProc reads the /proc that is mounted at root; "" means "/proc".
func NewProc(root string) *Proc {
	if root == "" {
		root = "/proc"
	}
	return &Proc{root: root, processes: map[int]*procCount{}, denied: map[int]bool{}}
}

// Track reads the counters of these processes. A process counts from the first
// time that it is read; what one that has ended moved since the last time is lost.
// One that is tracked no longer keeps what it has: its number may be a stranger's.
func (p *Proc) Track(pids []int) error {
	p.tracked = slices.Clone(pids)
	for _, pid := range pids {
		p.read(pid)
	}
	return nil
}

func (p *Proc) read(pid int) {
	folder := filepath.Join(p.root, strconv.Itoa(pid))
	text, err := os.ReadFile(folder + "/io")
	if err != nil {
		p.denied[pid] = os.IsPermission(err)
		return
	}
	io, err := proctable.ParseIO(text)
	if err != nil {
		return
	}
	c := p.processes[pid]
	if c == nil {
		c = &procCount{first: io, files: map[int]*fileCount{}}
		p.processes[pid] = c
	}
	if wentBackwards(c.latest, io) {
		return // a stranger has the number now
	}
	c.latest = io
	links, _ := os.ReadDir(folder + "/fd") // not permitted: the sums alone
	for _, link := range links {
		if number, err := strconv.Atoi(link.Name()); err == nil {
			c.readFile(folder, number)
		}
	}
}

// wentBackwards reports a reading that the same process can't have come to.
func wentBackwards(before, after proctable.IO) bool {
	return after.ReadBytes < before.ReadBytes || after.WrittenBytes < before.WrittenBytes ||
		after.ReadCalls < before.ReadCalls || after.WriteCalls < before.WriteCalls
}

// readFile adds how far a descriptor has moved forward in the file that it was
// already in. Seeking counts too: nothing tells it from reading.
func (c *procCount) readFile(folder string, number int) {
	path, err := os.Readlink(fmt.Sprintf("%s/fd/%d", folder, number))
	if err != nil || proctable.ParseFDLink(number, path).Kind != proctable.File {
		return
	}
	info, err := os.ReadFile(fmt.Sprintf("%s/fdinfo/%d", folder, number))
	if err != nil {
		return
	}
	position, ok := proctable.ParseFDPosition(info)
	if !ok {
		return
	}
	f := c.files[number]
	if f == nil || f.path != path {
		f = &fileCount{path: path, direction: directionOf(info), position: position}
		c.files[number] = f
	}
	if position > f.position {
		f.movedBytes += position - f.position
	}
	f.position = position
}

func directionOf(fdinfo []byte) volume.Direction {
	switch read, write, ok := proctable.ParseFDAccess(fdinfo); {
	case ok && !write:
		return volume.In
	case ok && !read:
		return volume.Out
	}
	return volume.Either
}

// Finish reads the counters of who is still tracked once more and returns what all
// have moved, and the processes whose counters may not be read.
func (p *Proc) Finish() (moved []volume.Moved, denied []int) {
	for _, pid := range p.tracked {
		p.read(pid)
	}
	for pid, c := range p.processes {
		readCalls, writeCalls := c.latest.ReadCalls-c.first.ReadCalls, c.latest.WriteCalls-c.first.WriteCalls
		moved = append(moved,
			volume.Moved{PID: pid, FD: volume.AllFDs, Direction: volume.In, Bytes: c.latest.ReadBytes - c.first.ReadBytes, Calls: &readCalls},
			volume.Moved{PID: pid, FD: volume.AllFDs, Direction: volume.Out, Bytes: c.latest.WrittenBytes - c.first.WrittenBytes, Calls: &writeCalls})
		for number, f := range c.files {
			if f.movedBytes > 0 {
				moved = append(moved, volume.Moved{PID: pid, FD: number, Direction: f.direction, Bytes: f.movedBytes})
			}
		}
	}
	slices.SortFunc(moved, func(a, b volume.Moved) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.PID, b.PID), cmp.Compare(a.FD, b.FD), cmp.Compare(a.Direction, b.Direction))
	})
	for pid, is := range p.denied {
		if is {
			denied = append(denied, pid)
		}
	}
	slices.Sort(denied)
	return moved, denied
}
