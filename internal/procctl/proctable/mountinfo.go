package proctable

import (
	"fmt"
	"strconv"
	"strings"
)

// A Mount is one line of /proc/PID/mountinfo, see proc_pid_mountinfo(5). Paths
// are raw, with the file's octal escapes undone.
type Mount struct {
	ID, ParentID int
	Major, Minor uint32 // of the device
	Root         string // the folder of the file system that is mounted
	Point        string // where, as the process sees it
	Type         string // "ext4"
	Source       string // "/dev/sda1", or what the file system chose
	SuperOptions string // comma-separated
}

// ParseMountinfo parses a whole mountinfo.
func ParseMountinfo(text string) ([]Mount, error) {
	var mounts []Mount
	number := 0
	for line := range strings.Lines(text) {
		number++
		m, err := parseMount(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return mounts, fmt.Errorf("parsing mountinfo: line %d: %w", number, err)
		}
		mounts = append(mounts, m)
	}
	return mounts, nil
}

// parseMount takes "id parent major:minor root point options [tags...] - type
// source super-options". Fields never hold a blank: it is written as \040. An
// empty source leaves two blanks, hence Split and not Fields.
func parseMount(line string) (Mount, error) {
	var m Mount
	fields := strings.Split(line, " ")
	dash := -1
	for i := 6; i < len(fields); i++ {
		if fields[i] == "-" {
			dash = i
			break
		}
	}
	if dash < 0 || len(fields) < dash+4 {
		return m, fmt.Errorf("%.80q has too few fields", line)
	}
	major, minor, found := strings.Cut(fields[2], ":")
	id, err1 := strconv.Atoi(fields[0])
	parent, err2 := strconv.Atoi(fields[1])
	maj, err3 := strconv.ParseUint(major, 10, 32)
	mnr, err4 := strconv.ParseUint(minor, 10, 32)
	if !found || err1 != nil || err2 != nil || err3 != nil || err4 != nil {
		return m, fmt.Errorf("%.80q does not begin with id, parent and major:minor", line)
	}
	return Mount{
		ID: id, ParentID: parent, Major: uint32(maj), Minor: uint32(mnr),
		Root: unescapeOctal(fields[3]), Point: unescapeOctal(fields[4]),
		Type: unescapeOctal(fields[dash+1]), Source: unescapeOctal(fields[dash+2]),
		SuperOptions: unescapeOctal(fields[dash+3]),
	}, nil
}

// unescapeOctal undoes the \ooo by which the kernel writes blank, tab, newline,
// backslash and "#". Anything else stays as it is.
func unescapeOctal(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if code, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(code))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
