package simulate

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"pausetest/internal/strictyaml"
)

// A value is a key's value: it reads itself from YAML into the world it belongs
// to, and prints itself so that reading that gives the same again.
type value interface {
	read(n ast.Node) error
	String() string
}

type (
	text   struct{ to *string }
	number struct {
		to       *float64
		min, max float64
	}
	// optional is a number or auto, which is 0.
	optional number
	numbers  struct {
		to       *[]float64
		fewest   int
		min, max float64
	}
	boolean  struct{ to *bool }
	duration struct {
		to       *time.Duration
		min, max time.Duration
	}
	span    struct{ to *Range }
	changes struct{ to *[]Change }
	sharing struct{ to *[]Shared }
	members struct{ to *[]int }
)

func (v text) read(n ast.Node) error {
	s, ok := n.(*ast.StringNode)
	if !ok || strings.TrimSpace(s.Value) == "" {
		return strictyaml.At(n, "expected a name, found %s", found(n))
	}
	if s.Value != printable(s.Value) {
		return strictyaml.At(n, "a name is printable, on one line; found %s", found(n))
	}
	if len(s.Value) > 100 {
		return strictyaml.At(n, "a name has at most 100 bytes, found %d", len(s.Value))
	}
	*v.to = s.Value
	return nil
}

// printable replaces what would disturb a table.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

func (v text) String() string { return strconv.Quote(*v.to) }

func (v number) read(n ast.Node) error {
	x, ok := parseNumber(n)
	if !ok {
		return strictyaml.At(n, "expected a number, found %s", found(n))
	}
	if !(x >= v.min && x <= v.max) {
		return strictyaml.At(n, "%s is out of range; expected %s", found(n), bounds(v.min, v.max))
	}
	*v.to = x
	return nil
}

func (v number) String() string { return formatNumber(*v.to) }

func (v optional) read(n ast.Node) error {
	if s, ok := n.(*ast.StringNode); ok && s.Value == "auto" {
		*v.to = 0
		return nil
	}
	return number(v).read(n)
}

func (v optional) String() string {
	if *v.to == 0 {
		return "auto"
	}
	return formatNumber(*v.to)
}

func (v numbers) read(n ast.Node) error {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		return strictyaml.At(n, "expected a list of numbers such as [100, 100], found %s", found(n))
	}
	if len(list.Values) < v.fewest || len(list.Values) > mostStreams {
		return strictyaml.At(n, "%d numbers; expected %d to %d", len(list.Values), v.fewest, mostStreams)
	}
	out := make([]float64, len(list.Values))
	for i, item := range list.Values {
		if err := (number{&out[i], v.min, v.max}).read(item); err != nil {
			return err
		}
	}
	*v.to = out
	return nil
}

func (v numbers) String() string {
	var out []string
	for _, x := range *v.to {
		out = append(out, formatNumber(x))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

func (v boolean) read(n ast.Node) error {
	b, ok := n.(*ast.BoolNode)
	if !ok {
		return strictyaml.At(n, "expected true or false, found %s", found(n))
	}
	*v.to = b.Value
	return nil
}

func (v boolean) String() string { return strconv.FormatBool(*v.to) }

func (v duration) read(n ast.Node) error {
	s, ok := n.(*ast.StringNode)
	var d time.Duration
	var err error
	if ok {
		d, err = time.ParseDuration(s.Value)
	}
	if !ok || err != nil {
		return strictyaml.At(n, "expected a duration such as 1.5s or 250ms, found %s", found(n))
	}
	if d < v.min || d > v.max {
		return strictyaml.At(n, "%s is out of range; expected %s to %s", found(n), v.min, v.max)
	}
	*v.to = d
	return nil
}

func (v duration) String() string { return v.to.String() }

func (v span) read(n ast.Node) error {
	list, ok := n.(*ast.SequenceNode)
	if !ok || len(list.Values) != 2 {
		return strictyaml.At(n, "expected two durations such as [100ms, 1s], found %s", found(n))
	}
	var r Range
	for i, to := range []*time.Duration{&r.From, &r.To} {
		if err := (duration{to, minTime, maxTime}).read(list.Values[i]); err != nil {
			return err
		}
	}
	if r.To < r.From {
		return strictyaml.At(n, "%s is before %s", r.To, r.From)
	}
	*v.to = r
	return nil
}

func (v span) String() string { return fmt.Sprintf("[%s, %s]", v.to.From, v.to.To) }

func (v changes) read(n ast.Node) error {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		return strictyaml.At(n, "expected a list such as [{stream: random, between: [20s, 110s]}], found %s", found(n))
	}
	if len(list.Values) > mostStreams {
		return strictyaml.At(n, "%d entries; expected at most %d", len(list.Values), mostStreams)
	}
	var out []Change
	for _, item := range list.Values {
		var c Change
		_, err := readMapping(item, []key{
			{name: "stream", value: which{&c.Stream}, must: true},
			{name: "between", value: span{&c.Between}, must: true},
		})
		if err != nil {
			return err
		}
		out = append(out, c)
	}
	*v.to = out
	return nil
}

func (v changes) String() string {
	var out []string
	for _, c := range *v.to {
		out = append(out, fmt.Sprintf("{stream: %s, between: %s}", which{&c.Stream}, span{&c.Between}))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

func (v sharing) read(n ast.Node) error {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		return strictyaml.At(n, "expected a list such as [{streams: [1, 3], capacity: 100}], found %s", found(n))
	}
	if len(list.Values) > mostStreams {
		return strictyaml.At(n, "%d entries; expected at most %d", len(list.Values), mostStreams)
	}
	var out []Shared
	for _, item := range list.Values {
		var s Shared
		_, err := readMapping(item, []key{
			{name: "streams", value: members{&s.Streams}, must: true},
			{name: "capacity", value: number{&s.CapacityMBps, math.SmallestNonzeroFloat64, mostMBps}, must: true},
		})
		if err != nil {
			return err
		}
		out = append(out, s)
	}
	*v.to = out
	return nil
}

func (v sharing) String() string {
	var out []string
	for _, s := range *v.to {
		out = append(out, fmt.Sprintf("{streams: %s, capacity: %s}", members{&s.Streams}, formatNumber(s.CapacityMBps)))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

func (v members) read(n ast.Node) error {
	list, ok := n.(*ast.SequenceNode)
	if !ok || len(list.Values) < 2 || len(list.Values) > mostStreams {
		return strictyaml.At(n, "expected at least two numbers of streams such as [1, 3], found %s", found(n))
	}
	out := make([]int, len(list.Values))
	for i, item := range list.Values {
		if err := (which{&out[i]}).read(item); err != nil {
			return err
		}
		if out[i] == 0 {
			return strictyaml.At(item, "expected the number of a stream from 1, found %s", found(item))
		}
	}
	*v.to = out
	return nil
}

func (v members) String() string {
	var out []string
	for _, stream := range *v.to {
		out = append(out, strconv.Itoa(stream))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// which is the number of a stream, or random, which is 0.
type which struct{ to *int }

func (v which) read(n ast.Node) error {
	if s, ok := n.(*ast.StringNode); ok && s.Value == "random" {
		*v.to = 0
		return nil
	}
	i, ok := n.(*ast.IntegerNode)
	x := 0
	var err error
	if ok {
		x, err = strconv.Atoi(i.Token.Value)
	}
	if !ok || err != nil || x < 1 || x > mostStreams {
		return strictyaml.At(n, "expected random or the number of a stream from 1, found %s", found(n))
	}
	*v.to = x
	return nil
}

func (v which) String() string {
	if *v.to == 0 {
		return "random"
	}
	return strconv.Itoa(*v.to)
}

// parseNumber reads a plain number: no infinity, no other base, not quoted.
func parseNumber(n ast.Node) (float64, bool) {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
	default:
		return 0, false
	}
	x, err := strconv.ParseFloat(n.GetToken().Value, 64)
	return x, err == nil && !math.IsInf(x, 0) && !math.IsNaN(x)
}

// formatNumber prints the shortest text that reads as the same number.
func formatNumber(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

func bounds(least, most float64) string {
	if least > 0 && least < 1e-300 {
		return "more than 0, at most " + formatNumber(most)
	}
	return formatNumber(least) + " to " + formatNumber(most)
}

// found describes a node for an error message, on one line and not endless.
func found(n ast.Node) string {
	switch v := n.(type) {
	case nil, *ast.NullNode:
		return "nothing"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode:
		return quote(v.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value
	}
	return quote(n.GetToken().Value)
}

func quote(s string) string {
	const most = 60
	q := strconv.Quote(s)
	if r := []rune(q); len(r) > most {
		q = string(r[:most]) + `…"`
	}
	return q
}
