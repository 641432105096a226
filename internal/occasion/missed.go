package occasion

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Reason is why there was no occasion.
type Reason string

// The reasons.
const (
	NoStreams  Reason = "no-streams" // none runs
	TooFew     Reason = "too-few"    // fewer run than are wanted
	Refused    Reason = "refused"    // enough run, and too few of them may be paused
	NotSteady  Reason = "not-steady" // they come and go, or are too young
	Busy       Reason = "busy"       // another run is at work
	OutOfHours Reason = "window"     // the window is closed, or closes too soon
)

// Reasons are all of them, in the order in which they are explained.
var Reasons = []Reason{NoStreams, TooFew, Refused, NotSteady, Busy, OutOfHours}

// A Missed says why the occasion did not come.
type Missed struct {
	Reason Reason
	Sight  Sight // what the last look showed; none with OutOfHours
	Conditions
	Waited       time.Duration // in vain; 0 where there was nothing to wait for
	WindowClosed bool          // what ended the waiting; else it was its own length

	At, Opens, Closes time.Time     // with OutOfHours; Closes is zero while the window is closed
	Lasts             time.Duration // with OutOfHours: what there has to be time for
}

// after is the same after so long a wait.
func (m *Missed) after(waited time.Duration) *Missed {
	late := *m
	if m.Wait > 0 {
		late.Waited = waited
	}
	return &late
}

// Error says it in one sentence without a full stop.
func (m *Missed) Error() string {
	text := m.what()
	switch {
	case m.WindowClosed:
		text += fmt.Sprintf(", until it was too late to begin in the window %v", m.Window)
	case m.Waited > 0:
		text += fmt.Sprintf(", after %s of waiting", short(m.Waited))
	}
	return text
}

func (m *Missed) what() string {
	all, may := len(m.Sight.Streams), len(m.Sight.pausable())
	switch m.Reason {
	case Busy:
		return m.Sight.Busy.Error()
	case NoStreams:
		return "no streams run"
	case TooFew:
		return fmt.Sprintf("only %s, and %d are wanted: %s", run(all), m.MinStreams, labels(m.Sight.Streams))
	case Refused:
		return fmt.Sprintf("%d of %s may be paused, and %d are wanted; refused: %s", may, count(all), m.MinStreams, m.refusals())
	case NotSteady:
		if young := m.Sight.young(); len(young) > 0 {
			return fmt.Sprintf("%s, too young to be paused: %s", run(len(young)), labels(young))
		}
		return fmt.Sprintf("%s, but not unchanged for %s", run(all), short(m.Steady))
	case OutOfHours:
		return m.hours()
	}
	return string(m.Reason)
}

func (m *Missed) hours() string {
	const clock = "15:04"
	if m.Closes.IsZero() {
		return fmt.Sprintf("it is %s, outside the window %v, which opens at %s", m.At.Format(clock), m.Window, m.Opens.Format("2006-01-02 15:04"))
	}
	return fmt.Sprintf("it is %s, and the experiment, which may last %s, would not end before the window %v closes",
		m.At.Format(clock), short(m.Lasts), m.Window)
}

// refusals are the streams that may not be paused, and why.
func (m *Missed) refusals() string {
	var texts []string
	for _, s := range m.Sight.Streams {
		if s.Refusal != "" {
			texts = append(texts, fmt.Sprintf("%s (%s)", s.Label, s.Refusal))
		}
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}

func labels(streams []Stream) string {
	var texts []string
	for _, s := range streams {
		texts = append(texts, s.Label)
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}

func run(streams int) string {
	if streams == 1 {
		return "1 stream runs"
	}
	return count(streams) + " run"
}

func count(streams int) string {
	if streams == 1 {
		return "1 stream"
	}
	return fmt.Sprintf("%d streams", streams)
}

// short is a duration to the second: "2h", "1m30s".
func short(d time.Duration) string {
	text := d.Round(time.Second).String()
	if d < time.Second {
		text = d.Round(time.Millisecond).String()
	}
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
