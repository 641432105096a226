package recording

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// anySample draws a sample as a run would write it.
func anySample(t *rapid.T) *Sample {
	number := rapid.Uint64Range(0, 1e18-1)
	counter := rapid.Ptr(number, true)
	s := &Sample{TNS: int64(number.Draw(t, "t")), LateNS: int64(number.Draw(t, "late")), AttributedTNS: int64(number.Draw(t, "at")), SocketBytes: counter.Draw(t, "sockets")}
	if rapid.Bool().Draw(t, "iface") {
		s.Interface = &InterfaceCounters{RxBytes: number.Draw(t, "rx"), TxBytes: number.Draw(t, "tx")}
	}
	for range rapid.IntRange(0, 4).Draw(t, "streams") {
		s.Streams = append(s.Streams, StreamCounters{ID: rapid.IntRange(0, 1<<30).Draw(t, "id"), IOBytes: counter.Draw(t, "io"), SocketBytes: counter.Draw(t, "own")})
	}
	return s
}

// What Writer writes is decoded the quick way, and right.
func TestQuickSample(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anySample(t)
		line, err := json.Marshal(Record{Sample: want})
		if err != nil {
			t.Fatal(err)
		}
		got, ok := quickSample(line)
		if !ok {
			t.Fatalf("not understood: %s", line)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	})
}

// What is decoded the quick way is what encoding/json makes of it.
func FuzzQuickSample(f *testing.F) {
	for _, line := range []string{
		`{"sample":{"t_ns":1,"late_ns":2,"iface":{"rx":3,"tx":4},"attr_t_ns":5,"sockets":6,"streams":[{"id":1,"io":7},{"id":2,"sockets":8},{"id":3}]}}`,
		`{"sample":{"t_ns":0,"streams":[]}}`, `{"sample":{"t_ns":01}}`, `{"sample":{"t_ns":-1}}`, `{"sample":{"t_ns":1e3}}`, `{"sample":{"t_ns":}}`,
		`{"sample":{"t_ns":999999999999999999}}`, `{"sample":{"t_ns":9223372036854775808}}`, `{"sample":{"t_ns":1,"sockets":null}}`,
		`{"sample":{"t_ns":1,"streams":[{"id":1},]}}`, `{"sample":{"t_ns":1,"streams":[{"id":1}{"id":2}]}}`, `{"sample":{"t_ns":1}} `, `{"sample":{"t_ns":1},"vitals":{}}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		got, ok := quickSample(line)
		if !ok {
			return
		}
		var want Record
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatalf("%s was taken, but: %v", line, err)
		}
		if d := cmp.Diff(want, Record{Sample: got}); d != "" {
			t.Fatal(d)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	recs := records()[:1]
	for i := range 1000 {
		s := Sample{TNS: int64(i) * 1e8, AttributedTNS: int64(i)*1e8 + 5e4, Interface: &InterfaceCounters{RxBytes: 123456, TxBytes: 1e9 + uint64(i)}, SocketBytes: u64(1e9)}
		for id := range 3 {
			s.Streams = append(s.Streams, StreamCounters{ID: id + 1, IOBytes: u64(1e8)})
		}
		recs = append(recs, Record{Sample: &s})
	}
	src := encode(b, recs)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		for _, err := range NewReader(bytes.NewReader(src)).All() {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
