package guard

import (
	"iter"
	"math"
)

// runs yields the stretches of consecutive numbers in a rising sequence: where
// each begins and how long it is.
func runs(serials []uint64) iter.Seq2[uint64, uint16] {
	return func(yield func(first uint64, count uint16) bool) {
		for i := 0; i < len(serials); {
			n := 1
			for i+n < len(serials) && n < math.MaxUint16 && serials[i+n] == serials[i]+uint64(n) {
				n++
			}
			if !yield(serials[i], uint16(n)) {
				return
			}
			i += n
		}
	}
}
