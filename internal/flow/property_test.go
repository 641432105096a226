package flow

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pausetest/internal/procctl/proctable"
	"pausetest/internal/stream"
)

// arbitrary facts are of few processes that hold few pipes, sockets and files, so
// that they are joined in every way, also round in circles.
func arbitrary(t *rapid.T) Facts {
	const most = 7
	f := Facts{Snapshot: &proctable.Snapshot{}, Mounts: map[int][]proctable.Mount{}}
	small := rapid.Uint64Range(1, 5)
	pid := rapid.IntRange(0, most+1)
	paths := []string{"/dev/shm/a", "/dev/shm/b", "/srv/x", "/dev/null", "/var/log/x", "/\xff\n\x1b"}
	for i := 1; i <= most; i++ {
		p := proctable.Process{ID: proctable.ProcID{PID: i}, PPID: pid.Draw(t, "parent"), Comm: rapid.String().Draw(t, "comm")}
		for n := range rapid.IntRange(0, 6).Draw(t, "descriptors") {
			fd := proctable.FD{Number: n, Kind: rapid.SampledFrom([]proctable.FDKind{proctable.Pipe, proctable.Socket, proctable.File}).Draw(t, "kind"),
				Read: rapid.Bool().Draw(t, "read"), Write: rapid.Bool().Draw(t, "write"), MountID: rapid.IntRange(0, 2).Draw(t, "mount")}
			if fd.Kind == proctable.File {
				fd.Path = rapid.SampledFrom(paths).Draw(t, "path")
			} else {
				fd.Inode = small.Draw(t, "inode")
			}
			p.FDs = append(p.FDs, fd)
		}
		f.Snapshot.Processes = append(f.Snapshot.Processes, p)
		f.Mounts[i] = []proctable.Mount{{ID: 1, Major: 8, Point: "/", Type: "ext4"}, {ID: 2, Point: "/srv", Type: "nfs", Source: "nas:/x"}}
	}
	ids := rapid.Map(rapid.SliceOfN(pid, 0, 3), func(pids []int) []proctable.ProcID {
		var list []proctable.ProcID
		for _, n := range pids {
			list = append(list, proctable.ProcID{PID: n})
		}
		return list
	})
	for i := range rapid.IntRange(0, 3).Draw(t, "streams") {
		f.Streams = append(f.Streams, Stream{ID: i + 1, Stream: stream.Stream{Label: rapid.String().Draw(t, "label"), Disk: "/srv",
			Source: proctable.ProcID{PID: pid.Draw(t, "source")}, Processes: ids.Draw(t, "processes"), Writers: ids.Draw(t, "writers"),
			Carriers: ids.Draw(t, "carriers")}})
	}
	f.Aside = ids.Draw(t, "aside")
	for range rapid.IntRange(0, 4).Draw(t, "sockets") {
		f.Unix = append(f.Unix, UnixSocket{small.Draw(t, "inode"), small.Draw(t, "peer"), rapid.Bool().Draw(t, "named")})
	}
	for i := range rapid.Uint64Range(0, 5).Draw(t, "connections") {
		f.TCP = append(f.TCP, TCPSocket{Inode: i + 1, Local: netip.MustParseAddrPort("10.0.0.1:1"), Interface: fmt.Sprintf("eth%d", i%2),
			SentBytes: small.Draw(t, "sent"), ReceivedBytes: small.Draw(t, "received")})
	}
	return f
}

func TestAnyFacts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := arbitrary(t)
		flow := Find(facts)
		checkWhole(t, &facts, &flow)
		slices.Reverse(facts.Streams)
		slices.Reverse(facts.TCP)
		if diff := cmp.Diff(flow, Find(facts)); diff != "" {
			t.Fatalf("another order gives another flow:\n%s", diff)
		}
	})
}
