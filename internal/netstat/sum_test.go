package netstat

import (
	"testing"

	"pgregory.net/rapid"
)

func TestSum(t *testing.T) {
	var s Sum
	for _, step := range []struct {
		name          string
		cookie, bytes uint64
		want          uint64
	}{
		{"old bytes of a newly found socket don't count", 1, 1 << 40, 0},
		{"new ones do", 1, 1<<40 + 500, 500},
		{"standing still", 1, 1<<40 + 500, 500},
		{"a second socket", 2, 0, 500},
		{"grows while the first is gone", 2, 70, 570},
		{"and the first is back", 1, 1<<40 + 501, 571},
		{"a reading that went backwards changes nothing", 2, 60, 571},
		{"nor does it count twice", 2, 70, 571},
	} {
		s.Add(step.cookie, step.bytes)
		if got := s.Bytes(); got != step.want {
			t.Errorf("%s: %d, want %d", step.name, got, step.want)
		}
	}
}

// TestSumIsWhatMoved plays sockets that appear, move bytes, are read now and
// then, and vanish.
func TestSumIsWhatMoved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sum Sum
		type socket struct{ now, first, last uint64 }
		var sockets []*socket
		read := make(map[*socket]bool)
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			if len(sockets) == 0 || rapid.Bool().Draw(t, "appears") {
				sockets = append(sockets, &socket{now: rapid.Uint64Range(0, 1<<50).Draw(t, "old bytes")})
			}
			i := rapid.IntRange(0, len(sockets)-1).Draw(t, "socket")
			s := sockets[i]
			s.now += rapid.Uint64Range(0, 1<<30).Draw(t, "moved")
			before := sum.Bytes()
			sum.Add(uint64(i), s.now)
			if sum.Bytes() < before {
				t.Fatalf("shrank from %d to %d", before, sum.Bytes())
			}
			if !read[s] {
				s.first, read[s] = s.now, true
			}
			s.last = s.now
		}
		var want uint64
		for _, s := range sockets {
			want += s.last - s.first
		}
		if sum.Bytes() != want {
			t.Fatalf("sum %d, moved %d", sum.Bytes(), want)
		}
	})
}
