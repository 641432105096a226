package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"pausetest/internal/occasion"
)

// checkArgs is a check of the patient's writers.
func (p *patient) checkArgs(more ...string) []string {
	return append([]string{"check", "--match", "^writer " + p.t.Name() + "-", "--iface", "lo", "--min-age", "0s"}, more...)
}

// checked runs a check to its end.
func (p *patient) checked(more ...string) (code int, stdout, stderr string) {
	p.t.Helper()
	var out, complaints strings.Builder
	c := p.command("pausetest", p.checkArgs(more...)...)
	c.Stdout, c.Stderr = &out, &complaints
	err := c.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), out.String(), complaints.String()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return 0, out.String(), complaints.String()
}

// untilSays waits until standard error holds a text.
func (p *patient) untilSays(text string) {
	p.t.Helper()
	if err := waitFor(time.Minute, func() error {
		if !strings.Contains(p.stderr.String(), text) {
			return fmt.Errorf("not said: %s", text)
		}
		return nil
	}); err != nil {
		p.t.Fatalf("%v; stderr: %s", err, &p.stderr)
	}
}

// A signal ends a check that waits: at once, quietly, and nothing was begun.
func TestSignalsEndTheWait(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			p := newPatient(t, 1)
			p.launch(p.command("pausetest", p.checkArgs("--wait", "1h", "--out", p.out, "--verbose")...))
			p.untilSays("waiting: only 1 stream runs")
			before := p.stderr.String()
			p.run.Process.Signal(s)
			p.exits(exitSignalled + int(s))
			if p.stdout.String() != "" || p.stderr.String() != before {
				t.Errorf("said %q, and on stderr %q", &p.stdout, &p.stderr)
			}
			if _, err := os.Stat(p.out); !errors.Is(err, os.ErrNotExist) {
				t.Error("a check that never began left a folder")
			}
		})
	}
}

// While another run is at work a check does nothing, and says so.
func TestCheckBesideARun(t *testing.T) {
	t.Parallel()
	p := newPatient(t, 2)
	p.start()
	p.untilPaused()
	holder := fmt.Sprintf("another pausetest (pid %d) is at work", p.run.Process.Pid)
	if code, stdout, stderr := p.checked(); code != exitFailed || stdout != "" || !strings.Contains(stderr, holder) {
		t.Errorf("exit code %d, said %q, and on stderr %q", code, stdout, stderr)
	}
	if code, stdout, stderr := p.checked("--fail-on", "none"); code != exitDone || stdout+stderr != "" {
		t.Errorf("with --fail-on none: exit code %d, said %q, and on stderr %q", code, stdout, stderr)
	}
	if code, stdout, stderr := p.checked("--plugin"); code != 3 || !strings.HasPrefix(stdout, "PAUSETEST UNKNOWN: ") || !strings.Contains(stdout, holder) || stderr != "" {
		t.Errorf("with --plugin: exit code %d, said %q, and on stderr %q", code, stdout, stderr)
	}
	p.run.Process.Signal(syscall.SIGINT)
	p.exits(exitFailed)
}

// A check that waits keeps nobody from running, and has its turn when there is the
// third stream that it waits for.
func TestCheckWaitsBesideARun(t *testing.T) {
	t.Parallel()
	p := newPatient(t, 2)
	waiting := &patient{t: t, out: p.out + "-check", env: p.env, ended: make(chan error, 1)}
	waiting.launch(p.command("pausetest", p.checkArgs("--wait", "1h", "--steady", "1s", "--min-streams", "3", "--blocks", "2", "--out", waiting.out, "--verbose")...))
	waiting.untilSays("only 2 streams run")
	p.start("--blocks", "2")
	waiting.untilSays(fmt.Sprintf("(pid %d) is at work", p.run.Process.Pid))
	p.exits(exitDone)
	p.startWriter(2)
	waiting.exits(exitDone)
	if p.kept().Blocks != 2 || len(waiting.kept().Streams) != 3 {
		t.Errorf("the check said %q", &waiting.stdout)
	}
}

// The window is one of the clocks of this place.
func TestCheckWindow(t *testing.T) {
	t.Parallel()
	p := newPatient(t, 1)
	p.env = append(p.env, "TZ=Etc/GMT-5") // which is east of Greenwich
	now := time.Now().In(time.FixedZone("", 5*60*60))
	open := now.Add(-time.Hour).Format("15:04") + "-" + now.Add(4*time.Hour).Format("15:04")
	later := now.Add(2*time.Hour).Format("15:04") + "-" + now.Add(4*time.Hour).Format("15:04")
	check := func(window string, wantCode int, want occasion.Reason, args ...string) {
		t.Helper()
		code, stdout, stderr := p.checked(append(args, "--window", window, "--fail-on", string(want))...)
		if code != wantCode || stdout != "" || stderr == "" {
			t.Errorf("%s %q: exit code %d, said %q, and on stderr %q", window, args, code, stdout, stderr)
		}
	}
	check(open, exitFailed, occasion.TooFew)
	check(later, exitFailed, occasion.OutOfHours)
	check(later, exitFailed, occasion.OutOfHours, "--wait", "1h")
	// It may not begin when it can't end.
	check(now.Add(-time.Hour).Format("15:04")+"-"+now.Add(time.Hour).Format("15:04"), exitFailed, occasion.OutOfHours, "--blocks", "1000")
}
