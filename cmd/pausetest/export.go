package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
	"pausetest/internal/report"
)

func newExport() *cobra.Command {
	var format, out string
	var redact bool
	var keyFile string
	c := &cobra.Command{
		Use:   "export RUN",
		Short: "give a recording to other programs, or to a vendor without the names in it",
		Long: `export writes what a recording holds in another form:

  samples    CSV: every sample, cumulative bytes and nanoseconds
  segments   CSV: every segment with its rates, the unused ones too
  bench      the Go benchmark format, one line a segment, for benchstat
  json       the result, by docs/result.schema.json
  recording  the recording itself, by docs/recording.schema.json

With --redact, host names, paths, labels and command lines become pseudonyms, the
same name the same one within one export; all numbers stay. A --key-file of any
secret content keeps the pseudonyms the same from one export to the next.`,
		Example: `  pausetest export RUN --redact --out for-the-vendor.jsonl
  pausetest export RUN --format bench | benchstat -col /active -`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			write, ok := exports[format]
			if !ok {
				return badInput("", "--format %q: expected samples, segments, bench, json or recording", format)
			}
			key, err := redactionKey(keyFile)
			if err != nil {
				return err
			}
			do := func(w io.Writer) error {
				r, err := openRecording(args[0])
				if err != nil {
					return err
				}
				if redact {
					r = redacted(r, key)
				}
				if err := write(w, r); err != nil {
					return fmt.Errorf("exporting %s: %w", args[0], err)
				}
				return nil
			}
			if out == "" {
				out = "-"
			}
			return writeFile(cmd.OutOrStdout(), out, do)
		},
	}
	c.Flags().StringVar(&format, "format", "recording", "samples, segments, bench, json or recording")
	c.Flags().StringVarP(&out, "out", "o", "", "write to `FILE` instead of standard output")
	c.Flags().BoolVar(&redact, "redact", false, "replace names by pseudonyms")
	c.Flags().StringVar(&keyFile, "key-file", "", "make the pseudonyms from the secret in `FILE` (default: a new one each time)")
	return c
}

// exports turn a recording into each format.
var exports = map[string]func(io.Writer, analysis.Recording) error{
	"samples":   ofStudy(report.SamplesCSV),
	"segments":  ofStudy(report.SegmentsCSV),
	"bench":     ofStudy(report.Benchmark),
	"json":      ofStudy(report.JSON),
	"recording": copyRecords,
}

func ofStudy(write func(io.Writer, *analysis.Study) error) func(io.Writer, analysis.Recording) error {
	return func(w io.Writer, r analysis.Recording) error {
		s, err := analysis.Analyze(r)
		if err != nil {
			return unreadable(err)
		}
		return write(w, s)
	}
}

// copyRecords writes records again: whole lines up to where the recording was
// cut off, if it was.
func copyRecords(w io.Writer, r analysis.Recording) error {
	out := recording.NewWriter(w)
	for rec, err := range r.All() {
		if _, cut := errors.AsType[*recording.TruncatedError](err); cut {
			return nil
		}
		if err != nil {
			return unreadable(err)
		}
		if err := out.Write(rec); err != nil {
			return err
		}
	}
	return nil
}

func redactionKey(file string) ([]byte, error) {
	if file == "" {
		key := make([]byte, 32)
		rand.Read(key) // never fails
		return key, nil
	}
	key, err := os.ReadFile(file)
	if err == nil && len(key) < 16 {
		err = fmt.Errorf("%s holds %d bytes; a secret needs at least 16", file, len(key))
	}
	if err != nil {
		return nil, badInput("make one with: head -c 32 /dev/urandom > FILE", "reading the key: %w", err)
	}
	return key, nil
}

// redacted is a recording without the names in it: with the same pseudonyms each time
// it is gone through.
func redacted(r analysis.Recording, key []byte) analysis.Recording {
	return recording.Sequence(func(yield func(recording.Record, error) bool) {
		redactor := report.NewRedactor(key)
		for rec, err := range r.All() {
			if err == nil {
				rec = redactor.Record(rec)
			}
			if !yield(rec, err) {
				return
			}
		}
	})
}
