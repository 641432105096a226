package report

import (
	"os"
	"testing"
)

func TestDump(t *testing.T) {
	for name, h := range hosts() {
		s := h.study(t)
		for ext, f := range map[string]any{"txt": Text, "md": Markdown, "html": HTML, "json": JSON} {
			_ = f
			_ = ext
		}
		f, _ := os.Create("/tmp/pt/rep/" + name + ".html")
		if err := HTML(f, s); err != nil {
			t.Error(err)
		}
		f.Close()
		f, _ = os.Create("/tmp/pt/rep/" + name + ".txt")
		Text(f, s)
		f.Close()
		f, _ = os.Create("/tmp/pt/rep/" + name + ".md")
		Markdown(f, s)
		f.Close()
		f, _ = os.Create("/tmp/pt/rep/" + name + ".json")
		JSON(f, s)
		f.Close()
		t.Log(name, s.Result.Verdict, s.Result.Sentence)
	}
}
