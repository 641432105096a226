package packaging_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// waiting is what a line that is tried now must not do: wait for dumps, which run
// already, or for the night.
var waiting = regexp.MustCompile(` --(wait|window) \S+`)

// fenced are the lines of the first fenced block below a heading of the README.
func fenced(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile(top + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)\n#+ " + regexp.QuoteMeta(heading) + "\n.*?\n```[a-z]*\n(.*?)```").FindSubmatch(text)
	if m == nil {
		t.Fatalf("the README has no lines under %q", heading)
	}
	return string(m[1])
}

// The lines that the README has for cron are run by Debian's cron, in a clean Debian:
// no mail when the dumps don't hinder one another, and one when they do.
func TestFromCron(t *testing.T) {
	needs(t, "debootstrap", "unshare", "setpriv")
	t.Parallel()
	lines := fenced(t, "From cron")
	shipped, err := os.ReadFile(top + "/contrib/cron.d/pausetest")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(lines) {
		if !strings.Contains(string(shipped), "\n"+line) {
			t.Errorf("contrib/cron.d/pausetest has no line %q", line)
		}
	}
	for _, test := range []struct {
		dumps, verdict string
		mail           []string // words in it; none: no mail
	}{
		{"apart", "scaling", nil},
		{"together", "collapse", []string{"Subject: Cron <root@", "2 streams together move 0."}},
	} {
		t.Run(test.dumps, func(t *testing.T) {
			t.Parallel()
			base, guest := made(t, chroot), newGuest(t)
			write(t, filepath.Join(guest, "cron"), waiting.ReplaceAllString(lines, ""))
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
			defer cancel()
			out, err := inNamespaces(ctx, t, "inside.sh", base, guest, "night.sh", test.dumps)
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			mail, err := os.ReadFile(filepath.Join(guest, "mail"))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			if test.mail == nil && len(mail) > 0 {
				t.Errorf("there is mail: %s", mail)
			}
			for _, words := range test.mail {
				if !strings.Contains(string(mail), words) {
					t.Errorf("the mail does not say %q: %s", words, mail)
				}
			}
			if got := verdict(t, filepath.Join(guest, "result.json")); got != test.verdict {
				t.Errorf("verdict %s, want %s", got, test.verdict)
			}
		})
	}
}

// verdict reads a run's result.
func verdict(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var result struct {
		Verdict string `json:"verdict"`
	}
	if err := json.Unmarshal(text, &result); err != nil {
		t.Fatal(err)
	}
	return result.Verdict
}

// What is written down for an unattended check is understood by it.
func TestUnattendedFlags(t *testing.T) {
	needs(t, "dpkg-deb")
	t.Parallel()
	dir := t.TempDir()
	output(t, "dpkg-deb", "--extract", packageFile(t, ".deb"), dir)
	program := filepath.Join(dir, "usr/bin/pausetest")
	for _, file := range []string{"README.md", "docs/amanda-hooks.md", "contrib/cron.d/pausetest", "contrib/systemd/pausetest-check.service"} {
		text, err := os.ReadFile(filepath.Join(top, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range regexp.MustCompile(`pausetest (check --[^'\n]*?)(?: #.*)?\n`).FindAllStringSubmatch(string(text), -1) {
			args := append(strings.Fields(line[1]), "--help")
			if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
				t.Errorf("%s: %q: %s", file, line[1], out)
			}
		}
	}
}
