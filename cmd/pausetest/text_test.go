package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe in a file's place is refused; reading it would wait for a writer for ever.
func TestTextsAreRegularFiles(t *testing.T) {
	dir := t.TempDir()
	pipe, long := filepath.Join(dir, "pipe"), filepath.Join(dir, "long")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(long, make([]byte, maxTextBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{pipe: "is no regular file", dir: "is no regular file", long: "is longer than"} {
		for _, read := range []func(string) ([]byte, error){readText, readTrusted} {
			if _, err := read(name); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// Root obeys no rules that lie in the folder and that others may write; those that
// are named are read as they are.
func TestRulesOfOthers(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "site.yaml")
	if err := os.WriteFile(file, []byte("rules: []\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var asked selection
	if _, err := asked.readRules(dir); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := asked.readRules(dir)
	if _, refused := errors.AsType[*distrusted](err); refused != (os.Geteuid() == 0) {
		t.Errorf("as user %d: %v", os.Geteuid(), err)
	}
	asked.rules = []string{file}
	if _, err := asked.readRules(t.TempDir()); err != nil {
		t.Error(err)
	}
}
