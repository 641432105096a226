// Package config reads settings from a configuration file and from the environment.
// It is pure: it gets text, names of keys and what their values look like, and says
// what was set to what, and where. What a value means is the business of the flag
// of the same name.
package config

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"pausetest/internal/strictyaml"
)

// A Shape is what the value of a key looks like in a file.
type Shape int

// The shapes.
const (
	Single Shape = iota // a word, a number, true or false
	List                // of such; one alone may stand for a list
	Map                 // of names to such
)

// A Setting is a key that was set.
type Setting struct {
	Key    string
	Values []Value // what its flag would have been given, one after the other
	Origin Origin
}

// A Value is one of a setting's.
type Value struct {
	Text   string
	Origin Origin
}

// An Origin is where something was set; the zero value is nowhere, which leaves the
// default.
type Origin struct {
	Variable string `json:"variable,omitempty"` // of the environment
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"` // in the file, from 1
	Column   int    `json:"column,omitempty"`
}

func (o Origin) String() string {
	switch {
	case o.Variable != "":
		return o.Variable
	case o.File != "":
		return fmt.Sprintf("%s:%d:%d", o.File, o.Line, o.Column)
	}
	return "default"
}

// prefix is what the name of every variable begins with.
const prefix = "PAUSETEST_"

// Variable is the environment variable of a key: PAUSETEST_MAX_PAUSE.
func Variable(key string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(key, "-", "_"))
}

// ParseEnvironment reads the variables of the keys, each as one value. Empty ones
// are as if unset. It also returns the names of variables that look like ours and
// belong to no key.
func ParseEnvironment(environ []string, keys map[string]Shape) (set map[string]Setting, unknown []string) {
	byVariable := map[string]string{}
	for key := range keys {
		byVariable[Variable(key)] = key
	}
	set = map[string]Setting{}
	for _, line := range environ {
		name, text, _ := strings.Cut(line, "=")
		key, known := byVariable[name]
		switch {
		case known && text != "":
			origin := Origin{Variable: name}
			set[key] = Setting{key, []Value{{text, origin}}, origin}
		case !known && strings.HasPrefix(name, prefix):
			unknown = append(unknown, name)
		}
	}
	return set, unknown
}

// ParseFile reads a file: one flat mapping of keys to values. Every fault is
// reported, each with its line and column; what is not at fault is returned as well.
func ParseFile(name string, text []byte, keys map[string]Shape) (map[string]Setting, []*strictyaml.Error) {
	d := &document{file: name, keys: keys, set: map[string]Setting{}}
	if isBlank(string(text)) {
		return d.set, nil // as it is delivered, every line is a comment
	}
	if err := strictyaml.Decode(name, text, &reader{d}); err != nil {
		d.fault(err)
	}
	return d.set, d.faults
}

// isBlank reports whether a text holds nothing but comments.
func isBlank(text string) bool {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line != "---" && !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return true
}

// A document is a file while it is read.
type document struct {
	file   string
	keys   map[string]Shape
	set    map[string]Setting
	faults []*strictyaml.Error
}

func (d *document) fault(err error) {
	e, ok := err.(*strictyaml.Error)
	if !ok {
		e = &strictyaml.Error{Reason: err.Error()}
	}
	e.File = d.file
	d.faults = append(d.faults, e)
}

// A reader is what the text is decoded into. The decoder may set it to zero.
type reader struct{ *document }

// UnmarshalYAML never returns an error: one fault does not hide the others.
func (r *reader) UnmarshalYAML(n ast.Node) error {
	pairs, ok := mapping(n)
	if !ok {
		r.fault(strictyaml.At(n, "expected keys with their values, such as max-pause: 5s; found %s", found(n)))
	}
	for _, pair := range pairs {
		r.pair(pair)
	}
	return nil
}

func (d *document) pair(pair *ast.MappingValueNode) {
	key := pair.Key.GetToken().Value
	shape, known := d.keys[key]
	if !known {
		d.fault(strictyaml.At(pair.Key, "unknown key %q", key))
		return
	}
	values, err := d.values(key, shape, pair.Value)
	if err != nil {
		d.fault(err)
		return
	}
	d.set[key] = Setting{key, values, d.origin(pair.Key)}
}

func (d *document) origin(n ast.Node) Origin {
	at := n.GetToken().Position
	return Origin{File: d.file, Line: at.Line, Column: at.Column}
}

// values are the values below a node.
func (d *document) values(key string, shape Shape, n ast.Node) ([]Value, error) {
	text, single := scalar(n)
	list, isList := n.(*ast.SequenceNode)
	pairs, isMap := mapping(n)
	var values []Value
	switch {
	case single && shape != Map:
		return []Value{{text, d.origin(n)}}, nil
	case isList && shape == List:
		for _, item := range list.Values {
			text, ok := scalar(item)
			if !ok {
				return nil, strictyaml.At(item, "%s: expected a single value, found %s", key, found(item))
			}
			values = append(values, Value{text, d.origin(item)})
		}
	case isMap && shape == Map:
		for _, pair := range pairs {
			text, ok := scalar(pair.Value)
			if !ok {
				return nil, strictyaml.At(pair.Value, "%s: expected a single value, found %s", key, found(pair.Value))
			}
			values = append(values, Value{pair.Key.GetToken().Value + "=" + text, d.origin(pair.Key)})
		}
	default:
		return nil, strictyaml.At(n, "%s: expected %s, found %s", key, [...]string{"a single value", "a list", "names with values"}[shape], found(n))
	}
	if len(values) == 0 {
		return nil, strictyaml.At(n, "%s: it is empty; leave the key out for the default", key)
	}
	return values, nil
}

// mapping returns the pairs of a mapping, however it is written.
func mapping(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch m := n.(type) {
	case *ast.MappingNode:
		return m.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}, true
	}
	return nil, false
}

// scalar returns the text of a single value as it is written.
func scalar(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return v.GetToken().Value, true
	}
	return "", false
}

// found names what stands where something else was expected.
func found(n ast.Node) string {
	if _, isMap := mapping(n); isMap {
		return "names with values"
	}
	switch n.(type) {
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	}
	if _, single := scalar(n); single {
		return "a single value"
	}
	return "something else"
}
