package stream

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"pausetest/internal/strictyaml"
)

// Rules say what a stream is and what may not be paused. The built-in ones
// (rules.yaml) explain every key.
type Rules struct {
	Transports []string `yaml:"transports"`
	Relays     []string `yaml:"relays"`
	Rules      []Rule   `yaml:"rules"`
}

// A Rule finds streams of one kind, or forbids to pause processes of one kind.
type Rule struct {
	Name   string `yaml:"name"`
	About  string `yaml:"about"`
	Engine string `yaml:"engine"`

	Programs     []string  `yaml:"programs"`
	Arguments    []Pattern `yaml:"arguments"`
	NotArguments []Pattern `yaml:"not_arguments"`
	Below        []string  `yaml:"below"`
	Feeds        []string  `yaml:"feeds"`
	Piped        bool      `yaml:"piped"`
	Workers      bool      `yaml:"workers"`

	Label      LabelRule `yaml:"label"`
	MinimumAge Duration  `yaml:"minimum_age"`

	Refuse   *RefuseRule `yaml:"refuse"`
	Disabled bool        `yaml:"disabled"`
}

// The engines: how a rule finds its streams.
const (
	engineProcess = "process" // a process that fits the rule, with its descendants
	engineAmanda  = "amanda"  // the trees below amandad
)

// A RefuseRule says why processes that fit a rule may not be paused.
type RefuseRule struct {
	Reason string `yaml:"reason"`
	Hint   string `yaml:"hint"`
	// Instead are programs downstream in the same pipe chain that may be
	// paused in the source's place.
	Instead []string `yaml:"instead"`
	// OnlyNamed keeps such processes out of the list of streams unless the
	// operator names them.
	OnlyNamed bool `yaml:"only_named"`
}

// A LabelRule takes a label off a command line. Label stands for the whole
// label; the others for its parts. In each list the first that applies counts.
type LabelRule struct {
	Label []Take `yaml:"label"`
	Host  []Take `yaml:"host"`
	Disk  []Take `yaml:"disk"`
	Level []Take `yaml:"level"`
}

// A Take is one way to find a piece of a label among arguments; exactly one
// field is set.
type Take struct {
	After string   `yaml:"after"` // the option whose value it is
	Match *Pattern `yaml:"match"` // the first argument that matches; its first group, if it has one
	Last  bool     `yaml:"last"`  // the last argument, unless it is an option
}

// A Pattern is a regular expression held against single arguments.
type Pattern struct{ *regexp.Regexp }

// A Duration is written as 120s or 2m.
type Duration time.Duration

//go:embed rules.yaml
var builtinYAML []byte

// BuiltinText returns the built-in rules as they are written, with the
// explanation of every key.
func BuiltinText() string { return string(builtinYAML) }

// Builtin returns the built-in rules, always the same; don't change them.
func Builtin() *Rules { return builtin() }

var builtin = sync.OnceValue(func() *Rules {
	rules, err := ParseRules("rules.yaml", builtinYAML)
	if err != nil {
		panic(err) // part of the program; a test parses it
	}
	return rules
})

// ParseRules parses one file of rules. Errors are *strictyaml.Error and name
// file, line and column; a key that nobody knows is an error.
func ParseRules(name string, src []byte) (*Rules, error) {
	rules := &Rules{}
	if err := strictyaml.Decode(name, src, rules); err != nil {
		return nil, err
	}
	return rules, nil
}

// Merge returns the rules of r and of later files. A later rule replaces one of
// the same name where it stands; new ones come first, and are tried before the
// earlier ones.
func (r *Rules) Merge(later ...*Rules) *Rules {
	merged := &Rules{
		Transports: slices.Clone(r.Transports), Relays: slices.Clone(r.Relays), Rules: slices.Clone(r.Rules),
	}
	for _, l := range later {
		merged.Transports = append(merged.Transports, l.Transports...)
		merged.Relays = append(merged.Relays, l.Relays...)
		var added []Rule
		for _, rule := range l.Rules {
			if known := merged.named(rule.Name); known != nil {
				*known = rule
			} else {
				added = append(added, rule)
			}
		}
		merged.Rules = append(added, merged.Rules...)
	}
	return merged
}

func (r *Rules) named(name string) *Rule {
	i := slices.IndexFunc(r.Rules, func(rule Rule) bool { return rule.Name == name })
	if i < 0 {
		return nil
	}
	return &r.Rules[i]
}

// UnmarshalYAML checks names across the list.
func (r *Rules) UnmarshalYAML(n ast.Node) error {
	type plain Rules
	if err := yaml.NodeToValue(n, (*plain)(r), yaml.Strict()); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, rule := range r.Rules {
		if rule.Name == "" {
			return strictyaml.At(n, "a rule is null")
		}
		if seen[rule.Name] {
			return strictyaml.At(n, "two rules are named %q", rule.Name)
		}
		seen[rule.Name] = true
	}
	return nil
}

var ruleName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// UnmarshalYAML checks that the rule is whole.
func (r *Rule) UnmarshalYAML(n ast.Node) error {
	type plain Rule
	r.Engine = engineProcess
	if err := yaml.NodeToValue(n, (*plain)(r), yaml.Strict()); err != nil {
		return err
	}
	switch {
	case r.holdsNull():
		return strictyaml.At(n, "an entry of a list is null")
	case !ruleName.MatchString(r.Name):
		return strictyaml.At(n, "name: expected lower-case letters, digits and dashes, found %q", r.Name)
	case r.Engine != engineProcess && r.Engine != engineAmanda:
		return strictyaml.At(n, "engine: expected process or amanda, found %q", r.Engine)
	case r.Disabled:
		return nil
	case r.Engine == engineProcess && len(r.Programs) == 0:
		return strictyaml.At(n, "rule %s names no programs", r.Name)
	case slices.Contains(slices.Concat(r.Programs, r.Below, r.Feeds), ""):
		return strictyaml.At(n, "rule %s has an empty program name", r.Name)
	case r.Refuse != nil && r.Refuse.Reason == "":
		return strictyaml.At(n, "rule %s refuses without a reason", r.Name)
	}
	return nil
}

// holdsNull finds list entries that were written as null and therefore never
// saw their own UnmarshalYAML.
func (r *Rule) holdsNull() bool {
	takes := slices.Concat(r.Label.Label, r.Label.Host, r.Label.Disk, r.Label.Level)
	return slices.Contains(slices.Concat(r.Arguments, r.NotArguments), Pattern{}) || slices.Contains(takes, Take{})
}

// UnmarshalYAML checks that a Take takes one thing.
func (t *Take) UnmarshalYAML(n ast.Node) error {
	type plain Take
	if err := yaml.NodeToValue(n, (*plain)(t), yaml.Strict()); err != nil {
		return err
	}
	given := 0
	for _, set := range []bool{t.After != "", t.Match != nil, t.Last} {
		if set {
			given++
		}
	}
	if given != 1 {
		return strictyaml.At(n, "expected exactly one of after, match and last")
	}
	return nil
}

// UnmarshalYAML compiles the expression.
func (p *Pattern) UnmarshalYAML(n ast.Node) error {
	var text string
	if err := yaml.NodeToValue(n, &text); err != nil {
		return err
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return strictyaml.At(n, "%s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	p.Regexp = re
	return nil
}

// UnmarshalYAML parses the duration.
func (d *Duration) UnmarshalYAML(n ast.Node) error {
	var text string
	if err := yaml.NodeToValue(n, &text); err != nil {
		return err
	}
	v, err := time.ParseDuration(text)
	if err != nil || v < 0 {
		return strictyaml.At(n, "expected a duration such as 120s, found %q", text)
	}
	*d = Duration(v)
	return nil
}

// fits holds when a process is of the rule's kind; where its pipes lead
// (Feeds) is judged apart.
func (r *Rule) fits(p *process) bool {
	if !p.is(r.Programs...) || len(p.Args) == 0 {
		return false
	}
	for _, want := range r.Arguments {
		if !slices.ContainsFunc(p.Args[1:], want.MatchString) {
			return false
		}
	}
	for _, bar := range r.NotArguments {
		if slices.ContainsFunc(p.Args[1:], bar.MatchString) {
			return false
		}
	}
	if len(r.Below) == 0 {
		return true
	}
	for a := range p.ancestors() {
		if a.is(r.Below...) {
			return true
		}
	}
	return false
}

func take(list []Take, args []string) string {
	for _, t := range list {
		if found := t.from(args); found != "" {
			return found
		}
	}
	return ""
}

func (t *Take) from(args []string) string {
	if len(args) < 2 {
		return ""
	}
	switch last := args[len(args)-1]; {
	case t.After != "":
		value, _ := option(args[1:], t.After)
		return value
	case t.Last && !strings.HasPrefix(last, "-"):
		return last
	case t.Match != nil:
		for _, arg := range args[1:] {
			if m := t.Match.FindStringSubmatch(arg); m != nil {
				return m[min(1, len(m)-1)]
			}
		}
	}
	return ""
}
