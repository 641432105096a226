package fdvol

import (
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"pausetest/internal/fdvol/volume"
)

// program32 is a whole 32-bit program: it reads a byte, writes it, and ends. Its
// read has the number that is close's elsewhere.
func program32() []byte {
	const base, headers = 0x08048000, 52 + 32
	code := slices.Concat(
		[]byte{0xb8, 3, 0, 0, 0, 0x31, 0xdb, 0x89, 0xe1, 0xba, 1, 0, 0, 0, 0xcd, 0x80},       // read(0, esp, 1)
		[]byte{0xb8, 4, 0, 0, 0, 0xbb, 1, 0, 0, 0, 0x89, 0xe1, 0xba, 1, 0, 0, 0, 0xcd, 0x80}, // write(1, esp, 1)
		[]byte{0xb8, 1, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x80},                                     // exit(0)
	)
	elf := []byte{0x7f, 'E', 'L', 'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	le := binary.LittleEndian
	elf = le.AppendUint16(elf, 2)                             // executable
	elf = le.AppendUint16(elf, 3)                             // i386
	for _, v := range []uint32{1, base + headers, 52, 0, 0} { // version, entry, program headers at
		elf = le.AppendUint32(elf, v)
	}
	for _, v := range []uint16{52, 32, 1, 0, 0, 0} { // sizes and numbers of headers
		elf = le.AppendUint16(elf, v)
	}
	size := uint32(headers + len(code))
	for _, v := range []uint32{1, 0, base, base, size, size, 5, 0x1000} { // load all, to read and execute
		elf = le.AppendUint32(elf, v)
	}
	return append(elf, code...)
}

// The numbers of a 32-bit program's calls mean other calls.
func TestCompat(t *testing.T) {
	tracer := open(t)
	exe := filepath.Join(t.TempDir(), "program32")
	if err := os.WriteFile(exe, program32(), 0o755); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); errors.Is(err, syscall.ENOEXEC) {
		t.Skip("this kernel runs no 32-bit programs")
	} else if err != nil {
		t.Fatal(err)
	}
	track(t, tracer, c.Process.Pid)
	in.Write([]byte("x"))
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	r, err := tracer.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for _, counted := range r.Counted {
		if counted.Direction != volume.Close || counted.FD > 2 {
			t.Errorf("%+v", counted)
		}
	}
	if len(r.Counted) != 0 || r.CompatCalls == 0 {
		t.Errorf("counted %+v; %d calls of a 32-bit program", r.Counted, r.CompatCalls)
	}
}
