package amanda_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A real Amanda calls the script of contrib/amanda at each of three dumps. It asks
// for the check, but even a sudo that hangs neither holds the dumps up nor fails
// them.
func TestHook(t *testing.T) {
	requireAmanda(t)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	l := newLab(ctx, t, 4)
	l.up(ctx, t, "bsdtcp", "shipped")

	conf := filepath.Join(l.folder, "backuphost/etc/amanda/lab/amanda.conf")
	text, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	const dumptype = "define dumptype lab {\n"
	if !strings.Contains(string(text), dumptype) {
		t.Fatalf("no dumptype lab in %s", text)
	}
	// As in docs/amanda-hooks.md.
	changed := strings.Replace(string(text), dumptype, `define script "pausetest" {
	plugin "pausetest-check"
	execute-on pre-dle-backup
	execute-where client
}
`+dumptype+"\tscript \"pausetest\"\n", 1)
	if err := os.WriteFile(conf, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}

	script, err := os.ReadFile("../../contrib/amanda/pausetest-check")
	if err != nil {
		t.Fatal(err)
	}
	l.overlay(ctx, t, "/usr/lib/amanda/application", "pausetest-check", string(script))
	l.overlay(ctx, t, "/usr/sbin", "sudo", "#!/bin/sh\necho \"$(id -un): $*\" >>/var/log/amanda/asked\nexec sleep 1000\n")

	l.must(ctx, t, "dump")
	l.must(ctx, t, "verify")
	asked := strings.Split(strings.TrimSpace(succeed(t, l.on(ctx, fileserver, "cat", "/var/log/amanda/asked"))), "\n")
	if len(asked) != 3 {
		t.Errorf("the check was asked for %d times by three dumps: %q", len(asked), asked)
	}
	for _, line := range asked {
		if line != "backup: -n systemctl start --no-block pausetest-check.service" {
			t.Errorf("asked for: %q", line)
		}
	}
}

// overlay adds a program to a folder of the fileserver, for it alone.
func (l *lab) overlay(ctx context.Context, t *testing.T, dir, name, text string) {
	t.Helper()
	base := filepath.Join(l.folder, "overlay", filepath.Base(dir))
	for _, sub := range []string{"upper", "work"} {
		if err := os.MkdirAll(filepath.Join(base, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(base, "upper", name), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	succeed(t, l.on(ctx, fileserver, "mount", "-t", "overlay", "overlay", "-o",
		"lowerdir="+dir+",upperdir="+filepath.Join(base, "upper")+",workdir="+filepath.Join(base, "work"), dir))
}
