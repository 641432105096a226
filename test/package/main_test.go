// Package packaging_test builds the packages and tries what an operator gets: in a
// clean Debian, under a real cron and a real systemd, with real dumps' stand-ins.
package packaging_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "testdump":
		os.Exit(dump(os.Args[1:]))
	case "testsink":
		os.Exit(sink(os.Args[1:]))
	}
	code := m.Run()
	cleanUp()
	os.Exit(code)
}

// top is the root of the repository.
const top = "../.."

// What more than one test needs is made once.
var (
	packages = sync.OnceValues(buildPackages)
	chroot   = sync.OnceValues(unpackDebian)
)

// kept are the folders that live as long as the tests of this package.
var kept struct {
	mu   sync.Mutex
	dirs []string
}

// keepUntilEnd makes such a folder.
func keepUntilEnd(name string) (string, error) {
	dir, err := os.MkdirTemp("/var/tmp", "pausetest-"+name+"-") // on a disk
	if err != nil {
		return "", err
	}
	kept.mu.Lock()
	defer kept.mu.Unlock()
	kept.dirs = append(kept.dirs, dir)
	return dir, os.Chmod(dir, 0o755)
}

func cleanUp() {
	for _, dir := range kept.dirs {
		os.RemoveAll(dir)
	}
}

// buildPackages calls what "make package" calls.
func buildPackages() (string, error) {
	dir, err := keepUntilEnd("packages")
	if err != nil {
		return "", err
	}
	return dir, quietly(exec.Command(top+"/contrib/package/build.sh", dir))
}

// needs skips a test for want of root or a program, or fails it where
// PAUSETEST_REQUIRE names "package".
func needs(t *testing.T, programs ...string) {
	t.Helper()
	missing := ""
	if os.Geteuid() != 0 {
		missing = "this is not root"
	}
	for _, program := range append(programs, "git") {
		if _, err := exec.LookPath(program); err != nil {
			missing = err.Error() + "; test/install-packages.sh installs what is missing"
		}
	}
	if testing.Short() {
		missing = "this is a short run"
	}
	switch {
	case missing == "":
	case slices.Contains(strings.Split(os.Getenv("PAUSETEST_REQUIRE"), ","), "package"):
		t.Fatalf("package is required, but %s", missing)
	default:
		t.Skip(missing)
	}
}

// made returns what one of these functions makes.
func made(t *testing.T, make func() (string, error)) string {
	t.Helper()
	s, err := make()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// packageFile is the built package with this ending.
func packageFile(t *testing.T, ending string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(made(t, packages), "*"+ending))
	if err != nil || len(found) != 1 {
		t.Fatalf("found %d packages %s: %v", len(found), ending, err)
	}
	return found[0]
}

// A failure is a command that went wrong, with what it said.
type failure struct {
	err    error
	cmd    string
	output string
}

func (f *failure) Error() string { return f.cmd + ": " + f.err.Error() + "\n" + f.output }

// quietly runs a command whose output matters only if it fails.
func quietly(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return &failure{err, strings.Join(cmd.Args, " "), string(out)}
	}
	return nil
}

// output runs a command that has to succeed, and returns what it writes to
// standard output.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.String()
}

// inNamespaces runs a script of testdata with a network, processes and mounts of
// its own. All of it ends with the command, or with the test.
func inNamespaces(ctx context.Context, t *testing.T, script string, args ...string) (string, error) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", script))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "unshare", append([]string{"--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc", path}, args...)...)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// installSelf puts this test binary where the stand-ins are to be started from.
func installSelf(dir string) error {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer self.Close()
	file := filepath.Join(dir, "testdump")
	out, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, self); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	os.Remove(filepath.Join(dir, "testsink"))
	return os.Symlink("testdump", filepath.Join(dir, "testsink"))
}
