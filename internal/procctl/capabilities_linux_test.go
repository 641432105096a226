package procctl

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLacking(t *testing.T) {
	const all = 1<<unix.CAP_KILL | 1<<unix.CAP_SYS_PTRACE | 1<<unix.CAP_DAC_READ_SEARCH
	for _, test := range []struct {
		effective uint64
		want      []string // in this order
	}{
		{0, []string{"CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_KILL"}},
		{1 << unix.CAP_NET_ADMIN, []string{"CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_KILL"}},
		{all &^ (1 << unix.CAP_KILL), []string{"CAP_KILL"}},
		{all &^ (1 << unix.CAP_SYS_PTRACE), []string{"CAP_SYS_PTRACE"}},
		{all &^ (1 << unix.CAP_DAC_READ_SEARCH), []string{"CAP_DAC_READ_SEARCH"}},
		{all, nil},
		{^uint64(0), nil},
	} {
		got := lacking(test.effective)
		if len(got) != len(test.want) {
			t.Errorf("%#x lacks %q, want %q", test.effective, got, test.want)
			continue
		}
		for i, name := range test.want {
			if !strings.HasPrefix(got[i], name+" to ") {
				t.Errorf("%#x lacks %q, want %q with its purpose", test.effective, got, test.want)
			}
		}
	}
}
