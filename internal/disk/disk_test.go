package disk

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pausetest/internal/procctl/proctable"
)

// host has two disks with partitions, a RAID over two of those, two logical
// volumes on it, and one that is encrypted.
var host = Blocks{
	{Major: 8, Minor: 0, Name: "sda"},
	{Major: 8, Minor: 1, Name: "sda1", Whole: "sda"},
	{Major: 8, Minor: 2, Name: "sda2", Whole: "sda"},
	{Major: 8, Minor: 16, Name: "sdb"},
	{Major: 8, Minor: 18, Name: "sdb2", Whole: "sdb"},
	{Major: 9, Minor: 0, Name: "md0", Slaves: []string{"sda2", "sdb2"}},
	{Major: 252, Minor: 0, Name: "dm-0", MapperName: "vg0-home", Slaves: []string{"md0"}},
	{Major: 252, Minor: 1, Name: "dm-1", MapperName: "crypt", Slaves: []string{"dm-0"}},
	{Major: 259, Minor: 0, Name: "nvme0n1"},
}

func TestOf(t *testing.T) {
	for _, test := range []struct {
		mount proctable.Mount
		want  Place
	}{
		{proctable.Mount{Major: 8, Minor: 1, Type: "ext4"}, Place{Disks: []string{"sda"}, Detail: "ext4 on sda1"}},
		{proctable.Mount{Major: 259, Type: "xfs"}, Place{Disks: []string{"nvme0n1"}, Detail: "xfs"}},
		{proctable.Mount{Major: 252, Minor: 1, Type: "xfs"}, Place{Disks: []string{"sda", "sdb"}, Detail: "xfs on crypt"}},
		{proctable.Mount{Minor: 40, Type: "btrfs", Source: "/dev/mapper/vg0-home"}, Place{Disks: []string{"sda", "sdb"}, Detail: "btrfs on vg0-home"}},
		{proctable.Mount{Minor: 41, Type: "btrfs", Source: "/dev/sdb2"}, Place{Disks: []string{"sdb"}, Detail: "btrfs on sdb2"}},
		{proctable.Mount{Minor: 42, Type: "nfs4", Source: "nas:/export"}, Place{FileSystem: "nfs4 nas:/export"}},
		{proctable.Mount{Minor: 43, Type: "zfs", Source: "tank/home/a"}, Place{FileSystem: "zfs pool tank", Detail: "tank/home/a"}},
		{proctable.Mount{Minor: 44, Type: "overlay", Source: "overlay", Point: "/"}, Place{FileSystem: "overlay /"}},
		{proctable.Mount{Minor: 45, Type: "tmpfs", Source: "tmpfs", Point: "/tmp"}, Place{FileSystem: "tmpfs /tmp"}},
		{proctable.Mount{Minor: 46, Type: "btrfs", Source: "/dev/gone"}, Place{FileSystem: "btrfs /dev/gone"}},
	} {
		got, ok := Of(&test.mount, host)
		if diff := cmp.Diff(test.want, got); diff != "" || !ok {
			t.Errorf("%+v: %t (-want +got):\n%s", test.mount, ok, diff)
		}
	}
	for _, kind := range []string{"proc", "devtmpfs", "cgroup2"} {
		if p, ok := Of(&proctable.Mount{Type: kind}, host); ok {
			t.Errorf("%s: %+v", kind, p)
		}
	}
}

func TestNamed(t *testing.T) {
	for file, want := range map[string]string{"/dev/dm-0": "dm-0", "/dev/mapper/crypt": "dm-1", "/dev/sda1": "sda1"} {
		if b := host.Named(file); b == nil || b.Name != want {
			t.Errorf("%s: %+v, want %s", file, b, want)
		}
	}
	for _, file := range []string{"/dev/null", "/dev/mapper/sda1", "/srv/sda1", ""} {
		if b := host.Named(file); b != nil {
			t.Errorf("%s: %+v", file, b)
		}
	}
}

// TestDisksOfAnything holds that devices that lie on themselves end the search,
// too, and that something is named always.
func TestDisksOfAnything(t *testing.T) {
	names := []string{"a", "b", "c", "d"}
	rapid.Check(t, func(t *rapid.T) {
		var blocks Blocks
		for i, name := range names {
			blocks = append(blocks, Block{Minor: uint32(i), Name: name,
				Whole:  rapid.SampledFrom(append([]string{"", "", "gone"}, names...)).Draw(t, "whole"),
				Slaves: rapid.SliceOfN(rapid.SampledFrom(names), 0, 3).Draw(t, "slaves")})
		}
		acyclic := true
		for i, b := range blocks {
			below := b.Slaves
			if b.Whole != "" {
				below = []string{b.Whole}
			}
			for _, name := range below {
				acyclic = acyclic && (name == "gone" || slices.Index(names, name) > i)
			}
		}
		disks := blocks.Disks(&blocks[0])
		if !slices.IsSorted(disks) || acyclic && len(disks) == 0 {
			t.Fatalf("%+v lies on %q", blocks, disks)
		}
	})
}

func FuzzParseSysfs(f *testing.F) {
	f.Add("8:1", "../../devices/pci0000:00/0000:00:02.0/virtio1/block/vda/vda1")
	f.Add(":", "..")
	f.Fuzz(func(t *testing.T, number, target string) {
		if major, minor, ok := parseNumber(number); ok {
			again, minorAgain, ok := parseNumber(fmt.Sprintf("%d:%d", major, minor))
			if !ok || again != major || minorAgain != minor || strings.Count(number, ":") != 1 {
				t.Errorf("%q: %d:%d, then %d:%d", number, major, minor, again, minorAgain)
			}
		}
		if name, _, ok := parseTarget(target); ok && (name == "" || name == "..") {
			t.Errorf("%q: %q", target, name)
		}
	})
}
