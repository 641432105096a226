// Package strictyaml decodes the YAML that operators write (schedules, stream
// rules, simulated worlds) and says where it is wrong: every error names file,
// line and column, and a key nobody reads is an error, not a silence.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// An Error is a fault in the text.
type Error struct {
	File         string
	Line, Column int // from 1; 0 where no position is known
	Reason       string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Reason)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Reason)
}

// At is an error at a node. UnmarshalYAML methods return it, without a file
// name: Decode adds that.
func At(n ast.Node, format string, args ...any) error {
	return at(n.GetToken(), fmt.Sprintf(format, args...))
}

func at(t *token.Token, reason string) *Error {
	e := &Error{Reason: reason}
	if t != nil && t.Position != nil {
		e.Line, e.Column = t.Position.Line, t.Position.Column
	}
	return e
}

// Decode decodes exactly one YAML document from src into a pointer. Errors are
// of type *Error. An empty document is an error: a schedule or a world that
// says nothing is a mistake.
func Decode(file string, src []byte, into any) (err error) {
	// Note: goccy/go-yaml 1.19.2 panics on some texts that nobody would write
	// ("words: !0 #"), found by fuzzing; such a text is an error like any other.
	defer func() {
		if recover() != nil {
			err = &Error{File: file, Line: 1, Column: 1, Reason: "the text confuses the YAML parser; look for a tag (!) or an anchor (&) without a value"}
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(src), yaml.Strict())
	if err := dec.Decode(into); err != nil {
		if errors.Is(err, io.EOF) {
			return &Error{File: file, Line: 1, Column: 1, Reason: "the file is empty"}
		}
		return locate(file, err)
	}
	var more any
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		if err != nil {
			return locate(file, err)
		}
		return &Error{File: file, Reason: "a second YAML document follows the first; one is expected"}
	}
	return nil
}

func locate(file string, err error) *Error {
	if own, ok := errors.AsType[*Error](err); ok {
		located := *own
		located.File = file
		return &located
	}
	if lib, ok := errors.AsType[yaml.Error](err); ok {
		e := at(lib.GetToken(), firstLine(lib.GetMessage()))
		e.File = file
		return e
	}
	return &Error{File: file, Reason: firstLine(err.Error())}
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return s
}
