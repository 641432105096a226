package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newMan() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "write the manual pages into a folder",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			root.DisableAutoGenTag = true // the same version gives the same pages
			if err := doc.GenManTree(root, &doc.GenManHeader{Title: "PAUSETEST", Section: "1", Source: "pausetest " + release}, args[0]); err != nil {
				return badInput("name a folder that exists and can be written", "writing the manual pages: %w", err)
			}
			return nil
		},
	}
}
