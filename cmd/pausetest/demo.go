package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"pausetest/internal/demo"
)

func newDemo() *cobra.Command {
	o := &runOptions{}
	config := demo.Config{Arg: demoPartArg}
	var topology, receivers string
	c := &cobra.Command{
		Use:   "demo",
		Short: "try it: real processes, pipes and sockets on loopback; no root, no backup",
		Long: `demo starts a small backup night of its own (sources, a relay, receivers) and runs
the real experiment on it. With the default settings the streams flow through one
relay that copies with blocking writes, and the receivers stall now and then: more
streams move less. Two controls do not collapse: --topology separate gives each
stream its own relay, --receivers equal never stalls.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config.Topology, config.Receivers = demo.Topology(topology), demo.Receivers(receivers)
			return runDemo(cmd, o, config)
		},
	}
	o.flags(c.Flags())
	f := c.Flags()
	f.IntVar(&config.Streams, "streams", demo.DefaultStreams, "number of streams")
	f.StringVar(&topology, "topology", string(demo.Shared), "shared (one relay for all) or separate (one each)")
	f.StringVar(&receivers, "receivers", string(demo.Stalling), "stalling (each at random moments) or equal (none ever)")
	return c
}

// runDemo starts the demo's own processes and runs the experiment on them, and
// on nothing else.
func runDemo(cmd *cobra.Command, o *runOptions, config demo.Config) (err error) {
	o.rounds = 4 // the fewest that carry a recommendation: nobody wants to wait for a demo
	p, err := o.plan(cmd.Flags())
	if err != nil {
		return err
	}
	if err := refuseSecond(recoverFirst(cmd.ErrOrStderr())); err != nil {
		return err
	}
	config.Seed = p.seed
	d, err := demo.Start(cmd.Context(), config)
	if err != nil {
		return badInput("see: pausetest demo --help", "starting the demo: %w", err)
	}
	defer func() {
		if closeErr := d.Close(); closeErr != nil {
			err = errors.Join(err, failed("", fmt.Errorf("ending the demo: %w", closeErr)))
		}
	}()
	o.selection.only, o.selection.below = []string{demoRule}, os.Getpid()
	o.selection.minAge = 0
	looker, err := newLooker(&o.selection, cmd.Flags())
	if err != nil {
		return err
	}
	first, err := looker.look(cmd.Context())
	if err != nil {
		return err
	}
	return perform(cmd, p, looker, first)
}
