//go:build linux && !amd64

package fdvol

// Note: arm64 has the same calls under other numbers and in other registers. It is
// left out because nothing here could be tested on it.
var calls map[uint32]syscallShape

const (
	regsFrom, regsBytes       = 0, 48
	regArg2, regArg1, regArg0 = 0, 8, 16
	regNumber, regSegment     = 24, 40
	compatSegment             = 0
	supported                 = false
)
