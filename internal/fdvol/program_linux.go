package fdvol

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"pausetest/internal/fdvol/volume"
)

// The programs and their maps. Where a system call begins, program enter leaves a
// record: when, and the registers. Where it ends, program leave finds that record
// and adds to the counter of (thread, descriptor, call).
//
// Whatever every system call of this host pays for is done without calling a
// helper but the one that tells who is calling: the set of processes is a bitmap
// and the records are a table, both the one value of an array, which a program
// may address directly.
//
// Note: counters are per thread, so that nobody but that thread writes to one and
// no addition needs to be atomic. A per-CPU map would do as well, but takes the
// memory of all counters for every CPU that the host might have.
const (
	// trackedMap is a bitmap of processes, by pid.
	trackedMap = "tracked"
	// recordsMap has the calls in progress, by the low bits of the thread's id. A
	// collision costs the time of a call, not its bytes.
	recordsMap = "records"
	// shapesMap has the flags of each syscallShape, by number.
	shapesMap = "shapes"
	// sinceMap has the time since when processes are counted.
	sinceMap = "since"
	// tallyMap is what does not belong to a counter, as type tally has it.
	tallyMap = "tally"
	// blankMap is a counter of zeros to begin a new one with.
	blankMap = "blank"
	// countersMap has the counters, by counterKey.
	countersMap = "counters"
)

// The programs.
const (
	enterProgram = "pausetest_enter"
	leaveProgram = "pausetest_leave"
)

const (
	pidBits      = 22 // PID_MAX_LIMIT of the kernel
	trackedBytes = 1 << (pidBits - 3)

	recordShift = 6 // log2 of a record's bytes
	recordCount = 1 << 14

	counterCount = 8192
	counterBytes = 8 * (5 + volume.SizeClasses + volume.TimeClasses)
)

// A record in the kernel: thread id, when the call began (0: none is in progress),
// registers.
const (
	recordThread = 0
	recordBegan  = 8
	recordRegs   = 16
)

// A counter in the kernel is a volume.Counter.
const (
	counterTotal   = 0
	counterInCall  = 8
	counterFailed  = 16
	counterLongest = 24
	counterUntimed = 32
	counterSizes   = 40
	counterTimes   = counterSizes + 8*volume.SizeClasses
)

// A tally in the kernel, as type tally has it.
const (
	tallyLost   = 0
	tallyCompat = 8
	tallyBytes  = 16
)

// Offsets from the frame pointer in program leave.
const (
	stackKey      = -16 // counterKey: thread and process, descriptor, call
	stackKeyFD    = -8
	stackKeyOp    = -4
	stackReturned = -24
	stackLength   = -32 // of one message
	stackElapsed  = -40
	stackFlags    = -48
	stackForeign  = -128 // a record
)

// untimed stands for the time of a call whose beginning nobody saw.
const untimed = -1

func array(name string, valueBytes uint32) *ebpf.MapSpec {
	return &ebpf.MapSpec{Name: name, Type: ebpf.Array, KeySize: 4, ValueSize: valueBytes, MaxEntries: 1}
}

// collection is the programs and maps, the same on every machine.
func collection() *ebpf.CollectionSpec {
	shapes := make([]byte, numbers)
	for number, shape := range calls {
		shapes[number] = shape.flags
	}
	shapesSpec := array(shapesMap, numbers)
	shapesSpec.Contents = []ebpf.MapKV{{Key: uint32(0), Value: shapes}}
	program := func(name string, code asm.Instructions) *ebpf.ProgramSpec {
		// The licence decides which helpers may be called: reading the kernel's
		// memory is for those compatible with its own.
		return &ebpf.ProgramSpec{Name: name, Type: ebpf.RawTracepoint, License: "Dual MIT/GPL", Instructions: code}
	}
	return &ebpf.CollectionSpec{
		Maps: map[string]*ebpf.MapSpec{
			trackedMap:  array(trackedMap, trackedBytes),
			recordsMap:  array(recordsMap, recordCount<<recordShift),
			shapesMap:   shapesSpec,
			sinceMap:    array(sinceMap, 8),
			tallyMap:    array(tallyMap, tallyBytes),
			blankMap:    array(blankMap, counterBytes),
			countersMap: {Name: countersMap, Type: ebpf.Hash, KeySize: 16, ValueSize: counterBytes, MaxEntries: counterCount},
		},
		Programs: map[string]*ebpf.ProgramSpec{
			enterProgram: program(enterProgram, enter()),
			leaveProgram: program(leaveProgram, leave()),
		},
	}
}

// value is the address of an array's one value.
func value(to asm.Register, of string) asm.Instruction {
	return asm.LoadMapValue(to, 0, 0).WithReference(of)
}

// join makes one program of its parts.
func join(parts ...asm.Instructions) asm.Instructions {
	var code asm.Instructions
	for _, part := range parts {
		code = append(code, part...)
	}
	return code
}

// unlessTracked jumps when the process is not in the bitmap. It takes what
// bpf_get_current_pid_tgid returned and uses R1 to R3.
func unlessTracked(who asm.Register, jump string) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R3, who),
		asm.RSh.Imm(asm.R3, 32),
		asm.Mov.Reg(asm.R1, asm.R3),
		asm.RSh.Imm(asm.R1, 3),
		asm.And.Imm(asm.R1, trackedBytes-1),
		value(asm.R2, trackedMap),
		asm.Add.Reg(asm.R2, asm.R1),
		asm.LoadMem(asm.R2, asm.R2, 0, asm.Byte),
		asm.And.Imm(asm.R3, 7),
		asm.RSh.Reg(asm.R2, asm.R3),
		asm.And.Imm(asm.R2, 1),
		asm.JEq.Imm(asm.R2, 0, jump),
	}
}

// recordOf puts the address of the thread's record in a register. It uses R1.
func recordOf(who, to asm.Register) asm.Instructions {
	return asm.Instructions{
		asm.Mov.Reg(asm.R1, who),
		asm.And.Imm(asm.R1, recordCount-1),
		asm.LSh.Imm(asm.R1, recordShift),
		value(to, recordsMap),
		asm.Add.Reg(to, asm.R1),
	}
}

// readRegisters fills a record from the struct pt_regs that is the tracepoint's
// first argument.
func readRegisters(context, record asm.Register) asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R3, context, 0, asm.DWord),
		asm.Add.Imm(asm.R3, regsFrom),
		asm.Mov.Imm(asm.R2, regsBytes),
		asm.Mov.Reg(asm.R1, record),
		asm.Add.Imm(asm.R1, recordRegs),
		asm.FnProbeReadKernel.Call(),
	}
}

// note adds one to a tally. It is for what is rare.
func note(label string, tally int32, jump string) asm.Instructions {
	return asm.Instructions{
		value(asm.R1, tallyMap).WithSymbol(label),
		asm.Add.Imm(asm.R1, tally),
		asm.Mov.Imm(asm.R2, 1),
		asm.StoreXAdd(asm.R1, asm.R2, asm.DWord),
		asm.Ja.Label(jump),
	}
}

func end() asm.Instructions {
	return asm.Instructions{asm.Mov.Imm(asm.R0, 0).WithSymbol("end"), asm.Return()}
}

// enter is attached to sys_enter, whose arguments are struct pt_regs * and the
// number.
func enter() asm.Instructions {
	const context, number, who, record = asm.R6, asm.R7, asm.R8, asm.R9
	return join(
		asm.Instructions{
			asm.Mov.Reg(context, asm.R1),
			asm.FnGetCurrentPidTgid.Call(),
			asm.Mov.Reg(who, asm.R0),
		},
		unlessTracked(who, "end"),
		recordOf(who, record),
		asm.Instructions{
			// Claim the record even for a call that is not counted: a thread
			// without one has been in its call since before we looked.
			asm.StoreMem(record, recordThread, who, asm.Word),
			asm.Mov.Imm(asm.R1, 0),
			asm.StoreMem(record, recordBegan, asm.R1, asm.DWord),
			asm.LoadMem(number, context, 8, asm.DWord),
			asm.JGT.Imm(number, numbers-1, "end"), // or -1: no call at all
			value(asm.R2, shapesMap),
			asm.Add.Reg(asm.R2, number),
			asm.LoadMem(asm.R1, asm.R2, 0, asm.Byte),
			asm.JEq.Imm(asm.R1, 0, "end"),
		},
		readRegisters(context, record),
		asm.Instructions{
			asm.LoadMem(asm.R1, record, recordRegs+regSegment, asm.DWord),
			asm.JEq.Imm(asm.R1, compatSegment, "compat"),
			asm.FnKtimeGetNs.Call(),
			asm.StoreMem(record, recordBegan, asm.R0, asm.DWord),
			asm.Ja.Label("end"),
		},
		note("compat", tallyCompat, "end"),
		end(),
	)
}

// leave is attached to sys_exit, whose arguments are struct pt_regs * and what the
// call returned.
func leave() asm.Instructions {
	const context, elapsed, record, flags = asm.R6, asm.R7, asm.R8, asm.R9
	return join(
		asm.Instructions{
			asm.Mov.Reg(context, asm.R1),
			asm.FnGetCurrentPidTgid.Call(),
			asm.StoreMem(asm.RFP, stackKey, asm.R0, asm.DWord),
		},
		recordOf(asm.R0, record),
		asm.Instructions{
			asm.LoadMem(asm.R4, record, recordThread, asm.Word),
			asm.Mov.Reg32(asm.R2, asm.R0),
			asm.JNE.Reg(asm.R4, asm.R2, "no record"),
			asm.LoadMem(elapsed, record, recordBegan, asm.DWord),
			asm.JEq.Imm(elapsed, 0, "end"),
			asm.Mov.Imm(asm.R1, 0),
			asm.StoreMem(record, recordBegan, asm.R1, asm.DWord),
			asm.Ja.Label("began"),
		},
		unseen(context, elapsed, record),
		asm.Instructions{
			asm.FnKtimeGetNs.Call().WithSymbol("began"),
			asm.Sub.Reg(asm.R0, elapsed),
			asm.Mov.Reg(elapsed, asm.R0),

			asm.LoadMem(asm.R1, record, recordRegs+regNumber, asm.DWord).WithSymbol("timed"),
			asm.JGT.Imm(asm.R1, numbers-1, "end"),
			value(asm.R2, shapesMap),
			asm.Add.Reg(asm.R2, asm.R1),
			asm.LoadMem(flags, asm.R2, 0, asm.Byte),
			asm.JEq.Imm(flags, 0, "end"),
			asm.LoadMem(asm.R1, context, 8, asm.DWord),
			asm.StoreMem(asm.RFP, stackReturned, asm.R1, asm.DWord),
			asm.JSet.Imm(flags, manyMessages, "messages"),
			asm.JSet.Imm(flags, successOnly, "if it succeeded"),
		},
		countDescriptors(elapsed, record, flags),
		asm.Instructions{
			asm.JSLT.Imm(asm.R1, 0, "end").WithSymbol("if it succeeded"),
			asm.Ja.Label("first"),
		},
		sumMessages(elapsed, record, flags),
		note("lost", tallyLost, "end"),
		note("compat", tallyCompat, "end"),
		end(),
	)
}

// countDescriptors adds the call to the counters of its one or two descriptors. It
// begins at the label "first" and goes on at "end".
func countDescriptors(elapsed, record, flags asm.Register) asm.Instructions {
	return join(
		asm.Instructions{
			// The call is the number doubled, and one more for the second descriptor.
			asm.LoadMem(asm.R1, record, recordRegs+regNumber, asm.DWord).WithSymbol("first"),
			asm.LSh.Imm(asm.R1, 1),
			asm.StoreMem(asm.RFP, stackKeyOp, asm.R1, asm.Word),
			asm.LoadMem(asm.R1, record, recordRegs+regArg0, asm.DWord),
			asm.JSet.Imm(flags, firstIsArg1, "first is argument 1"),
			asm.StoreMem(asm.RFP, stackKeyFD, asm.R1, asm.Word).WithSymbol("first known"),
		},
		count("first", elapsed),
		asm.Instructions{
			asm.LoadMem(asm.R1, record, recordRegs+regArg1, asm.DWord).WithSymbol("first counted"),
			asm.JSet.Imm(flags, secondIsArg1, "second"),
			asm.LoadMem(asm.R1, record, recordRegs+regArg2, asm.DWord),
			asm.JSet.Imm(flags, secondIsArg2, "second"),
			asm.Ja.Label("end"),
			asm.StoreMem(asm.RFP, stackKeyFD, asm.R1, asm.Word).WithSymbol("second"),
			asm.LoadMem(asm.R1, asm.RFP, stackKeyOp, asm.Word),
			asm.Add.Imm(asm.R1, 1),
			asm.StoreMem(asm.RFP, stackKeyOp, asm.R1, asm.Word),
		},
		count("second", elapsed),
		asm.Instructions{
			asm.Ja.Label("end").WithSymbol("second counted"),
			asm.LoadMem(asm.R1, record, recordRegs+regArg1, asm.DWord).WithSymbol("first is argument 1"),
			asm.Ja.Label("first known"),
		},
	)
}

// unseen is for a thread without a record of its own: nobody, if its process is
// not counted; otherwise either it has been in this call since before we looked,
// or another thread has taken the record. It expects the record's thread in R4.
func unseen(context, elapsed, record asm.Register) asm.Instructions {
	return join(
		asm.Instructions{asm.Mov.Reg(asm.R5, asm.R0).WithSymbol("no record")},
		unlessTracked(asm.R5, "end"),
		asm.Instructions{
			asm.JNE.Imm(asm.R4, 0, "taken"),
			asm.StoreMem(record, recordThread, asm.R5, asm.Word),
			value(asm.R1, sinceMap),
			asm.LoadMem(elapsed, asm.R1, 0, asm.DWord),
			asm.Ja.Label("read"),
			asm.Mov.Reg(record, asm.RFP).WithSymbol("taken"),
			asm.Add.Imm(record, stackForeign),
			asm.Mov.Imm(elapsed, untimed),
		},
		relabel("read", readRegisters(context, record)),
		asm.Instructions{
			asm.LoadMem(asm.R1, record, recordRegs+regSegment, asm.DWord),
			asm.JEq.Imm(asm.R1, compatSegment, "compat"),
			asm.JEq.Imm(elapsed, untimed, "timed"),
		},
	)
}

func relabel(label string, code asm.Instructions) asm.Instructions {
	code[0] = code[0].WithSymbol(label)
	return code
}

// count adds the call to the counter of the key on the stack. It goes on at the
// label NAME + " counted".
func count(name string, elapsed asm.Register) asm.Instructions {
	label := func(what string) string { return name + " " + what }
	lookUp := asm.Instructions{
		asm.LoadMapPtr(asm.R1, 0).WithReference(countersMap),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, stackKey),
		asm.FnMapLookupElem.Call(),
	}
	const counter, number = asm.R0, asm.R1
	return join(
		lookUp,
		asm.Instructions{
			asm.JNE.Imm(counter, 0, label("found")),
			asm.LoadMapPtr(asm.R1, 0).WithReference(countersMap),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, stackKey),
			value(asm.R3, blankMap),
			asm.Mov.Imm(asm.R4, 1), // BPF_NOEXIST
			asm.FnMapUpdateElem.Call(),
		},
		lookUp,
		asm.Instructions{
			asm.JEq.Imm(counter, 0, "lost"),
			asm.LoadMem(number, asm.RFP, stackReturned, asm.DWord).WithSymbol(label("found")),
			asm.JSLT.Imm(number, 0, label("failed")),
		},
		increase(counter, counterTotal, number),
		class(label("size"), counter, number, counterSizes),
		asm.Instructions{
			asm.Mov.Reg(number, elapsed).WithSymbol(label("time")),
			asm.JEq.Imm(number, untimed, label("untimed")),
		},
		increase(counter, counterInCall, number),
		asm.Instructions{
			asm.LoadMem(asm.R2, counter, counterLongest, asm.DWord),
			asm.JGE.Reg(asm.R2, number, label("not longest")),
			asm.StoreMem(counter, counterLongest, number, asm.DWord),
			asm.RSh.Imm(number, volume.FirstTimeBits).WithSymbol(label("not longest")),
		},
		class(label("span"), counter, number, counterTimes),
		asm.Instructions{
			asm.Ja.Label(label("counted")),
			asm.Mov.Imm(number, 1).WithSymbol(label("failed")),
		},
		increase(counter, counterFailed, number),
		asm.Instructions{
			asm.Ja.Label(label("time")),
			asm.Mov.Imm(number, 1).WithSymbol(label("untimed")),
		},
		increase(counter, counterUntimed, number),
		asm.Instructions{asm.Ja.Label(label("counted"))},
	)
}

// increase adds to one number of a counter. It uses R2.
func increase(counter asm.Register, offset int16, by asm.Register) asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R2, counter, offset, asm.DWord),
		asm.Add.Reg(asm.R2, by),
		asm.StoreMem(counter, offset, asm.R2, asm.DWord),
	}
}

// class adds one to the class of a number: how many bits it has, at most 31. It
// uses R2 and the number.
func class(name string, counter, number asm.Register, offset int32) asm.Instructions {
	const most = 1<<31 - 1
	code := asm.Instructions{
		asm.Mov.Imm(asm.R2, 0),
		asm.JEq.Imm(number, 0, name+" below 1"),
		asm.Mov.Imm(asm.R2, 1),
		asm.JLE.Imm(number, most, name+" below 32"),
		asm.Mov.Imm(number, most),
	}
	// Halve what is left to look at, as a binary search does.
	for bits := int32(16); bits > 0; bits /= 2 {
		code = append(code,
			asm.JLT.Imm(number, 1<<bits, fmt.Sprintf("%s below %d", name, bits)).WithSymbol(fmt.Sprintf("%s below %d", name, 2*bits)),
			asm.RSh.Imm(number, bits),
			asm.Add.Imm(asm.R2, bits),
		)
	}
	return append(code,
		asm.LSh.Imm(asm.R2, 3).WithSymbol(name+" below 1"),
		asm.Add.Reg(asm.R2, counter),
		asm.LoadMem(number, asm.R2, int16(offset), asm.DWord),
		asm.Add.Imm(number, 1),
		asm.StoreMem(asm.R2, int16(offset), number, asm.DWord),
	)
}

// Of struct mmsghdr, which holds a struct msghdr first.
const (
	messageBytes        = 64
	messageLengthOffset = 56
	maxMessages         = 1024 // UIO_MAXIOV: the kernel takes no more in one call
)

// sumMessages replaces the number of messages that a call moved by their bytes,
// which it left in the caller's memory. It ends at the label "first".
func sumMessages(elapsed, record, flags asm.Register) asm.Instructions {
	const message = asm.R6 // the context is no longer needed
	sum, done := elapsed, flags
	return asm.Instructions{
		asm.JSLT.Imm(asm.R1, 1, "first").WithSymbol("messages"),
		asm.StoreMem(asm.RFP, stackElapsed, elapsed, asm.DWord),
		asm.StoreMem(asm.RFP, stackFlags, flags, asm.DWord),
		asm.LoadMem(message, record, recordRegs+regArg1, asm.DWord),
		asm.Add.Imm(message, messageLengthOffset),
		asm.Mov.Imm(sum, 0),
		asm.Mov.Imm(done, 0),

		asm.Mov.Reg(asm.R1, asm.RFP).WithSymbol("message"),
		asm.Add.Imm(asm.R1, stackLength),
		asm.Mov.Imm(asm.R2, 4),
		asm.Mov.Reg(asm.R3, message),
		asm.FnProbeReadUser.Call(),
		asm.JNE.Imm(asm.R0, 0, "summed"),
		asm.LoadMem(asm.R1, asm.RFP, stackLength, asm.Word),
		asm.Add.Reg(sum, asm.R1),
		asm.Add.Imm(message, messageBytes),
		asm.Add.Imm(done, 1),
		asm.LoadMem(asm.R1, asm.RFP, stackReturned, asm.DWord),
		asm.JGE.Reg(done, asm.R1, "summed"),
		asm.JLT.Imm(done, maxMessages, "message"),

		asm.StoreMem(asm.RFP, stackReturned, sum, asm.DWord).WithSymbol("summed"),
		asm.LoadMem(elapsed, asm.RFP, stackElapsed, asm.DWord),
		asm.LoadMem(flags, asm.RFP, stackFlags, asm.DWord),
		asm.Ja.Label("first"),
	}
}
