package report

import (
	"os"
	"testing"

	"pausetest/internal/analysis"
)

func TestDump(t *testing.T) {
	hs := hosts()
	for _, name := range []string{"collapse-3", "no-collapse-16", "hostile-3", "moves-4"} {
		s := hs[name].study(t)
		for ext, w := range media {
			writeFile(t, "/tmp/pt/rep/"+name+"."+ext, written(t, w, s))
		}
	}
	c, _ := Compare([]Condition{{"auth bsd", runs(t, 0.31, 3, 1)}, {"auth bsdtcp", runs(t, 1.9, 3, 10)}}, false)
	f, _ := os.Create("/tmp/pt/rep/cmp.txt")
	c.Text(f)
	f, _ = os.Create("/tmp/pt/rep/cmp.html")
	c.HTML(f)
	_ = analysis.Collapse
}
