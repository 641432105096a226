package stream

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pausetest/internal/printable"
	"pausetest/internal/procctl/proctable"
)

// vocabulary is made of what discovery reacts to, so that arbitrary tables are
// rich in near misses.
var vocabulary = [][]string{
	nil,
	{"/sbin/init"},
	{"amandad", "-auth=bsd", "amdump"},
	{"amandad", "-auth=ssh", "amdump"},
	{"amandad", "-auth=local", "amdump"},
	{"/usr/lib/amanda/sendbackup", "amandad", "bsd", "--shm-name", "/amanda_shm_control-7-0"},
	{"/usr/lib/amanda/sendsize", "amandad", "bsd"},
	{"/bin/tar", "--create", "--file", "-", "--directory", "/home", "--listed-incremental", "/l/fs3_home_0.new", "."},
	{"/bin/tar", "--create", "--file", "/dev/null", "--directory", "/home"},
	{"/bin/tar", "-tf", "-"},
	{"tar", "cf", "-", "/srv\n\x1b[2J"},
	{"/usr/bin/perl", "/x/app", "backup", "--message", "line", "--host", "h", "--disk", "\xff/d", "--level", "0"},
	{"dump", "0usf", "1048576", "-", "/dev/sda1"},
	{"gzip", "--fast"},
	{"sh", "-c", "tar | ssh"},
	{"ssh", "user@vault", "cat"},
	{"sshd: user@notty"},
	{"zfs", "send", "a@b"},
	{"mbuffer"},
	{"rsync", "-a", "/a", "vault:/b"},
	{"rsync", "--server", "--sender", ".", "/a"},
	{"pg_dump", "-j", "2", "-d", "x"},
	{"/usr/bin/kvm"},
	{"pausetest-demo-source", "source", "--label", "a"},
	{"pausetest-demo-relay", "relay"},
	{"driver"},
	{"dumper0"},
	{"pausetest", "run"},
}

// snapshots draws process tables, among them impossible ones: pids given
// twice, circles of parents, zombies with arguments.
func snapshots() *rapid.Generator[*proctable.Snapshot] {
	return rapid.Custom(func(t *rapid.T) *proctable.Snapshot {
		s := &proctable.Snapshot{TakenTicks: rapid.Uint64().Draw(t, "now"), TicksPerSecond: rapid.SampledFrom([]uint64{0, 100, 1 << 60}).Draw(t, "hz")}
		n := rapid.IntRange(0, 20).Draw(t, "n")
		for range n {
			args := rapid.SampledFrom(vocabulary).Draw(t, "args")
			p := proctable.Process{
				ID:    proctable.ProcID{PID: rapid.IntRange(-1, 24).Draw(t, "pid"), StartTicks: rapid.Uint64Range(0, 1<<40).Draw(t, "start")},
				PPID:  rapid.IntRange(-1, 24).Draw(t, "ppid"),
				State: rapid.SampledFrom([]byte("SSSSTDZ")).Draw(t, "state"),
				Args:  args,
				Comm:  rapid.SampledFrom([]string{"", "tar", "amandad", "sendbackup", "x\x1b) (", "\xff"}).Draw(t, "comm"),
			}
			for i := range rapid.IntRange(0, 4).Draw(t, "fds") {
				p.FDs = append(p.FDs, proctable.FD{
					Number: i, Kind: rapid.SampledFrom([]proctable.FDKind{proctable.File, proctable.Pipe, proctable.Pipe, proctable.Socket}).Draw(t, "kind"),
					Inode: rapid.Uint64Range(0, 6).Draw(t, "inode"), Path: "/log/sendbackup.1.debug",
					Read: rapid.Bool().Draw(t, "r"), Write: rapid.Bool().Draw(t, "w"),
				})
			}
			s.Processes = append(s.Processes, p)
		}
		return s
	})
}

func selections() *rapid.Generator[Selection] {
	return rapid.Custom(func(t *rapid.T) Selection {
		var sel Selection
		switch rapid.IntRange(0, 3).Draw(t, "selection") {
		case 0:
			sel.Match = []*regexp.Regexp{regexp.MustCompile(rapid.SampledFrom([]string{"", "tar", "ssh|tar", "a"}).Draw(t, "match"))}
		case 1:
			sel.PIDs = rapid.SliceOfN(rapid.IntRange(-1, 24), 1, 8).Draw(t, "pids")
		case 2:
			sel.Below = rapid.IntRange(0, 24).Draw(t, "below")
		}
		sel.Protect = rapid.SliceOfN(rapid.IntRange(0, 24), 0, 2).Draw(t, "protect")
		return sel
	})
}

type noise struct{}

func (noise) ReadFD(pid, _, _ int) ([]byte, error) {
	return []byte("start: h:\"d\x1b\" lev " + string(rune('0'+pid%12))), nil
}

func (noise) Mounts(int) ([]proctable.Mount, error) {
	return []proctable.Mount{{Root: "/", Point: "/mnt\x1b", Source: "/dev/sda1"}}, nil
}

// checkHarmless holds what Discover promises about any table.
func checkHarmless(t interface {
	Helper()
	Fatalf(string, ...any)
}, s *proctable.Snapshot, sel Selection, f Found) {
	t.Helper()
	table := newTable(s)
	relays := Builtin().Relays
	protected := map[*process]bool{}
	for _, pid := range sel.Protect {
		if p := table.byPID[pid]; p != nil {
			protected[p] = true
			for a := range p.ancestors() {
				protected[a] = true
			}
		}
	}
	labels, stopped := map[string]bool{}, map[int]int{}
	for i, st := range f.Streams {
		if st.Label == "" || labels[st.Label] {
			t.Fatalf("label %q is empty or given twice", st.Label)
		}
		labels[st.Label] = true
		if (st.Refusal == nil) != (len(st.Targets) > 0) {
			t.Fatalf("%q: refusal %v with targets %v", st.Label, st.Refusal, st.Targets)
		}
		if st.Refusal != nil {
			checkPrintable(t, st.Refusal.Reason, st.Refusal.Hint)
		}
		spared := map[*process]bool{}
		for _, id := range st.Spared {
			for _, p := range table.byPID[id.PID].subtree() {
				spared[p] = true
			}
		}
		for _, id := range st.Targets {
			root := table.byPID[id.PID]
			if root == nil || root.ID != id {
				t.Fatalf("target %v is no living process", id)
			}
			for _, p := range root.subtree() {
				switch other, twice := stopped[p.ID.PID]; {
				case spared[p]:
					continue
				case p.ID.PID <= 1, protected[p], p.is(relays...), p.is("ssh", "kvm", "zfs"):
					t.Fatalf("%q stops pid %d %q", st.Label, p.ID.PID, p.Args)
				case twice && other != i:
					t.Fatalf("pid %d is stopped for two streams", p.ID.PID)
				}
				stopped[p.ID.PID] = i
			}
		}
	}
	for _, ignored := range f.Ignored {
		checkPrintable(t, ignored.Reason)
	}
	checkPrintable(t, f.Warnings...)
}

func checkPrintable(t interface {
	Helper()
	Fatalf(string, ...any)
}, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if printable.Text(text, 0) != text {
			t.Fatalf("%q is not printable", text)
		}
	}
}

func harmlessAndOrderless(t *rapid.T) {
	s, sel := snapshots().Draw(t, "snapshot"), selections().Draw(t, "selection")
	found, err := Discover(s, sel, noise{})
	if err != nil && len(sel.PIDs) == 0 {
		t.Fatalf("only a pid can be missing: %v", err)
	}
	checkHarmless(t, s, sel, found)

	// A pid given twice is settled by the start ticks; where those are equal
	// too, the order decides, and no kernel does that.
	seen := map[proctable.ProcID]bool{}
	for _, p := range s.Processes {
		if seen[p.ID] {
			return
		}
		seen[p.ID] = true
	}
	shuffled := *s
	shuffled.Processes = slices.Clone(s.Processes)
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	r.Shuffle(len(shuffled.Processes), func(i, j int) {
		shuffled.Processes[i], shuffled.Processes[j] = shuffled.Processes[j], shuffled.Processes[i]
	})
	again, _ := Discover(&shuffled, sel, noise{})
	if diff := cmp.Diff(found, again); diff != "" {
		t.Fatalf("the order of the processes matters:\n%s", diff)
	}
}

func TestDiscoverIsHarmless(t *testing.T) { rapid.Check(t, harmlessAndOrderless) }

func FuzzDiscover(f *testing.F) { f.Fuzz(rapid.MakeFuzz(harmlessAndOrderless)) }

func TestFixturesAreHarmless(t *testing.T) {
	for _, f := range fixtures(t) {
		found, err := Discover(f.snapshot, f.selection, f)
		if err != nil {
			continue // TestFixtures has the error
		}
		checkHarmless(t, f.snapshot, f.selection, found)
		reversed := *f.snapshot
		reversed.Processes = slices.Clone(f.snapshot.Processes)
		slices.Reverse(reversed.Processes)
		again, _ := Discover(&reversed, f.selection, f)
		if diff := cmp.Diff(found, again); diff != "" {
			t.Errorf("%s: the order of the processes matters:\n%s", f.name, diff)
		}
	}
}
