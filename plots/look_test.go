package plots

import ("testing";"os";"time";"pausetest/internal/analysis")

func TestLook(t *testing.T) {
	dir := os.Getenv("LOOK"); if dir == "" { t.Skip() }
	w := func(name string, err error) { if err != nil { t.Error(name, err) } }
	open := func(n string) *os.File { f, err := os.Create(dir+"/"+n); if err != nil { t.Fatal(err) }; return f }
	for _, g := range goldens() {
		for _, f := range []Format{PNG, SVG, PDF} {
			if f != PNG && g.name != "curve-3-collapse" && g.name != "timeline-16-events" && g.name != "hostile-timeline" { continue }
			start := time.Now()
			w(g.name, render(open(g.name+"."+string(f)), f, g.figure))
			t.Log(g.name, f, time.Since(start))
		}
	}
	_ = analysis.Collapse
}
