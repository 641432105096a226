package report

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"pausetest/internal/analysis"
	"pausetest/internal/recording"
	"pausetest/internal/schedule"
)

func schemaPath(name string) string { return filepath.Join("..", "..", "docs", name+".schema.json") }

func schema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile(schemaPath(name))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func instance(t *testing.T, text []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func TestResultSchema(t *testing.T) {
	s := schema(t, "result")
	for name, h := range hosts() {
		var b bytes.Buffer
		if err := JSON(&b, h.study(t)); err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(instance(t, b.Bytes())); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		unknown := instance(t, b.Bytes()).(map[string]any)
		unknown["surprise"] = true
		if s.Validate(unknown) == nil {
			t.Errorf("%s: a field that is not in the schema was accepted", name)
		}
	}
	if s.Validate(instance(t, []byte(`{"format": 1}`))) == nil {
		t.Error("an empty result was accepted")
	}
}

func TestRecordingSchema(t *testing.T) {
	s := schema(t, "recording")
	for name, h := range hosts() {
		var lines bytes.Buffer
		w := recording.NewWriter(&lines)
		for r := range h.records() {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
		for line := range bytes.Lines(lines.Bytes()) {
			if err := s.Validate(instance(t, line)); err != nil {
				t.Fatalf("%s: %v in %s", name, err, line)
			}
		}
	}
	for text, valid := range map[string]bool{
		`{"event": {"t_ns": 1, "kind": "from-the-future", "new": true}, "also": 1}`: true,
		`{"sample": {"t_ns": 1}}`:                                    true,
		`{"sample": {"t_ns": 1, "sockets": -1}}`:                     false,
		`{"event": {"t_ns": 1, "kind": "x"}, "sample": {"t_ns": 1}}`: false,
		`{}`: false,
	} {
		if err := s.Validate(instance(t, []byte(text))); (err == nil) != valid {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestScheduleSchema shows that schema and parser agree.
func TestScheduleSchema(t *testing.T) {
	s := schema(t, "schedule")
	asJSON := func(text string) any {
		converted, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return instance(t, converted)
	}
	text, err := os.ReadFile(filepath.Join("..", "schedule", "default.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(asJSON(string(text))); err != nil {
		t.Error(err)
	}
	const pair = "segments: [{active: all}, {active: 1}]\n"
	for text, valid := range map[string]bool{
		pair: true,
		"settle: 2s\nrepeat: 6\norder: random\ngap: 0s\nseed: 7\n" + pair:      true,
		"repeat: 2\nsegments: [{active: [\"fs3:/home\", 7], hold: 1m30.5s}]\n": true,
		"repeat: 2\nsegments: [{active: 2, hold: 1500ms}]\n":                   true,
		"repeat: often\n" + pair:                         false,
		"repeat: 0\n" + pair:                             false,
		"order: backwards\n" + pair:                      false,
		"settle: 3 apples\n" + pair:                      false,
		"seed: -4\n" + pair:                              false,
		"colour: red\n" + pair:                           false,
		"repeat: 1\nsegments: []\n":                      false,
		"repeat: 1\nsegments: [{active: none}]\n":        false,
		"repeat: 1\nsegments: [{active: 0}]\n":           false,
		"repeat: 1\nsegments: [{active: []}]\n":          false,
		"repeat: 1\nsegments: [{hold: 3s}]\n":            false,
		"repeat: 1\nsegments: [{active: 1, helt: 3s}]\n": false,
	} {
		if err := s.Validate(asJSON(text)); (err == nil) != valid {
			t.Errorf("schema: %q: %v", text, err)
		}
		if _, err := schedule.Parse("s.yaml", []byte(text)); (err == nil) != valid {
			t.Errorf("parser: %q: %v", text, err)
		}
	}
}

// TestSchemasNameEveryField compares the schemas with the Go types, so that a
// field that no test happens to fill is in them, too.
func TestSchemasNameEveryField(t *testing.T) {
	check := func(name string, typ reflect.Type) {
		file, err := os.Open(schemaPath(name))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		text, err := io.ReadAll(file)
		if err != nil {
			t.Fatal(err)
		}
		var root map[string]any
		if err := json.Unmarshal(text, &root); err != nil {
			t.Fatal(err)
		}
		compareFields(t, name, root, root, typ)
	}
	check("result", reflect.TypeFor[analysis.Result]())
	check("recording", reflect.TypeFor[recording.Record]())
}

func compareFields(t *testing.T, where string, root, node map[string]any, typ reflect.Type) {
	t.Helper()
	node = resolved(root, node)
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch {
	case typ.Kind() == reflect.Slice:
		compareFields(t, where+"[]", root, node["items"].(map[string]any), typ.Elem())
	case typ.Kind() == reflect.Struct && typ.PkgPath() != "time":
		properties, _ := node["properties"].(map[string]any)
		var inGo, required []string
		for _, f := range reflect.VisibleFields(typ) {
			if f.Anonymous {
				continue
			}
			name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
			inGo = append(inGo, name)
			if option != "omitempty" {
				required = append(required, name)
			}
			if sub, ok := properties[name].(map[string]any); ok {
				compareFields(t, where+"."+name, root, sub, f.Type)
			}
		}
		slices.Sort(inGo)
		slices.Sort(required)
		inSchema := []string{}
		for name := range properties {
			inSchema = append(inSchema, name)
		}
		slices.Sort(inSchema)
		if diff := cmp.Diff(inSchema, inGo); diff != "" {
			t.Errorf("%s: fields in the schema (-) and in Go (+):\n%s", where, diff)
		}
		if node["required"] == nil {
			return
		}
		var wanted []string
		for _, name := range node["required"].([]any) {
			wanted = append(wanted, name.(string))
		}
		slices.Sort(wanted)
		if diff := cmp.Diff(wanted, required); diff != "" {
			t.Errorf("%s: required by the schema (-) and always written by Go (+):\n%s", where, diff)
		}
	}
}

// resolved follows references, and takes the side of an anyOf that is not null.
func resolved(root, node map[string]any) map[string]any {
	for {
		if ref, ok := node["$ref"].(string); ok {
			node = root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
			continue
		}
		either, ok := node["anyOf"].([]any)
		if !ok {
			return node
		}
		node = either[0].(map[string]any)
	}
}
