package main

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// handWritten are the manual pages that no command says, and overview, the
// sections of pausetest(1) after the generated ones.
//
//go:embed man
var handWritten embed.FS

const overview = "man/overview.man"

func newMan() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "write the manual pages into a folder",
		Long: `man writes a manual page for every command, and pausetest-schedule(5), into an
existing folder. They bear the date in SOURCE_DATE_EPOCH (seconds since 1970) if
that is set, so that a package can be built again to the byte.`,
		Example: `  pausetest man . && man ./pausetest-run.1`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := writeManual(cmd.Root(), args[0]); err != nil {
				return badInput("name a folder that exists and can be written", "writing the manual pages: %w", err)
			}
			return nil
		},
	}
}

// writeManual writes all pages into dir.
func writeManual(root *cobra.Command, dir string) error {
	date, err := manualDate()
	if err != nil {
		return err
	}
	more, err := handWritten.ReadFile(overview)
	if err != nil {
		return err
	}
	for _, c := range documented(root) {
		var page bytes.Buffer
		writePage(&page, c, date)
		if c == root {
			page.Write(more)
		}
		if err := os.WriteFile(filepath.Join(dir, pageName(c)+".1"), page.Bytes(), 0o644); err != nil {
			return err
		}
	}
	files, err := handWritten.ReadDir("man")
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.Name() == filepath.Base(overview) {
			continue
		}
		text, err := handWritten.ReadFile("man/" + f.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name()), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// manualDate is the day that the pages bear.
func manualDate() (string, error) {
	at := time.Now()
	if text := os.Getenv("SOURCE_DATE_EPOCH"); text != "" {
		sec, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return "", fmt.Errorf("SOURCE_DATE_EPOCH %q: expected seconds since 1970", text)
		}
		at = time.Unix(sec, 0)
	}
	return at.UTC().Format(time.DateOnly), nil
}

// documented are the command and all below it that help would list. The shells of
// "completion" are told apart on its own page.
func documented(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	if c.Name() == "completion" {
		return all
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && !sub.IsAdditionalHelpTopicCommand() {
			all = append(all, documented(sub)...)
		}
	}
	return all
}

func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }
