package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os/exec"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
)

// media are all ways to write a study.
var media = map[string]func(io.Writer, *analysis.Study) error{
	"text": Text, "markdown": Markdown, "html": HTML, "json": JSON,
	"samples": SamplesCSV, "segments": SegmentsCSV, "benchmark": Benchmark,
}

func written(t testing.TB, write func(io.Writer, *analysis.Study) error, s *analysis.Study) string {
	t.Helper()
	var b strings.Builder
	if err := write(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// withoutFigures is the page without its pictures, which take long to draw.
func withoutFigures(t testing.TB, s *analysis.Study) string {
	t.Helper()
	sh := sheetOf(s)
	for i := range sh.Sections {
		sh.Sections[i].Figures = nil
	}
	var b strings.Builder
	if err := sh.html(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestVerdicts makes sure that the hosts of these tests cover the verdicts.
func TestVerdicts(t *testing.T) {
	got := map[string]string{}
	for name, h := range hosts() {
		got[name] = string(h.study(t).Result.Verdict)
	}
	want := map[string]string{
		"collapse-3": "collapse", "saturated-2": "saturated", "scaling-8": "scaling", "no-collapse-16": "no-collapse",
		"inconclusive-3": "inconclusive", "interrupted-3": "collapse", "simulated-3": "scaling", "pairs-6": "scaling", "moves-4": "collapse", "hostile-3": "collapse",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestVitalsChangeNoVerdict judges a recording with vitals and the same one without:
// they say where the limit is, and nothing else.
func TestVitalsChangeNoVerdict(t *testing.T) {
	for _, name := range []string{"collapse-3", "moves-4"} {
		h := hosts()[name]
		with := h.study(t).Result
		h.program = ""
		without := h.study(t).Result
		if with.Limiter == nil || without.Limiter != nil {
			t.Errorf("%s: limits %v and %v", name, with.Limiter, without.Limiter)
		}
		with.Limiter = nil
		if diff := cmp.Diff(without, with); diff != "" {
			t.Errorf("%s (-without +with):\n%s", name, diff)
		}
	}
}

func TestSameStudySameBytes(t *testing.T) {
	for _, name := range []string{"collapse-3", "moves-4"} {
		for medium, write := range media {
			if a, b := written(t, write, hosts()[name].study(t)), written(t, write, hosts()[name].study(t)); a != b {
				t.Errorf("%s of %s differs from one time to the next", medium, name)
			}
		}
	}
}

func TestEveryReportSaysWhatCounts(t *testing.T) {
	for name, h := range hosts() {
		s := h.study(t)
		r := &s.Result
		written := func(medium string) string {
			if medium == "html" {
				return withoutFigures(t, s)
			}
			return written(t, media[medium], s)
		}
		for _, medium := range []string{"text", "markdown", "html"} {
			out := written(medium)
			wanted := []string{string(r.Verdict), "stream-seconds", "resumed", "afterwards", strconv.FormatUint(r.Seed, 10), "pausetest run --label site=east"}
			if r.Limiter == nil {
				wanted = append(wanted, "what the processes did was not recorded")
			} else {
				wanted = append(wanted, "a single blocking writer", "another of its sockets had room")
			}
			if r.CutShort {
				wanted = append(wanted, "did not reach its own end")
			}
			if r.Simulated {
				wanted = append(wanted, "no real backup was touched")
			}
			if medium == "html" {
				wanted = append(wanted, "zfs send aborts when it is stopped", "SIGSTOP", "effective", "shared, never paused")
			}
			for _, want := range wanted {
				if want == "effective" && r.EffectiveSamples == 0 {
					continue
				}
				if !strings.Contains(strings.ToLower(out), strings.ToLower(want)) {
					t.Errorf("the %s of %s doesn't say %q", medium, name, want)
				}
			}
		}
		if text := written("text"); !strings.HasPrefix(text, string(r.Verdict)+": "+clean(r.Sentence)+"\n") {
			t.Errorf("the text of %s begins %.80q", name, text)
		}
	}
}

// TestTextFitsTerminal allows long lines only for what is there to be copied.
func TestTextFitsTerminal(t *testing.T) {
	for _, name := range []string{"collapse-3", "scaling-8", "no-collapse-16", "moves-4", "inconclusive-3"} {
		for i, line := range strings.Split(written(t, Text, hosts()[name].study(t)), "\n") {
			if n := utf8.RuneCountInString(line); n > terminalWidth && i > 0 && !strings.HasPrefix(line, "  /") {
				t.Errorf("%s, line %d is %d wide: %s", name, i+1, n, line)
			}
		}
	}
}

// TestHostileNames checks that what comes from outside can't act, anywhere.
func TestHostileNames(t *testing.T) {
	s := hosts()["hostile-3"].study(t)
	for medium, write := range media {
		out := written(t, write, s)
		for i, r := range out {
			// JSON escapes what it must; a browser or a terminal may read the rest.
			if r != '\n' && !unicode.IsPrint(r) && (medium != "json" || unicode.IsControl(r)) {
				t.Errorf("%s holds %q at %d: %q", medium, r, i, out[max(0, i-30):min(len(out), i+30)])
				break
			}
		}
		if medium != "json" && !utf8.ValidString(out) {
			t.Errorf("%s is not UTF-8", medium)
		}
	}
	for _, medium := range []string{"html", "markdown"} {
		out := written(t, media[medium], s)
		for _, bad := range []string{"<script", "<img src=x", "eth0<b>", "a<b>", "</title><img"} {
			if strings.Contains(out, bad) {
				t.Errorf("%s holds %s", medium, bad)
			}
		}
	}
	// Every row of every table still has the cells of its head.
	cells := 0
	for line := range strings.Lines(written(t, Markdown, s)) {
		if !strings.HasPrefix(line, "|") {
			cells = 0
			continue
		}
		n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if cells != 0 && n != cells {
			t.Errorf("a row with %d cells in a table of %d: %s", n, cells, line)
		}
		cells = n
	}
}

func TestExceededLimits(t *testing.T) {
	s := hosts()["collapse-3"].study(t)
	s.Result.LongestPauseSec = 31
	s.Result.Streams[1].Resumed = false
	out := written(t, Text, s)
	for _, want := range []string{"31.0 s of 30.0 s allowed (EXCEEDED)", "NOT RECORDED for fs3:/export/home2 level 0"} {
		if !strings.Contains(out, want) {
			t.Errorf("not said: %s in\n%s", want, out)
		}
	}
}

func TestAfterwards(t *testing.T) {
	s := hosts()["moves-4"].study(t)
	after := afterwards(s)
	if len(after) != 5 {
		t.Fatalf("%d streams", len(after))
	}
	for i, q := range after {
		// The first stream ended during its last pause or right after it.
		if !q.paused || q.owed || q.ended != (i == 0) || q.ended == (q.movedBytes > 0) {
			t.Errorf("stream %d: %+v", i+1, q)
		}
	}
	s.MovedSincePause = nil
	if got := afterwardsText(afterwards(s)); got != "of 5 paused streams, 1 ended; 4 could not be followed" {
		t.Errorf("without counters: %s", got)
	}
}

func TestUnits(t *testing.T) {
	check := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	check(Rate(0), "0 B/s")
	check(Rate(999), "999 B/s")
	check(Rate(999.6), "1.00 kB/s")
	check(Rate(11.36e6), "11.4 MB/s")
	check(Rate(999.6e6), "1.00 GB/s")
	check(Bytes(2e15), "2000 TB")
	check(rateRange(25.6e6, 26.6e6), "25.6 to 26.6 MB/s")
	check(rateRange(990e3, 1.1e6), "990 kB/s to 1.10 MB/s")
	check(rateRange(0, 500), "0 to 500 B/s")
	check(Seconds(0), "0.00 s")
	check(Seconds(99.96), "1 min 40 s")
	check(Seconds(120), "2 min")
	check(Seconds(3*3600+65), "3 h 1 min")
	check(Seconds(math.NaN()), "unknown")
	check(ratioText(0.031), "0.031")
	check(ratioText(0.314), "0.31")
	check(linkText(400e6), "400 Mbit/s")
	check(linkText(2.5e9), "2.5 Gbit/s")
	check(elide("abcdefghij", 5), "ab…ij")
	check(elide("abcdefghij", 10), "abcdefghij")
	check(sentenceCase("x y"), "X y")
	check(benchmarkKey("Site: A"), "site--a")
	check(csvText("=1+2"), "'=1+2")
	check(codeFence("a```b"), "````")
}

// TestShellQuoting lets a shell read the words back.
func TestShellQuoting(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash in PATH")
	}
	check := func(argv []string) error {
		out, err := exec.Command(bash, "-c", `printf '%s\0' `+shellLine(argv)).Output()
		if err != nil {
			return err
		}
		if got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"); !cmp.Equal(got, argv) {
			return fmt.Errorf("%q became %q by %s", argv, got, shellLine(argv))
		}
		return nil
	}
	if err := check([]string{"pausetest", "", "it's", "a b", "$(x)", "\x1b[31m\xff\n", "a=b", "=x", "~", "#", "!1", "ü", "\x1b1"}); err != nil {
		t.Error(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.Map(rapid.SliceOfN(rapid.ByteRange(1, 255), 0, 12), func(b []byte) string { return string(b) })
		argv := rapid.SliceOfN(word, 1, 30).Draw(t, "argv")
		if err := check(argv); err != nil {
			t.Fatal(err)
		}
		if line := shellLine(argv); clean(line) != line {
			t.Fatalf("%q is not printable", line)
		}
	})
}

func TestCSV(t *testing.T) {
	s := hosts()["moves-4"].study(t)
	read := func(write func(io.Writer, *analysis.Study) error) []map[string]string {
		rows, err := csv.NewReader(strings.NewReader(written(t, write, s))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		var out []map[string]string
		for _, row := range rows[1:] {
			m := map[string]string{}
			for i, v := range row {
				m[rows[0][i]] = v
			}
			out = append(out, m)
		}
		return out
	}
	samples := read(SamplesCSV)
	if len(samples) != s.Result.RecordedSamples {
		t.Fatalf("%d lines for %d samples", len(samples), s.Result.RecordedSamples)
	}
	last := samples[len(samples)-1]
	var want *recording.Sample
	for want = range s.Samples {
	}
	if last["t_ns"] != fmt.Sprint(want.TNS) || last["sockets_bytes"] != fmt.Sprint(*want.SocketBytes) || last["stream_1_io_bytes"] != "" || last["stream_5_io_bytes"] == "" {
		t.Errorf("the last sample is %v", last)
	}
	segments := read(SegmentsCSV)
	if len(segments) != len(s.Segments) {
		t.Fatalf("%d lines for %d segments", len(segments), len(s.Segments))
	}
	for i, line := range segments {
		seg := &s.Segments[i]
		if line["used"] != fmt.Sprint(seg.Used) || line["active_count"] != fmt.Sprint(len(seg.Active)) || line["why_not"] != seg.Cut {
			t.Fatalf("segment %+v became %v", seg, line)
		}
		rate, err := strconv.ParseFloat(line["sockets_bytes_per_second"], 64)
		if err != nil || math.Abs(rate-seg.Rates[analysis.Sockets]) > 1e-6*rate {
			t.Fatalf("segment %d: %q for %g", seg.Number, line["sockets_bytes_per_second"], seg.Rates[analysis.Sockets])
		}
	}
}

// TestBenchstat lets benchstat read the export.
func TestBenchstat(t *testing.T) {
	path := t.TempDir() + "/run.txt"
	for _, name := range []string{"collapse-3", "hostile-3"} {
		s := hosts()[name].study(t)
		writeFile(t, path, written(t, Benchmark, s))
		out, err := exec.Command("go", "tool", "benchstat", "-col", "/active", path).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, want := range []string{"iface: " + clean(s.Result.Interface.Name), "verdict: collapse", "B/s", "vs base", "p=0.0"} {
			if !strings.Contains(string(out), want) {
				t.Errorf("benchstat doesn't say %q:\n%s", want, out)
			}
		}
		for _, bad := range []string{"missing", "parse", "syntax"} {
			if strings.Contains(string(out), bad) {
				t.Errorf("benchstat complains:\n%s", out)
			}
		}
	}
}

func TestRedact(t *testing.T) {
	h := hosts()["collapse-3"]
	h.label = "payroll.example.org:/srv/data/customer%d level 0"
	h.moves, h.program = true, "payroll-dump"
	secrets := []string{"payroll", "example", "192.0.2", "customer", "srv", "fs3", "5e2a3c1e", "bsdtcp", `"4711"`, "tank", "directory"}
	redact := func(key string) []recording.Record {
		r := NewRedactor([]byte(key))
		var out []recording.Record
		for rec := range h.records() {
			if rec.Event != nil && rec.Event.Kind == recording.Decided {
				rec.Event.Detail = "pausing tar (pid 4121): payroll.example.org said no to /srv/data/customer2 at 10.1.2.3, after 3.5 s"
			}
			out = append(out, r.Record(rec))
		}
		return out
	}
	redacted := redact("k")
	var lines bytes.Buffer
	w := recording.NewWriter(&lines)
	for _, rec := range redacted {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	for _, secret := range secrets {
		if i := bytes.Index(lines.Bytes(), []byte(secret)); i >= 0 {
			t.Errorf("%s is still there: %s", secret, lines.Bytes()[max(0, i-80):min(lines.Len(), i+80)])
		}
	}
	s, err := analysis.Analyze(recording.NewFile(bytes.NewReader(lines.Bytes()), int64(lines.Len())))
	if err != nil {
		t.Fatal(err)
	}
	// The labels keep their shape, and what they share.
	a, b := s.Streams[0].Label, s.Streams[1].Label
	if pa, pb := strings.Split(a, "/"), strings.Split(b, "/"); len(pa) != 4 || !cmp.Equal(pa[:3], pb[:3]) || pa[3] == pb[3] || !strings.HasSuffix(a, " level 0") {
		t.Errorf("labels became %q and %q", a, b)
	}
	for _, e := range s.Events {
		if e.Kind == recording.Decided {
			want := "pausing tar (pid 4121): " + strings.Split(a, ":")[0] + " said no to /"
			if !strings.HasPrefix(e.Detail, "pausing tar (pid 4121): ") || !strings.HasSuffix(e.Detail, ", after 3.5 s") || strings.Contains(e.Detail, "10.1") {
				t.Errorf("a sentence became %q, want %q", e.Detail, want)
			}
			if !strings.Contains(e.Detail, strings.Split(a, ":")[0]) || !strings.Contains(e.Detail, strings.Split(strings.Split(b, "/")[3], " ")[0]) {
				t.Errorf("the names in %q are not those of %q", e.Detail, b)
			}
		}
	}
	if f := s.Result.Flow; len(f.Sentences) < 3 || f.Sentences[0] != "amandad[801] carries 3 of 3 streams" {
		t.Errorf("the flow says %q", f.Sentences)
	}
	// Numbers stay.
	plain := h.study(t).Result
	if s.Result.Ratio != plain.Ratio || s.Result.Interval != plain.Interval || !cmp.Equal(s.Result.Levels, plain.Levels) || s.Result.Seed != plain.Seed {
		t.Errorf("the redacted recording says %v, the plain one %v", s.Result.Interval, plain.Interval)
	}
	if again := redact("k"); !cmp.Equal(again, redacted) {
		t.Error("the same key gave other pseudonyms")
	}
	if other := redact("other"); other[0].Header.Streams[0].Label == a {
		t.Error("another key gave the same pseudonyms")
	}
	// The original is untouched, and our own messages survive.
	if got := NewRedactor([]byte("k")).sentence("the question is decided: collapse"); got != "the question is decided: collapse" {
		t.Errorf("our own message became %q", got)
	}
}

// TestRedactLeavesNoName feeds names that nobody foresaw through every field.
func TestRedactLeavesNoName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z]{3}[xqz]{3}[0-9]?[a-zA-Z_.-]{0,5}[a-z]`).Draw(t, "name")
		around := rapid.SampledFrom([]string{"%s", "/%s/x", "tar: %s: no", `"%s"`, "a=%s", "--%s", "é%s", "%s.", "user@%s:22"}).Draw(t, "around")
		text := fmt.Sprintf(around, name)
		r := NewRedactor([]byte("key"))
		p := recording.Process{Name: text, Command: text + " " + text}
		st := recording.Stream{Label: text, Source: p, Targets: []recording.Process{p}, Processes: []recording.Process{p}}
		records := []recording.Record{
			{Header: &recording.Header{
				Format: 1, Host: recording.Host{Name: text, BootID: text}, Argv: []string{text, text}, Note: text, Labels: map[string]string{text: text},
				Interface: recording.Interface{Name: text}, Plan: recording.Plan{Schedule: text}, Streams: []recording.Stream{st},
				Shared: []recording.SharedProcess{{Process: p}}, Refused: []recording.Refusal{{Label: text, Reason: text, Hint: text}}, Warnings: []string{text},
			}},
			{Event: &recording.Event{Appeared: &st, Detail: text, Flow: &recording.Flow{
				Streams: []recording.FlowStream{{Label: text}}, Unread: []string{text},
				Nodes: []recording.FlowNode{
					{Kind: recording.FlowProcess, Name: text}, {Kind: recording.FlowInterface, Name: text}, {Kind: recording.FlowDisk, Name: text}, {Kind: recording.FlowKind(text)},
				},
				Edges: []recording.FlowEdge{{Via: recording.FlowVia(text), Name: text, Detail: text}},
			}}},
			{Vitals: &recording.Vitals{Fault: text, Members: []recording.Member{{Name: text}}, Disks: []recording.DiskVitals{{Name: text}},
				Seen: [][]recording.Activity{{{Kind: recording.OnDisk, WaitChannel: text}}}}},
		}
		for _, rec := range records {
			var b bytes.Buffer
			if _, err := fmt.Fprintf(&b, "%+v %+v", printed(r.Record(rec)), text == ""); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(b.String(), name) {
				t.Fatalf("%q is still in %s", name, b.String())
			}
		}
	})
}

func printed(rec recording.Record) string {
	var b bytes.Buffer
	w := recording.NewWriter(&b)
	if rec.Header == nil {
		if err := w.Write(recording.Record{Header: &recording.Header{}}); err != nil {
			return err.Error()
		}
	}
	if err := w.Write(rec); err != nil {
		return err.Error()
	}
	return b.String()
}

// TestAnyLabel puts any string there is where a label is.
func TestAnyLabel(t *testing.T) {
	s := hosts()["collapse-3"].study(t)
	plain := strings.Count(withoutFigures(t, s), "<")
	rows := strings.Count(written(t, Markdown, s), "\n")
	rapid.Check(t, func(rt *rapid.T) {
		label := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.SampledFrom([]string{"<b>", "|", "\\", "`", "```", "{{.}}", "&lt;", "\n", "](x)", "'", "\"", "\xfe"})),
			func(parts []string) string { return strings.Join(parts, "") })).Draw(rt, "label")
		for i := range s.Streams {
			s.Streams[i].Label, s.Result.Streams[i].Label = label, label
		}
		s.Result.Note = label + "x"
		if got := strings.Count(withoutFigures(t, s), "<"); got != plain {
			rt.Fatalf("%d tags instead of %d", got, plain)
		}
		if got := strings.Count(written(t, Markdown, s), "\n"); got != rows {
			rt.Fatalf("%d lines of Markdown instead of %d", got, rows)
		}
		for line := range strings.Lines(written(t, Text, s)) {
			if line = strings.TrimSuffix(line, "\n"); clean(line) != line {
				rt.Fatalf("unprintable: %q", line)
			}
		}
	})
}

func TestVocabulary(t *testing.T) {
	words := strings.Fields(vocabularyText)
	if !slices.IsSorted(words) || len(slices.Compact(slices.Clone(words))) != len(words) {
		t.Error("vocabulary.txt is not sorted, or holds a word twice")
	}
	for _, w := range words {
		if strings.ToLower(w) != w || strings.Trim(w, "abcdefghijklmnopqrstuvwxyz'") != "" {
			t.Errorf("vocabulary.txt holds %q", w)
		}
	}
}

// TestAlmostNothing writes recordings that were cut off after each of their
// first records.
func TestAlmostNothing(t *testing.T) {
	h := hosts()["collapse-3"]
	for n := 1; n < 140; n = n*3/2 + 1 {
		records := func(yield func(recording.Record, error) bool) {
			left := n
			for r := range h.records() {
				if left--; left < 0 || !yield(r, nil) {
					return
				}
			}
		}
		s, err := analysis.Analyze(recording.Sequence(records))
		if err != nil {
			t.Fatal(err)
		}
		for medium, write := range media {
			if medium == "html" {
				withoutFigures(t, s)
			} else if written(t, write, s) == "" {
				t.Errorf("%d records: %s is empty", n, medium)
			}
		}
		if n == 1 {
			written(t, HTML, s)
			if _, err := Compare([]Condition{{"A", []*analysis.Study{s}}, {"B", []*analysis.Study{s}}}, true); err == nil {
				t.Error("runs without a ratio were compared")
			}
		}
	}
}

// TestRedactKnowsEveryField puts a name into every string of a recording, also
// into fields that are added later, and lists where it may stay.
func TestRedactKnowsEveryField(t *testing.T) {
	const name = "xyzzyplugh"
	var header recording.Header
	var event recording.Event
	var vitals recording.Vitals
	for _, v := range []reflect.Value{reflect.ValueOf(&header).Elem(), reflect.ValueOf(&event).Elem(), reflect.ValueOf(&vitals).Elem()} {
		fillStrings(v, name)
	}
	r := NewRedactor([]byte("key"))
	var got []string
	for _, rec := range []recording.Record{{Header: &header}, {Event: &event}, {Vitals: &vitals}} {
		text, err := json.Marshal(r.Record(rec))
		if err != nil {
			t.Fatal(err)
		}
		var tree any
		if err := json.Unmarshal(text, &tree); err != nil {
			t.Fatal(err)
		}
		whereIs(tree, name, "", &got)
	}
	slices.Sort(got)
	want := []string{
		"event.kind", "event.segment.phase", "header.direction", "header.host.kernel", "header.host.os",
		"header.interface.chosen_by", "header.plan.design", "header.plan.goal", "header.tool",
		"vitals.disks[].device", "vitals.seen[][].device", "vitals.seen[][].kind", "vitals.seen[][].to",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("strings that may stay (-) and that stayed (+):\n%s", diff)
	}
	if header.Host.Name != name || event.Appeared.Targets[0].Command != name || header.Labels[name] != name ||
		vitals.Members[0].Name != name || vitals.Seen[0][0].WaitChannel != name || vitals.Disks[0].Name != name {
		t.Error("the original was changed")
	}
}

func fillStrings(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillStrings(v.Elem(), s)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillStrings(v.Index(0), s)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf(s), reflect.ValueOf(s))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fillStrings(v.Field(i), s)
			}
		}
	}
}

// whereIs lists the paths at which a string occurs, as a key or as a value.
func whereIs(node any, s, path string, found *[]string) {
	switch n := node.(type) {
	case string:
		if strings.Contains(n, s) {
			*found = append(*found, strings.TrimPrefix(path, "."))
		}
	case []any:
		for _, item := range n {
			whereIs(item, s, path+"[]", found)
		}
	case map[string]any:
		for k, item := range n {
			whereIs(item, s, path+"."+k, found)
		}
	}
}
