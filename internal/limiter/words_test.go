package limiter

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNumbersInSentences(t *testing.T) {
	for got, want := range map[string]string{
		throughput(7.67e6): "7.67 MB/s", throughput(12e6): "12 MB/s", throughput(0.804e6): "0.804 MB/s", throughput(1.25e9): "1250 MB/s", throughput(0): "0 MB/s",
		number(0.5): "0.50", number(0.004): "under 0.01", number(0): "0.00",
		percent(0.003): "under 1 %", percent(0.97): "97 %", threeDigits(1200): "1200",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		if text := threeDigits(rapid.Float64Range(0, 1e15).Draw(t, "x")); strings.ContainsAny(text, "eE") {
			t.Fatalf("a power of ten: %s", text)
		}
	})
}
