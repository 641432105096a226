package simulate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"pausetest/internal/strictyaml"
)

// ParseWorld reads a world. Errors are *strictyaml.Error and name the file, the
// line and the column; a key that is not known is one. What is left out is as
// in Defaults, a missing name is the file's.
func ParseWorld(file string, src []byte) (World, error) {
	d := document{Defaults()}
	d.Name = printable(file)
	if err := strictyaml.Decode(file, src, &d); err != nil {
		return World{}, err
	}
	return d.World, nil
}

// A document is a world that decodes itself.
type document struct{ World }

// UnmarshalYAML reads every key and then checks them against each other.
func (d *document) UnmarshalYAML(n ast.Node) error {
	at, err := readMapping(n, d.keys())
	if err != nil {
		return err
	}
	if f := d.check(); f != nil {
		node := start(n)
		for _, k := range slices.Backward(f.keys) {
			if given, ok := at[k]; ok {
				node = given
			}
		}
		return strictyaml.At(node, "%s: %s", f.keys[0], f.reason)
	}
	return nil
}

// readMapping reads a mapping of the given keys, and of sections of them. It
// returns where each key's value stands.
func readMapping(n ast.Node, keys []key) (map[string]ast.Node, error) {
	at := map[string]ast.Node{}
	if err := readSection(n, "", keys, at); err != nil {
		return nil, err
	}
	for _, k := range keys {
		if _, ok := at[k.name]; k.must && !ok {
			return nil, strictyaml.At(start(n), "%q is missing", k.name)
		}
	}
	return at, nil
}

// start is where a mapping begins: the token of its node is its first colon.
func start(n ast.Node) ast.Node {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		return m.Values[0].Key
	}
	return n
}

func readSection(n ast.Node, section string, keys []key, at map[string]ast.Node) error {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		return strictyaml.At(n, "%sexpected a mapping with the keys %s; found %s", prefix(section), strings.Join(namesIn(section, keys), ", "), found(n))
	}
	for _, v := range values {
		name := section + v.Key.GetToken().Value
		if _, twice := at[name]; twice {
			return strictyaml.At(v.Key, "%q is given twice", name)
		}
		if err := readKey(v, name, keys, at); err != nil {
			return err
		}
	}
	return nil
}

func readKey(v *ast.MappingValueNode, name string, keys []key, at map[string]ast.Node) error {
	dotted := strings.Contains(v.Key.GetToken().Value, ".") // sections are nested, not spelled out
	if i := slices.IndexFunc(keys, func(k key) bool { return k.name == name }); i >= 0 && !dotted {
		at[name] = v.Value
		err := keys[i].value.read(v.Value)
		if e, ok := errors.AsType[*strictyaml.Error](err); ok {
			e.Reason = name + ": " + e.Reason
		}
		return err
	}
	if names := namesIn(name+".", keys); len(names) > 0 {
		at[name] = v.Value
		return readSection(v.Value, name+".", keys, at)
	}
	section := strings.TrimSuffix(name, v.Key.GetToken().Value)
	return strictyaml.At(v.Key, "unknown field %q; the keys here are %s", v.Key.GetToken().Value, strings.Join(namesIn(section, keys), ", "))
}

// namesIn are the keys of a section, or of the top, without what is below them.
func namesIn(section string, keys []key) []string {
	var names []string
	for _, k := range keys {
		rest, ok := strings.CutPrefix(k.name, section)
		if !ok {
			continue
		}
		rest, _, _ = strings.Cut(rest, ".")
		if !slices.Contains(names, rest) {
			names = append(names, rest)
		}
	}
	return names
}

func prefix(section string) string {
	if section == "" {
		return ""
	}
	return strings.TrimSuffix(section, ".") + ": "
}

// YAML is the world as text, every key with what it means. ParseWorld reads it
// back as the same world.
func (w World) YAML() string {
	var b strings.Builder
	b.WriteString("# A simulated host for: pausetest simulate --world FILE\n# Rates are MB/s (10^6 bytes), times durations such as 1.5s or 250ms.\n")
	open := ""
	for _, k := range w.keys() {
		section, name, nested := strings.Cut(k.name, ".")
		indent := ""
		if !nested {
			section, name = "", k.name
		} else {
			indent = "  "
		}
		if section != open && section != "" {
			fmt.Fprintf(&b, "\n%s:\n", section)
		} else if section == "" {
			b.WriteString("\n")
		}
		open = section
		if k.doc != "" {
			for line := range strings.SplitSeq(k.doc, "\n") {
				fmt.Fprintf(&b, "%s# %s\n", indent, line)
			}
		}
		fmt.Fprintf(&b, "%s%s: %s\n", indent, name, k.value)
	}
	return b.String()
}
