package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// maxTextBytes bounds what an operator may have written by hand.
const maxTextBytes = 1 << 20

// readText reads a file that was named on the command line: a schedule or rules.
func readText(name string) ([]byte, error) {
	return readRegular(name, func(fs.FileInfo) error { return nil })
}

// readTrusted reads a file that is read unasked, or night after night. Root takes
// orders only from root: settings and rules name the processes that are stopped and
// the folders that are written to.
func readTrusted(name string) ([]byte, error) {
	return readRegular(name, func(info fs.FileInfo) error {
		if os.Geteuid() != 0 {
			return nil
		}
		if uid := info.Sys().(*syscall.Stat_t).Uid; uid != 0 {
			return &distrusted{name, fmt.Sprintf("belongs to user %d, and we are root", uid)}
		}
		if mode := info.Mode().Perm(); mode&0o022 != 0 {
			return &distrusted{name, fmt.Sprintf("may be written by others (mode %04o), and we are root", mode)}
		}
		return nil
	})
}

// A distrusted error says who else could have written a file.
type distrusted struct{ name, why string }

func (d *distrusted) Error() string { return d.name + " " + d.why }

const distrustedHint = "make it root's alone with chown root and chmod go-w"

// readRegular reads a regular file of sane size, if there is no objection to it.
func readRegular(name string, objection func(fs.FileInfo) error) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would keep us waiting
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// Of what is open, not of what has the name: that may be another file by now.
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", name)
	case info.Size() > maxTextBytes:
		return nil, fmt.Errorf("%s is longer than %d bytes", name, maxTextBytes)
	}
	if err := objection(info); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, maxTextBytes))
}
