package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"pausetest/internal/procctl/proctable"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"pausetest": main,
		"exe":       main, // as the guard is started: by /proc/self/exe
		// The demo starts its parts under names of their own.
		"pausetest-demo-source":    main,
		"pausetest-demo-relay":     main,
		"pausetest-demo-receivers": main,
		"writer":                   writer,
		"hog":                      hog,
	})
}

// writer stands for a dump that the scripts pause: it writes 1 MB/s into
// nothing until it is killed.
func writer() {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	block := make([]byte, 10_000)
	for range time.Tick(10 * time.Millisecond) {
		null.Write(block)
	}
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			// Every script is a host of its own: the lock and the journal are per host.
			e.Setenv("PAUSETEST_STATE_DIR", filepath.Join(e.WorkDir, ".state"))
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "root" {
				return os.Getuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"nobody":  nobody,
			"flowing": flowing,

			"recorded": recorded,
			"quiet":    quietCmd,
			"folders":  folders,
		},
	})
}

// exits CODE COMMAND...: run a command and compare its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// nobody COMMAND...: run a command as a user without privileges.
func nobody(ts *testscript.TestScript, neg bool, args []string) {
	if os.Getuid() != 0 {
		ts.Check(ts.Exec(args[0], args[1:]...)) // we are such a user already
		return
	}
	// What the test binary and the script live in is ours alone.
	exe, err := exec.LookPath(args[0])
	ts.Check(err)
	for _, dir := range []string{filepath.Dir(filepath.Dir(exe)), filepath.Dir(ts.Getenv("WORK")), ts.Getenv("WORK")} {
		ts.Check(os.Chmod(dir, 0o755))
	}
	err = ts.Exec("setpriv", append([]string{"--reuid=65534", "--regid=65534", "--clear-groups"}, args...)...)
	if neg == (err == nil) {
		ts.Fatalf("as nobody: %v", err)
	}
}

// flowing NAME...: wait until the writers of these names write. Before that they may
// not be paused.
func flowing(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		ts.Check(waitFor(30*time.Second, func() error {
			procs, err := filepath.Glob("/proc/[0-9]*/cmdline")
			if err != nil {
				return err
			}
			for _, file := range procs {
				line, _ := os.ReadFile(file)
				pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
				if strings.HasSuffix(string(line), "writer\x00"+name+"\x00") && hasWritten(pid) == nil {
					return nil
				}
			}
			return fmt.Errorf("no writer %s writes", name)
		}))
	}
}

// hasWritten reports a process that has written nothing yet.
func hasWritten(pid int) error {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		return err
	}
	io, err := proctable.ParseIO(text)
	if err == nil && io.WrittenBytes == 0 {
		err = fmt.Errorf("process %d has written nothing", pid)
	}
	return err
}

// notStopped reports a process that is stopped.
func notStopped(pid int) error {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if s := string(stat); len(s) > 0 && stateOf(s) == 'T' {
		return fmt.Errorf("process %d is stopped", pid)
	}
	return nil
}

// stateOf is the state letter in a /proc/PID/stat.
func stateOf(stat string) byte {
	for i := len(stat) - 1; i >= 0; i-- {
		if stat[i] == ')' && i+2 < len(stat) {
			return stat[i+2]
		}
	}
	return 0
}

// waitFor polls until there is no error any more.
func waitFor(most time.Duration, look func() error) error {
	deadline := time.Now().Add(most)
	for {
		err := look()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}
