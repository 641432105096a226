package procctl

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"pausetest/internal/procctl/proctable"
)

// capabilities are all that pausetest makes use of, see capabilities(7), and what
// for. With them, and as any user, it can do what root can; test/package runs it
// without each of them in turn.
//
// Note: not CAP_NET_ADMIN. Everybody may read the counters of interfaces and, by
// INET_DIAG, those of sockets.
var capabilities = []struct {
	bit     uint
	name    string
	purpose string
}{
	{unix.CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "to read their descriptors and counters"},
	{unix.CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", "to open the folders of these, and Amanda's logs"},
	{unix.CAP_KILL, "CAP_KILL", "to stop them"},
}

// MissingCapabilities lists the capabilities that this process lacks to handle
// other users' processes, each with its purpose.
func MissingCapabilities() ([]string, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil, fmt.Errorf("reading our capabilities: %w", err)
	}
	us, err := proctable.ParseStatus(text)
	if err != nil {
		return nil, fmt.Errorf("reading our capabilities: %w", err)
	}
	return lacking(us.EffectiveCaps), nil
}

// lacking takes the effective set as /proc/PID/status shows it.
func lacking(effective uint64) []string {
	var missing []string
	for _, c := range capabilities {
		if effective&(1<<c.bit) == 0 {
			missing = append(missing, c.name+" "+c.purpose)
		}
	}
	return missing
}
