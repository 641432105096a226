package packaging_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The program works with exactly three capabilities, as another user and as root;
// without one of them it says which, and what for.
func TestCapabilities(t *testing.T) {
	needs(t, "unshare", "setpriv", "ip", "ss", "dpkg-deb")
	t.Parallel()
	dir, err := keepUntilEnd("capabilities")
	if err != nil {
		t.Fatal(err)
	}
	output(t, "dpkg-deb", "--extract", packageFile(t, ".deb"), dir)
	if err := os.MkdirAll(filepath.Join(dir, "usr/local/bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "dev/shm"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := installSelf(filepath.Join(dir, "usr/local/bin")); err != nil {
		t.Fatal(err)
	}
	const ptrace, dac, kill = "CAP_SYS_PTRACE to read", "CAP_DAC_READ_SEARCH to open", "CAP_KILL to stop"
	for _, user := range []string{"0", "65533"} {
		for _, test := range []struct {
			caps string
			says []string // in the answer of streams
			not  []string
			runs bool
		}{
			{"", []string{"missing: " + ptrace, dac, kill}, nil, false},
			{"sys_ptrace,dac_read_search", []string{"we are user " + user + " without CAP_KILL"}, []string{"missing: "}, false},
			{"kill,dac_read_search", []string{"missing: " + ptrace}, []string{dac, kill}, false},
			{"kill,sys_ptrace", []string{"missing: " + dac}, []string{ptrace, kill}, false},
			{"kill,sys_ptrace,dac_read_search", []string{"/home", "/mail"}, []string{"missing: "}, true},
		} {
			t.Run(user+" "+test.caps, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
				defer cancel()
				out, err := inNamespaces(ctx, t, "capabilities.sh", dir, user, test.caps)
				for _, word := range test.says {
					if !strings.Contains(out, word) {
						t.Errorf("it does not say %q", word)
					}
				}
				for _, word := range test.not {
					if strings.Contains(out, word) {
						t.Errorf("it says %q", word)
					}
				}
				if runs := err == nil && strings.Contains(out, "the streams' sockets") && strings.Contains(out, "what the streams write"); runs != test.runs {
					t.Errorf("a run with all counters works: %v, want %v (%v)", runs, test.runs, err)
				}
				if t.Failed() {
					t.Log(out)
				}
			})
		}
	}
}
