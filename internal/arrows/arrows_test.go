// Package arrows has no code: its test holds the imports of this module against
// the picture in docs/architecture.md.
package arrows

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "pausetest"

// allowed is which of our packages each package may import. An arrow that is
// not here needs a reason, and a line in docs/architecture.md.
var allowed = map[string][]string{
	"internal/strictyaml":                  nil,
	"internal/printable":                   nil,
	"internal/recording":                   nil,
	"internal/procctl/proctable":           nil,
	"internal/netstat":                     nil,
	"internal/demo":                        nil,
	"internal/schedule":                    {"internal/strictyaml"},
	"internal/procctl":                     {"internal/printable", "internal/procctl/proctable"},
	"internal/guard":                       {"internal/procctl", "internal/procctl/proctable"},
	"internal/stream":                      {"internal/printable", "internal/procctl/proctable", "internal/strictyaml"},
	"internal/experiment":                  {"internal/recording", "internal/schedule"},
	"internal/analysis":                    {"internal/flowchart", "internal/limiter", "internal/recording"},
	"internal/judge":                       {"internal/analysis", "internal/experiment", "internal/recording"},
	"plots":                                {"internal/analysis", "internal/printable", "internal/recording"},
	"internal/report":                      {"internal/analysis", "internal/flowchart", "internal/limiter", "internal/printable", "internal/recording", "plots"},
	"internal/history":                     {"internal/analysis", "internal/recording"},
	"internal/simulate":                    {"internal/analysis", "internal/experiment", "internal/judge", "internal/recording", "internal/schedule", "internal/strictyaml"},
	"internal/procctl/proctable/tabletest": {"internal/procctl/proctable"},
	"internal/disk":                        {"internal/procctl/proctable"},
	"internal/flow":                        {"internal/disk", "internal/printable", "internal/procctl/proctable", "internal/recording", "internal/stream"},
	"internal/flowchart":                   {"internal/printable", "internal/recording"},
	"internal/fdvol/volume":                {"internal/printable", "internal/procctl/proctable"},
	"internal/fdvol":                       {"internal/fdvol/volume", "internal/procctl/proctable"},
	"internal/occasion":                    nil,
	"internal/config":                      {"internal/strictyaml"},
	"internal/metrics":                     {"internal/analysis", "internal/printable"},
	"internal/vitals":                      {"internal/netstat", "internal/printable", "internal/procctl", "internal/procctl/proctable", "internal/recording"},
	"internal/limiter":                     {"internal/recording"},
}

// pure packages may not reach the operating system, not even through others.
var pure = []string{
	"internal/strictyaml", "internal/printable", "internal/recording", "internal/procctl/proctable", "internal/procctl/proctable/tabletest", "internal/schedule", "internal/stream",
	"internal/disk", "internal/flow", "internal/flowchart", "internal/experiment", "internal/analysis", "internal/judge", "internal/report", "internal/simulate", "plots", "internal/fdvol/volume", "internal/config", "internal/occasion", "internal/limiter",
}

// forbidden is what makes a package impure.
var forbidden = []string{"os/exec", "syscall", "os/signal", "golang.org/x/sys", "github.com/shirou/gopsutil", "github.com/vishvananda"}

type listed struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

// list returns every package of the module, as go list sees it.
func list(t *testing.T) map[string]listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", "-json=ImportPath,Imports,Standard", module+"/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := map[string]listed{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages[p.ImportPath] = p
	}
}

func TestArrows(t *testing.T) {
	for path, p := range list(t) {
		name, ours := strings.CutPrefix(path, module+"/")
		if !ours || strings.HasPrefix(name, "cmd/") || strings.HasPrefix(name, "test/") || name == "internal/arrows" {
			continue
		}
		may, known := allowed[name]
		if !known {
			t.Errorf("%s has no place in the picture: add it here and to docs/architecture.md", name)
			continue
		}
		for _, imported := range p.Imports {
			if other, ours := strings.CutPrefix(imported, module+"/"); ours && !slices.Contains(may, other) {
				t.Errorf("%s imports %s: no such arrow", name, other)
			}
		}
	}
}

// Our own packages, transitively, import nothing forbidden. Libraries and the
// standard library are taken as they are: text/template, say, reaches syscall
// by way of os.
func TestPurity(t *testing.T) {
	packages := list(t)
	for _, name := range pure {
		seen := map[string]bool{}
		var visit func(path string)
		visit = func(path string) {
			p, known := packages[path]
			if !known || seen[path] || !strings.HasPrefix(path, module+"/") {
				return
			}
			seen[path] = true
			for _, imported := range p.Imports {
				for _, bad := range forbidden {
					if imported == bad || strings.HasPrefix(imported, bad+"/") {
						t.Errorf("%s is pure, but imports %s through %s", name, imported, path)
					}
				}
				visit(imported)
			}
		}
		if _, known := packages[module+"/"+name]; !known {
			t.Errorf("%s does not exist", name)
		}
		visit(module + "/" + name)
	}
}
