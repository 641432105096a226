//go:build !linux

package demo

import (
	"context"
	"errors"
)

var errNotHere = errors.New("the demo needs Linux")

// A Demo can't be started on this system.
type Demo struct{}

// Start says that it can't.
func Start(context.Context, Config) (*Demo, error) { return nil, errNotHere }

// Streams returns nothing.
func (*Demo) Streams() []Stream { return nil }

// PIDs returns nothing.
func (*Demo) PIDs() []int { return nil }

// Totals returns nothing.
func (*Demo) Totals() []Total { return nil }

// Close does nothing.
func (*Demo) Close() error { return nil }

// Main says that it can't.
func Main([]string) int { return 1 }
