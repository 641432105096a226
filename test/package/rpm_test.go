package packaging_test

import (
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The RPM is whole, has what the Debian package has, and can be installed, run and
// erased.
func TestRPM(t *testing.T) {
	needs(t, "rpm", "dpkg-deb", "unshare")
	t.Parallel()
	file := packageFile(t, ".rpm")
	if out := output(t, "rpm", "--checksig", "--nosignature", file); !strings.Contains(out, "digests OK") {
		t.Errorf("rpm --checksig: %s", out)
	}
	dir, err := keepUntilEnd("rpm")
	if err != nil {
		t.Fatal(err)
	}
	deb := t.TempDir()
	output(t, "dpkg-deb", "--extract", packageFile(t, ".deb"), deb)
	listed := output(t, "rpm", "--query", "--list", "--package", file)
	err = filepath.WalkDir(deb, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name := strings.TrimPrefix(path, deb)
		switch {
		case strings.HasPrefix(name, "/usr/share/lintian/"), strings.HasSuffix(name, "/changelog.Debian.gz"):
			return nil
		case strings.HasPrefix(name, "/usr/share/zsh/"):
			name = "/usr/share/zsh/site-functions/_pausetest"
		}
		if !strings.Contains("\n"+listed, "\n"+name+"\n") {
			t.Errorf("the RPM has no %s", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	output(t, "rpm", "--root", dir, "--install", "--nodeps", "--noscripts", file)
	program := filepath.Join(dir, "usr/bin/pausetest")
	if out := output(t, program, "version"); !strings.HasPrefix(out, "pausetest ") {
		t.Errorf("version: %s", out)
	}
	static(t, program)
	output(t, "rpm", "--root", dir, "--erase", "--noscripts", "pausetest")
	if _, err := os.Stat(program); err == nil {
		t.Error("it is still there after rpm --erase")
	}
}

// static fails if a program needs a library, or an interpreter to load it.
func static(t *testing.T, program string) {
	t.Helper()
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Errorf("%s wants a loader", program)
		}
	}
	if libraries, err := f.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("%s wants %q (%v)", program, libraries, err)
	}
}

// The same commit gives the same packages, to the byte.
func TestReproducible(t *testing.T) {
	needs(t)
	t.Parallel()
	again, err := buildPackages()
	if err != nil {
		t.Fatal(err)
	}
	for _, ending := range []string{".deb", ".rpm"} {
		first := packageFile(t, ending)
		a, err := os.ReadFile(first)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(again, filepath.Base(first)))
		if err != nil {
			t.Fatal(err)
		}
		if string(a) != string(b) {
			t.Errorf("%s was built differently the second time", filepath.Base(first))
		}
	}
}
