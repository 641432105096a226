package demo

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
)

// blockBytes is what a source writes and the relay reads at once, the block of
// tar in Amanda's hands.
const blockBytes = 32 << 10

// A pattern is the endless content of one stream: blocks of the same noise, each
// headed by its own number, so that a block lost, doubled or out of order shows, at
// hardly any cost. Seed and label decide all of it: both ends can make it.
type pattern struct {
	block  [blockBytes]byte
	number uint64 // of the block in block
	used   int    // bytes of block already taken
}

func newPattern(seed uint64, label string) *pattern {
	name := fnv.New64a()
	name.Write([]byte(label))
	noise := rand.New(rand.NewPCG(seed, name.Sum64()))
	p := new(pattern)
	for i := 0; i < blockBytes; i += 8 {
		binary.BigEndian.PutUint64(p.block[i:], noise.Uint64())
	}
	p.head()
	return p
}

func (p *pattern) head() { binary.BigEndian.PutUint64(p.block[:], p.number) }

// next returns the next bytes of the content, at least 1 and at most limit. They are
// good until the next call.
func (p *pattern) next(limit int) []byte {
	if p.used == blockBytes {
		p.used = 0
		p.number++
		p.head()
	}
	some := p.block[p.used:min(p.used+limit, blockBytes)]
	p.used += len(some)
	return some
}

// A checker counts what arrives of a stream and compares it with the pattern.
type checker struct {
	want  *pattern
	total Total
}

func newChecker(seed uint64, label string) *checker {
	return &checker{newPattern(seed, label), Total{Label: label, DamagedAt: -1}}
}

func (c *checker) take(got []byte) {
	for len(got) > 0 {
		want := c.want.next(len(got))
		if c.total.DamagedAt < 0 && !bytes.Equal(got[:len(want)], want) {
			c.total.DamagedAt = c.total.Bytes + int64(firstDifference(got, want))
		}
		c.total.Bytes += int64(len(want))
		got = got[len(want):]
	}
}

// firstDifference is the index of the first byte of b that a does not repeat.
func firstDifference(a, b []byte) int {
	for i := range b {
		if a[i] != b[i] {
			return i
		}
	}
	return len(b)
}
