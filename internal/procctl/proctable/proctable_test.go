package proctable

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const amandaStat = "9519 (sendbackup) S 9499 9499 9498 0 -1 4194304 920 0 1 0 1 0 0 0 20 0 2 0 539037 99991552 3158 " +
	"18446744073709551615 93976795693056 93976795723117 140720880127648 0 0 0 0 4102 0 0 0 0 17 1 0 0 0 0 0 " +
	"93976795740400 93976795743600 93976895361024 140720880135896 140720880135973 140720880135973 140720880136157 0"

func TestParseStat(t *testing.T) {
	want := Stat{PID: 9519, Comm: "sendbackup", State: 'S', PPID: 9499, PGID: 9499, Session: 9498,
		Flags: 4194304, Threads: 2, StartTicks: 539037, ArgStart: 140720880135896}
	for _, comm := range []string{"sendbackup", ") S 1 1 1 (", "a b", "\n", "\x1b[2J", "\xff\xfe", "", "((("} {
		text := strings.Replace(amandaStat, "(sendbackup)", "("+comm+")", 1)
		want.Comm = comm
		for _, end := range []string{"", "\n"} {
			got, err := ParseStat([]byte(text + end))
			if err != nil {
				t.Fatalf("%q: %v", comm, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q (-want +got):\n%s", comm, diff)
			}
		}
	}
	short := amandaStat[:strings.Index(amandaStat, " 99991552")]
	if got, err := ParseStat([]byte(short)); err != nil || got.StartTicks != 539037 || got.ArgStart != 0 {
		t.Errorf("without later fields: %+v, %v", got, err)
	}
}

func TestParseStatRefuses(t *testing.T) {
	for _, text := range []string{"", "1", "1 ()", "1 (a", "1 a)", ")(", "x (a) S 1", "-1 (a) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5",
		strings.Replace(amandaStat, " S ", " SS ", 1), strings.Replace(amandaStat, "539037", "-539037", 1),
		strings.Replace(amandaStat, "539037", "99999999999999999999999", 1), strings.Replace(amandaStat, "9499", "x", 1)} {
		if got, err := ParseStat([]byte(text)); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestParseStatus(t *testing.T) {
	text := "Name:\ttar\\nState:\tT\nUmask:\t0077\nState:\tt (tracing stop)\nTracerPid:\t77\nUid:\t34\t0\t35\t4294967295\nSigIgn:\t0000000000001001\nCapEff:\t000001ffffffffff\n"
	want := Status{State: 't', TracerPID: 77, UIDs: UIDs{34, 0, 35, 4294967295}, IgnoredSignals: 0x1001, EffectiveCaps: 0x1ffffffffff}
	got, err := ParseStatus([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, bad := range []string{"", "State:\n", "State:\tS\n", "Uid:\t1\t1\t1\t1\n", "State:\tS\nUid:\t1\t1\t1\n",
		"State:\tS\nUid:\t-1\t1\t1\t1\n", "State:\tS\nUid:\t1\t1\t1\t1\nTracerPid:\tx\n", "State:\tS\nUid:\t1\t1\t1\t1\nSigIgn:\tz\n"} {
		if got, err := ParseStatus([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}

func TestParseCmdline(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                    nil,
		"\x00":                                {""},
		"tar\x00--create\x00.\x00":            {"tar", "--create", "."},
		"a\x00\x00b\x00\x00":                  {"a", "", "b", ""},
		"daemon: idle":                        {"daemon: idle"},
		"\xff\n\x1b[2J\x00":                   {"\xff\n\x1b[2J"},
		"title" + strings.Repeat("\x00", 500): {"title"},
	} {
		if diff := cmp.Diff(want, ParseCmdline([]byte(text))); diff != "" {
			t.Errorf("%.20q (-want +got):\n%s", text, diff)
		}
	}
}

// Whatever the arguments are, they come back, unless they end in a great many
// empty ones.
func TestParseCmdlineProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		args := rapid.SliceOfN(rapid.StringMatching(`[^\x00]*`), 1, 10).Draw(t, "args")
		got := ParseCmdline([]byte(strings.Join(args, "\x00") + "\x00"))
		if diff := cmp.Diff(args, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestParseChildren(t *testing.T) {
	got, err := ParseChildren([]byte("12 345 6 \n"))
	if diff := cmp.Diff([]int{12, 345, 6}, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	for _, bad := range []string{"0", "-1", "1 x", "99999999999999999999"} {
		if got, err := ParseChildren([]byte(bad)); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func TestParseFDLink(t *testing.T) {
	for target, want := range map[string]FD{
		"pipe:[1826047]":      {Number: 3, Kind: Pipe, Inode: 1826047},
		"socket:[5]":          {Number: 3, Kind: Socket, Inode: 5},
		"/dev/null":           {Number: 3, Kind: File, Path: "/dev/null"},
		"/tmp/a\nb (deleted)": {Number: 3, Kind: File, Path: "/tmp/a\nb (deleted)"},
		"/pipe:[5]":           {Number: 3, Kind: File, Path: "/pipe:[5]"},
		"/memfd:x (deleted)":  {Number: 3, Kind: Other},
		"anon_inode:[pidfd]":  {Number: 3, Kind: Other},
		"pipe:[x]":            {Number: 3, Kind: Other},
		"pipe:[1":             {Number: 3, Kind: Other},
		"":                    {Number: 3, Kind: Other},
	} {
		if diff := cmp.Diff(want, ParseFDLink(3, target)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", target, diff)
		}
	}
}

func TestParseFDInfo(t *testing.T) {
	for flags, want := range map[string][3]bool{
		"0100000": {true, false, true}, "02100001": {false, true, true}, "0100002": {true, true, true},
		"9": {}, "": {}, "-1": {},
	} {
		read, write, ok := ParseFDAccess([]byte("pos:\t0\nflags:\t" + flags + "\nmnt_id:\t9\n"))
		if got := [3]bool{read, write, ok}; got != want {
			t.Errorf("flags %q: %v, want %v", flags, got, want)
		}
	}
	if _, _, ok := ParseFDAccess(nil); ok {
		t.Error("access mode out of nothing")
	}
	for text, want := range map[string]int{"pos:\t0\nmnt_id:\t29\nino:\t5\n": 29, "mnt_id:\t-9\n": 0, "mnt_id:\tx\n": 0, "": 0} {
		if id := ParseFDMount([]byte(text)); id != want {
			t.Errorf("%q: mount %d, want %d", text, id, want)
		}
	}
}

func TestParseNamespace(t *testing.T) {
	if inode, ok := ParseNamespace("net:[4026532177]"); !ok || inode != 4026532177 {
		t.Errorf("%d, %t", inode, ok)
	}
	for _, bad := range []string{"", "net", "net:", "net:[]", "net:[x]", "net:[1"} {
		if inode, ok := ParseNamespace(bad); ok {
			t.Errorf("%q: %d", bad, inode)
		}
	}
}

func TestParseIO(t *testing.T) {
	got, err := ParseIO([]byte("rchar: 19187704\nwchar: 3877\nsyscr: 563\nsyscw: 35\nread_bytes: 4096\nwrite_bytes: 12288\ncancelled_write_bytes: 0\n"))
	want := IO{ReadBytes: 19187704, WrittenBytes: 3877, ReadCalls: 563, WriteCalls: 35, DiskReadBytes: 4096, DiskWrittenBytes: 12288}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{"", "rchar: 1\n", "wchar: 1\n", "rchar: -1\nwchar: 1\n", "rchar: 1\nwchar: 99999999999999999999\n"} {
		if got, err := ParseIO([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}

func TestParseUptime(t *testing.T) {
	if got, err := ParseUptime([]byte("5390.37 10000.00\n")); err != nil || got != 539037 {
		t.Errorf("%d, %v", got, err)
	}
	for _, bad := range []string{"", "1", "1.2", "1.234", "-1.00", "x.00", "1.+5", "999999999999999999.00"} {
		if got, err := ParseUptime([]byte(bad)); err == nil {
			t.Errorf("%q: %d", bad, got)
		}
	}
}

func TestParseMountinfo(t *testing.T) {
	text := `36 35 98:0 /mnt1 /mnt\040two\011\134\012x rw,noatime master:1 propagate_from:2 - ext3 /dev/root rw,errors=continue
25 1 0:22 / /sys/fs/cgroup/freezer rw - cgroup  rw,freezer
`
	want := []Mount{
		{ID: 36, ParentID: 35, Major: 98, Root: "/mnt1", Point: "/mnt two\t\\\nx", Type: "ext3", Source: "/dev/root", SuperOptions: "rw,errors=continue"},
		{ID: 25, ParentID: 1, Minor: 22, Root: "/", Point: "/sys/fs/cgroup/freezer", Type: "cgroup", SuperOptions: "rw,freezer"},
	}
	got, err := ParseMountinfo(text)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{"\n", "1 2 3:4 / / rw\n", "1 2 3:4 / / rw - ext4 x\n", "1 2 34 / / rw - ext4 x rw\n", "x 2 3:4 / / rw - ext4 x rw\n"} {
		if got, err := ParseMountinfo(bad); err == nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}

func TestUnescapeOctal(t *testing.T) {
	for in, want := range map[string]string{`a`: "a", `\040`: " ", `\134040`: `\040`, `\`: `\`, `\04`: `\04`, `\999`: `\999`, `\777`: `\777`, `x\043`: "x#"} {
		if got := unescapeOctal(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestParseCgroup(t *testing.T) {
	for line, want := range map[string]Cgroup{
		"0::/user.slice/a:b\n":    {Path: "/user.slice/a:b"},
		"6:freezer:/x":            {Controllers: []string{"freezer"}, Path: "/x"},
		"3:cpu,cpuacct:/":         {Controllers: []string{"cpu", "cpuacct"}, Path: "/"},
		"1:name=systemd:/init":    {Controllers: []string{"name=systemd"}, Path: "/init"},
		"0::/../../other.service": {Path: "/../../other.service"},
	} {
		got, err := ParseCgroup(line)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", line, err, diff)
		}
	}
	for _, bad := range []string{"", "0", "0:", "0::", "0::x"} {
		if got, err := ParseCgroup(bad); err == nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}

func TestCgroupDirs(t *testing.T) {
	mounts := []Mount{
		{Type: "tmpfs", Point: "/sys/fs/cgroup", Root: "/"},
		{Type: "cgroup", Point: "/cg/cpu", Root: "/", SuperOptions: "rw,cpu,cpuacct"},
		{Type: "cgroup", Point: "/cg/freezer", Root: "/job", SuperOptions: "rw,freezer"},
		{Type: "cgroup2", Point: "/cg/unified", Root: "/"},
	}
	for line, want := range map[string][]string{
		"0::/a/b":              {"/cg/unified/a/b", "/cg/unified/a", "/cg/unified"},
		"0::/":                 {"/cg/unified"},
		"0::/../x":             nil,
		"6:freezer:/job/x":     {"/cg/freezer/x", "/cg/freezer"},
		"6:freezer:/job":       {"/cg/freezer"},
		"6:freezer:/jobs":      nil,
		"6:freezer:/other":     nil,
		"2:cpu,cpuacct:/a":     {"/cg/cpu/a", "/cg/cpu"},
		"1:name=systemd:/init": nil,
	} {
		c, err := ParseCgroup(line)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, CgroupDirs(c, mounts)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", line, diff)
		}
	}
}

func TestParseFrozen(t *testing.T) {
	for text, want := range map[string]bool{
		"FROZEN\n": true, "FREEZING\n": true, "THAWED\n": false, "1\n": true, "0\n": false, "": false,
		"populated 1\nfrozen 1\n": true, "populated 1\nfrozen 0\n": false,
	} {
		if got := ParseFrozen(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

func TestParseAllFrozen(t *testing.T) {
	for text, want := range map[string]bool{
		"FROZEN\n": true, "FREEZING\n": false, "THAWED\n": false, "": false,
		"populated 1\nfrozen 1\n": true, "populated 1\nfrozen 0\n": false,
	} {
		if got := ParseAllFrozen(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}
