package stream

import (
	"path"
	"slices"
	"strings"

	"pausetest/internal/procctl/proctable"
)

// A dle names what is dumped: Amanda's "disk list entry". Empty parts are
// unknown.
type dle struct {
	host, disk, level string
	source            string // see Stream.LabelSource
}

// Where labels come from.
const (
	fromApplication = "application"
	fromIncremental = "listed-incremental"
	fromDebugLog    = "debug-log"
	fromDevice      = "device"
	fromCommandLine = "command-line"
	fromPID         = "pid"
)

// dleOfApplication reads the entry off an application's own options; it is
// exact. ambsdtar and others leave --level out of a call.
func dleOfApplication(args []string) (dle, bool) {
	if verb, ok := applicationCall(args); !ok || verb != "backup" {
		return dle{}, false
	}
	d := dle{source: fromApplication}
	d.host, _ = option(args, "--host")
	d.disk, _ = option(args, "--disk")
	if d.disk == "" {
		d.disk, _ = option(args, "--device")
	}
	d.level, _ = option(args, "--level")
	return d, d.disk != ""
}

// dleOfTar takes the entry from tar's --directory and --listed-incremental. The
// latter's file is named HOST + DISK + "_" + LEVEL + ".new" with every one of
// "/", ":" and "\" written as "_" and nothing between host and disk [Amanda:
// client-src/sendbackup-gnutar.c]. So the host is what is left when the
// directory, written alike, is taken off the end.
//
// exact is false where that may be wrong: when the disk is named otherwise than
// its directory, no host is left or it seems to hold a piece of the disk.
func dleOfTar(c tarCommand) (d dle, exact, ok bool) {
	if c.Directory == "" {
		return dle{}, false, false
	}
	d = dle{disk: c.Directory, source: fromCommandLine}
	stem, ok := strings.CutSuffix(path.Base(c.ListedIncremental), ".new")
	if !ok {
		return d, false, true
	}
	i := strings.LastIndexByte(stem, '_')
	if i < 0 || !isLevel(stem[i+1:]) {
		return d, false, true
	}
	d.level, d.source = stem[i+1:], fromIncremental
	disk := c.Directory
	if trimmed := strings.TrimRight(disk, "/"); trimmed != "" {
		disk = trimmed
	}
	host, ok := strings.CutSuffix(stem[:i], sanitised(disk))
	if !ok || host == "" {
		return d, false, true
	}
	d.host, d.disk = host, disk
	return d, !strings.Contains(host, "_"), true
}

var sanitised = strings.NewReplacer("/", "_", ":", "_", `\`, "_").Replace

// dleOfDebugLog finds "start: HOST:DISK lev N" in what sendbackup logged. The
// disk is quoted when it holds anything unusual.
func dleOfDebugLog(log []byte) (dle, bool) {
	for line := range strings.Lines(string(log)) {
		_, entry, found := strings.Cut(strings.TrimRight(line, "\r\n"), "start: ")
		host, rest, hasHost := strings.Cut(entry, ":")
		i := strings.LastIndex(rest, " lev ")
		if !found || !hasHost || host == "" || strings.Contains(host, " ") || i < 0 {
			continue
		}
		level := strings.TrimSpace(rest[i+len(" lev "):])
		disk := unquoted(rest[:i])
		if disk != "" && isLevel(level) {
			return dle{host: host, disk: disk, level: level, source: fromDebugLog}, true
		}
	}
	return dle{}, false
}

// unquoted undoes Amanda's quote_string: double quotes around, a backslash
// before quotes and itself, \n, \t, \r and \f for those characters.
func unquoted(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	var b strings.Builder
	s = s[1 : len(s)-1]
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			i++
			c = s[i]
			if k := strings.IndexByte("ntrf", c); k >= 0 {
				c = "\n\t\r\f"[k]
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// debugLogBytes is far more than sendbackup writes before its start line.
const debugLogBytes = 64 << 10

// dleFromDebugLog reads the log through a descriptor that sendbackup holds, so
// that neither the log's folder nor a rotated name matters.
func dleFromDebugLog(sendbackup *process, ev Evidence) (dle, bool) {
	if ev == nil {
		return dle{}, false
	}
	for _, fd := range sendbackup.FDs {
		base := path.Base(fd.Path)
		if fd.Kind != proctable.File || !strings.HasPrefix(base, "sendbackup.") || !strings.Contains(base, ".debug") {
			continue
		}
		if log, err := ev.ReadFD(sendbackup.ID.PID, fd.Number, debugLogBytes); err == nil {
			if d, ok := dleOfDebugLog(log); ok {
				return d, true
			}
		}
	}
	return dle{}, false
}

// mountOf finds where a device is mounted, as the process sees it; the
// outermost (first) place when it is mounted at several.
func mountOf(device string, pid int, ev Evidence) (string, bool) {
	if ev == nil || !strings.HasPrefix(device, "/dev/") {
		return "", false
	}
	mounts, err := ev.Mounts(pid)
	if err != nil {
		return "", false
	}
	names := []string{device, mapperName(device)}
	for _, m := range mounts {
		if m.Point != "" && slices.Contains(names, m.Source) && (m.Root == "/" || m.Root == "") {
			return m.Point, true
		}
	}
	return "", false
}

// mapperName is the name under /dev/mapper of the logical volume
// /dev/GROUP/VOLUME: both joined by a dash, their own dashes doubled.
func mapperName(device string) string {
	group, volume, ok := strings.Cut(strings.TrimPrefix(device, "/dev/"), "/")
	if !ok || group == "mapper" || strings.Contains(volume, "/") {
		return device
	}
	double := func(s string) string { return strings.ReplaceAll(s, "-", "--") }
	return "/dev/mapper/" + double(group) + "-" + double(volume)
}

// amandaLabel recovers what a sendbackup dumps, the surest source first: the
// application's options, tar's, the debug log, dump's device. tar's is taken at
// once only where it leaves no doubt; the log settles the rest.
func amandaLabel(sendbackup, app, source *process, ev Evidence) dle {
	if app != nil {
		if d, ok := dleOfApplication(app.Args); ok {
			return d
		}
	}
	var guess dle
	if !source.is(dumpPrograms...) && readsDisk(source) {
		d, exact, ok := dleOfTar(parseTar(source.Args))
		if ok && exact {
			return d
		}
		guess = d
	}
	if d, ok := dleFromDebugLog(sendbackup, ev); ok {
		return d
	}
	if guess.disk != "" {
		return guess
	}
	if source.is(dumpPrograms...) {
		level, device := dumpCommand(source.Args)
		if point, ok := mountOf(device, source.ID.PID, ev); ok {
			return dle{disk: point, level: level, source: fromDevice}
		}
		if device != "" {
			return dle{disk: device, level: level, source: fromCommandLine}
		}
	}
	return dle{}
}
