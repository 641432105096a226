package report

import (
	"bytes"
	"strings"
	"testing"
)

// The ten worst pairs are in the brief reports, all of them in the full one, with the
// matrix; hostile labels are for the media to escape (TestHostile and others).
func TestInteractionsSection(t *testing.T) {
	s := hosts()["pairs-6"].study(t)
	sec := interactionsSection(s)
	if len(sec.Tables) != 2 || len(sec.Tables[0].Rows) != mostPairsInBrief || len(sec.Tables[1].Rows) != 15 || len(sec.Figures) != 1 {
		t.Fatalf("%+v", sec)
	}
	if row := sec.Tables[1].Rows[0]; !strings.HasPrefix(row[0], "1: ") || !strings.HasPrefix(row[1], "2: ") || !strings.Contains(row[6], " to ") {
		t.Errorf("%q", row)
	}
	var text bytes.Buffer
	if err := Text(&text, s); err != nil {
		t.Fatal(err)
	}
	found := text.String()
	if i := strings.Index(found, "\nWhich streams hurt each other\n"); i < 0 {
		t.Fatal("no section")
	} else {
		found = found[i:]
	}
	for line := range strings.Lines(found[:strings.Index(found, "\nShared process")]) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > terminalWidth {
			t.Errorf("%d columns: %q", n, line)
		}
	}
}

// Where nothing is decided there is no figure; where nothing was measured, nothing;
// and without counters of the streams' own it is said what that means.
func TestInteractionsSectionSaysNoMoreThanItKnows(t *testing.T) {
	if sec := interactionsSection(hosts()["interrupted-3"].study(t)); sec.Title != "" {
		t.Errorf("%+v", sec)
	}
	if sec := interactionsSection(hosts()["saturated-2"].study(t)); sec.Title == "" || len(sec.Figures) != 0 {
		t.Errorf("%+v", sec)
	}
	h := hosts()["pairs-6"]
	h.uncounted = true
	if sec := interactionsSection(h.study(t)); !strings.Contains(sec.Paragraphs[1], "no counters of their own") {
		t.Errorf("%q", sec.Paragraphs)
	}
}
