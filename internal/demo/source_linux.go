package demo

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// sourceMain stands for tar: it writes its stream to stdout, block by block.
func sourceMain(args []string) error {
	flags := newFlags("source")
	label := flags.String("label", "", "")
	seed := flags.Uint64("seed", 0, "")
	left := flags.Int64("bytes", 0, "")
	name := flags.String("file", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *left == 0 {
		*left = math.MaxInt64
	}
	disk, err := openDirect(*name)
	if err != nil {
		return err
	}
	content := newPattern(*seed, *label)
	for *left > 0 {
		if err := disk.read(); err != nil {
			return err
		}
		block := content.next(int(min(*left, blockBytes)))
		if _, err := os.Stdout.Write(block); err != nil {
			return err
		}
		*left -= int64(len(block))
	}
	return nil
}

// A directFile is read past the page cache, over and over. Without a file there is
// nothing to read.
type directFile struct {
	file  *os.File
	block []byte
}

func openDirect(name string) (*directFile, error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.OpenFile(name, os.O_RDONLY|unix.O_DIRECT, 0)
	if err != nil {
		return nil, err
	}
	// A mapping begins at a page, as O_DIRECT wants it.
	block, err := unix.Mmap(-1, 0, blockBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("making room for a block of %s: %w", name, err)
	}
	return &directFile{file, block}, nil
}

// read reads the next block, after the last one the first.
func (d *directFile) read() error {
	if d == nil {
		return nil
	}
	_, err := io.ReadFull(d.file, d.block)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		_, err = d.file.Seek(0, io.SeekStart)
	}
	return err
}

func sourceArgs(seed uint64, label string, bytes int64, file string) []string {
	return []string{"source", "--label", label, "--file", file,
		"--seed", strconv.FormatUint(seed, 10), "--bytes", strconv.FormatInt(bytes, 10)}
}
