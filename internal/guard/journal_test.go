package guard

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pausetest/internal/procctl"
	"pausetest/internal/procctl/proctable"
)

const testHeader = `{"format":1,"boot_id":"b","pid_namespace":"pid:[1]","controller":{"pid":7,"start_ticks":9},"started":"2026-11-22T03:15:00Z"}` + "\n"

func TestParseJournal(t *testing.T) {
	ids := func(pids ...int) []proctable.ProcID {
		var all []proctable.ProcID
		for _, pid := range pids {
			all = append(all, proctable.ProcID{PID: pid, StartTicks: uint64(pid) * 10})
		}
		return all
	}
	const (
		intend12 = `{"intend":[{"pid":1,"start_ticks":10},{"pid":2,"start_ticks":20}]}` + "\n"
		intend3  = `{"intend":[{"pid":3,"start_ticks":30}]}` + "\n"
		forget2  = `{"forget":[{"pid":2,"start_ticks":20}]}` + "\n"
		reused2  = `{"forget":[{"pid":2,"start_ticks":21}]}` + "\n"
	)
	for _, test := range []struct {
		name, text string
		want       []proctable.ProcID
		notes      []string
	}{
		{"empty file", "", nil, nil},
		{"header cut off", testHeader[:40], nil, []string{"journal line 1 is cut off"}},
		{"header only", testHeader, nil, nil},
		{"intents in order", testHeader + intend12 + intend3, ids(1, 2, 3), nil},
		{"forgotten", testHeader + intend12 + intend3 + forget2, ids(1, 3), nil},
		{"intended again", testHeader + intend12 + forget2 + intend3 + intend12, ids(1, 3, 2), nil},
		{"another process of the same pid", testHeader + intend12 + reused2, ids(1, 2), nil},
		{"last line cut off", testHeader + intend12 + intend3[:20], ids(1, 2), []string{"journal line 3 is cut off"}},
		{"damaged line", testHeader + "\x00\xff{\n" + intend3, ids(3), []string{"journal line 2 is damaged"}},
		{"unknown record", testHeader + `{"later":1}` + "\n" + intend3, ids(3), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			j, err := parseJournal(strings.NewReader(test.text))
			if err != nil {
				t.Fatal(err)
			}
			processes, _ := j.outstanding()
			if diff := cmp.Diff(test.want, processes); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.notes, j.Notes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseJournalRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":         "hello\n",
		"no boot id":      `{"format":1}` + "\n",
		"a record":        `{"intend":[{"pid":1,"start_ticks":10}]}` + "\n",
		"a future format": strings.Replace(testHeader, `"format":1`, `"format":3`, 1),
	} {
		if _, err := parseJournal(strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestJournalCutAnywhere: whatever part of a journal reached the disk, it names
// what its whole lines name.
func TestJournalCutAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(testHeader)
		var model []Subject
		ends := []int{0, len(text)}
		states := [][]Subject{nil, nil}
		for range rapid.IntRange(0, 8).Draw(t, "records") {
			// As in a real one, a record is of one kind.
			draw := rapid.Custom(drawProcess)
			if rapid.Bool().Draw(t, "freezer") {
				draw = rapid.Custom(drawCgroup)
			}
			holds := rapid.SliceOfN(draw, 1, 4).Draw(t, "holds")
			intend := rapid.Bool().Draw(t, "intend")
			record := recordOf(holds, intend)
			if intend {
				for _, h := range holds {
					if !slices.Contains(model, h.Subject) {
						model = append(model, h.Subject)
					}
				}
			} else {
				model = slices.DeleteFunc(slices.Clone(model), func(s Subject) bool { return slices.Contains(holds, hold{Subject: s}) })
			}
			line, err := json.Marshal(record)
			if err != nil {
				t.Fatal(err)
			}
			text = append(append(text, line...), '\n')
			ends, states = append(ends, len(text)), append(states, slices.Clone(model))
		}
		cut := rapid.IntRange(0, len(text)).Draw(t, "cut")
		j, err := parseJournal(bytes.NewReader(text[:cut]))
		if err != nil {
			t.Fatal(err)
		}
		whole, exact := slices.BinarySearch(ends, cut)
		if !exact {
			whole--
		}
		if !slices.Equal(states[whole], j.Outstanding) {
			t.Errorf("cut at %d: outstanding %v, want %v", cut, j.Outstanding, states[whole])
		}
	})
}

func drawProcess(t *rapid.T) hold {
	return hold{Subject: Subject{Process: proctable.ProcID{PID: rapid.IntRange(2, 9).Draw(t, "pid"), StartTicks: rapid.Uint64Range(1, 2).Draw(t, "ticks")}}}
}

func drawCgroup(t *rapid.T) hold {
	return hold{Subject: Subject{Cgroup: procctl.CgroupID{Path: "/" + rapid.String().Draw(t, "path"), Device: 28, Inode: rapid.Uint64Range(1, 2).Draw(t, "inode")}}}
}

// TestJournalOfCgroups reads records of both kinds, and those of format 1.
func TestJournalOfCgroups(t *testing.T) {
	const (
		freeze = `{"freeze":[{"path":"/c","device":28,"inode":1}]}` + "\n"
		thaw   = `{"thaw":[{"path":"/c","device":28,"inode":1}]}` + "\n"
		anew   = `{"thaw":[{"path":"/c","device":28,"inode":2}]}` + "\n"
		intend = `{"intend":[{"pid":3,"start_ticks":30}]}` + "\n"
	)
	cgroup := Subject{Cgroup: procctl.CgroupID{Path: "/c", Device: 28, Inode: 1}}
	process := Subject{Process: proctable.ProcID{PID: 3, StartTicks: 30}}
	later := strings.Replace(testHeader, `"format":1`, `"format":2`, 1)
	for _, test := range []struct {
		name, text string
		want       []Subject
	}{
		{"frozen", later + freeze, []Subject{cgroup}},
		{"thawed", later + freeze + thaw, nil},
		{"another cgroup of the same path", later + freeze + anew, []Subject{cgroup}},
		{"both kinds, in order", later + intend + freeze, []Subject{process, cgroup}},
		{"format 1", testHeader + intend, []Subject{process}},
	} {
		j, err := parseJournal(strings.NewReader(test.text))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, j.Outstanding); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

func journalProcs(ids []proctable.ProcID) []journalProc {
	procs := make([]journalProc, len(ids))
	for i, id := range ids {
		procs[i] = journalProc(id)
	}
	return procs
}

func FuzzParseJournal(f *testing.F) {
	f.Add([]byte(testHeader + `{"intend":[{"pid":1,"start_ticks":10}]}` + "\n" + `{"forget":[{"pid":1}`))
	f.Add([]byte("\n\n"))
	f.Add([]byte(testHeader + `{"intend":[{"pid":-1,"start_ticks":0},{"pid":0}]}` + "\n"))
	f.Add([]byte(testHeader + `{"freeze":[{"path":"/c","device":1,"inode":2},{"path":""}]}` + "\n" + `{"thaw":[{"path":"/c"}]}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		j, err := parseJournal(bytes.NewReader(text))
		if errors.Is(err, errJournalHeader) && len(j.Outstanding) > 0 {
			t.Errorf("no header, yet outstanding %v", j.Outstanding)
		}
		if processes, cgroups := j.outstanding(); len(processes)+len(cgroups) != len(j.Outstanding) {
			t.Error("a subject is of no kind, or of both")
		}
		seen := make(map[Subject]bool)
		for _, id := range j.Outstanding {
			if seen[id] {
				t.Errorf("%v is outstanding twice", id)
			}
			seen[id] = true
		}
	})
}

func TestStopInForce(t *testing.T) {
	for _, test := range []struct {
		name, status string
		want         bool
	}{
		{"sleeping", "Name:\tsleep\nState:\tS (sleeping)\nSigPnd:\t0000000000000000\nShdPnd:\t0000000000000000\n", false},
		{"stopped", "Name:\tsleep\nState:\tT (stopped)\n", true},
		{"held by a tracer", "State:\tt (tracing stop)\n", false},
		{"a stop is pending in uninterruptible sleep", "State:\tD (disk sleep)\nShdPnd:\t0000000000040000\n", true},
		{"a stop is pending for one thread", "State:\tD (disk sleep)\nSigPnd:\t0000000000040000\n", true},
		{"another signal is pending", "State:\tS (sleeping)\nShdPnd:\t0000000000020000\n", false},
		{"stops are blocked, not pending", "State:\tS (sleeping)\nSigBlk:\t0000000000040000\n", false},
		{"hostile name", "Name:\tState:\\nState:\tT\nState:\tS (sleeping)\n", false},
		{"nothing", "", false},
		{"rubbish", "State:\nShdPnd:\tzz\n:\n\n", false},
	} {
		if got := stopInForce([]byte(test.status)); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func FuzzStopInForce(f *testing.F) {
	f.Add([]byte("State:\tD (disk sleep)\nShdPnd:\t0000000000040000\n"))
	f.Fuzz(func(t *testing.T, status []byte) {
		// A line more never takes a stop away.
		if stopInForce(status) && !stopInForce(append([]byte("SigPnd:\t0\n"), status...)) {
			t.Error("a stop was lost")
		}
	})
}
