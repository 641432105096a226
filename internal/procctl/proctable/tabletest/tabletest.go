// Package tabletest reads process tables that stand as text in the fixtures of
// tests.
package tabletest

import (
	"strconv"
	"strings"
	"testing"

	"pausetest/internal/procctl/proctable"
)

// Parse reads a compact process table: per process a line
//
//	pid ppid pgid session state uid start-ticks comm
//
// and below it, each after a tab, "args", "exe" and "fds". A word that needs it
// stands in Go's quotes. A descriptor is NUMBER:PATH, NUMBER:other,
// NUMBER:socket:INODE or, with r, w or rw for its access, NUMBERw:pipe:INODE. A file
// without access is read, a shared memory segment written, too.
// Without an fds line, descriptors could not be read. It was taken at tick
// 600000, of which 100 make a second.
func Parse(t testing.TB, text string) *proctable.Snapshot {
	t.Helper()
	s := &proctable.Snapshot{BootID: "test", TakenTicks: 600000, TicksPerSecond: 100}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		w := words(t, line)
		if !strings.HasPrefix(line, "\t") {
			if len(w) != 8 {
				t.Fatalf("%q: expected 8 words", line)
			}
			s.Processes = append(s.Processes, proctable.Process{
				ID:   proctable.ProcID{PID: Number(t, w[0]), StartTicks: uint64(Number(t, w[6]))},
				PPID: Number(t, w[1]), PGID: Number(t, w[2]), Session: Number(t, w[3]), State: w[4][0],
				Comm: w[7], Threads: 1,
			})
			continue
		}
		p := &s.Processes[len(s.Processes)-1]
		switch w[0] {
		case "args":
			p.Args = w[1:]
		case "exe":
			p.Exe = w[1]
		case "fds":
			p.FDs = []proctable.FD{}
			for _, word := range w[1:] {
				p.FDs = append(p.FDs, parseFD(t, word))
			}
		default:
			t.Fatalf("%q: unknown", line)
		}
	}
	return s
}

func parseFD(t testing.TB, word string) proctable.FD {
	left, target, _ := strings.Cut(word, ":")
	digits := strings.TrimRight(left, "rw")
	access := strings.TrimPrefix(left, digits)
	fd := proctable.FD{Number: Number(t, digits), Path: target, Read: true}
	kind, inode, _ := strings.Cut(target, ":")
	switch kind {
	case "pipe":
		fd.Kind, fd.Read, fd.Write = proctable.Pipe, strings.Contains(access, "r"), strings.Contains(access, "w")
	case "socket":
		fd.Kind, fd.Write = proctable.Socket, true
	case "other":
		fd.Kind, fd.Path = proctable.Other, ""
		return fd
	default:
		if access != "" {
			fd.Read = strings.Contains(access, "r")
		}
		fd.Write = strings.Contains(access, "w") || access == "" && strings.HasPrefix(target, "/dev/shm/")
		return fd
	}
	fd.Inode, fd.Path = uint64(Number(t, inode)), ""
	return fd
}

func words(t testing.TB, line string) []string {
	t.Helper()
	var list []string
	for rest := strings.TrimSpace(line); rest != ""; rest = strings.TrimSpace(rest) {
		word, _, _ := strings.Cut(rest, " ")
		if rest[0] == '"' {
			var err error
			if word, err = strconv.QuotedPrefix(rest); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		}
		rest = rest[len(word):]
		if word[0] == '"' {
			word, _ = strconv.Unquote(word)
		}
		list = append(list, word)
	}
	return list
}

// Number is a word that must be one.
func Number(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
