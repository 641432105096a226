package packaging_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// blocks are the literal blocks of a manual page's source.
func blocks(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, "cmd/pausetest/man", page))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range regexp.MustCompile(`(?s)\n\.EX\n(.*?)\.EE\n`).FindAllStringSubmatch(string(text), -1) {
		all = append(all, strings.ReplaceAll(m[1], `\-`, "-"))
	}
	if len(all) == 0 {
		t.Fatalf("no example in %s", page)
	}
	return all
}

// The command lines of pausetest(1) do what they are said to, in their order, and so
// does the last schedule of pausetest-schedule(5).
func TestManualExamples(t *testing.T) {
	needs(t, "debootstrap", "unshare", "setpriv")
	t.Parallel()
	base, guest := made(t, chroot), newGuest(t)
	write(t, filepath.Join(guest, "examples"), strings.Join(blocks(t, "overview.man"), ""))
	schedules := blocks(t, "pausetest-schedule.5")
	write(t, filepath.Join(guest, "mine.yaml"), schedules[len(schedules)-1])
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	out, err := inNamespaces(ctx, t, "inside.sh", base, guest, "examples.sh")
	if err != nil || !strings.HasSuffix(out, "\nall done\n") {
		t.Errorf("%v\n%s", err, out)
	}
}
