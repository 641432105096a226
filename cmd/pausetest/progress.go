package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"pausetest/internal/recording"
	"pausetest/internal/report"
)

// A progress shows how a run goes on, from the very records it writes: one line
// that is redrawn on a terminal, or one line a block where there is none.
//
// It writes from a goroutine of its own and drops what it can't write in time:
// a terminal that is held (Ctrl-S, a hung ssh) must not hold up the run while
// streams are paused.
type progress struct {
	w        io.Writer
	redraw   bool
	width    func() int
	lines    chan string
	finished sync.WaitGroup

	labels    map[int]string
	receive   bool
	maxBlocks int
	segment   recording.Segment
	beginNS   int64
	last      *recording.Sample
	rate      float64
	shown     int // last block printed where nothing is redrawn
}

// newProgress shows progress on w; nil shows nothing.
func newProgress(w io.Writer, h recording.Header, maxBlocks int) *progress {
	p := &progress{w: w, lines: make(chan string, 1), labels: map[int]string{}, receive: h.Direction == recording.Receive, maxBlocks: maxBlocks}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		p.redraw = true
		p.width = func() int {
			if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 20 {
				return n
			}
			return 80
		}
	}
	for _, s := range h.Streams {
		p.labels[s.ID] = s.Label
	}
	p.finished.Go(p.write)
	return p
}

// write writes lines until there are no more.
func (p *progress) write() {
	for line := range p.lines {
		if !p.redraw {
			fmt.Fprintln(p.w, line)
			continue
		}
		runes := []rune(line)
		fmt.Fprintf(p.w, "\r\x1b[K%s", string(runes[:min(len(runes), p.width()-1)]))
	}
	if p.redraw {
		fmt.Fprint(p.w, "\r\x1b[K")
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

// show offers a line; an older one that was not written yet is replaced.
func (p *progress) show(line string) {
	select {
	case <-p.lines:
	default:
	}
	select {
	case p.lines <- line:
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
	}
}

func (p *progress) event(e recording.Event) {
	switch e.Kind {
	case recording.StreamAppeared:
		p.labels[e.Stream] = e.Appeared.Label
	case recording.SegmentBegin:
		p.segment, p.beginNS = *e.Segment, e.TNS
		if !p.redraw && p.segment.Block > p.shown {
			p.shown = p.segment.Block
			p.show(p.line(e.TNS))
		}
	}
	if e.Kind == recording.StreamEnded {
		defer delete(p.labels, e.Stream)
	}
	switch e.Kind {
	case recording.StreamAppeared, recording.StreamEnded, recording.StreamRefused, recording.ForeignContinue,
		recording.Decided, recording.LimitReached, recording.GuardLost, recording.InterfaceLost, recording.ClockJump:
		if !p.redraw {
			p.show(fmt.Sprintf("%s %s %s", e.Kind, p.labels[e.Stream], e.Detail))
		}
	}
}

func (p *progress) sample(s *recording.Sample) {
	if p.last != nil && s.Interface != nil && p.last.Interface != nil && s.TNS > p.last.TNS {
		before, after := p.last.Interface.TxBytes, s.Interface.TxBytes
		if p.receive {
			before, after = p.last.Interface.RxBytes, s.Interface.RxBytes
		}
		if after >= before {
			now := float64(after-before) / (float64(s.TNS-p.last.TNS) / 1e9)
			p.rate += (now - p.rate) / 5 // for the eye only: about half a second's mean
		}
	}
	p.last = s
	if p.redraw {
		p.show(p.line(s.TNS))
	}
}

// line is the state of the run in a line.
func (p *progress) line(nowNS int64) string {
	var b strings.Builder
	switch p.segment.Phase {
	case recording.PhaseBaseline:
		fmt.Fprintf(&b, "baseline: %d streams running", len(p.segment.Active))
	case recording.PhaseGap:
		fmt.Fprintf(&b, "gap: all %d streams running", len(p.segment.Active))
	default:
		fmt.Fprintf(&b, "%s block %d: %d active", phaseName(p.segment.Phase), p.segment.Block, len(p.segment.Active))
	}
	if paused := p.paused(); len(paused) > 0 {
		fmt.Fprintf(&b, ", paused %s", strings.Join(paused, ", "))
	}
	if p.last != nil {
		fmt.Fprintf(&b, "; %s", report.Rate(p.rate))
	}
	if p.segment.Phase == recording.PhaseMain && p.maxBlocks > 0 {
		perBlockNS := 2*(p.segment.SettleNS+p.segment.MeasureNS) + 2e9
		left := time.Duration(int64(max(0, p.maxBlocks-p.segment.Block)+1)*perBlockNS - (nowNS - p.beginNS))
		fmt.Fprintf(&b, "; at most %s left", left.Round(time.Second))
	}
	return b.String()
}

func phaseName(ph recording.Phase) string {
	switch ph {
	case recording.PhaseBetween:
		return "levels between,"
	case recording.PhasePlacebo:
		return "placebo,"
	}
	return "measuring,"
}

func (p *progress) paused() []string {
	if p.segment.Phase == recording.PhaseGap || p.segment.Phase == recording.PhaseBaseline {
		return nil
	}
	var out []string
	for id, label := range p.labels {
		if !slices.Contains(p.segment.Active, id) {
			out = append(out, label)
		}
	}
	slices.Sort(out)
	return out
}
