package packaging_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// extracted is the Debian package, unpacked.
func extracted(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	output(t, "dpkg-deb", "--extract", packageFile(t, ".deb"), dir)
	return dir
}

// Two readers of manual pages find no fault with ours.
func TestManualPages(t *testing.T) {
	needs(t, "dpkg-deb", "man", "mandoc", "gunzip")
	t.Parallel()
	pages, err := filepath.Glob(filepath.Join(extracted(t), "usr/share/man/man?/*.gz"))
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	for _, page := range pages {
		output(t, "gunzip", page)
		page = strings.TrimSuffix(page, ".gz")
		output(t, "mandoc", "-T", "lint", "-W", "warning", page)
		cmd := exec.Command("man", "--warnings", "--encoding=UTF-8", "--local-file", page)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANWIDTH=80")
		var stderr strings.Builder
		cmd.Stderr = &stderr
		if _, err := cmd.Output(); err != nil || stderr.Len() > 0 {
			t.Errorf("man %s: %v: %s", filepath.Base(page), err, &stderr)
		}
	}
}

// Each shell can read its completion. (install.sh completes with bash's.)
func TestCompletions(t *testing.T) {
	needs(t, "dpkg-deb", "bash", "zsh", "fish")
	t.Parallel()
	dir := extracted(t)
	for shell, file := range map[string]string{
		"bash": "usr/share/bash-completion/completions/pausetest",
		"zsh":  "usr/share/zsh/vendor-completions/_pausetest",
		"fish": "usr/share/fish/vendor_completions.d/pausetest.fish",
	} {
		output(t, shell, "-n", filepath.Join(dir, file))
	}
}

// Every script of ours is a good one.
func TestShellcheck(t *testing.T) {
	needs(t, "shellcheck")
	t.Parallel()
	scripts := []string{"contrib/amanda/pausetest-check"}
	for _, pattern := range []string{"contrib/package/*.sh", "test/package/testdata/*.sh"} {
		found, err := filepath.Glob(filepath.Join(top, pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(found), err)
		}
		for _, file := range found {
			scripts = append(scripts, strings.TrimPrefix(file, top+"/"))
		}
	}
	cmd := exec.Command("shellcheck", append([]string{"--external-sources"}, scripts...)...)
	cmd.Dir = top
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// Amanda's hook, called as Amanda calls it: it asks for the check at the beginning
// of a dump, prints nothing that Amanda would take for something else, lets go of
// everything Amanda gave it, and succeeds whatever sudo says or does.
func TestAmandaHook(t *testing.T) {
	needs(t, "dash", "bash", "busybox")
	t.Parallel()
	hook, err := filepath.Abs(top + "/contrib/amanda/pausetest-check")
	if err != nil {
		t.Fatal(err)
	}
	options := []string{"--execute-where", "client", "--config", "daily", "--host", "fs3", "--disk", "/a b'c\n", "--device", "/x", "--timestamp", "20261123033447", "--level", "0"}
	const asked = "-n systemctl start --no-block pausetest-check.service\n"
	for _, shell := range [][]string{{"dash"}, {"bash"}, {"busybox", "sh"}} {
		for _, test := range []struct {
			command string
			sudo    string // what it does after having taken note
			stdout  string
			asked   string
		}{
			{"support", "exit 0", "CONFIG YES\n", ""},
			{"PRE-DLE-BACKUP", "exit 0", "", asked},
			{"PRE-DLE-BACKUP", "echo no; echo no >&2; exit 1", "", asked},
			{"PRE-DLE-BACKUP", "exec sleep 600", "", asked},
			{"POST-DLE-BACKUP", "exit 0", "", ""},
			{"PRE-DLE-ESTIMATE", "exit 0", "", ""},
			{"nonsense", "exit 0", "", ""},
		} {
			dir := t.TempDir()
			note, pid := filepath.Join(dir, "note"), filepath.Join(dir, "pid")
			sudo := "#!/bin/sh\necho $$ >" + pid + "\necho \"$*\" >>" + note + "\n" + test.sudo + "\n"
			if err := os.WriteFile(filepath.Join(dir, "sudo"), []byte(sudo), 0o755); err != nil {
				t.Fatal(err)
			}
			args := append(append(shell[1:len(shell):len(shell)], hook, test.command), options...)
			cmd := exec.Command(shell[0], args...)
			cmd.Env = []string{"PATH=" + dir + ":/usr/sbin:/usr/bin:/sbin:/bin"}
			// The hook lets go of descriptors below 10. At the end of this one, everything
			// has ended that it started in the background.
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd.ExtraFiles = append(make([]*os.File, 17), w) // number 20
			// As sendbackup does, it waits for the end of both pipes: of whoever holds them.
			out, err := cmd.CombinedOutput()
			w.Close()
			if err != nil || !strings.HasPrefix(string(out), test.stdout) || test.stdout == "" && len(out) > 0 {
				t.Errorf("%s, %s: %v, %q", test.command, shell, err, out)
			}
			if test.asked != "" {
				awaitLine(t, note)
				if got, err := os.ReadFile(pid); err == nil {
					exec.Command("kill", strings.TrimSpace(string(got))).Run() // the one that hangs
				}
			}
			r.SetReadDeadline(time.Now().Add(30 * time.Second))
			if _, err := io.ReadAll(r); err != nil {
				t.Fatalf("%s, %s: awaiting the end of sudo: %v", test.command, shell, err)
			}
			r.Close()
			if got, err := os.ReadFile(note); string(got) != test.asked || err != nil && test.asked != "" {
				t.Errorf("%s, %s: asked for %q, %v", test.command, shell, got, err)
			}
		}
	}
}

// awaitLine waits until a file holds a whole line.
func awaitLine(t *testing.T, file string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if got, err := os.ReadFile(file); err == nil && strings.HasSuffix(string(got), "\n") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no line in %s after 30 s", filepath.Base(file))
		}
	}
}
