// Package fdvol counts what processes move through their descriptors: bytes and
// calls for reads and writes of every kind, by size and by the time spent in the
// call.
//
// A Tracer counts in the kernel, by two eBPF programs on the raw tracepoints of
// entering and leaving a system call. They are built here, instruction by
// instruction: no compiler, no kernel headers, no tracefs. Where that can't be had,
// Proc reads what /proc tells. What the numbers mean is in package volume.
package fdvol
