package main

import "testing"

func TestAge(t *testing.T) {
	for seconds, want := range map[float64]string{0: "0s", 0.9: "0s", 9.99: "9s", 10: "10s", 120: "2m", 130: "2m10s", 3600: "1h0m", 3850.2: "1h4m10s"} {
		if got := age(seconds); got != want {
			t.Errorf("age(%g) = %q, want %q", seconds, got, want)
		}
	}
}
