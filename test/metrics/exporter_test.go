package metrics_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pausetest/internal/metrics"
)

// folder is one that the collector, which is not root, may read.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// exporter starts a node_exporter on a folder, as a user without privileges where
// that is possible, and returns the address of its metrics.
func exporter(t *testing.T, dir string) string {
	t.Helper()
	cmd := exec.Command(program(t, "prometheus-node-exporter"),
		"--collector.disable-defaults", "--collector.textfile", "--collector.textfile.directory="+dir,
		"--web.listen-address=127.0.0.1:0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	address := make(chan string, 1)
	go func() {
		listening := regexp.MustCompile(`msg="Listening on".* address=(\S+)`)
		for lines := bufio.NewScanner(log); lines.Scan(); { // to the end, or it would block
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				address <- m[1]
			}
		}
		close(address)
	}()
	select {
	case at, ok := <-address:
		if !ok {
			t.Fatal("node_exporter ended without a word of where it listens")
		}
		return "http://" + at + "/metrics"
	case <-time.After(30 * time.Second):
		t.Fatal("node_exporter doesn't say where it listens")
		return ""
	}
}

// scrape reads all metrics once, as Prometheus does.
func scrape(ctx context.Context, t *testing.T, url string) map[string]float64 {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v, %v", url, response.Status, err)
	}
	return parsed(t, text)
}

// whole reports what a scrape lacks of two checks.
func whole(scraped map[string]float64, checks ...string) error {
	if e := scraped["node_textfile_scrape_error"]; e != 0 {
		return fmt.Errorf("node_textfile_scrape_error is %v", e)
	}
	for _, check := range checks {
		for _, name := range []string{"pausetest_last_run_timestamp_seconds", "pausetest_last_success_timestamp_seconds", "pausetest_throughput_ratio"} {
			if scraped[name+`{check="`+check+`"}`] == 0 {
				return fmt.Errorf("no %s of %s", name, check)
			}
		}
	}
	return nil
}

// TestExporter: the real collector serves, of two checks on one host, every series
// with its value, whatever the streams are called and whatever the umask was.
func TestExporter(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	dir := folder(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	url := exporter(t, dir)
	want := map[string]float64{}
	for _, check := range []string{"nightly", "home-only"} {
		o := complete(t)
		o.Check = check
		for i, label := range hostileLabels {
			o.Result.Streams[i].Label = label
		}
		if err := metrics.Write(dir, o); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, metrics.FileName(check)))
		if err != nil {
			t.Fatal(err)
		}
		for series, v := range parsed(t, text) {
			want[series] = v
		}
	}
	got := scrape(t.Context(), t, url)
	if err := whole(got, "nightly", "home-only"); err != nil {
		t.Error(err)
	}
	for series, v := range want {
		if served, there := got[series]; !there || served != v {
			t.Errorf("%s is %v, served: %v %v", series, v, there, served)
		}
	}
	for series := range got {
		if _, ours := want[series]; !ours && strings.HasPrefix(series, "pausetest_") {
			t.Errorf("%s is served and was not written", series)
		}
	}
}

// TestExporterWhileWriting: no scrape sees half a file, or none, while both checks
// replace theirs all the time.
func TestExporterWhileWriting(t *testing.T) {
	dir := folder(t)
	url := exporter(t, dir)
	o := complete(t)
	write := func(round int64) error {
		var err error
		for _, check := range []string{"nightly", "home-only"} {
			next := *o
			next.Check = check
			if round%2 == 1 {
				next.State, next.Result = metrics.NoStreams, nil
			}
			err = errors.Join(err, metrics.Write(dir, &next))
		}
		return err
	}
	if err := write(0); err != nil {
		t.Fatal(err)
	}
	var rounds atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		var err error
		for err == nil && ctx.Err() == nil {
			err = write(rounds.Add(1))
		}
		ended <- err
	}()
	scrapes := 0
	for ; scrapes < 200 || rounds.Load() < 20; scrapes++ {
		if err := whole(scrape(ctx, t, url), "nightly", "home-only"); err != nil {
			t.Errorf("scrape %d: %v", scrapes, err)
			break
		}
		if len(ended) > 0 { // the writing failed, and will write no more
			break
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	t.Logf("%d writes of both files during %d scrapes", rounds.Load(), scrapes)
}
