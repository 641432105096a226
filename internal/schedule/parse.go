package schedule

import (
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"

	"pausetest/internal/strictyaml"
)

// document is the schedule as YAML. Each value decodes itself, so that an error
// stands at the value that is wrong and says what was expected.
type document struct {
	Settle   settle    `yaml:"settle"`
	Repeat   repeat    `yaml:"repeat"`
	Order    order     `yaml:"order"`
	Gap      *gap      `yaml:"gap"`
	Seed     *seed     `yaml:"seed"`
	Segments []segment `yaml:"segments"`
}

type (
	settle  int64
	repeat  int
	order   bool
	gap     int64
	seed    uint64
	segment Segment
)

// The bounds on what a schedule may ask for. They are far beyond any use and
// keep a slip of the pen (3000s for 3s, or 1e9 repeats) from being run.
const (
	maxHoldNS = int64(time.Hour)
	maxBlocks = 10_000
)

func (s *settle) UnmarshalYAML(n ast.Node) error {
	ns, err := durationOrAuto(n, "settle")
	*s = settle(ns)
	return err
}

func (g *gap) UnmarshalYAML(n ast.Node) error {
	if text, ok := scalar(n); ok && text == "auto" {
		*g = -1
		return nil
	}
	ns, err := duration(n, "gap", 0)
	*g = gap(ns)
	return err
}

func (r *repeat) UnmarshalYAML(n ast.Node) error {
	text, ok := scalar(n)
	if ok && text == "until-decided" {
		*r = 0
		return nil
	}
	blocks, err := strconv.Atoi(text)
	if !ok || err != nil || blocks < 1 || blocks > maxBlocks {
		return strictyaml.At(n, "repeat: expected until-decided or a number from 1 to %d, found %s", maxBlocks, found(n))
	}
	*r = repeat(blocks)
	return nil
}

func (o *order) UnmarshalYAML(n ast.Node) error {
	switch text, _ := scalar(n); text {
	case "random":
		*o = true
	case "as-written":
		*o = false
	default:
		return strictyaml.At(n, "order: expected random or as-written, found %s", found(n))
	}
	return nil
}

func (s *seed) UnmarshalYAML(n ast.Node) error {
	text, ok := scalar(n)
	v, err := strconv.ParseUint(text, 10, 64)
	if !ok || err != nil {
		return strictyaml.At(n, "seed: expected a whole number, found %s", found(n))
	}
	*s = seed(v)
	return nil
}

func (s *segment) UnmarshalYAML(n ast.Node) error {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		return strictyaml.At(n, `expected a segment such as "{active: all, hold: 3s}", found %s`, found(n))
	}
	if len(m.Values) > 0 {
		pos := m.Values[0].Key.GetToken().Position
		s.line, s.column = pos.Line, pos.Column
	}
	seen := map[string]bool{}
	for _, v := range m.Values {
		key := v.Key.String()
		if seen[key] {
			return strictyaml.At(v.Key, "%q is given twice", key)
		}
		seen[key] = true
		var err error
		switch key {
		case "active":
			s.Active, err = parseActive(v.Value)
		case "hold":
			s.HoldNS, err = durationOrAuto(v.Value, "hold")
		default:
			err = strictyaml.At(v.Key, "unknown field %q; a segment has active and hold", key)
		}
		if err != nil {
			return err
		}
	}
	if !seen["active"] {
		return strictyaml.At(n, `a segment needs "active": all, a number, or a list of labels`)
	}
	return nil
}

func parseActive(n ast.Node) (Active, error) {
	const want = "active: expected all, a number of streams from 1, or a list of labels, found %s"
	if list, ok := n.(*ast.SequenceNode); ok {
		var a Active
		for _, item := range list.Values {
			text, ok := scalar(item)
			if !ok || text == "" {
				return Active{}, strictyaml.At(item, "active: expected the label of a stream, found %s", found(item))
			}
			a.Labels = append(a.Labels, text)
		}
		if len(a.Labels) == 0 {
			return Active{}, strictyaml.At(n, "active: the list of labels is empty; at least one stream has to run")
		}
		return a, nil
	}
	text, ok := scalar(n)
	if !ok {
		return Active{}, strictyaml.At(n, want, found(n))
	}
	if text == "all" {
		return Active{All: true}, nil
	}
	count, err := strconv.Atoi(text)
	if err != nil || count < 1 || count > maxBlocks {
		return Active{}, strictyaml.At(n, want, found(n))
	}
	return Active{Count: count}, nil
}

func durationOrAuto(n ast.Node, key string) (int64, error) {
	if text, ok := scalar(n); ok && text == "auto" {
		return 0, nil
	}
	return duration(n, key, 1)
}

func duration(n ast.Node, key string, minNS int64) (int64, error) {
	text, ok := scalar(n)
	d, err := time.ParseDuration(text)
	if !ok || err != nil {
		return 0, strictyaml.At(n, "%s: expected auto or a duration such as 3s or 1500ms, found %s", key, found(n))
	}
	if int64(d) < minNS || int64(d) > maxHoldNS {
		return 0, strictyaml.At(n, "%s: %s is out of range; expected more than 0s, at most %s", key, d, seconds(maxHoldNS))
	}
	return int64(d), nil
}

// scalar returns the text of a plain value.
func scalar(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.IntegerNode:
		return v.Token.Value, true
	}
	return "", false
}

// found describes a node for an error message, on one line.
func found(n ast.Node) string {
	if text, ok := scalar(n); ok {
		return quote(text)
	}
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	}
	return quote(n.String())
}

// quote makes text fit for a message: on one line, no control characters, not
// endless.
func quote(s string) string {
	const most = 60
	q := strconv.Quote(s)
	if r := []rune(q); len(r) > most {
		q = string(r[:most]) + `…"`
	}
	return q
}
