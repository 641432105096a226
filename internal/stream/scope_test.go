package stream

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pausetest/internal/procctl/proctable"
	"pausetest/internal/procctl/proctable/tabletest"
)

// A veiled snapshot shows of a process what a first look does, and the rest once it
// is examined.
type veiled struct {
	shown *proctable.Snapshot
	whole map[int]proctable.Process
}

func veil(s *proctable.Snapshot) veiled {
	shown := *s
	shown.Processes = slices.SortedFunc(slices.Values(s.Processes), func(a, b proctable.Process) int { return a.ID.PID - b.ID.PID })
	v := veiled{&shown, map[int]proctable.Process{}}
	for i := range shown.Processes {
		p := &shown.Processes[i]
		v.whole[p.ID.PID] = *p
		p.NetNS, p.FDs = 0, nil
	}
	return v
}

// examine lets a scope ask until it has all it needs, and counts what it asked for.
func (v veiled) examine(t *testing.T, sc *Scope, sel Selection) (examined int) {
	t.Helper()
	for {
		pids := sc.Unexamined(v.shown, sel)
		if len(pids) == 0 {
			return examined
		}
		for _, pid := range pids {
			p := v.shown.ByPID(pid)
			if p == nil || p.Examined {
				t.Fatalf("pid %d is asked for twice", pid)
			}
			*p = v.whole[pid]
			p.Examined = true
			examined++
		}
	}
}

// TestScopeLosesNothing: what is found in the processes that the scope names is
// what is found in all.
func TestScopeLosesNothing(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		f := readFixture(t, file)
		t.Run(f.name, func(t *testing.T) {
			want, wantErr := Discover(f.snapshot, f.selection, f)
			var sc Scope
			for _, look := range []string{"first", "second"} {
				v := veil(f.snapshot)
				v.examine(t, &sc, f.selection)
				got, err := Discover(v.shown, f.selection, f)
				if (err == nil) != (wantErr == nil) {
					t.Fatalf("%s look: %v, want %v", look, err, wantErr)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s look: %s", look, diff)
				}
			}
		})
	}
}

// bystanders adds a crowd that has nothing to do with the streams.
func bystanders(s *proctable.Snapshot, n int) {
	for i := range n {
		pid := 100000 + i
		s.Processes = append(s.Processes, proctable.Process{
			ID: proctable.ProcID{PID: pid, StartTicks: 5}, PPID: 1, PGID: pid, Session: pid, State: 'S', Comm: "sleep", Threads: 1,
			Args: []string{"sleep", "600"}, FDs: []proctable.FD{},
		})
	}
}

func TestScopeLeavesBystandersAlone(t *testing.T) {
	pipeline := `1 0 1 1 S 0 1 init
	args /sbin/init
	fds 0r:/dev/null
200 1 200 200 S 0 100 sh
	args sh -c backup
	fds 0r:/dev/null 2w:/dev/null
201 200 200 200 S 0 100 tar
	args tar --create --file - /home
	fds 0r:/dev/null 1w:pipe:7
202 200 200 200 S 0 100 ssh
	args ssh host
	fds 0r:pipe:7 3rw:socket:9
`
	stray := strings.ReplaceAll(pipeline, "202 200 200 200", "202 1 202 202") // its ssh is nobody's relative
	severed := strings.ReplaceAll(pipeline, "0r:pipe:7", "0r:/dev/null")
	for _, test := range []struct {
		name, table    string
		first, another int // how many are examined
		streams        int
	}{
		{"relatives", pipeline, 4, 4, 1},
		{"the other end is far away", stray, 4 + 500, 4 + 500, 1},
		{"nobody has the other end", severed, 4 + 500, 4, 0},
		{"nothing to be found", "1 0 1 1 S 0 1 init\n\targs /sbin/init\n", 0, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			whole := tabletest.Parse(t, test.table)
			bystanders(whole, 500)
			var sc Scope
			v := veil(whole)
			if n := v.examine(t, &sc, Selection{}); n != test.first {
				t.Errorf("examined %d at first, want %d", n, test.first)
			}
			found, err := Discover(v.shown, Selection{}, nil)
			if err != nil || len(found.Streams) != test.streams {
				t.Errorf("%d streams, %v", len(found.Streams), err)
			}
			again := veil(whole)
			if n := again.examine(t, &sc, Selection{}); n != test.another {
				t.Errorf("examined %d at the next look, want %d", n, test.another)
			}
		})
	}
}

// TestScopeKnowsExecutables: a link gives a program another name, and a long one is cut
// by the kernel.
func TestScopeKnowsExecutables(t *testing.T) {
	const rules = "rules:\n  - name: mine\n    programs: [my-own-backup-program]\n    feeds: [ssh]\n"
	mine, err := ParseRules("mine.yaml", []byte(rules))
	if err != nil {
		t.Fatal(err)
	}
	for _, comm := range []string{"nightly", "my-own-backup-p"} {
		whole := tabletest.Parse(t, "300 1 300 300 S 0 100 "+comm+`
	args "backing up /home"
	exe /opt/my-own-backup-program
	fds 1w:pipe:7
301 1 300 300 S 0 100 ssh
	args ssh host
	fds 0r:pipe:7 3rw:socket:9
`)
		v := veil(whole)
		sel := Selection{Rules: mine.Merge(&Rules{Transports: []string{"ssh"}})}
		v.examine(t, &Scope{}, sel)
		if found, err := Discover(v.shown, sel, nil); err != nil || len(found.Streams) != 1 {
			t.Errorf("%s: %+v, %v", comm, found, err)
		}
	}
}

// TestScopeFindsWhoReadsUs, from standard error alone and in another session.
func TestScopeFindsWhoReadsUs(t *testing.T) {
	v := veil(tabletest.Parse(t, `1 0 1 1 S 0 1 init
	args /sbin/init
	fds 0r:/dev/null
40 1 40 40 S 0 100 pausetest
	args pausetest run
	fds 0r:/dev/null 2w:pipe:7
50 1 50 50 S 0 100 logger
	args logger
	fds 0r:pipe:7
`))
	v.examine(t, &Scope{}, Selection{Protect: []int{40}})
	if !v.shown.ByPID(50).Examined {
		t.Error("the reader of our standard error was not examined")
	}
}
