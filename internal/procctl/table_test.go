package procctl

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"pausetest/internal/procctl/proctable"
)

// fixture is a made-up /proc with one process of two threads that does all it can
// to confuse the reader, a kernel thread, and things that are no processes.
func fixture(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	files := map[string]string{
		"sys/kernel/random/boot_id": "3a6c2b1e-0000-4000-8000-000000000001\n",
		"uptime":                    "5390.37 10.00\n",
		"stat":                      "cpu 1 2 3\n",
		"77/stat":                   "77 (a) R 1 (\n) S 1 70 60 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 2 0 539000 1 1 1 1 1 1 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 1 1 1 99 1 1 1 0\n",
		"77/cmdline":                "tar\x00\x1b[2J\x00\xff\x00",
		"77/cgroup":                 "1:name=systemd:/x\n0::/y\n",
		"77/fdinfo/0":               "pos:\t0\nflags:\t0100000\n",
		"77/fdinfo/5":               "pos:\t0\nflags:\t0100001\n",
		"2/stat":                    "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 0\n",
		"2/cmdline":                 "",
		"99/stat":                   "garbage",
	}
	for name, text := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{
		"77/exe": "/usr/bin/tar", "77/ns/net": "net:[4026531840]", "77/fd/0": "/dev/null", "77/fd/5": "pipe:[1826047]",
		"77/fd/6": "socket:[1]", // no fdinfo: closed meanwhile
	} {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestSnapshotOfFixture(t *testing.T) {
	table := NewTable(fixture(t))
	got, err := table.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p := got.Processes[1]; p.Args == nil || p.Exe == "" || p.FDs != nil || p.Cgroups != nil {
		t.Errorf("not examined yet: %+v", p)
	}
	if err := errors.Join(table.Examine(t.Context(), got, []int{77, 99}), table.ReadCgroups(t.Context(), got)); err != nil {
		t.Fatal(err)
	}
	want := &proctable.Snapshot{
		BootID: "3a6c2b1e-0000-4000-8000-000000000001", TakenTicks: 539037, TicksPerSecond: 100,
		Processes: []proctable.Process{
			{ID: ProcID{PID: 2}, State: 'S', Comm: "kthreadd", Threads: 1},
			{ID: ProcID{PID: 77, StartTicks: 539000}, PPID: 1, PGID: 70, Session: 60, State: 'S', Comm: "a) R 1 (\n",
				Args: []string{"tar", "\x1b[2J", "\xff"}, Exe: "/usr/bin/tar", Threads: 2,
				Examined: true, NetNS: 4026531840, Cgroups: []string{"1:name=systemd:/x", "0::/y"},
				FDs: []proctable.FD{{Number: 0, Path: "/dev/null", Read: true}, {Number: 5, Kind: proctable.Pipe, Inode: 1826047, Write: true}}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The command line is read once, and again after an exec, which moves it.
func TestCommandLinesAreKept(t *testing.T) {
	root := fixture(t)
	table := NewTable(root)
	args := func() string {
		t.Helper()
		snap, err := table.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return snap.Processes[1].Args[0]
	}
	args()
	rewrite(t, filepath.Join(root, "77/cmdline"), "tar", "sed")
	if got := args(); got != "tar" {
		t.Errorf("kept command line: %q", got)
	}
	rewrite(t, filepath.Join(root, "77/stat"), " 1 1 1 99 ", " 1 1 1 98 ")
	if got := args(); got != "sed" {
		t.Errorf("command line after exec: %q", got)
	}
	if _, err := NewTable(root + "/missing").Snapshot(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such table: %v", err)
	}
}

func rewrite(t *testing.T, name, from, to string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil || !strings.Contains(string(text), from) {
		t.Fatalf("%s lacks %q: %v", name, from, err)
	}
	if err := os.WriteFile(name, []byte(strings.Replace(string(text), from, to, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestSnapshotOfRealProcess(t *testing.T) {
	_, ids := family(t, nil)
	table := NewTable("")
	snap, err := table.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Examine(t.Context(), snap, []int{ids[0].PID}); err != nil {
		t.Fatal(err)
	}
	if snap.TakenTicks < ids[0].StartTicks || snap.BootID == "" {
		t.Errorf("taken at %d, boot id %q", snap.TakenTicks, snap.BootID)
	}
	var pids []int
	for _, p := range snap.Processes {
		pids = append(pids, p.ID.PID)
		if p.ID != ids[0] {
			continue
		}
		if p.PPID != os.Getpid() || p.Args[0] != "sh" || !strings.HasPrefix(p.Exe, "/") || p.NetNS == 0 {
			t.Errorf("%+v", p)
		}
		if len(p.FDs) < 4 || p.FDs[0].Kind != proctable.Pipe || !p.FDs[0].Read || p.FDs[1].Inode == 0 || !p.FDs[1].Write {
			t.Errorf("descriptors %+v", p.FDs)
		}
	}
	for i := 1; i < len(pids); i++ {
		if pids[i-1] >= pids[i] {
			t.Fatalf("not sorted: %v", pids)
		}
	}
}

func TestReadFD(t *testing.T) {
	folder := t.TempDir()
	log, fifo := filepath.Join(folder, "log"), filepath.Join(folder, "fifo")
	if err := os.WriteFile(log, []byte("start: fs3:/home lev 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	m := start(t, nil, nil, "sh", "-c", `exec 7<"$1" 8<>"$2" 9</dev/zero; rm "$1"; echo ready; read line`, "sh", log, fifo)
	eventually(t, "descriptors are open", func() bool { return m.out.String() != "" })
	table, pid := NewTable(""), m.cmd.Process.Pid
	text, err := table.ReadFD(pid, 7, 10)
	if err != nil || string(text) != "start: fs3" {
		t.Errorf("%q, %v", text, err) // deleted, and yet readable
	}
	for _, fd := range []int{8, 9} {
		if text, err := table.ReadFD(pid, fd, 10); !errors.Is(err, errNotRegular) {
			t.Errorf("descriptor %d: %q, %v", fd, text, err)
		}
	}
	if _, err := table.ReadFD(pid, 99, 10); !errors.Is(err, ErrGone) {
		t.Errorf("closed descriptor: %v", err)
	}
}

func TestIOCounter(t *testing.T) {
	m := start(t, nil, nil, "cat")
	c, err := OpenIO(m.id())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	before, err := c.Read()
	if err != nil {
		t.Fatal(err)
	}
	const bytes = 5000
	if _, err := m.stdin.Write(make([]byte, bytes)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it has written", func() bool {
		now, err := c.Read()
		return err == nil && now == before+bytes
	})
	if n, err := NewTable("").WrittenBytes(m.id()); err != nil || n != before+bytes {
		t.Errorf("read once: %d, %v", n, err)
	}
	wrong := m.id()
	wrong.StartTicks++
	if _, err := OpenIO(wrong); !errors.Is(err, ErrGone) {
		t.Errorf("another identity: %v", err)
	}
	m.kill()
	if _, err := c.Read(); !errors.Is(err, ErrGone) {
		t.Errorf("after its end: %v", err)
	}
}

func TestMounts(t *testing.T) {
	mounts, err := NewTable("").Mounts(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mounts {
		if m.Point == "/proc" && m.Type == "proc" {
			return
		}
	}
	t.Errorf("no /proc in %+v", mounts)
}

func TestHostFacts(t *testing.T) {
	facts, err := NewTable("").ReadHostFacts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	name, _ := os.Hostname()
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		t.Fatal(err)
	}
	if facts.Name != name || facts.Kernel != unix.ByteSliceToString(uts.Release[:]) || facts.CPUs < 1 || len(facts.BootID) != 36 {
		t.Errorf("%+v", facts)
	}
}

func BenchmarkSnapshot(b *testing.B) {
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			if _, err := NewTable("").Snapshot(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("again", func(b *testing.B) {
		table := NewTable("")
		for b.Loop() {
			if _, err := table.Snapshot(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkScan(b *testing.B) {
	table := NewTable("")
	for b.Loop() {
		if _, err := table.scan(nil, nil); err != nil {
			b.Fatal(err)
		}
	}
}
