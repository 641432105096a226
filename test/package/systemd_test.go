package packaging_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// mostExposed is the threshold of systemd-analyze security, 0 (best) to 10. What is
// left is being root, seeing the host's network and processes, and the three
// capabilities.
const mostExposed = 2.5

// systemd itself finds no fault with the units, and rates the service.
func TestUnits(t *testing.T) {
	needs(t, "systemd-analyze")
	t.Parallel()
	out := output(t, "systemd-analyze", "security", "--no-pager", "--offline=yes",
		"--threshold="+strconv.Itoa(mostExposed*10), top+"/contrib/systemd/pausetest-check.service")
	t.Log(out[strings.LastIndex(out, "→"):])

	text, err := os.ReadFile(top + "/contrib/systemd/pausetest-check.service")
	if err != nil {
		t.Fatal(err)
	}
	// The rating would be better with these, and the service useless or dangerous.
	for _, never := range []string{"ProtectProc=invisible", "ProtectProc=noaccess", "ProtectProc=ptraceable", "ProcSubset=pid",
		"PrivateUsers=yes", "PrivateNetwork=yes", "KillMode=control-group", "SendSIGKILL"} {
		if strings.Contains(string(text), "\n"+never) {
			t.Errorf("the service has %s", never)
		}
	}
}

// The service under a real systemd, with its every restriction.
func TestService(t *testing.T) {
	needs(t, "debootstrap", "systemd-nspawn", "unshare")
	t.Parallel()
	base, guest := made(t, chroot), newGuest(t)
	service, err := os.ReadFile(top + "/contrib/systemd/pausetest-check.service")
	if err != nil {
		t.Fatal(err)
	}
	start := regexp.MustCompile("\nExecStart=.*\n").FindString(string(service))
	if start == "" {
		t.Fatal("the service starts nothing")
	}
	write(t, filepath.Join(guest, "local.conf"), "[Service]\nExecStart="+waiting.ReplaceAllString(start, ""))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	out, err := inNamespaces(ctx, t, "boot.sh", base, guest)
	log, readErr := os.ReadFile(filepath.Join(guest, "log"))
	if err != nil || readErr != nil {
		t.Fatalf("%v, %v\n%s\n%s", err, readErr, out, log)
	}
	for _, line := range []string{"exit 4, result exit-code", "ok check", "ok stop", "ok kill", "ok both", "ok timer", "ok purge"} {
		if !strings.Contains(string(log), "\n"+line+"\n") {
			t.Errorf("no %q", line)
		}
	}
	if got := verdict(t, filepath.Join(guest, "result.json")); got != "collapse" {
		t.Errorf("verdict %s", got)
	}
	t.Logf("%s", log)
}
