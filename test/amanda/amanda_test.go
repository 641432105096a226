// Package amanda_test runs pausetest on a real Amanda: client and server as
// Debian ships them, on two hosts made of namespaces with a cable between them
// (lab.sh). Four such pairs of hosts, and the right answer for each.
package amanda_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	// linkRate is low so that little data lasts long and the machine, which
	// plays both hosts at once, is never what limits.
	linkRate = "100mbit"
	// entryMB is the size of an entry: three of them keep the link busy for
	// three minutes. A run takes about one, and half of one for the levels
	// between.
	entryMB = 700
	// pauseLimit is pausetest's own default for one pause.
	pauseLimit = 10 * time.Second
	// The limits in time are for a machine that does much else besides.
	pairLimit  = 8 * time.Minute
	startLimit = 90 * time.Second
)

// labels are the streams that pausetest has to find, sorted.
var labels = []string{
	"fileserver:/mnt/home level 0",
	"fileserver:/mnt/mail level 0",
	"fileserver:/mnt/projects level 0",
}

// A pair is a fileserver and its backup host.
type pair struct {
	name    string
	auth    string // bsd: one amandad for all dumps; bsdtcp: one for each
	loop    string // as shipped, or one older copying loop for all that flows through an amandad
	stalls  bool   // the receivers stall, independently of each other
	verdict string
}

var pairs = []pair{
	{name: "bsd", auth: "bsd", loop: "shipped", verdict: "saturated"},
	{name: "bsdtcp", auth: "bsdtcp", loop: "shipped", verdict: "saturated"},
	{name: "bsd-older-stalling", auth: "bsd", loop: "older", stalls: true, verdict: "collapse"},
	{name: "bsdtcp-older-stalling", auth: "bsdtcp", loop: "older", stalls: true, verdict: "scaling"},
}

// runArgs are the arguments of the run on every pair. Amanda's dumps may be
// paused from the age of two minutes on, unless one says otherwise; these are
// known to have started well.
func runArgs(out string) []string {
	return []string{"run", "--out", out, "--min-age", "0s", "--quiet"}
}

func TestFourHosts(t *testing.T) {
	requireAmanda(t)
	ctx := untilDeadline(t)
	l := newLab(ctx, t, entryMB)
	program := filepath.Join(l.folder, "pausetest")
	succeed(t, exec.CommandContext(ctx, "go", "build", "-o", program, "../../cmd/pausetest"))
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeoutCause(ctx, pairLimit, fmt.Errorf("not done in %v", pairLimit))
			defer cancel()
			p.test(ctx, t, l, program)
		})
	}
}

// untilDeadline is a context that leaves time to clean up before the test
// binary's own time limit, and ends on Ctrl-C.
func untilDeadline(t *testing.T) context.Context {
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	t.Cleanup(stop)
	if deadline, ok := t.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-time.Minute))
		t.Cleanup(cancel)
	}
	return ctx
}

func (p pair) test(ctx context.Context, t *testing.T, l *lab, program string) {
	begun := time.Now()
	l.up(ctx, t, p.auth, p.loop)
	l.must(ctx, t, "rate", linkRate)
	dump := l.dump(ctx, t)
	p.checkStreams(t, waitForStreams(ctx, t, l, program))

	endStalls := func() {}
	if p.stalls {
		endStalls = stallReceivers(ctx, t, l, 1)
	}
	started := time.Now()
	out := filepath.Join(l.folder, "run-"+p.name)
	text := succeed(t, l.on(ctx, fileserver, append([]string{program}, runArgs(out)...)...))
	ran := time.Since(started)
	endStalls()
	checkNothingStopped(t, l)
	if keep := os.Getenv("PAUSETEST_AMANDA_KEEP"); keep != "" {
		copyFolder(t, filepath.Join(keep, p.name), out)
	}
	t.Log("\n" + text)
	p.checkResult(t, out)

	l.must(ctx, t, "rate", "none")
	dump.wait(t)
	t.Log("\n" + l.must(ctx, t, "verify"))
	t.Logf("%s: %.0f s, of which the run %.0f s", p.name, time.Since(begun).Seconds(), ran.Seconds())
}

// A streamList is what is needed of the output of pausetest streams --json.
type streamList struct {
	Streams []struct {
		Label    string
		Pausable bool
		Shared   *struct{ Name string } `json:"shared_process"`
	}
}

// waitForStreams waits until pausetest finds three streams that it may pause.
func waitForStreams(ctx context.Context, t *testing.T, l *lab, program string) streamList {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("no three streams in %v", startLimit))
	defer cancel()
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	var answered []byte // the last whole answer
	for {
		look := l.on(ctx, fileserver, program, "streams", "--json", "--min-age", "0s", "--window", "100ms")
		output, err := look.Output()
		var list streamList
		if err == nil {
			answered = output
			err = json.Unmarshal(output, &list)
		}
		ready := 0
		for _, s := range list.Streams {
			if s.Pausable {
				ready++
			}
		}
		if err == nil && ready == 3 {
			return list
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				err = fmt.Errorf("%w\n%s", err, exit.Stderr)
			}
			t.Fatalf("%v (last: %v)\n%s\nprocesses:\n%s", context.Cause(ctx), err, answered, processes())
		}
	}
}

// processes are those of this machine, for a message.
func processes() []byte {
	list, _ := exec.Command("ps", "-eo", "pid,ppid,stat,etimes,args", "--forest").Output()
	return list
}

// checkStreams checks what pausetest streams says of this pair.
func (p pair) checkStreams(t *testing.T, list streamList) {
	t.Helper()
	var found []string
	for _, s := range list.Streams {
		found = append(found, s.Label)
		switch {
		case p.auth == "bsd" && (s.Shared == nil || s.Shared.Name != "amandad"):
			t.Errorf("streams: the shared process of %q is %+v, not amandad", s.Label, s.Shared)
		case p.auth == "bsdtcp" && s.Shared != nil:
			t.Errorf("streams: %q shares %+v, and under bsdtcp nothing is shared", s.Label, s.Shared)
		}
	}
	slices.Sort(found)
	if diff := cmp.Diff(labels, found); diff != "" {
		t.Errorf("streams (-want +got):\n%s", diff)
	}
}

// A result is what is needed of result.json.
type result struct {
	Verdict  string
	Ratio    float64
	Interval struct{ Low, High float64 }
	Blocks   int
	Wall     float64                `json:"wall_seconds"`
	Paused   float64                `json:"paused_stream_seconds"`
	Longest  float64                `json:"longest_pause_seconds"`
	Shared   *struct{ Name string } `json:"shared_process"`
	Decided  string                 `json:"decided_by"`
	Streams  []struct {
		Label   string
		PID     int
		Pauses  int
		Resumed bool
	}
	Levels []struct {
		Active   int
		Rate     float64 `json:"bytes_per_second"`
		Segments int
	}
	Warnings []string
	Limiter  *struct {
		Statement, Kind string
		Process         *struct{ Name string }
	}
}

// checkResult checks what the run left in its folder.
func (p pair) checkResult(t *testing.T, folder string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r result
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	t.Log(p.name + ": " + r.summary())
	if r.Verdict != p.verdict {
		t.Errorf("verdict %q, want %q", r.Verdict, p.verdict)
	}
	p.checkResultStreams(t, r)
	p.checkLimit(t, r)
	var levels []int
	for _, level := range r.Levels {
		levels = append(levels, level.Active)
		if level.Segments == 0 || level.Rate <= 0 {
			t.Errorf("level %d was measured in %d segments at %.0f B/s", level.Active, level.Segments, level.Rate)
		}
	}
	if diff := cmp.Diff([]int{1, 2, 3}, levels); diff != "" {
		t.Errorf("levels (-want +got):\n%s", diff)
	}
	if r.Blocks < 4 {
		t.Errorf("%d blocks, and no verdict needs fewer than 4", r.Blocks)
	}
	if r.Paused <= 0 || r.Longest <= 0 || r.Longest > pauseLimit.Seconds() {
		t.Errorf("%.1f stream-seconds withheld, longest pause %.1f s, limit %v", r.Paused, r.Longest, pauseLimit)
	}
	for _, name := range []string{"recording.jsonl", "curve.png", "timeline.png", "report.html"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s is missing or empty (%v)", name, err)
		}
	}
}

func (p pair) checkResultStreams(t *testing.T, r result) {
	t.Helper()
	var found []string
	for _, s := range r.Streams {
		found = append(found, s.Label)
		if s.PID <= 0 || s.Pauses == 0 || !s.Resumed {
			t.Errorf("stream %q, pid %d: %d pauses, resumed: %v", s.Label, s.PID, s.Pauses, s.Resumed)
		}
	}
	slices.Sort(found)
	if diff := cmp.Diff(labels, found); diff != "" {
		t.Errorf("streams of the run (-want +got):\n%s", diff)
	}
	switch {
	case p.auth == "bsd" && (r.Shared == nil || r.Shared.Name != "amandad"):
		t.Errorf("the shared process is %+v, not amandad", r.Shared)
	case p.auth == "bsdtcp" && r.Shared != nil:
		t.Errorf("the shared process is %+v, and under bsdtcp there is none", *r.Shared)
	}
}

// checkLimit checks where the limit is said to be. Only where one loop writes for all
// dumps, and receivers stall, it is amandad's writing.
func (p pair) checkLimit(t *testing.T, r result) {
	t.Helper()
	if r.Limiter == nil {
		t.Error("nothing is said of the limit")
		return
	}
	t.Logf("%s: %s: %s", p.name, r.Limiter.Kind, r.Limiter.Statement)
	blocking := r.Limiter.Kind == "blocking-writer"
	if want := p.verdict == "collapse"; blocking != want {
		t.Errorf("the limit is said to be %q", r.Limiter.Kind)
	}
	if blocking && (r.Limiter.Process == nil || r.Limiter.Process.Name != "amandad") {
		t.Errorf("the limit is said to be %+v, not amandad", r.Limiter.Process)
	}
}

// summary is a result in a few words, for the test's log.
func (r result) summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, R %.2f (%.2f to %.2f), %d blocks, %.0f s, %.0f stream-seconds withheld, longest pause %.1f s, by %s;",
		r.Verdict, r.Ratio, r.Interval.Low, r.Interval.High, r.Blocks, r.Wall, r.Paused, r.Longest, r.Decided)
	for _, level := range r.Levels {
		fmt.Fprintf(&b, " %d: %.1f MB/s (%d)", level.Active, level.Rate/1e6, level.Segments)
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(&b, "\n  warning: %s", warning)
	}
	return b.String()
}

// checkNothingStopped checks that every process of both hosts runs.
func checkNothingStopped(t *testing.T, l *lab) {
	t.Helper()
	for _, h := range []host{fileserver, backuphost} {
		for _, p := range l.processes(t, h) {
			if p.state == "T" || p.state == "t" {
				t.Errorf("%s: process %d (%s) is stopped", h, p.pid, strings.Join(p.args, " "))
			}
		}
	}
}
