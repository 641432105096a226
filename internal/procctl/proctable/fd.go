package proctable

import (
	"bytes"
	"strconv"
	"strings"
)

// ParseFDLink fills Kind, Inode and Path from the target of a link in
// /proc/PID/fd.
func ParseFDLink(number int, target string) FD {
	fd := FD{Number: number}
	if inode, ok := inodeOf(target, "pipe:["); ok {
		fd.Kind, fd.Inode = Pipe, inode
		return fd
	}
	if inode, ok := inodeOf(target, "socket:["); ok {
		fd.Kind, fd.Inode = Socket, inode
		return fd
	}
	if strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "/memfd:") {
		fd.Kind, fd.Path = File, target
		return fd
	}
	fd.Kind = Other
	return fd
}

func inodeOf(target, prefix string) (uint64, bool) {
	digits, found := strings.CutPrefix(target, prefix)
	digits, closed := strings.CutSuffix(digits, "]")
	if !found || !closed {
		return 0, false
	}
	inode, err := strconv.ParseUint(digits, 10, 64)
	return inode, err == nil
}

// Open flags as fdinfo prints them, in octal (proc_pid_fdinfo(5)).
const (
	accessMode = 0o3
	writeOnly  = 0o1
	readWrite  = 0o2
)

// ParseFDAccess finds the access mode in /proc/PID/fdinfo/FD.
func ParseFDAccess(fdinfo []byte) (read, write, ok bool) {
	value, ok := infoField(fdinfo, "flags")
	if !ok {
		return false, false, false
	}
	flags, err := strconv.ParseUint(value, 8, 64)
	if err != nil {
		return false, false, false
	}
	mode := flags & accessMode
	return mode != writeOnly, mode == writeOnly || mode == readWrite, true
}

// ParseFDMount finds the id of the mount in /proc/PID/fdinfo/FD; 0 when there is none.
func ParseFDMount(fdinfo []byte) int {
	value, _ := infoField(fdinfo, "mnt_id")
	id, err := strconv.Atoi(value)
	if err != nil || id < 0 {
		return 0
	}
	return id
}

// ParseFDPosition is where in its file a descriptor stands, in bytes from the
// beginning, out of an fdinfo file.
func ParseFDPosition(fdinfo []byte) (bytes uint64, ok bool) {
	value, ok := infoField(fdinfo, "pos")
	if !ok {
		return 0, false
	}
	bytes, err := strconv.ParseUint(value, 10, 64)
	return bytes, err == nil
}

// infoField finds the value of the first line "name: value".
func infoField(text []byte, name string) (string, bool) {
	for line := range bytes.Lines(text) {
		key, value, found := bytes.Cut(line, []byte(":"))
		if found && string(key) == name {
			return string(bytes.TrimSpace(value)), true
		}
	}
	return "", false
}

// ParseNamespace finds the inode in the target of a link in /proc/PID/ns,
// "net:[4026531840]".
func ParseNamespace(target string) (inode uint64, ok bool) {
	kind, _, found := strings.Cut(target, ":")
	if !found {
		return 0, false
	}
	return inodeOf(target, kind+":[")
}
