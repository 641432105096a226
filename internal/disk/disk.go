// Package disk says which disks a file lies on: from the mount that it was opened
// through and the kernel's table of block devices, through partitions, device
// mapper (LVM, encryption) and RAID down to whole disks.
package disk

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"pausetest/internal/procctl/proctable"
)

// A Block is a block device.
type Block struct {
	Major, Minor uint32
	Name         string // the kernel's: "sda1", "dm-0"
	// Whole is the disk that a partition is a part of; empty for anything else.
	Whole string
	// Slaves are the devices that it is built on: of a logical volume, a RAID.
	Slaves []string
	// MapperName is device mapper's name for it: "vg0-home"; raw.
	MapperName string
}

// Blocks are the block devices of a host.
type Blocks []Block

// At returns the device of that number, nil if there is none.
func (b Blocks) At(major, minor uint32) *Block {
	return b.find(func(d *Block) bool { return d.Major == major && d.Minor == minor })
}

// Named returns the device whose file is called so ("/dev/sda1",
// "/dev/mapper/vg0-home"), nil if there is none.
func (b Blocks) Named(file string) *Block {
	if name, mapped := strings.CutPrefix(file, "/dev/mapper/"); mapped {
		return b.find(func(d *Block) bool { return d.MapperName == name })
	}
	if !strings.HasPrefix(file, "/dev/") {
		return nil
	}
	return b.byName(path.Base(file))
}

func (b Blocks) byName(name string) *Block {
	return b.find(func(d *Block) bool { return d.Name == name })
}

func (b Blocks) find(fits func(*Block) bool) *Block {
	for i := range b {
		if fits(&b[i]) {
			return &b[i]
		}
	}
	return nil
}

// Disks returns the names of the whole disks that a device lies on, sorted: its
// own when it is one.
func (b Blocks) Disks(device *Block) []string {
	var disks []string
	seen := map[string]bool{}
	var visit func(d *Block)
	visit = func(d *Block) {
		if seen[d.Name] {
			return
		}
		seen[d.Name] = true
		below := d.Slaves
		if d.Whole != "" {
			below = []string{d.Whole}
		}
		known := false
		for _, name := range below {
			if lower := b.byName(name); lower != nil && lower != d {
				known = true
				visit(lower)
			}
		}
		if !known {
			disks = append(disks, d.Name)
		}
	}
	visit(device)
	slices.Sort(disks)
	return slices.Compact(disks)
}

// A Place is where files lie. Either Disks or FileSystem is set.
type Place struct {
	Disks []string // whole disks
	// FileSystem identifies one of which no disk is known: "nfs server:/export",
	// "zfs pool tank", "tmpfs /tmp".
	FileSystem string
	// Detail says what lies between: "ext4 on vg0-home"; raw.
	Detail string
}

// pseudo file systems hold no files of anybody's.
var pseudo = []string{
	"proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "securityfs", "debugfs", "tracefs", "mqueue", "bpf",
	"binfmt_misc", "autofs", "configfs", "fusectl", "pstore", "nsfs", "efivarfs", "selinuxfs", "rpc_pipefs",
}

// Of says where the files of a mount lie; !ok for the kernel's own pseudo file
// systems.
//
// Note: of an overlay, a file may lie on any of its layers, and nothing outside of
// the kernel tells which; so it is named for itself.
func Of(m *proctable.Mount, b Blocks) (place Place, ok bool) {
	if slices.Contains(pseudo, m.Type) {
		return Place{}, false
	}
	device := b.At(m.Major, m.Minor)
	if device == nil {
		device = b.Named(m.Source) // btrfs has numbers of its own
	}
	if device != nil {
		return OfDevice(device, m.Type, b), true
	}
	switch {
	case m.Type == "zfs":
		pool, _, _ := strings.Cut(m.Source, "/")
		place.FileSystem = "zfs pool " + pool
		place.Detail = m.Source
	case strings.ContainsAny(m.Source, "/:"):
		place.FileSystem = m.Type + " " + m.Source
	default: // "none", "tmpfs", "overlay" name nothing
		place.FileSystem = m.Type + " " + m.Point
	}
	return place, true
}

// OfDevice says where the contents of a block device lie; kind is what they are.
func OfDevice(device *Block, kind string, b Blocks) Place {
	place := Place{Disks: b.Disks(device), Detail: kind}
	name := device.Name
	if device.MapperName != "" {
		name = device.MapperName
	}
	if !slices.Equal(place.Disks, []string{name}) {
		place.Detail += " on " + name
	}
	return place
}

// parseNumber reads the name of an entry of /sys/dev/block, "8:1".
func parseNumber(s string) (major, minor uint32, ok bool) {
	left, right, found := strings.Cut(s, ":")
	maj, err1 := strconv.ParseUint(left, 10, 32)
	mnr, err2 := strconv.ParseUint(right, 10, 32)
	return uint32(maj), uint32(mnr), found && err1 == nil && err2 == nil
}

// parseTarget reads what that entry leads to: "../../devices/.../block/sda/sda1".
// The part before the last is the whole disk when the device is a partition.
func parseTarget(target string) (name, above string, ok bool) {
	name, above = path.Base(target), path.Base(path.Dir(target))
	return name, above, strings.Contains(target, "/") && name != "." && name != ".." && name != "/"
}
