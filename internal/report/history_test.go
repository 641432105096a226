package report

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pausetest/internal/analysis"
)

// allHosts is the history of all hosts of these tests, with a change in one.
func allHosts(t *testing.T) *History {
	var studies []*analysis.Study
	var h History
	for name, host := range hosts() {
		s := host.study(t)
		studies = append(studies, s)
		h.Add("runs/"+name, s)
	}
	for _, s := range analysis.SeriesOf(studies, false) {
		if s.Host != "fs3.example.org" {
			at := s.Studies[0].Result.Started
			s.Changes = []analysis.Change{{LastBefore: at, FirstAfter: at.Add(time.Hour), From: 0.97, To: 0.414}}
		}
		h.AddSeries(s)
	}
	h.AddSkipped("runs/\x1b[31m", errors.New("hostile\nreason"))
	return &h
}

func TestHistorySchema(t *testing.T) {
	s := schema(t, "history")
	for _, h := range []*History{allHosts(t), {}} {
		var b bytes.Buffer
		if err := h.JSON(&b); err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(instance(t, b.Bytes())); err != nil {
			t.Errorf("%v in %s", err, b.Bytes())
		}
	}
	if s.Validate(instance(t, []byte(`{"format": 1}`))) == nil {
		t.Error("an empty history was accepted")
	}
}

// One printable line a run, whatever host, note, labels and streams are called.
func TestHistoryText(t *testing.T) {
	h := allHosts(t)
	var b bytes.Buffer
	if err := h.Text(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if want := 1 + len(h.Runs) + 1; strings.Count(text, "\n") != want {
		t.Errorf("want %d lines:\n%s", want, text)
	}
	if !utf8.ValidString(text) || regexp.MustCompile(`[^\n\P{C}]`).MatchString(text) {
		t.Errorf("not printable:\n%q", text)
	}
	for _, want := range []string{
		`2026-11-22 03:15 +fs3\.example\.org +3 +collapse +0\.\d+ \(95 % interval 0\.\d+ to 0\.\d+\) +sockets +[^ ].* +runs/collapse-3 +before switching to bsdtcp, site=east, ticket=4711\n`,
		`inconclusive, cut short .*runs/interrupted-3 *\n|collapse, cut short .*runs/interrupted-3 *\n`,
		`, SIMULATED .*runs/simulated-3 *\n`,
		`changed between 2026-11-22 03:15 and 2026-11-22 04:15: 0\.97 -> 0\.41: fs3\\n`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

func TestChangeText(t *testing.T) {
	at := time.Date(2026, 11, 3, 22, 0, 0, 0, time.UTC)
	c := analysis.Change{LastBefore: at, FirstAfter: at.Add(24 * time.Hour), From: 0.97, To: 0.41}
	if got, want := changeText(c), "changed between 2026-11-03 and 2026-11-04: 0.97 -> 0.41"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
