package packaging_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What a clean Debian has in these tests beside the least: an init and a cron, what
// shows a manual page, what completes a command line, and what the scripts use.
const included = "systemd-sysv,cron,man-db,bash-completion,iproute2,procps"

// unpackDebian unpacks a clean Debian, of the release that this host has. It is
// kept in the user's cache: to make it takes a minute or two.
func unpackDebian() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "pausetest-test")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", err
	}
	suite, mirror, err := debianSource()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(mirror + " " + included))
	archive := filepath.Join(cache, fmt.Sprintf("debian-%s-%x.tar", suite, sum[:4]))
	dir, err := keepUntilEnd("chroot")
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(archive); err == nil {
		return dir, quietly(exec.Command("tar", "--extract", "--numeric-owner", "--file", archive, "--directory", dir))
	}
	if err := quietly(exec.Command("debootstrap", "--variant=minbase", "--include="+included, suite, dir, mirror)); err != nil {
		return "", err
	}
	part := fmt.Sprintf("%s.%d", archive, os.Getpid())
	if err := quietly(exec.Command("tar", "--create", "--numeric-owner", "--one-file-system", "--exclude=./var/cache/apt/archives/*.deb", "--file", part, "--directory", dir, ".")); err != nil {
		return "", errors.Join(err, os.Remove(part))
	}
	return dir, os.Rename(part, archive)
}

// debianSource is the release of this host, and where it gets its packages.
func debianSource() (suite, mirror string, err error) {
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return "", "", err
	}
	for line := range strings.Lines(string(release)) {
		if name, ok := strings.CutPrefix(line, "VERSION_CODENAME="); ok {
			suite = strings.TrimSpace(name)
		}
	}
	out, err := exec.Command("apt-get", "indextargets", "--format", "$(CODENAME) $(COMPONENT) $(REPO_URI)", "Created-By: Packages").Output()
	if err != nil {
		return "", "", err
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == suite && f[1] == "main" {
			return suite, f[2], nil
		}
	}
	return "", "", fmt.Errorf("apt has no source of packages for %q", suite)
}

// newGuest makes a folder that a clean Debian sees as /mnt, with the package, the
// stand-ins for dumps and the scripts in it.
func newGuest(t *testing.T) string {
	t.Helper()
	dir, err := keepUntilEnd("guest")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Glob(filepath.Join(dir, "*.sh"))
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		if err := os.Chmod(script, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	deb, err := os.ReadFile(packageFile(t, ".deb"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "pausetest.deb"), string(deb))
	if err := installSelf(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The package is installed in a clean Debian, used, removed and purged.
func TestDebianPackage(t *testing.T) {
	needs(t, "debootstrap", "dpkg-deb", "lintian", "unshare")
	t.Parallel()
	deb := packageFile(t, ".deb")
	if out := output(t, "lintian", "--fail-on", "error,warning", "--suppress-tags", "", deb); out != "" {
		t.Errorf("lintian: %s", out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	base := made(t, chroot)
	out, err := inNamespaces(ctx, t, "inside.sh", base, newGuest(t), "install.sh")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(out, "\nnothing left\n") {
		t.Errorf("something is left after the purge:\n%s", out)
	}
	t.Log(out)
}
