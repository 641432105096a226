package recording

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func u64(v uint64) *uint64 { return &v }

func records() []Record {
	return []Record{
		{Header: &Header{
			Format: Format, Tool: "test", Started: time.Date(2026, 11, 22, 3, 15, 0, 0, time.UTC),
			Host: Host{Name: "fs3"}, Argv: []string{"pausetest", "run"}, Seed: 7,
			Interface: Interface{Name: "eth0", Index: 2}, Direction: Transmit, SampleNS: 100e6,
			Plan:    Plan{Design: Sequential, Goal: GoalClass, Confidence: .95, MaxBlocks: 24, UnattributedShare: -1},
			Streams: []Stream{{ID: 1, Label: "fs3:/a <&> \x1b[31m", Source: Process{PID: 10, StartTicks: 99, Name: "tar"}}},
		}},
		{Event: &Event{TNS: 1, Kind: SegmentBegin, Segment: &Segment{Number: 1, Phase: PhaseBaseline, Active: []int{1}}}},
		{Sample: &Sample{TNS: 2, Interface: &InterfaceCounters{RxBytes: 1, TxBytes: 1<<63 + 1}, SocketBytes: u64(0),
			Streams: []StreamCounters{{ID: 1, IOBytes: u64(5)}}}},
		{Vitals: &Vitals{TNS: 3, LooksNS: []int64{2, 3},
			Members: []Member{{PID: 10, StartTicks: 99, Name: "tar", Streams: []int{1}, Source: true, Writes: []uint64{4}}},
			Seen:    [][]Activity{{{Kind: Writing, FD: new(1), To: ToPipe, Inode: 4}}},
			Processes: []ProcessVitals{{PID: 10, CPU: &CPUTimes{RunNS: 1, BusiestNS: 1}, IO: &IOBytes{Written: 5},
				VoluntarySwitches: u64(0), MemoryDelays: &MemoryDelays{Threads: 2, SwapInNS: 1, ReclaimNS: 2, ThrashingNS: 3, CompactionNS: 4}, Looks: []int{0, -1}}},
			Sockets: []SocketVitals{{Inode: 6, BusyNS: 7, QueuedBytes: []int64{-1, 0}}},
			Disks:   []DiskVitals{{Device: "8:1", Name: "sda1"}},
			Host:    &HostVitals{CPUBusyNS: 1, IOPressureNS: new(int64(0))}}},
		{Event: &Event{TNS: 3, Kind: RunEnd, Detail: "decided"}},
	}
}

func encode(t testing.TB, recs []Record) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := NewWriter(&buf)
	for _, r := range recs {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	return buf.Bytes()
}

func decode(src []byte) (recs []Record, err error) {
	for rec, err := range NewReader(bytes.NewReader(src)).All() {
		if err != nil {
			return recs, err
		}
		recs = append(recs, rec)
	}
	return recs, nil
}

func TestRoundTrip(t *testing.T) {
	want := records()
	got, err := decode(encode(t, want))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A recording cut at any byte gives every whole line before the cut, and says
// that it was cut unless the cut fell between two lines.
func TestCutAnywhere(t *testing.T) {
	want := records()
	src := encode(t, want)
	for cut := range len(src) {
		got, err := decode(src[:cut])
		whole := bytes.Count(src[:cut], []byte("\n"))
		// The newline alone may be missing: then the last line is whole, too.
		if cut < len(src) && src[cut] == '\n' {
			whole++
		}
		if whole == 0 {
			if !errors.Is(err, ErrNoHeader) {
				t.Fatalf("cut at %d: error %v, want ErrNoHeader", cut, err)
			}
			continue
		}
		if len(got) != whole {
			t.Fatalf("cut at %d: %d records, want %d", cut, len(got), whole)
		}
		if d := cmp.Diff(want[:whole], got); d != "" {
			t.Fatalf("cut at %d: %s", cut, d)
		}
		between := src[cut-1] == '\n' || src[cut] == '\n'
		if _, truncated := errors.AsType[*TruncatedError](err); truncated == between {
			t.Fatalf("cut at %d: error %v", cut, err)
		}
	}
}

func TestReaderErrors(t *testing.T) {
	good := string(encode(t, records()))
	lines := strings.SplitAfter(good, "\n")
	check := func(src, want string, wantRecords int) {
		t.Helper()
		got, err := decode([]byte(src))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		if len(got) != wantRecords {
			t.Errorf("%d records, want %d", len(got), wantRecords)
		}
	}
	check("", "no header", 0)
	check("hello\n", "no header", 0)
	check(lines[1], "no header", 0)
	check(lines[0]+lines[0], "cut off in line 2", 1) // a damaged end
	check(lines[0]+lines[0]+lines[1], "line 2: a second header", 1)
	check(lines[0]+"{}\n"+lines[1], "line 2: a record is one header, event, sample or vitals; this one is 0", 1)
	check(lines[0]+"garbage\n"+lines[1], "line 2: invalid character", 1)
	check(lines[0]+lines[1]+"\x00\x00\x00", "cut off in line 3", 2)
	check(strings.Replace(lines[0], `"format":1`, `"format":99`, 1), "recording format 99", 0)
}

// A program of a later day may add fields; an older one reads on.
func TestUnknownFieldsAreIgnored(t *testing.T) {
	src := strings.ReplaceAll(string(encode(t, records())), `"t_ns"`, `"news":[1],"t_ns"`)
	if got, err := decode([]byte(src)); err != nil || len(got) != len(records()) {
		t.Errorf("%d records, error %v", len(got), err)
	}
}

func TestWriterRefuses(t *testing.T) {
	recs := records()
	w := NewWriter(io.Discard)
	if err := w.Write(recs[1]); err == nil {
		t.Error("an event before the header was accepted")
	}
	w = NewWriter(io.Discard)
	if err := w.Write(recs[0]); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(recs[0]); err == nil {
		t.Error("a second header was accepted")
	}
	if err := w.Write(recs[1]); err == nil {
		t.Error("the writer went on after an error")
	}
}

func TestRoundTripProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		recs := records()[:1]
		for range rapid.IntRange(0, 20).Draw(t, "n") {
			s := &Sample{TNS: rapid.Int64().Draw(t, "t"), LateNS: rapid.Int64().Draw(t, "late")}
			if rapid.Bool().Draw(t, "iface") {
				s.Interface = &InterfaceCounters{RxBytes: rapid.Uint64().Draw(t, "rx"), TxBytes: rapid.Uint64().Draw(t, "tx")}
			}
			if rapid.Bool().Draw(t, "sock") {
				s.SocketBytes = u64(rapid.Uint64().Draw(t, "sock"))
			}
			recs = append(recs, Record{Sample: s})
		}
		var buf bytes.Buffer
		w := NewWriter(&buf)
		for _, r := range recs {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
		got, err := decode(buf.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(recs, got); d != "" {
			t.Fatal(d)
		}
	})
}

func FuzzReader(f *testing.F) {
	f.Add(encode(f, records()))
	f.Add([]byte("{\"header\":{\"format\":1}}\n{\"sample\":null}\n"))
	f.Add([]byte("\n\n{}"))
	f.Fuzz(func(t *testing.T, src []byte) {
		recs, _ := decode(src)
		// What was read can be written, and reads back the same, save that an empty
		// list may be left out.
		again, err := decode(encode(t, recs))
		if len(recs) == 0 {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(recs, again, cmpopts.EquateEmpty()); d != "" {
			t.Fatal(d)
		}
	})
}
