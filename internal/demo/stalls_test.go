package demo

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// ends lists when the first stretches of a rhythm end, seen from its start.
func ends(seed uint64, stream int) []time.Duration {
	begin := time.Now()
	s := newStalls(seed, stream, 40*time.Millisecond, 120*time.Millisecond)
	var all []time.Duration
	for len(all) < 2000 {
		s.advance(s.until)
		all = append(all, s.until.Sub(begin))
	}
	return all
}

func TestRhythm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := ends(7, 0)
		if !slices.Equal(first, ends(7, 0)) {
			t.Error("the same seed and stream gave two rhythms")
		}
		if slices.Equal(first, ends(8, 0)) || slices.Equal(first, ends(7, 1)) {
			t.Error("another seed or stream gave the same rhythm")
		}
		var last time.Duration
		for i, end := range first {
			mean := []time.Duration{40 * time.Millisecond, 120 * time.Millisecond}[i%2]
			if length := end - last; length < mean/2 || length > mean*3/2 {
				t.Errorf("stretch %d lasts %v, want around %v", i, length, mean)
			}
			last = end
		}
	})
}

// A reader that does nothing but wait sees no moment of a stall, and, over a
// long time, a quarter of all moments.
func TestWaitPassesOverStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStalls(7, 0, 40*time.Millisecond, 120*time.Millisecond)
		begin, steps := time.Now(), 0
		for ; time.Since(begin) < time.Minute; steps++ {
			s.wait()
			if !s.reading || !time.Now().Before(s.until) {
				t.Fatal("let through in a stall")
			}
			time.Sleep(time.Millisecond)
		}
		if share := float64(steps) / 60_000; share < 0.2 || share > 0.3 {
			t.Errorf("let through %.2f of the time, want about 0.25", share)
		}
	})
}

func TestNoStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStalls(7, 0, 0, 0)
		begin := time.Now()
		for range 1000 {
			s.wait()
		}
		if waited := time.Since(begin); waited != 0 {
			t.Errorf("waited %v", waited)
		}
	})
}
