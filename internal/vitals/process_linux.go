package vitals

import (
	"reflect"
	"slices"

	"pausetest/internal/netstat"
	"pausetest/internal/procctl"
	"pausetest/internal/procctl/proctable"
	"pausetest/internal/recording"
)

// A process is one under observation.
type process struct {
	watch *procctl.Watch
	looks []int
	// As last recorded.
	recorded recording.ProcessVitals
	doing    []recording.Activity
}

// record returns the process's counters and looks, and whether anything has changed
// since the last record. all is what everybody was seen doing; delays is nil where
// they can't be read.
func (p *process) record(all [][]recording.Activity, delays *netstat.DelayCounter) (r recording.ProcessVitals, changed bool) {
	r = recording.ProcessVitals{PID: p.watch.ID().PID}
	// Delays are found by the pid alone. The other counters come from the very process
	// and are read after them: so the pid was still its own.
	waited := delaysOf(r.PID, delays)
	if c, err := p.watch.Counters(); err == nil {
		r.VoluntarySwitches = c.VoluntarySwitches
		if r.MemoryDelays = waited; waited != nil {
			waited.Threads = c.Threads
		}
		if c.CPU != nil {
			r.CPU = &recording.CPUTimes{RunNS: c.CPU.RunNS, BusiestNS: c.CPU.BusiestNS, QueuedNS: c.CPU.QueuedNS}
		}
		if c.IO != nil {
			r.IO = &recording.IOBytes{Read: c.IO.ReadBytes, Written: c.IO.WrittenBytes}
		}
	}
	changed = !reflect.DeepEqual(r, p.recorded)
	p.recorded = r
	for _, i := range p.looks {
		var doing []recording.Activity
		if i >= 0 {
			doing = all[i]
		}
		if !reflect.DeepEqual(doing, p.doing) {
			changed, p.doing = true, doing
		}
	}
	r.Looks, p.looks = shortened(p.looks), nil
	return r, changed
}

// delaysOf are a process's delays; nil for none.
func delaysOf(pid int, delays *netstat.DelayCounter) *recording.MemoryDelays {
	if delays == nil {
		return nil
	}
	d, err := delays.Read(pid)
	if err != nil || d == (netstat.MemoryDelays{}) {
		return nil
	}
	return &recording.MemoryDelays{SwapInNS: d.SwapInNS, ReclaimNS: d.ReclaimNS, ThrashingNS: d.ThrashingNS, CompactionNS: d.CompactionNS}
}

// seen numbers everything that was seen since the last record.
type seen struct {
	list [][]recording.Activity
	// descriptors are looked up once a record and process: what one leads to may
	// change, but not often.
	descriptors map[descriptor]recording.Activity
}

type descriptor struct {
	pid, fd int
}

// number returns the index of what a process was seen doing; unknown for nothing.
func (s *seen) number(p *process, sights []procctl.Sight) int {
	if len(sights) == 0 {
		return unknown
	}
	doing := make([]recording.Activity, 0, len(sights))
	for _, sight := range sights {
		doing = append(doing, s.activity(p, sight))
	}
	if i := slices.IndexFunc(s.list, func(other []recording.Activity) bool { return reflect.DeepEqual(doing, other) }); i >= 0 {
		return i
	}
	s.list = append(s.list, doing)
	return len(s.list) - 1
}

// kinds are the recording's names of what a thread does.
var kinds = map[proctable.Activity]recording.ActivityKind{
	proctable.Running: recording.Running, proctable.Uninterruptible: recording.OnDisk,
	proctable.NetworkFS: recording.OnNFS, proctable.MemoryShort: recording.OnRAM,
	proctable.Writing: recording.Writing, proctable.Reading: recording.Reading,
	proctable.Polling: recording.Polling, proctable.AwaitingChild: recording.Awaits,
	proctable.Sleeping: recording.Asleep, proctable.WaitingLock: recording.Locked,
	proctable.Halted: recording.Halted, proctable.OtherActivity: recording.Other,
}

func (s *seen) activity(p *process, sight procctl.Sight) recording.Activity {
	var a recording.Activity
	if sight.FD >= 0 {
		a = s.descriptor(p, sight.FD)
	}
	a.Kind, a.WaitChannel = kinds[sight.Activity], sight.WaitChannel
	return a
}

// targets are the recording's names of what a descriptor leads to.
var targets = map[proctable.FDKind]recording.ActivityTarget{
	proctable.Pipe: recording.ToPipe, proctable.Socket: recording.ToSocket, proctable.File: recording.ToFile, proctable.Other: recording.ToOther,
}

func (s *seen) descriptor(p *process, number int) recording.Activity {
	key := descriptor{p.watch.ID().PID, number}
	if a, known := s.descriptors[key]; known {
		return a
	}
	a := recording.Activity{FD: &number}
	if fd, device, err := p.watch.Descriptor(number); err == nil {
		a.To, a.Inode, a.Device = targets[fd.Kind], fd.Inode, device
	}
	if s.descriptors == nil {
		s.descriptors = map[descriptor]recording.Activity{}
	}
	s.descriptors[key] = a
	return a
}
