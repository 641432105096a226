package strictyaml

import (
	"errors"
	"testing"
	"time"

	"github.com/goccy/go-yaml/ast"
)

type word string

func (w *word) UnmarshalYAML(n ast.Node) error {
	s, ok := n.(*ast.StringNode)
	if !ok || s.Value == "bad" {
		return At(n, "expected a good word, found %s", n)
	}
	*w = word(s.Value)
	return nil
}

type document struct {
	Count int           `yaml:"count"`
	Hold  time.Duration `yaml:"hold"`
	Words []word        `yaml:"words"`
}

func TestDecode(t *testing.T) {
	check := func(src, want string) {
		t.Helper()
		var d document
		err := Decode("f.yaml", []byte(src), &d)
		got := ""
		if err != nil {
			got = err.Error()
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("Decode(%q): %T is not *Error", src, err)
			}
		}
		if got != want {
			t.Errorf("Decode(%q)\n got %s\nwant %s", src, got, want)
		}
	}
	check("count: 1\nhold: 3s\nwords: [a, b]\n", "")
	check("", "f.yaml:1:1: the file is empty")
	check("count: 1\ncuont: 2\n", `f.yaml:2:1: unknown field "cuont"`)
	check("words:\n  - a\n  - bad\n", "f.yaml:3:5: expected a good word, found bad")
	check("count: 1\ncount: 2\n", `f.yaml:2:1: mapping key "count" already defined at [1:1]`)
	check("words:\n !0 #", "f.yaml:1:1: the text confuses the YAML parser; look for a tag (!) or an anchor (&) without a value")
	check("count: 1\n---\ncount: 2\n", "f.yaml: a second YAML document follows the first; one is expected")
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("count: 1\nwords: [a, bad]\n"))
	f.Add([]byte("{\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		var d document
		if err := Decode("f.yaml", src, &d); err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("%T is not *Error: %v", err, err)
			}
		}
	})
}
