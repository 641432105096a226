package demo

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// content is the first n bytes of a stream, taken in chunks of any size.
func content(seed uint64, label string, n int, chunk func() int) []byte {
	var all []byte
	for p := newPattern(seed, label); len(all) < n; {
		all = append(all, p.next(min(chunk(), n-len(all)))...)
	}
	return all
}

func inBlocks() int { return blockBytes }

func TestPatternDoesNotDependOnChunks(t *testing.T) {
	const n = 3*blockBytes + 17
	want := content(7, "demo:/export/a", n, inBlocks)
	rapid.Check(t, func(t *rapid.T) {
		chunk := rapid.IntRange(1, 2*blockBytes)
		got := content(7, "demo:/export/a", n, func() int { return chunk.Draw(t, "chunk") })
		if !bytes.Equal(got, want) {
			t.Fatal("other bytes")
		}
	})
}

func TestPatternsDiffer(t *testing.T) {
	a := content(7, "demo:/export/a", blockBytes, inBlocks)
	for name, other := range map[string][]byte{
		"label": content(7, "demo:/export/b", blockBytes, inBlocks),
		"seed":  content(8, "demo:/export/a", blockBytes, inBlocks),
	} {
		if bytes.Equal(a, other) {
			t.Errorf("another %s, the same content", name)
		}
	}
}

func TestCheckerFindsDamage(t *testing.T) {
	const label = "demo:/export/a"
	good := content(7, label, 4*blockBytes, inBlocks)
	flipped := slices.Clone(good)
	flipped[blockBytes+99] ^= 1
	tests := []struct {
		name      string
		got       []byte
		damagedAt int64
	}{
		{"nothing", nil, -1},
		{"whole", good, -1},
		{"cut short", good[:blockBytes+5], -1},
		{"one bit flipped", flipped, blockBytes + 99},
		// The block's number ends at its eighth byte.
		{"a block lost", slices.Concat(good[:blockBytes], good[2*blockBytes:]), blockBytes + 7},
		{"a block doubled", slices.Concat(good[:2*blockBytes], good[blockBytes:]), 2*blockBytes + 7},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, chunk := range []int{1000, blockBytes, 3 * blockBytes} {
				check := newChecker(7, label)
				for piece := range slices.Chunk(test.got, chunk) {
					check.take(piece)
				}
				want := Total{Label: label, Bytes: int64(len(test.got)), DamagedAt: test.damagedAt}
				if check.total != want {
					t.Errorf("in chunks of %d: got %+v, want %+v", chunk, check.total, want)
				}
			}
		})
	}
}
