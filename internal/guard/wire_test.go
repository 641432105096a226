package guard

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func drawMessage(t *rapid.T) message {
	return message{
		Kind:    kind(rapid.IntRange(1, int(kindEnd)-1).Draw(t, "kind")),
		Cause:   cause(rapid.IntRange(0, int(causeEnd)-1).Draw(t, "cause")),
		Count:   rapid.Uint16().Draw(t, "count"),
		Seq:     rapid.Uint64().Draw(t, "seq"),
		First:   rapid.Uint64().Draw(t, "first"),
		AtNS:    rapid.Int64Min(0).Draw(t, "at"),
		LeaseNS: rapid.Int64Min(0).Draw(t, "lease"),
		limits: limits{
			maxPauseNS:       rapid.Int64Min(0).Draw(t, "max pause"),
			maxPausedTotalNS: rapid.Int64Min(0).Draw(t, "max total"),
			budgetNS:         rapid.Int64Min(0).Draw(t, "budget"),
		},
		Errno:  rapid.Uint32().Draw(t, "errno"),
		Stream: rapid.Uint32().Draw(t, "stream"),
	}
}

func TestMessageRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawMessage(t)
		var b [messageSize]byte
		want.encode(&b)
		got, err := decode(b[:])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(message{}, limits{})); diff != "" {
			t.Error(diff)
		}
	})
}

func TestDecodeRefuses(t *testing.T) {
	good := message{Kind: kindBeat, AtNS: 5}
	for name, spoil := range map[string]func(b []byte) []byte{
		"nothing":        func(b []byte) []byte { return nil },
		"short":          func(b []byte) []byte { return b[:messageSize-1] },
		"long":           func(b []byte) []byte { return append(b, 0) },
		"magic":          func(b []byte) []byte { b[0]++; return b },
		"no kind":        func(b []byte) []byte { b[4] = 0; return b },
		"unknown kind":   func(b []byte) []byte { b[4] = byte(kindEnd); return b },
		"unknown cause":  func(b []byte) []byte { b[5] = byte(causeEnd); return b },
		"negative time":  func(b []byte) []byte { b[31] = 0x80; return b },
		"negative limit": func(b []byte) []byte { b[63] = 0x80; return b },
	} {
		t.Run(name, func(t *testing.T) {
			var b [messageSize]byte
			good.encode(&b)
			if m, err := decode(spoil(b[:])); err == nil {
				t.Errorf("decoded as %+v", m)
			}
		})
	}
}

func TestEveryCauseHasWords(t *testing.T) {
	seen := make(map[string]bool)
	for c := range causeEnd {
		seen[c.String()] = true
	}
	if len(seen) != int(causeEnd) || seen[causeEnd.String()] {
		t.Errorf("causes are not told apart: %v", seen)
	}
}

func FuzzDecode(f *testing.F) {
	var b [messageSize]byte
	(&message{Kind: kindIntend, Count: 3, Seq: 1, First: 7, AtNS: 9}).encode(&b)
	f.Add(b[:])
	f.Add([]byte("pgd2"))
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := decode(in)
		if err != nil {
			return
		}
		var out [messageSize]byte
		m.encode(&out)
		if diff := cmp.Diff(in, out[:]); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRuns(t *testing.T) {
	for _, test := range []struct {
		serials []uint64
		want    map[uint64]uint16
	}{
		{nil, map[uint64]uint16{}},
		{[]uint64{4}, map[uint64]uint16{4: 1}},
		{[]uint64{1, 2, 3, 7, 9, 10}, map[uint64]uint16{1: 3, 7: 1, 9: 2}},
	} {
		if diff := cmp.Diff(test.want, maps.Collect(runs(test.serials))); diff != "" {
			t.Errorf("runs(%v): %s", test.serials, diff)
		}
	}
}
