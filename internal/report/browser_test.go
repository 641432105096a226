package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// chromium finds the browser, or skips the test; where PAUSETEST_REQUIRE names
// it, its absence is a failure.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if slices.Contains(strings.Split(os.Getenv("PAUSETEST_REQUIRE"), ","), "chromium") {
		t.Fatal("no chromium in PATH, and PAUSETEST_REQUIRE names it")
	}
	t.Skip("no chromium in PATH")
	return ""
}

// A viewing is what a browser makes of a page.
type viewing struct {
	InnerWidth  int      `json:"inner_width"`
	ScrollWidth int      `json:"scroll_width"`
	Requests    []string `json:"requests"` // other than data: URLs
	Images      int      `json:"images"`
	Unnamed     int      `json:"unnamed"` // images without alt text
	Broken      int      `json:"broken"`  // images that were not decoded
	Dark        bool     `json:"dark"`
	// Faint lists text whose contrast with its ground is below WCAG AA.
	Faint []string `json:"faint"`

	console []string
}

// measure runs beside the page, in the wrapper: the page's own policy forbids
// scripts within.
const measure = `
function luminance(c) {
  const [r, g, b] = c.map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function rgb(s) { const m = s.match(/[\d.]+/g).map(Number); return m.length > 3 && m[3] === 0 ? null : m.slice(0, 3); }
function ground(w, e) {
  for (; e; e = e.parentElement) { const c = rgb(w.getComputedStyle(e).backgroundColor); if (c) return c; }
  return [255, 255, 255];
}
addEventListener('load', () => {
  const frame = document.querySelector('iframe'), w = frame.contentWindow, d = frame.contentDocument;
  const images = [...d.images], faint = [];
  for (const e of d.body.querySelectorAll('*')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const style = w.getComputedStyle(e), a = luminance(rgb(style.color)), b = luminance(ground(w, e));
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faint.push(e.tagName + ' ' + e.className + ' ' + contrast.toFixed(2));
  }
  document.getElementById('out').textContent = JSON.stringify({
    inner_width: w.innerWidth, scroll_width: d.scrollingElement.scrollWidth,
    requests: w.performance.getEntriesByType('resource').map(r => r.name).filter(n => !n.startsWith('data:')),
    images: images.length, unnamed: images.filter(i => !i.alt.trim()).length,
    broken: images.filter(i => !i.complete || !i.naturalWidth).length, faint: faint, dark: w.matchMedia('(prefers-color-scheme: dark)').matches,
  });
});`

// view shows a page in a frame of the given width and measures it from outside.
//
// Note: a frame, because a window of a real browser can't be as narrow as a
// phone.
func view(t *testing.T, browser string, page []byte, width int, flags ...string) viewing {
	t.Helper()
	dir := t.TempDir()
	wrapper := fmt.Sprintf(`<!DOCTYPE html><meta charset="utf-8"><body style="margin:0"><pre id="out" hidden></pre><script>%s</script>
<iframe style="border:0;width:%dpx;height:9000px" srcdoc="%s"></iframe>`, measure, width, html.EscapeString(string(page)))
	path := filepath.Join(dir, "wrapper.html")
	if err := os.WriteFile(path, []byte(wrapper), 0o644); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--enable-logging=stderr",
		"--user-data-dir=" + filepath.Join(dir, "profile"), "--virtual-time-budget=5000", "--dump-dom"}, flags...)
	cmd := exec.CommandContext(t.Context(), browser, append(args, "file://"+path)...)
	cmd.WaitDelay = 10 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	_, out, ok := strings.Cut(stdout.String(), `<pre id="out" hidden="">`)
	out, _, closed := strings.Cut(out, "</pre>")
	var v viewing
	if err := json.Unmarshal([]byte(html.UnescapeString(out)), &v); err != nil || !ok || !closed {
		t.Fatalf("the browser measured nothing: %v\n%s", err, stderr.Bytes())
	}
	for line := range strings.Lines(stderr.String()) {
		if strings.Contains(line, "CONSOLE") {
			v.console = append(v.console, strings.TrimSpace(line))
		}
	}
	return v
}

// complaints lists what is wrong with a viewing.
func (v viewing) complaints(width int) []string {
	var bad []string
	note := func(is bool, format string, args ...any) {
		if is {
			bad = append(bad, fmt.Sprintf(format, args...))
		}
	}
	note(v.InnerWidth != width, "shown %d pixels wide instead of %d", v.InnerWidth, width)
	note(v.ScrollWidth > v.InnerWidth, "scrolls sideways: %d pixels in %d", v.ScrollWidth, v.InnerWidth)
	note(len(v.Requests) > 0, "requests leave the file: %q", v.Requests)
	note(v.Unnamed > 0, "%d images without alt text", v.Unnamed)
	note(v.Broken > 0, "%d images are not shown", v.Broken)
	note(len(v.Faint) > 0, "too faint: %q", v.Faint)
	note(len(v.console) > 0, "the console says: %q", v.console)
	return bad
}

func TestPageInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser many times")
	}
	browser := chromium(t)
	for name, images := range map[string]int{"collapse-3": 5, "no-collapse-16": 4, "hostile-3": 4} {
		var page bytes.Buffer
		if err := HTML(&page, hosts()[name].study(t)); err != nil {
			t.Fatal(err)
		}
		for _, width := range []int{390, 1280} {
			t.Run(fmt.Sprintf("%s at %d", name, width), func(t *testing.T) {
				v := view(t, browser, page.Bytes(), width)
				if v.Images != images {
					t.Errorf("%d images, want %d", v.Images, images)
				}
				for _, c := range v.complaints(width) {
					t.Error(c)
				}
			})
		}
	}
	t.Run("dark", func(t *testing.T) {
		var page bytes.Buffer
		if err := HTML(&page, hosts()["inconclusive-3"].study(t)); err != nil {
			t.Fatal(err)
		}
		v := view(t, browser, page.Bytes(), 390, "--force-dark-mode", "--blink-settings=preferredColorScheme=0")
		if !v.Dark {
			t.Error("the browser could not be told to prefer dark colours")
		}
		for _, c := range v.complaints(390) {
			t.Error(c)
		}
	})
}

// TestBrowserSees shows that the check above would notice a bad page.
func TestBrowserSees(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	browser := chromium(t)
	v := view(t, browser, []byte(`<!DOCTYPE html><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<body><p style="color:#999;background:#fff">faint</p><div style="width:5000px">wide</div><img src="data:image/png;base64,AAAA"><script>1</script>`), 390)
	got := strings.Join(v.complaints(390), "\n")
	for _, want := range []string{"scrolls sideways", "1 images without alt text", "1 images are not shown", "too faint: [\"P ", "the console says"} {
		if !strings.Contains(got, want) {
			t.Errorf("not noticed: %s; complaints:\n%s", want, got)
		}
	}
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	v = view(t, browser, fmt.Appendf(nil, `<!DOCTYPE html><img alt="x" src="%s/x.png">`, other.URL), 390)
	if len(v.Requests) == 0 {
		t.Error("a request that left the file was not noticed")
	}
}
