package fdvol

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pausetest/internal/fdvol/volume"
)

// A procFolder is a /proc with one process in it.
type procFolder struct {
	t    *testing.T
	root string
}

func (p procFolder) write(name, text string) {
	p.t.Helper()
	file := filepath.Join(p.root, "42", name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p procFolder) io(rchar, wchar, syscr, syscw int) {
	p.write("io", fmt.Sprintf("rchar: %d\nwchar: %d\nsyscr: %d\nsyscw: %d\n", rchar, wchar, syscr, syscw))
}

func (p procFolder) fd(number int, target, flags string, position int) {
	link := filepath.Join(p.root, "42", "fd", fmt.Sprint(number))
	p.write("fd/.folder", "")
	os.Remove(link)
	if err := os.Symlink(target, link); err != nil {
		p.t.Fatal(err)
	}
	p.write(fmt.Sprintf("fdinfo/%d", number), fmt.Sprintf("pos:\t%d\nflags:\t%s\n", position, flags))
}

func TestProc(t *testing.T) {
	f := procFolder{t, t.TempDir()}
	f.io(1000, 50, 10, 5)
	f.fd(3, "/data/read", "0100000", 500)
	f.fd(4, "/data/written", "0100001", 0)
	f.fd(5, "/data/both", "0100002", 10)
	f.fd(6, "pipe:[77]", "01", 0)
	f.fd(7, "/data/first", "0100000", 9000)
	f.fd(8, "/data/rewound", "0100000", 100)
	p := NewProc(f.root)
	pids := []int{42, 43} // 43 does not exist
	if err := p.Track(pids); err != nil {
		t.Fatal(err)
	}
	f.fd(7, "/data/second", "0100000", 200) // another file: where it began is not known
	f.fd(8, "/data/rewound", "0100000", 40)
	if err := p.Track(pids); err != nil {
		t.Fatal(err)
	}
	f.io(9000, 4050, 30, 6)
	f.fd(3, "/data/read", "0100000", 4500)
	f.fd(4, "/data/written", "0100001", 4000)
	f.fd(5, "/data/both", "0100002", 12)
	f.fd(6, "pipe:[77]", "01", 33)
	f.fd(7, "/data/second", "0100000", 300)
	f.fd(8, "/data/rewound", "0100000", 60)
	moved, denied := p.Finish()
	reads, writes := uint64(20), uint64(1)
	want := []volume.Moved{
		{PID: 42, FD: volume.AllFDs, Direction: volume.In, Bytes: 8000, Calls: &reads},
		{PID: 42, FD: volume.AllFDs, Direction: volume.Out, Bytes: 4000, Calls: &writes},
		{PID: 42, FD: 3, Direction: volume.In, Bytes: 4000},
		{PID: 42, FD: 4, Direction: volume.Out, Bytes: 4000},
		{PID: 42, FD: 7, Direction: volume.In, Bytes: 100},
		{PID: 42, FD: 8, Direction: volume.In, Bytes: 20},
		{PID: 42, FD: 5, Direction: volume.Either, Bytes: 2},
	}
	if diff := cmp.Diff(want, moved); diff != "" {
		t.Errorf("want(-) got(+):\n%s", diff)
	}
	if len(denied) != 0 {
		t.Errorf("denied %v", denied)
	}
}

// What a process did until it ended, as far as it was read.
func TestProcOfEndedProcess(t *testing.T) {
	f := procFolder{t, t.TempDir()}
	f.io(0, 0, 0, 0)
	p := NewProc(f.root)
	p.Track([]int{42})
	f.io(700, 0, 7, 0)
	p.Track([]int{42})
	if err := os.RemoveAll(filepath.Join(f.root, "42")); err != nil {
		t.Fatal(err)
	}
	moved, denied := p.Finish()
	if len(moved) != 2 || moved[0].Bytes != 700 || *moved[0].Calls != 7 || len(denied) != 0 {
		t.Errorf("%+v, denied %v", moved, denied)
	}
}

// A number that was given to a stranger doesn't count for the one that had it.
func TestProcOfReusedNumber(t *testing.T) {
	const before, more = 1000, 700 // bytes
	for _, tc := range []struct {
		name     string
		dropped  bool // the end was seen
		stranger int  // has read so many bytes
		want     uint64
	}{
		{"dropped, less", true, 5, more},
		{"dropped, more", true, 1 << 40, more},
		{"tracked on, less", false, 5, more},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := procFolder{t, t.TempDir()}
			f.io(before, 0, 10, 0)
			p := NewProc(f.root)
			p.Track([]int{42})
			f.io(before+more, 0, 17, 0)
			p.Track([]int{42})
			if tc.dropped {
				p.Track(nil)
			}
			f.io(tc.stranger, 0, 1, 0)
			moved, _ := p.Finish()
			if len(moved) != 2 || moved[0].Bytes != tc.want || *moved[0].Calls != 7 || moved[1].Bytes != 0 {
				t.Errorf("%+v", moved)
			}
		})
	}
}
