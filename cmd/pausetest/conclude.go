package main

import (
	"fmt"
	"io"

	"pausetest/internal/analysis"
	"pausetest/internal/report"
)

// conclude prints what a run found, and where it left it.
func conclude(w io.Writer, folder string, s *analysis.Study) error {
	if err := report.Text(w, s); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nrun folder: %s\n", folder)
	return err
}
