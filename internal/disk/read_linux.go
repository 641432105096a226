package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Read reads the block devices from the sysfs mounted at root; "" means "/sys".
// It asks no device for anything. A device that goes away meanwhile is left out.
func Read(root string) (Blocks, error) {
	if root == "" {
		root = "/sys"
	}
	folder := filepath.Join(root, "dev/block")
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a container without any
	}
	if err != nil {
		return nil, fmt.Errorf("reading the block devices: %w", err)
	}
	var blocks Blocks
	for _, e := range entries {
		at := filepath.Join(folder, e.Name())
		target, err := os.Readlink(at)
		if err != nil {
			continue
		}
		var b Block
		var above string
		var numbered, named bool
		b.Major, b.Minor, numbered = parseNumber(e.Name())
		b.Name, above, named = parseTarget(target)
		if !numbered || !named {
			continue
		}
		if _, err := os.Stat(filepath.Join(at, "partition")); err == nil {
			b.Whole = above
		}
		b.Slaves = names(filepath.Join(at, "slaves"))
		if text, err := os.ReadFile(filepath.Join(at, "dm/name")); err == nil {
			b.MapperName = strings.TrimSuffix(string(text), "\n")
		}
		blocks = append(blocks, b)
	}
	return blocks, nil
}

func names(folder string) []string {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	slices.Sort(list)
	return list
}
