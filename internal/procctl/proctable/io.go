package proctable

import (
	"bytes"
	"fmt"
	"strconv"
)

// An IO is what /proc/PID/io counted for a whole process, all its threads, ended
// ones included, but not its children.
type IO struct {
	// ReadBytes and WrittenBytes (rchar, wchar) went through read(2), write(2)
	// and their kin, whatever was behind the descriptor; send(2) and splice(2)
	// are not counted.
	ReadBytes, WrittenBytes uint64
	// ReadCalls and WriteCalls (syscr, syscw) are the calls that did that.
	ReadCalls, WriteCalls uint64
	// DiskReadBytes and DiskWrittenBytes (read_bytes, write_bytes) were fetched
	// from and sent to storage.
	DiskReadBytes, DiskWrittenBytes uint64
}

// ParseIO parses io. rchar and wchar must be there.
func ParseIO(text []byte) (IO, error) {
	var io IO
	var haveRead, haveWritten bool
	for line := range bytes.Lines(text) {
		key, rest, found := bytes.Cut(line, []byte(":"))
		if !found {
			continue
		}
		var to *uint64
		switch string(key) {
		case "rchar":
			to, haveRead = &io.ReadBytes, true
		case "wchar":
			to, haveWritten = &io.WrittenBytes, true
		case "syscr":
			to = &io.ReadCalls
		case "syscw":
			to = &io.WriteCalls
		case "read_bytes":
			to = &io.DiskReadBytes
		case "write_bytes":
			to = &io.DiskWrittenBytes
		default:
			continue
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(rest)), 10, 64)
		if err != nil {
			return io, fmt.Errorf("parsing io: bad %s %.40q", key, bytes.TrimSpace(rest))
		}
		*to = n
	}
	if !haveRead || !haveWritten {
		return io, fmt.Errorf("parsing io: no rchar or no wchar line")
	}
	return io, nil
}
