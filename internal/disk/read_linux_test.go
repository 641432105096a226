package disk

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pausetest/internal/procctl/proctable"
)

// sysfs makes a tree as the kernel does: links by number, folders by device.
func sysfs(t *testing.T, devices map[string]string, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(root, "dev/block"), 0o755))
	for number, folder := range devices {
		must(os.MkdirAll(filepath.Join(root, "devices", folder), 0o755))
		must(os.Symlink("../../devices/"+folder, filepath.Join(root, "dev/block", number)))
	}
	for name, text := range files {
		file := filepath.Join(root, "devices", name)
		must(os.MkdirAll(filepath.Dir(file), 0o755))
		must(os.WriteFile(file, []byte(text), 0o644))
	}
	return root
}

func TestRead(t *testing.T) {
	root := sysfs(t, map[string]string{
		"8:0": "pci/block/sda", "8:1": "pci/block/sda/sda1", "252:0": "virtual/block/dm-0", "x": "virtual/block/x",
	}, map[string]string{
		"pci/block/sda/sda1/partition":     "1\n",
		"virtual/block/dm-0/dm/name":       "vg0-home\n",
		"virtual/block/dm-0/slaves/sda1/x": "",
	})
	got, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	want := Blocks{
		{Major: 252, Name: "dm-0", MapperName: "vg0-home", Slaves: []string{"sda1"}},
		{Major: 8, Name: "sda"},
		{Major: 8, Minor: 1, Name: "sda1", Whole: "sda"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if disks := got.Disks(got.Named("/dev/mapper/vg0-home")); !cmp.Equal(disks, []string{"sda"}) {
		t.Errorf("it lies on %q", disks)
	}
	if b, err := Read(t.TempDir()); b != nil || err != nil {
		t.Errorf("without block devices: %v, %v", b, err)
	}
}

// TestReadHost looks where this very machine's root file system lies.
func TestReadHost(t *testing.T) {
	blocks, err := Read("")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	mounts, err := proctable.ParseMountinfo(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mounts {
		if m.Point != "/" {
			continue
		}
		if place, ok := Of(&m, blocks); !ok || len(place.Disks) == 0 && place.FileSystem == "" {
			t.Errorf("%+v lies on %+v", m, place)
		}
	}
}
