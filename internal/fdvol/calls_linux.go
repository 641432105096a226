package fdvol

import "pausetest/internal/fdvol/volume"

// A syscallShape says where a system call has its descriptors and its bytes. Those
// not listed in calls are not counted.
type syscallShape struct {
	name      string
	flags     byte
	direction volume.Direction // of the first descriptor
	second    volume.Direction // of the second, if the flags say that there is one
}

// Flags of a syscallShape, as the programs read them. The first descriptor is
// argument 0 and the bytes are what the call returns, unless said otherwise.
const (
	counted      = 1 << iota // set for all that are counted
	secondIsArg1             // there is a second descriptor, argument 1
	secondIsArg2             // there is a second descriptor, argument 2
	firstIsArg1              // the first descriptor is argument 1
	manyMessages             // argument 1 is a mmsghdr[], the call returns how many it moved
	successOnly              // failures are not counted: programs close what was never open
)

// numbers is above every number of a system call, and a power of two.
const numbers = 512
