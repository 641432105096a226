package proctable

import (
	"fmt"
	"strings"
	"testing"
)

// Whatever stat parses to can be written down again and parses to the same.
func FuzzParseStat(f *testing.F) {
	f.Add([]byte(amandaStat))
	f.Add([]byte("1 () a) S 1 (b) R 0 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ParseStat(text)
		if err != nil {
			return
		}
		again := fmt.Appendf(nil, "%d (%s) %c %d %d %d 0 -1 %d 0 0 0 0 0 0 0 0 20 0 %d 0 %d", s.PID, s.Comm, s.State,
			s.PPID, s.PGID, s.Session, s.Flags, s.Threads, s.StartTicks)
		s.ArgStart = 0
		if got, err := ParseStat(again); err != nil || got != s {
			t.Errorf("%q: %+v, then %+v, %v", text, s, got, err)
		}
	})
}

func FuzzParseStatus(f *testing.F) {
	f.Add([]byte("State:\tT (stopped)\nTracerPid:\t0\nUid:\t0\t0\t0\t0\nSigIgn:\t01\nCapEff:\tff\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ParseStatus(text)
		if err == nil && s.State == 0 && !strings.Contains(string(text), "\x00") {
			t.Errorf("%q: no state", text)
		}
	})
}

func FuzzParseCmdline(f *testing.F) {
	f.Add([]byte("tar\x00--create\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		args := ParseCmdline(text)
		joined := strings.Join(args, "\x00")
		if !strings.HasPrefix(string(text), joined) || strings.Trim(string(text[len(joined):]), "\x00") != "" {
			t.Errorf("%q: %q", text, args)
		}
	})
}

func FuzzParseChildren(f *testing.F) {
	f.Add([]byte("1 2 3 "))
	f.Fuzz(func(t *testing.T, text []byte) {
		pids, _ := ParseChildren(text)
		for _, pid := range pids {
			if pid <= 0 {
				t.Errorf("%q: %v", text, pids)
			}
		}
	})
}

func FuzzParseFD(f *testing.F) {
	f.Add("pipe:[12]", []byte("pos:\t0\nflags:\t0100002\n"))
	f.Add("anon_inode:[pidfd]", []byte("Pid:\t-1\n"))
	f.Fuzz(func(t *testing.T, target string, info []byte) {
		fd := ParseFDLink(1, target)
		if fd.Kind == File && fd.Path != target || fd.Kind != File && fd.Path != "" {
			t.Errorf("%q: %+v", target, fd)
		}
		if read, write, ok := ParseFDAccess(info); ok != (read || write) {
			t.Errorf("%q: %t %t %t", info, read, write, ok)
		}
		if id := ParseFDMount(info); id < 0 {
			t.Errorf("%q: mount %d", info, id)
		}
		_, _ = ParseNamespace(target)
	})
}

func FuzzParseIO(f *testing.F) {
	f.Add([]byte("rchar: 1\nwchar: 2\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		io, err := ParseIO(text)
		if err == nil && !strings.Contains(string(text), "wchar:") {
			t.Errorf("%q: %+v", text, io)
		}
	})
}

func FuzzParseMountinfo(f *testing.F) {
	f.Add(`36 35 98:0 /mnt1 /mnt\040two rw master:1 - ext3 /dev/root rw` + "\n")
	f.Add("36 35 98:0 / / rw - - x  \n")
	f.Fuzz(func(t *testing.T, text string) {
		mounts, err := ParseMountinfo(text)
		if lines := strings.Count(text, "\n"); err == nil && len(mounts) < lines {
			t.Errorf("%q: %d mounts of %d lines", text, len(mounts), lines)
		}
	})
}

func FuzzParseCgroup(f *testing.F) {
	f.Add("0::/a/b", "/a")
	f.Add("6:freezer:/job", "/job")
	f.Fuzz(func(t *testing.T, line, root string) {
		c, err := ParseCgroup(line)
		if err != nil {
			return
		}
		mount := Mount{Type: "cgroup2", Point: "/cg", Root: root, SuperOptions: "freezer"}
		if !c.V2() {
			mount.Type = "cgroup"
		}
		for _, dir := range CgroupDirs(c, []Mount{mount}) {
			if dir != "/cg" && !strings.HasPrefix(dir, "/cg/") {
				t.Errorf("%q below %q: %q is outside of the mount", line, root, dir)
			}
		}
	})
}

func FuzzParseUptime(f *testing.F) {
	f.Add([]byte("5390.37 1.00\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		ticks, err := ParseUptime(text)
		if err == nil && !strings.Contains(string(text), fmt.Sprintf(".%02d", ticks%TicksPerSecond)) {
			t.Errorf("%q: %d", text, ticks)
		}
	})
}
