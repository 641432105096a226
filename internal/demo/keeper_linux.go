package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A keeper starts parts, all from one thread that it keeps for as long as they
// may live, because the kernel kills a part when the thread that started it ends.
// (Of SIGKILL and of a crash a process learns nothing; a paused one notices
// nothing at all.)
type keeper struct {
	starts chan func()

	mu     sync.Mutex
	parts  []*part
	killed bool // from then on nothing is started
}

// A part is a relay or the receivers, as seen by the process that started it.
type part struct {
	name    string
	cmd     *exec.Cmd
	reports *json.Decoder
	stderr  bytes.Buffer
}

func newKeeper() *keeper {
	k := &keeper{starts: make(chan func())}
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with this function
		for start := range k.starts {
			start()
		}
	}()
	return k
}

// start starts a part under the given name.
func (k *keeper) start(config Config, name string, args []string) (*part, error) {
	p := &part{name: name}
	p.cmd = &exec.Cmd{
		Path: config.Executable,
		Args: append([]string{name, config.Arg}, args...),
		// Not a file, so that Wait lasts until nobody holds the other end any
		// more, and a relay's sources hold it too.
		Stderr: &p.stderr,
		SysProcAttr: &syscall.SysProcAttr{
			Setsid:    true, // the terminal's Ctrl-C and Ctrl-Z are for pausetest alone
			Pdeathsig: unix.SIGKILL,
		},
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.reports = json.NewDecoder(stdout)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.killed {
		return nil, fmt.Errorf("starting %s: too late", name)
	}
	done := make(chan error)
	k.starts <- func() { done <- p.cmd.Start() }
	if err := <-done; err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	k.parts = append(k.parts, p)
	return p, nil
}

// killAll kills every part; sources follow their relay. Nothing is started after it.
func (k *keeper) killAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.killed = true
	for _, p := range k.parts {
		p.cmd.Process.Kill()
	}
}

// release lets the thread go, and with it whatever may still run.
func (k *keeper) release() { close(k.starts) }

// PID is the part's process id.
func (p *part) PID() int { return p.cmd.Process.Pid }

// wait returns when the part and what it started are gone.
func (p *part) wait() error {
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w%s", p.name, err, p.said())
	}
	return nil
}

// said is what the part complained of, to end an error with. It must have ended.
func (p *part) said() string {
	if p.stderr.Len() == 0 {
		return ""
	}
	return fmt.Sprintf(", saying %q", bytes.TrimSpace(p.stderr.Bytes()))
}
