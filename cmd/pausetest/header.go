package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"

	"pausetest/internal/netstat"
	"pausetest/internal/procctl/proctable"
	"pausetest/internal/recording"
	"pausetest/internal/vitals"
)

// describe takes over the streams, opens their counters, and writes the header of
// the recording.
func (e *execution) describe(first look) error {
	if err := e.host.adopt(first); err != nil {
		return failed("", err)
	}
	carried, err := e.host.findSockets(first)
	if err != nil {
		return failed("", err)
	}
	iface, chosenBy, warnings, err := chooseInterface(e.iface, carried.all())
	if err != nil {
		return err
	}
	warnings = slices.Concat(first.found.Warnings, warnings, first.otherNamespaces(), first.unmanaged())
	streams := e.host.watched()
	attribution := recording.Attribution{
		Sockets: carried.covers(streams) && !first.mixed(),
		IO:      !slices.ContainsFunc(streams, func(w *watched) bool { return len(w.writers) == 0 }),
	}
	if err := e.openCounters(iface, attribution.Sockets, carried); err != nil {
		return err
	}
	e.host.vitals = vitals.New(e.host.NowNS)
	e.host.vitals.Watch(vitals.Members(first.snapshot, e.host.paths()), carried.all())
	facts, err := e.host.looker.table.ReadHostFacts(e.cmd.Context())
	if err != nil {
		return failed("", err)
	}
	e.header = recording.Header{
		Format: recording.Format, Tool: version(), Started: e.started.UTC(),
		Host:      recording.Host{Name: facts.Name, OS: runtime.GOOS + "/" + facts.Arch, Kernel: facts.Kernel, BootID: facts.BootID, CPUs: facts.CPUs},
		Argv:      os.Args,
		Note:      e.note,
		Labels:    e.labels,
		Seed:      e.seed,
		Interface: recording.Interface{Name: iface.Name, Index: iface.Index, SpeedBitsPerSecond: iface.SpeedBitsPerSecond, ChosenBy: chosenBy},
		Direction: e.direction, SampleNS: int64(e.sample),
		Plan: e.design, Limits: e.limits,
		Streams: e.host.streams(), Shared: first.sharedBy(e.host.ids), Refused: first.refusals(),
		Warnings: warnings, Attribution: attribution,
	}
	return nil
}

// openCounters opens the counters that are read at every sample.
func (e *execution) openCounters(iface netstat.Interface, sockets bool, c carried) error {
	link, err := netstat.OpenLink(iface.Index)
	if err != nil {
		return failed("", fmt.Errorf("opening the counters of %s: %w", iface.Name, err))
	}
	s := &sampler{link: link, receive: e.direction == recording.Receive, period: e.sample,
		beginNS: netstat.MonotonicNS(), out: make(chan recording.Record, queued)}
	if sockets {
		if s.counter, err = netstat.OpenSockets(); err != nil {
			return failed("", err)
		}
	}
	s.watch(e.host.watched(), c)
	e.host.sampler, e.host.iface = s, iface.Name
	return nil
}

// chooseInterface takes the interface the operator named, else the one the
// streams' own sockets leave by, else that of the default route.
func chooseInterface(name string, sockets []netstat.Socket) (iface netstat.Interface, chosenBy string, warnings []string, err error) {
	if name != "" {
		if iface, err = netstat.LookupInterface(name); err != nil {
			return iface, "", nil, badInput("leave --iface out to take the one the streams leave by", "--iface %s: %w", name, err)
		}
		if iface.Master != "" {
			warnings = []string{fmt.Sprintf("%s is a part of %s and may carry a part of the traffic only; sample %s", iface.Name, iface.Master, iface.Master)}
		}
		return iface, "flag", warnings, nil
	}
	iface, routeErr := netstat.InterfaceForSockets(sockets)
	if routeErr == nil {
		return iface, "route", nil, nil
	}
	if errors.Is(routeErr, netstat.ErrManyInterfaces) {
		return iface, "", nil, badInput("name the one that matters with --iface", "finding the streams' interface: %w", routeErr)
	}
	if iface, err = netstat.DefaultRouteInterface(); err != nil {
		return iface, "", nil, badInput("name it with --iface", "finding an interface: %w", errors.Join(routeErr, err))
	}
	return iface, "default-route", []string{fmt.Sprintf("none of the streams' sockets was found, so %s was taken from the default route; if the dumps leave by another interface, name it with --iface", iface.Name)}, nil
}

// otherNamespaces warns of streams whose sockets and interfaces can't be seen.
func (l look) otherNamespaces() []string {
	labels, pid := l.elsewhere()
	if len(labels) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s in another network namespace, whose sockets and interfaces can't be seen from here; run pausetest there: nsenter --net=/proc/%d/ns/net pausetest ...", count(len(labels), "stream lives|streams live"), pid)}
}

// unmanaged warns of streams that may not be paused.
func (l look) unmanaged() []string {
	refused := l.refusals()
	if len(refused) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s may not be paused and runs on beside the one that runs alone; what it moves is counted wherever its bytes can't be told from theirs", count(len(refused), "stream|streams"))}
}

// refusals are the streams that may not be paused.
func (l look) refusals() []recording.Refusal {
	var out []recording.Refusal
	for i := range l.found.Streams {
		if s := &l.found.Streams[i]; s.Refusal != nil {
			out = append(out, refusalOf(s))
		}
	}
	return out
}

// sharedBy lists the processes that more than one managed stream flows through;
// ids are those of the managed streams, by source.
func (l look) sharedBy(ids map[proctable.ProcID]int) []recording.SharedProcess {
	var out []recording.SharedProcess
	for _, s := range l.found.Shared {
		p := recording.SharedProcess{Process: l.process(s.Process)}
		for _, i := range s.Streams {
			if id := ids[l.found.Streams[i].Source]; id != 0 {
				p.Streams = append(p.Streams, id)
			}
		}
		if len(p.Streams) > 1 {
			out = append(out, p)
		}
	}
	return out
}

func labelsOf(streams []recording.Stream) []string {
	out := make([]string, len(streams))
	for i, s := range streams {
		out[i] = s.Label
	}
	return out
}
