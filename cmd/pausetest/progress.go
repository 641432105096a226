package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"pausetest/internal/printable"
	"pausetest/internal/recording"
	"pausetest/internal/report"
)

// A progress shows how a run goes on, from the very records it writes: what
// happens in lines of its own, and on a terminal below them one line that is
// redrawn with every sample.
//
// It writes from a goroutine of its own and drops what it can't write in time:
// a terminal that is held (Ctrl-S, a hung ssh) must not hold up the run while
// streams are paused.
type progress struct {
	screen   screen
	lines    chan string // that stay
	live     chan string // that are redrawn; a newer one replaces an older
	finished sync.WaitGroup

	maxBlocks int
	labels    map[int]string
	paused    map[int]bool
	segment   recording.Segment
	beginNS   int64
	counter   counter
	rate      float64 // of the live line, smoothed for the eye
	last      *recording.Sample
	settled   *recording.Sample // first one of the segment's settled part
}

// newProgress shows progress on w.
func newProgress(w io.Writer, h recording.Header, maxBlocks int) *progress {
	p := &progress{
		screen: newScreen(w), lines: make(chan string, 64), live: make(chan string, 1),
		maxBlocks: maxBlocks, labels: map[int]string{}, paused: map[int]bool{},
		counter: counter{h.Attribution, h.Direction},
	}
	for _, s := range h.Streams {
		p.labels[s.ID] = s.Label
	}
	p.finished.Go(p.write)
	return p
}

// write writes lines until there are no more.
func (p *progress) write() {
	defer p.screen.clear()
	for {
		select { // what stays goes first
		case line, more := <-p.lines:
			if !more {
				return
			}
			p.screen.print(line)
			continue
		default:
		}
		select {
		case line, more := <-p.lines:
			if !more {
				return
			}
			p.screen.print(line)
		case line := <-p.live:
			p.screen.redraw(line)
		}
	}
}

// close waits a moment for the last line, and leaves the cursor at the margin.
func (p *progress) close() {
	close(p.lines)
	done := make(chan struct{})
	go func() { p.finished.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Second): // the terminal is held; it is not worth waiting for
	}
}

// say offers a line that stays.
func (p *progress) say(format string, args ...any) {
	select {
	case p.lines <- fmt.Sprintf(format, args...):
	default:
	}
}

// show offers a line that is redrawn.
func (p *progress) show(line string) {
	select {
	case <-p.live:
	default:
	}
	select {
	case p.live <- line:
	default:
	}
}

// hear takes note of a record.
func (p *progress) hear(r recording.Record) {
	switch {
	case r.Sample != nil:
		p.sample(r.Sample)
	case r.Event != nil:
		p.event(*r.Event)
	case r.Vitals != nil && r.Vitals.Fault != "":
		p.say("the run goes on without watching its processes: %s", r.Vitals.Fault)
	}
}

func (p *progress) event(e recording.Event) {
	label := printable.Text(p.labels[e.Stream], 40)
	switch e.Kind {
	case recording.Pausing:
		p.paused[e.Stream] = true
	case recording.Resumed:
		delete(p.paused, e.Stream)
	case recording.SegmentBegin:
		p.segment, p.beginNS, p.settled = *e.Segment, e.TNS, nil
	case recording.SegmentEnd:
		p.segmentEnd()
	case recording.SegmentCut:
		p.say("%s: not used: %s", p.name(), e.Detail)
	case recording.StreamAppeared:
		p.labels[e.Stream] = e.Appeared.Label
		p.say("new stream: %s", printable.Text(e.Appeared.Label, 60))
	case recording.StreamEnded:
		p.say("%s has ended", label)
		delete(p.labels, e.Stream)
	case recording.StreamRefused, recording.LimitReached, recording.GuardLost, recording.InterfaceLost, recording.ClockJump:
		p.say("%s: %s", strings.ReplaceAll(string(e.Kind), "-", " "), e.Detail)
	case recording.ForeignContinue:
		p.say("%s was continued by somebody else", label)
	case recording.Decided:
		p.say("%s", e.Detail)
	}
}

// segmentEnd says what a measured segment came to.
func (p *progress) segmentEnd() {
	if p.segment.Block == 0 || p.settled == nil || p.last == nil {
		return
	}
	if rate, ok := p.counter.rate(p.settled, p.last); ok {
		p.say("%s: %s", p.name(), report.Rate(rate))
	}
}

func (p *progress) sample(s *recording.Sample) {
	if p.settled == nil && s.TNS >= p.beginNS+p.segment.SettleNS {
		p.settled = s
	}
	if now, ok := p.counter.rate(p.last, s); ok {
		p.rate += (now - p.rate) / 5 // about half a second's mean
	}
	p.last = s
	if p.screen.live() {
		p.show(p.line(s.TNS))
	}
}

// line is the state of the run in a line, the most important first: a narrow
// terminal cuts off its end.
func (p *progress) line(nowNS int64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", p.name(), report.Rate(p.rate))
	if p.segment.Phase == recording.PhaseMain && p.maxBlocks > 0 {
		perBlockNS := 2*(p.segment.SettleNS+p.segment.MeasureNS) + gapNS
		left := time.Duration(int64(max(0, p.maxBlocks-p.segment.Block)+1)*perBlockNS - (nowNS - p.beginNS))
		fmt.Fprintf(&b, "; at most %s left", left.Round(time.Second))
	}
	if nowNS < p.beginNS+p.segment.SettleNS {
		b.WriteString("; settling")
	}
	if len(p.paused) > 0 {
		var labels []string
		for _, id := range slices.Sorted(maps.Keys(p.paused)) {
			labels = append(labels, printable.Text(p.labels[id], 30))
		}
		fmt.Fprintf(&b, "; paused: %s", strings.Join(labels, ", "))
	}
	return b.String()
}

// name names the segment under way.
func (p *progress) name() string {
	active := count(len(p.segment.Active), "stream|streams") + " running"
	switch p.segment.Phase {
	case "":
		return "beginning"
	case recording.PhaseBaseline:
		return "baseline, " + active
	case recording.PhaseGap:
		return "gap, " + active
	case recording.PhaseBetween:
		return fmt.Sprintf("block %d (levels between), %s", p.segment.Block, active)
	case recording.PhasePairs:
		return fmt.Sprintf("block %d (every two), %s", p.segment.Block, active)
	case recording.PhasePlacebo:
		return fmt.Sprintf("block %d (placebo), %s", p.segment.Block, active)
	}
	return fmt.Sprintf("block %d, %s", p.segment.Block, active)
}

// A counter picks what is shown: the counters that decide, so that the numbers
// that pass by are those of the report.
type counter struct {
	recording.Attribution
	direction recording.Direction
}

// rate is the rate between two samples; false if either lacks the counter.
func (c counter) rate(from, to *recording.Sample) (bytesPerSecond float64, ok bool) {
	if from == nil || to == nil || to.TNS <= from.TNS {
		return 0, false
	}
	before, okBefore := c.bytes(from)
	after, okAfter := c.bytes(to)
	if !okBefore || !okAfter || after < before {
		return 0, false
	}
	return float64(after-before) / (float64(to.TNS-from.TNS) / 1e9), true
}

func (c counter) bytes(s *recording.Sample) (uint64, bool) {
	switch {
	case c.Sockets:
		if s.SocketBytes == nil {
			return 0, false
		}
		return *s.SocketBytes, true
	case c.IO:
		var sum uint64
		for _, stream := range s.Streams {
			if stream.IOBytes != nil {
				sum += *stream.IOBytes
			}
		}
		return sum, len(s.Streams) > 0
	case s.Interface == nil:
		return 0, false
	case c.direction == recording.Receive:
		return s.Interface.RxBytes, true
	}
	return s.Interface.TxBytes, true
}

// A screen is where progress is shown: a terminal, or something that only takes
// lines.
type screen struct {
	w    io.Writer
	tty  *os.File // nil: nothing is redrawn
	dirt *bool    // the live line stands
}

func newScreen(w io.Writer) screen {
	s := screen{w: w, dirt: new(bool)}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		s.tty = f
	}
	return s
}

// live reports whether there is a terminal to redraw a line on, and whether it is
// ours: a background job would write into what the user types.
func (s screen) live() bool {
	if s.tty == nil {
		return false
	}
	group, err := unix.IoctlGetInt(int(s.tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

func (s screen) redraw(line string) {
	width, _, err := term.GetSize(int(s.tty.Fd()))
	if err != nil || width < 2 {
		width = 80
	}
	runes := []rune(line)
	fmt.Fprintf(s.w, "\r\x1b[K%s", string(runes[:min(len(runes), width-1)]))
	*s.dirt = true
}

func (s screen) print(line string) {
	s.clear()
	fmt.Fprintln(s.w, line)
}

func (s screen) clear() {
	if *s.dirt {
		fmt.Fprint(s.w, "\r\x1b[K")
		*s.dirt = false
	}
}
