package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// startTimeout is how long all parts may take until data flows.
	startTimeout = 15 * time.Second
	// drainTimeout is how long Close waits for what is under way to arrive. It
	// takes a stall or two, unless somebody stopped a relay or the receivers.
	drainTimeout = 10 * time.Second
)

// A Demo is a running set of sources, relays and receivers.
type Demo struct {
	keeper       *keeper
	receivers    *part
	relays       []*part
	drainTimeout time.Duration

	addresses map[string]string // of the receivers, by label
	streams   []Stream
	flowing   int
	totals    []Total

	closed   sync.Once
	closeErr error
}

// Start starts the processes of a demo and returns when data flows on every
// stream. ctx limits the starting only. Whoever starts a demo closes it; should
// that not happen because this process dies, the kernel ends every part.
func Start(ctx context.Context, config Config) (*Demo, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	d := &Demo{keeper: newKeeper(), drainTimeout: drainTimeout, addresses: map[string]string{}}
	// Reading a report can't be interrupted, but it ends with the part.
	stop := context.AfterFunc(ctx, d.keeper.killAll)
	err = d.start(config)
	if !stop() {
		err = errors.Join(context.Cause(ctx), err)
	}
	if err != nil {
		d.keeper.killAll()
		d.Close() // its errors only tell of the killing
		for _, p := range d.keeper.parts {
			err = fmt.Errorf("%w%s", err, p.said())
		}
		return nil, fmt.Errorf("starting the demo: %w", err)
	}
	return d, nil
}

func (d *Demo) start(config Config) error {
	var err error
	if d.receivers, err = d.keeper.start(config, receiversName, receiversArgs(config)); err != nil {
		return err
	}
	if err := d.hearUntil(d.receivers, func() bool { return len(d.addresses) == config.Streams }); err != nil {
		return err
	}
	var all []destination
	for _, label := range config.labels() {
		all = append(all, destination{label, d.addresses[label]})
	}
	for _, to := range config.relays(all) {
		relay, err := d.keeper.start(config, relayName, relayArgs(config, to))
		if err != nil {
			return err
		}
		d.relays = append(d.relays, relay)
		want := len(d.streams) + len(to)
		if err := d.hearUntil(relay, func() bool { return len(d.streams) == want }); err != nil {
			return err
		}
	}
	return d.hearUntil(d.receivers, func() bool { return d.flowing == config.Streams })
}

// hearUntil takes in a part's reports until enough holds. That the part ended
// before is an error.
func (d *Demo) hearUntil(p *part, enough func() bool) error {
	for !enough() {
		var r report
		if err := p.reports.Decode(&r); err != nil {
			return fmt.Errorf("hearing from %s: %w", p.name, err)
		}
		switch r.Event {
		case listening:
			d.addresses[r.Label] = r.Address
		case started:
			d.streams = append(d.streams, Stream{Label: r.Label, SourcePID: r.PID, RelayPID: p.PID()})
		case flowing:
			d.flowing++
		case ended:
			d.totals = append(d.totals, *r.Total)
		}
	}
	return nil
}

// Streams returns the streams and their processes.
func (d *Demo) Streams() []Stream { return slices.Clone(d.streams) }

// PIDs returns every process of the demo: the receivers, the relays, the sources.
func (d *Demo) PIDs() []int {
	pids := []int{d.receivers.PID()}
	for _, relay := range d.relays {
		pids = append(pids, relay.PID())
	}
	for _, s := range d.streams {
		pids = append(pids, s.SourcePID)
	}
	return pids
}

// Totals returns what arrived of each stream, once Close has returned.
func (d *Demo) Totals() []Total { return slices.Clone(d.totals) }

// Close ends the sources, also paused ones, lets what is under way arrive, and
// returns when no process is left. An error says that a part did not end well
// or that what arrived is not what was sent. It is safe to repeat.
func (d *Demo) Close() error {
	d.closed.Do(func() { d.closeErr = d.close() })
	return d.closeErr
}

func (d *Demo) close() error {
	impatient := time.AfterFunc(d.drainTimeout, d.keeper.killAll)
	defer impatient.Stop()
	for _, relay := range d.relays {
		relay.cmd.Process.Signal(unix.SIGTERM)
	}
	var errs []error
	never := func() bool { return false }
	for _, p := range append(slices.Clone(d.relays), d.receivers) {
		if p == nil {
			continue
		}
		if err := d.hearUntil(p, never); !errors.Is(err, io.EOF) {
			errs = append(errs, err)
		}
		errs = append(errs, p.wait())
	}
	d.keeper.release()
	for _, t := range d.totals {
		if t.DamagedAt >= 0 {
			errs = append(errs, fmt.Errorf("receiving %s: byte %d is not what was sent", t.Label, t.DamagedAt))
		}
	}
	return errors.Join(errs...)
}
