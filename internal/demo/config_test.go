package demo

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDefaults(t *testing.T) {
	got, err := Config{Arg: "demo-part"}.complete()
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Streams: 3, Topology: Shared, Receivers: Stalling, LinkBytesPerSecond: DefaultLinkBytesPerSecond,
		Executable: "/proc/self/exe", Arg: "demo-part", reading: defaultReading, stalled: defaultStalled,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Config{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"demo:/export/a", "demo:/export/b", "demo:/export/c"}, got.labels()); diff != "" {
		t.Errorf("labels, -want +got:\n%s", diff)
	}
}

func TestEqualReceiversNeverStall(t *testing.T) {
	c, err := Config{Arg: "x", Receivers: Equal, reading: 1, stalled: 1}.complete()
	if err != nil || c.stalled != 0 {
		t.Errorf("stalled %v, error %v", c.stalled, err)
	}
}

func TestRefusals(t *testing.T) {
	for want, config := range map[string]Config{
		"streams: want 1 to 26, got 27":             {Arg: "x", Streams: 27},
		"streams: want 1 to 26, got -1":             {Arg: "x", Streams: -1},
		`topology: want shared or separate`:         {Arg: "x", Topology: "ring\n"},
		`receivers: want stalling or equal`:         {Arg: "x", Receivers: "\x1b[2J"},
		"link: want at least 32768 bytes per secon": {Arg: "x", LinkBytesPerSecond: 1},
		"bytes per stream: got -1":                  {Arg: "x", BytesPerStream: -1},
		"subcommand":                                {},
	} {
		_, err := config.complete()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", config, err, want)
		} else if strings.ContainsAny(err.Error(), "\x1b\n") {
			t.Errorf("%+v: prints control characters: %q", config, err)
		}
	}
}
