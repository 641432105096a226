package limiter_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"pausetest/internal/limiter"
)

// TestDemo runs the whole experiment on the demo, which has to name its relay.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("a whole run takes a minute")
	}
	program, folder := filepath.Join(t.TempDir(), "pausetest"), filepath.Join(t.TempDir(), "run")
	for _, args := range [][]string{
		{"go", "build", "-o", program, "../../cmd/pausetest"},
		{program, "demo", "--quiet", "--levels", "ends", "--seed", "1", "--out", folder},
	} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	var result struct {
		Sentence string
		Limiter  *limiter.Finding
	}
	if err := json.Unmarshal(text, &result); err != nil {
		t.Fatal(err)
	}
	f := result.Limiter
	if f == nil {
		t.Fatal("nothing is said of the limit")
	}
	t.Logf("%s\n%s", result.Sentence, f.Statement)
	if f.Kind != limiter.BlockingWriter || f.Process == nil || f.Process.Name != "demo-relay" {
		t.Errorf("the limit is said to be %q, %+v", f.Kind, f.Process)
	}
}
