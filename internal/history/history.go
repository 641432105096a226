// Package history knows what runs leave: it reads the folders of many runs, and
// deletes old ones without ever touching what a run did not write.
//
// The recording is what a run says; its result is read instead where it is known to
// say the same, because a thousand recordings take a while (read.go). Which runs have
// to go is decided apart from deleting them (retention.go, prune_linux.go).
package history

import (
	"slices"
	"time"
)

// What a run writes into its folder.
const (
	RecordingFile = "recording.jsonl"
	ResultFile    = "result.json"
	CurveFile     = "curve.png"
	TimelineFile  = "timeline.png"
	ReportFile    = "report.html"
)

// madeFromRecording is what a run's folder holds beside the recording, and what can be
// made again from it.
var madeFromRecording = []string{ResultFile, CurveFile, TimelineFile, ReportFile}

// TemporaryName is the name of a file until it is written whole.
func TemporaryName(name string) string { return "." + name + ".tmp" }

// writtenByRun reports whether a run writes files of this name.
func writtenByRun(name string) bool {
	return name == RecordingFile || slices.ContainsFunc(madeFromRecording, func(made string) bool {
		return name == made || name == TemporaryName(made)
	})
}

// stampLayout is how a folder's name begins, in UTC.
const stampLayout = "2006-01-02T150405Z"

// FolderName is the name of a run's folder, unless the operator gave it another one.
func FolderName(started time.Time, host string) string {
	return started.UTC().Format(stampLayout) + "-" + fileName(host)
}

// isFolderName reports whether a run may have given a folder this name.
func isFolderName(name string) bool {
	if len(name) <= len(stampLayout) || name[len(stampLayout)] != '-' {
		return false
	}
	started, err := time.Parse(stampLayout, name[:len(stampLayout)])
	return err == nil && name == FolderName(started, name[len(stampLayout)+1:])
}

// fileName makes a host's name fit for a path.
func fileName(host string) string {
	name := []rune(host)
	for i, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.' && i > 0:
		default:
			name[i] = '_'
		}
	}
	if len(name) == 0 {
		return "host"
	}
	return string(name)
}
