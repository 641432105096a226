package procctl

import (
	"fmt"
	"os/exec"
	"testing"
)

// BenchmarkStopTree stops a family of sleepers and continues it, without a guard.
func BenchmarkStopTree(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("processes=%d", n), func(b *testing.B) {
			cmd := exec.Command("sh", "-c", `i=1; while [ $i -lt $1 ]; do sleep 600 & i=$((i+1)); done; echo ready; read x; kill $(jobs -p)`, "sh", itoa(n))
			in, err := cmd.StdinPipe()
			if err != nil {
				b.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				b.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				b.Fatal(err)
			}
			defer func() { _ = in.Close(); _ = cmd.Wait() }()
			if _, err := out.Read(make([]byte, 6)); err != nil {
				b.Fatal(err)
			}
			root, err := readStat(cmd.Process.Pid)
			if err != nil {
				b.Fatal(err)
			}
			table := NewTable("")
			for b.Loop() {
				s, err := table.StopTree(b.Context(), []ProcID{root.ID()}, plainLedger{}, StopOptions{})
				if err != nil {
					b.Fatal(err)
				}
				if len(s.Members()) != n {
					b.Fatalf("stopped %d processes, want %d", len(s.Members()), n)
				}
				if err := s.Continue(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
