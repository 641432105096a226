package proctable

import (
	"bytes"
	"fmt"
	"strconv"
)

// A Status is what pausetest needs of /proc/PID/status, see proc_pid_status(5).
type Status struct {
	State     byte // of the main thread
	TracerPID int  // 0 for none
	UIDs      UIDs
	// IgnoredSignals has bit n-1 set when signal n is ignored.
	IgnoredSignals uint64
	// EffectiveCaps has bit n set for capability n.
	EffectiveCaps uint64
	// VoluntarySwitches counts how often the thread that the file is of went to
	// sleep by itself.
	VoluntarySwitches uint64
}

// UIDs are the four user ids of a process.
type UIDs struct{ Real, Effective, Saved, FS int }

// ParseStatus parses status. State and Uid must be there; what else is missing
// is zero, for older kernels lack some lines.
func ParseStatus(text []byte) (Status, error) {
	var s Status
	var haveState, haveUIDs bool
	for line := range bytes.Lines(text) {
		key, rest, found := bytes.Cut(line, []byte(":"))
		if !found {
			continue
		}
		value := bytes.TrimSpace(rest)
		var err error
		switch string(key) {
		case "State":
			if len(value) == 0 {
				return s, fmt.Errorf("parsing status: empty state")
			}
			s.State, haveState = value[0], true
		case "TracerPid":
			s.TracerPID, err = strconv.Atoi(string(value))
		case "Uid":
			s.UIDs, err = parseUIDs(value)
			haveUIDs = true
		case "SigIgn":
			s.IgnoredSignals, err = strconv.ParseUint(string(value), 16, 64)
		case "CapEff":
			s.EffectiveCaps, err = strconv.ParseUint(string(value), 16, 64)
		case "voluntary_ctxt_switches":
			s.VoluntarySwitches, err = strconv.ParseUint(string(value), 10, 64)
		}
		if err != nil {
			return s, fmt.Errorf("parsing status: bad %s %.40q", key, value)
		}
	}
	if !haveState || !haveUIDs {
		return s, fmt.Errorf("parsing status: no State or no Uid line")
	}
	return s, nil
}

func parseUIDs(value []byte) (UIDs, error) {
	fields := bytes.Fields(value)
	if len(fields) != 4 {
		return UIDs{}, fmt.Errorf("%d user ids, want 4", len(fields))
	}
	var ids [4]int
	for i, f := range fields {
		id, err := strconv.ParseUint(string(f), 10, 32)
		if err != nil {
			return UIDs{}, err
		}
		ids[i] = int(id)
	}
	return UIDs{ids[0], ids[1], ids[2], ids[3]}, nil
}
