package stream

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pausetest/internal/procctl/proctable"
)

func TestParseTar(t *testing.T) {
	for _, tc := range []struct {
		args string
		want tarCommand
	}{
		{"tar --create --file - --directory /home --listed-incremental /l/x_0.new .", tarCommand{'c', "-", "/home", "/l/x_0.new"}},
		{"tar --create --file=/dev/null --directory=/home", tarCommand{'c', "/dev/null", "/home", ""}},
		{"tar -tf -", tarCommand{'t', "-", "", ""}},
		{"tar tf -", tarCommand{'t', "-", "", ""}},
		{"tar -C /a -cf - .", tarCommand{'c', "-", "/a", ""}},
		{"tar cfC - /a .", tarCommand{'c', "-", "/a", ""}},
		{"tar -cf- -C/a .", tarCommand{'c', "-", "/a", ""}},
		{"tar -g snar -c .", tarCommand{'c', "", "", "snar"}},
		{"tar -X create -x", tarCommand{'x', "", "", ""}},
		{"star -c -f - -C /usr -xdev .", tarCommand{'c', "-", "/usr", ""}},
		{"tar --exclude --list -c", tarCommand{'c', "", "", ""}},
		{"tar -c -- -t", tarCommand{'c', "", "", ""}},
		{"tar --file", tarCommand{}},
		{"tar", tarCommand{}},
	} {
		if got := parseTar(strings.Fields(tc.args)); got != tc.want {
			t.Errorf("%s: got %+v, want %+v", tc.args, got, tc.want)
		}
	}
	if got := parseTar(nil); got != (tarCommand{}) {
		t.Errorf("no arguments: %+v", got)
	}
}

func TestDLEOfTar(t *testing.T) {
	for _, tc := range []struct {
		directory, incremental string
		want                   dle
		exact                  bool
	}{
		{"/export/home", "/l/fs3_export_home_0.new", dle{"fs3", "/export/home", "0", fromIncremental}, true},
		{"/export/home/", "/l/fs3_export_home_0.new", dle{"fs3", "/export/home", "0", fromIncremental}, true},
		{"/", "/l/fs3__1.new", dle{"fs3", "/", "1", fromIncremental}, true},
		{"/", "/l/my_host__1.new", dle{"my_host", "/", "1", fromIncremental}, false},
		{"/a:b\\c", "/l/fs3_a_b_c_12.new", dle{"fs3", "/a:b\\c", "12", fromIncremental}, true},
		{"/with space", "/l/fs3.example.org_with space_0.new", dle{"fs3.example.org", "/with space", "0", fromIncremental}, true},
		// The disk has another name than its directory: no host, or a wrong one.
		{"/", "/l/fs3root_0.new", dle{"", "/", "0", fromIncremental}, false},
		{"/home", "/l/fs3_export_home_0.new", dle{"fs3_export", "/home", "0", fromIncremental}, false},
		{"/home", "/l/_home_0.new", dle{"", "/home", "0", fromIncremental}, false},
		// No level to be had.
		{"/home", "/l/fs3_home_x.new", dle{"", "/home", "", fromCommandLine}, false},
		{"/home", "/l/fs3_home_0", dle{"", "/home", "", fromCommandLine}, false},
		{"/home", "", dle{"", "/home", "", fromCommandLine}, false},
		{"/home", ".new", dle{"", "/home", "", fromCommandLine}, false},
	} {
		got, exact, ok := dleOfTar(tarCommand{Directory: tc.directory, ListedIncremental: tc.incremental})
		if got != tc.want || exact != tc.exact || !ok {
			t.Errorf("%s, %s: got %+v %v, want %+v %v", tc.directory, tc.incremental, got, exact, tc.want, tc.exact)
		}
	}
	if _, _, ok := dleOfTar(tarCommand{}); ok {
		t.Error("a tar without directory has a label")
	}
}

func TestDLEOfDebugLog(t *testing.T) {
	for _, tc := range []struct {
		log  string
		want dle
	}{
		{"x: sendbackup: start: fs3:/home lev 0\n", dle{"fs3", "/home", "0", fromDebugLog}},
		{"start: at noon\r\nstart: fs3:/home lev 10\r\n", dle{"fs3", "/home", "10", fromDebugLog}},
		{"start: fs3:\"/a lev 3 b\" lev 1", dle{"fs3", "/a lev 3 b", "1", fromDebugLog}},
		{`start: fs3:"q\"\\\n\tx" lev 1`, dle{"fs3", "q\"\\\n\tx", "1", fromDebugLog}},
		{`start: fs3:C: lev 1`, dle{"fs3", "C:", "1", fromDebugLog}},
		{"version 3.5.1: start at Sun Nov 22 01:00:00 2026", dle{}},
		{"start: fs3:/home lev", dle{}},
		{"start: fs3:/home lev x", dle{}},
		{"start: fs3: lev 0", dle{}},
		{"start: :/home lev 0", dle{}},
		{"", dle{}},
	} {
		got, ok := dleOfDebugLog([]byte(tc.log))
		if got != tc.want || ok != (tc.want != dle{}) {
			t.Errorf("%q: got %+v %v, want %+v", tc.log, got, ok, tc.want)
		}
	}
}

func TestDLEOfApplication(t *testing.T) {
	for _, tc := range []struct {
		args string
		want dle
	}{
		{"amgtar backup --message line --host h --disk /d --device /dev/x --level 2", dle{"h", "/d", "2", fromApplication}},
		{"perl -T /app/x backup --host=h --disk=/d --level=0", dle{"h", "/d", "0", fromApplication}},
		{"amraw backup --message line --device /dev/sdb", dle{"", "/dev/sdb", "", fromApplication}},
		{"amgtar estimate --message line --host h --disk /d --level 0", dle{}},
		{"amgtar support --disk backup", dle{}},
		{"restic backup --host h /srv", dle{}},
		{"tool --verbose backup --disk x", dle{}},
		{"backup --disk x", dle{}},
		{"amgtar backup --disk", dle{}},
	} {
		got, ok := dleOfApplication(strings.Fields(tc.args))
		if got != tc.want || ok != (tc.want != dle{}) {
			t.Errorf("%s: got %+v %v, want %+v", tc.args, got, ok, tc.want)
		}
	}
}

func TestDumpCommand(t *testing.T) {
	for _, tc := range []struct{ args, level, device string }{
		{"dump 0usf 1048576 - /dev/sda1", "0", "/dev/sda1"},
		{"dump 9ushf 1048576 0 - /dev/sda1", "9", "/dev/sda1"},
		{"dump -1u -f - /dev/sda1", "1", "/dev/sda1"},
		{"xfsdump -J -F -l 2 - /dev/vg/home", "2", "/dev/vg/home"},
		{"dump /home", "", "/home"},
		{"dump home1", "", "home1"},
		{"dump -", "", ""},
		{"dump", "", ""},
	} {
		level, device := dumpCommand(strings.Fields(tc.args))
		if level != tc.level || device != tc.device {
			t.Errorf("%s: got %q %q, want %q %q", tc.args, level, device, tc.level, tc.device)
		}
	}
}

func TestSSHDestination(t *testing.T) {
	for _, tc := range []struct{ args, want string }{
		{"ssh vault cat", "vault"},
		{"ssh -p 22 -l root vault cat", "vault"},
		{"ssh -p22 -oBatchMode=yes -vvT backup@vault cat", "vault"},
		{"ssh -vp 22 vault", "vault"},
		{"ssh ssh://op@vault:2222/", "vault"},
		{"ssh ssh://vault", "vault"},
		{"ssh a@b@vault", "vault"},
		{"ssh fe80::1", "fe80::1"},
		{"ssh -p", ""},
		{"ssh", ""},
	} {
		if got := sshDestination(strings.Fields(tc.args)); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.args, got, tc.want)
		}
	}
}

type mountsOnly []proctable.Mount

func (m mountsOnly) ReadFD(int, int, int) ([]byte, error)  { return nil, errors.New("none") }
func (m mountsOnly) Mounts(int) ([]proctable.Mount, error) { return m, nil }

func TestMountOf(t *testing.T) {
	ev := mountsOnly{
		{Root: "/sub", Point: "/bind", Source: "/dev/sda1"},
		{Root: "/", Point: "/home", Source: "/dev/sda1"},
		{Root: "/", Point: "/again", Source: "/dev/sda1"},
		{Root: "/", Point: "/big", Source: "/dev/mapper/vg--a-home--big"},
	}
	for _, tc := range []struct{ device, want string }{
		{"/dev/sda1", "/home"},
		{"/dev/vg-a/home-big", "/big"},
		{"/dev/mapper/vg--a-home--big", "/big"},
		{"/dev/sdb1", ""},
		{"/home", ""},
		{"", ""},
	} {
		got, ok := mountOf(tc.device, 1, ev)
		if got != tc.want || ok != (tc.want != "") {
			t.Errorf("%q: got %q %v, want %q", tc.device, got, ok, tc.want)
		}
	}
	if _, ok := mountOf("/dev/sda1", 1, nil); ok {
		t.Error("without evidence there is no mount")
	}
}

func TestProgramNames(t *testing.T) {
	for _, tc := range []struct {
		exe, comm string
		args      []string
		want      []string
	}{
		{"/usr/bin/tar", "tar", []string{"/bin/tar", "-c"}, []string{"tar"}},
		{"/usr/bin/tar (deleted)", "tar", []string{"gtar"}, []string{"gtar", "tar"}},
		{"/usr/bin/dash", "sh", []string{"sh", "-c", "tar c"}, []string{"sh", "dash"}},
		{"/usr/bin/perl", "amzfs-sendrecv", []string{"/usr/bin/perl", "-w", "/x/amzfs-sendrecv", "backup"}, []string{"perl", "amzfs-sendrecv"}},
		{"/usr/bin/python3.13", "borg", []string{"/usr/bin/python3", "/usr/bin/borg", "create"}, []string{"python3", "python3.13", "borg"}},
		{"/usr/bin/perl", "perl", []string{"perl", "-e", "system 1"}, []string{"perl"}},
		{"", "proxmox-backup-", []string{"proxmox-backup-client"}, []string{"proxmox-backup-client"}},
		{"/usr/sbin/sshd", "sshd", []string{"sshd: root@notty"}, []string{"sshd"}},
		{"/bin/bash", "bash", []string{"-bash"}, []string{"bash"}},
		{"", "kworker/0:1", nil, []string{"0:1"}},
		{"", "", []string{""}, nil},
	} {
		got := programNames(&proctable.Process{Exe: tc.exe, Comm: tc.comm, Args: tc.args})
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%q: %s", tc.args, diff)
		}
	}
}

func FuzzLabels(f *testing.F) {
	f.Add("tar\x00--create\x00--directory\x00/home\x00--listed-incremental\x00/l/fs3_home_0.new", "start: fs3:\"/x\" lev 1\n")
	f.Add("perl\x00app\x00backup\x00--host\x00h\x00--disk\x00d\x00--level\x000", "")
	f.Add("dump\x000usf\x00-\x00/dev/a/b-c", `start: h:"\`)
	f.Add("ssh\x00-p\x00ssh://a@b/", "start: a:b lev 99999")
	f.Fuzz(func(t *testing.T, cmdline, log string) {
		args := strings.Split(cmdline, "\x00")
		check := func(d dle, ok bool) {
			if ok && d.disk == "" {
				t.Fatalf("a label without disk: %+v", d)
			}
			if d.level != "" && !isLevel(d.level) && d.source != fromApplication {
				t.Fatalf("level %q", d.level)
			}
		}
		check(dleOfApplication(args))
		d, exact, ok := dleOfTar(parseTar(args))
		check(d, ok)
		if exact && (d.host == "" || d.level == "") {
			t.Fatalf("exact, but %+v", d)
		}
		check(dleOfDebugLog([]byte(log)))
		level, device := dumpCommand(args)
		check(dle{disk: "x" + device, level: level}, true)
		sshDestination(args)
		mapperName(log)
		for i := range Builtin().Rules {
			r := &Builtin().Rules[i]
			take(r.Label.Host, args)
			take(r.Label.Disk, args)
			take(r.Label.Level, args)
			r.fits(&process{Process: proctable.Process{Args: args}, names: r.Programs})
		}
	})
}

func TestReadsDisk(t *testing.T) {
	for args, want := range map[string]bool{
		"/bin/tar --create --file - --directory /home .":         true,
		"/bin/tar --create --file /dev/null --directory /home .": false, // an estimate
		"/opt/tar-1.34 --create --file - --directory /home .":    true,  // by its options
		"/bin/tar -tf -":                false,
		"dump 0usf 1048576 - /dev/sda1": true,
		"gzip --fast":                   false,
	} {
		p := &process{Process: proctable.Process{Args: strings.Fields(args)}}
		p.names = programNames(&p.Process)
		if readsDisk(p) != want {
			t.Errorf("%s: want %v", args, want)
		}
	}
}
