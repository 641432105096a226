package guard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultLease is the longest silence of a controller that is believed alive.
// It is eight of the run's beats: a busy host delays some, and the backups do
// not notice two seconds.
const DefaultLease = 2 * time.Second

const (
	// startWithin bounds how long the guard may take to become ready.
	startWithin = 10 * time.Second
	// answerWithin bounds every other answer. It takes microseconds; a guard
	// that can't give it in this time can't be relied on either.
	answerWithin = 2 * time.Second
	// ownExecutable is, in the child too, the very file we were started from.
	//
	// Note: not os.Executable(), whose path may hold another version, or
	// nothing, since the package was upgraded.
	ownExecutable = "/proc/self/exe"
)

// Config says how to guard. Only MaxPause must be set.
type Config struct {
	// StateDir holds lock and journal; default DefaultStateDir().
	StateDir string
	// Lease is the longest silence of the controller; default DefaultLease.
	Lease time.Duration
	// MaxPause is how long any process may stay intended before the guard
	// fires. It should exceed the controller's own limit, which ends a pause
	// in good order.
	MaxPause time.Duration
	// MaxPausedTotal bounds all pauses of one stream together, Budget those of
	// all streams; 0: no limit. They, too, should exceed the controller's own.
	MaxPausedTotal, Budget time.Duration
	// Command starts the guard, a program that calls Main; default: this
	// executable with the argument "guard".
	Command []string
}

// The ways in which a guard is lost; match Err with errors.Is.
var (
	// ErrFired says that the guard has continued everything. The run is over.
	ErrFired = errors.New("the guard fired")
	// ErrDied says that the guard ended or does not answer. Nobody but the
	// controller can continue what is stopped now, and it must do so at once.
	ErrDied = errors.New("the guard is gone")
	// ErrClosed says that the Guard was closed.
	ErrClosed = errors.New("the guard was closed")
)

// A PendingError says that a dead run may have left processes stopped, which
// Recover must see to first.
type PendingError struct {
	Processes  int
	Cgroups    int
	Controller int // pid of the run that died
	Dir        string
}

func (e *PendingError) Error() string {
	left := fmt.Sprintf("%d processes stopped", e.Processes)
	if e.Cgroups > 0 {
		left += fmt.Sprintf(" and %d cgroups frozen", e.Cgroups)
	}
	return fmt.Sprintf("starting the guard: the run of pid %d died and may have left %s", e.Controller, left)
}

// A Guard is the controller's side of the guard. Intend, Forget and Close wait
// for one another; Beat, Lost and Err may be called at any time.
type Guard struct {
	lease   time.Duration
	dir     *stateDir
	lock    *os.File
	journal *journalFile
	process *exec.Cmd
	exited  chan struct{} // the child was reaped
	conn    *net.UnixConn
	acks    chan message
	down    chan struct{} // nothing more will be read from conn

	mu     sync.Mutex // one request at a time; guards what follows
	seq    uint64
	serial uint64             // of the last hold
	known  map[Subject]uint64 // intended and not forgotten, with serials
	closed bool

	unanswered atomic.Int64 // beats since the last answer
	askedNS    atomic.Int64 // when the first of them was sent

	lostOnce sync.Once
	lost     chan struct{}
	err      error // set before lost is closed
}

// Start takes the host's lock, begins a journal, starts the guard and waits
// until it is ready. It returns a BusyError while another run is alive, and a
// PendingError when a dead run's processes must be recovered first. ctx bounds
// the start only: nothing but Close ends the guard.
func Start(ctx context.Context, c Config) (*Guard, error) {
	if c.StateDir == "" {
		c.StateDir = DefaultStateDir()
	}
	if c.Lease == 0 {
		c.Lease = DefaultLease
	}
	if c.Lease < 0 || c.MaxPause <= 0 || c.MaxPausedTotal < 0 || c.Budget < 0 {
		return nil, fmt.Errorf("starting the guard: lease %v and longest pause %v must be positive, the other limits (%v, %v) not negative",
			c.Lease, c.MaxPause, c.MaxPausedTotal, c.Budget)
	}
	if len(c.Command) == 0 {
		c.Command = []string{ownExecutable, "guard"}
	}
	g := &Guard{
		lease:  c.Lease,
		exited: make(chan struct{}),
		acks:   make(chan message, 1),
		down:   make(chan struct{}),
		known:  make(map[Subject]uint64),
		lost:   make(chan struct{}),
	}
	if err := g.claim(c.StateDir); err != nil {
		g.release()
		return nil, err
	}
	if err := g.launch(ctx, c); err != nil {
		return nil, errors.Join(err, g.end())
	}
	return g, nil
}

// claim makes this run the host's only one, and begins its journal.
func (g *Guard) claim(path string) (err error) {
	if g.dir, err = openStateDir(path, true); err != nil {
		return err
	}
	if g.lock, err = acquireLock(g.dir); err != nil {
		return err
	}
	header, err := newHeader()
	if err != nil {
		return err
	}
	j, found, err := leftover(g.dir, header)
	if err != nil {
		return err
	}
	if processes, cgroups := j.outstanding(); len(processes)+len(cgroups) > 0 {
		return &PendingError{Processes: len(processes), Cgroups: len(cgroups), Controller: j.Controller.PID, Dir: path}
	}
	if found {
		if err := g.dir.remove(journalName); err != nil {
			return err
		}
	}
	g.journal, err = createJournal(g.dir, header)
	return err
}

// launch starts the child and introduces itself.
func (g *Guard) launch(ctx context.Context, c Config) error {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return fmt.Errorf("opening our own pidfd (Linux 5.3 is needed): %w", err)
	}
	self := os.NewFile(uintptr(fd), "pidfd")
	defer self.Close()
	ours, theirs, err := socketPair()
	if err != nil {
		return err
	}
	g.conn = ours

	// Note: not CommandContext, which would kill the guard when it is needed.
	g.process = exec.Command(c.Command[0], c.Command[1:]...)
	if c.Command[0] == ownExecutable {
		g.process.Args[0] = os.Args[0] // what ps shows
	}
	// What tunes the Go runtime of the controller is not for the guard. Its runtime
	// needs one processor, and no descriptor of the cgroup to follow a CPU limit.
	g.process.Env = []string{"GODEBUG=containermaxprocs=0", "GOMAXPROCS=1"}
	g.process.ExtraFiles = []*os.File{theirs, self}
	g.process.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = g.process.Start()
	theirs.Close() // a copy of ours would hide the guard's death
	if err != nil {
		g.process = nil
		return fmt.Errorf("starting the guard: %w", err)
	}
	go g.reap()
	go g.read()

	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	hello := message{Kind: kindHello, LeaseNS: int64(c.Lease), limits: limits{
		maxPauseNS: int64(c.MaxPause), maxPausedTotalNS: int64(c.MaxPausedTotal), budgetNS: int64(c.Budget),
	}}
	if _, err := g.request(ctx, hello, nil); err != nil {
		return fmt.Errorf("starting the guard: %w", err)
	}
	return nil
}

// socketPair makes the two ends of the line, both close-on-exec.
func socketPair() (ours *net.UnixConn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("making a socket pair: %w", err)
	}
	mine := os.NewFile(uintptr(fds[0]), "guard")
	defer mine.Close() // FileConn duplicates it
	theirs = os.NewFile(uintptr(fds[1]), "controller")
	conn, err := net.FileConn(mine)
	if err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("making a socket pair: %w", err)
	}
	return conn.(*net.UnixConn), theirs, nil
}

// Lost is closed when the guard fired, died, or stopped answering: the run must
// continue everything, forget it, and end. Close closes it too.
func (g *Guard) Lost() <-chan struct{} { return g.lost }

// Err says how the guard was lost: it wraps ErrFired, ErrDied or ErrClosed. It
// is nil as long as Lost is open.
func (g *Guard) Err() error {
	select {
	case <-g.lost:
		return g.err
	default:
		return nil
	}
}

// PID is the guard's process id; whoever stops processes must spare it.
func (g *Guard) PID() int { return g.process.Process.Pid }

func (g *Guard) lose(err error) {
	g.lostOnce.Do(func() {
		g.err = err
		close(g.lost)
	})
}

// reap waits for the child's end.
func (g *Guard) reap() {
	_ = g.process.Wait()
	close(g.exited)
	// Its socket has closed with it, unless somebody else holds a copy.
	_ = g.conn.SetReadDeadline(time.Now().Add(time.Second))
}

// read passes the guard's answers on and notices its firing and its end.
func (g *Guard) read() {
	defer close(g.down)
	var b [messageSize + 1]byte
	for {
		n, err := g.conn.Read(b[:])
		if err != nil {
			g.lose(g.death())
			return
		}
		m, err := decode(b[:n])
		if err != nil {
			g.lose(fmt.Errorf("%w: %v", ErrDied, err))
			return
		}
		if m.Cause != causeNone {
			g.lose(fmt.Errorf("%w: %v", ErrFired, m.Cause))
		}
		switch {
		case m.Kind != kindAck:
		case m.Seq == 0:
			g.unanswered.Store(0)
		default:
			select {
			case <-g.acks: // of a request that nobody waits for any more
			default:
			}
			g.acks <- m
		}
	}
}

// death describes the end of the child, whose socket closes just before.
func (g *Guard) death() error {
	select {
	case <-g.exited:
		return fmt.Errorf("%w: %v", ErrDied, g.process.ProcessState)
	case <-time.After(100 * time.Millisecond):
		return ErrDied
	}
}

// request sends a message and waits for its answer. The answer may well be that
// the guard has fired; that is not an error here.
func (g *Guard) request(ctx context.Context, m message, rights []byte) (message, error) {
	if err := g.Err(); errors.Is(err, ErrDied) {
		return message{}, err
	}
	g.seq++
	m.Seq = g.seq
	if err := g.send(m, rights); err != nil {
		return message{}, err
	}
	for {
		select {
		case ack := <-g.acks:
			if ack.Seq == m.Seq {
				return ack, nil
			}
		case <-g.down:
			select {
			case ack := <-g.acks: // its last word, before it ended
				if ack.Seq == m.Seq {
					return ack, nil
				}
			default:
			}
			return message{}, g.Err()
		case <-ctx.Done():
			err := fmt.Errorf("%w: it does not answer (%v)", ErrDied, ctx.Err())
			g.lose(err)
			return message{}, err
		}
	}
}

func (g *Guard) send(m message, rights []byte) error {
	m.AtNS = bootNS()
	var b [messageSize]byte
	m.encode(&b)
	_ = g.conn.SetWriteDeadline(time.Now().Add(answerWithin)) // its queue is full only if it hangs
	_, _, err := g.conn.WriteMsgUnix(b[:], rights, nil)
	for _, dead := range []error{unix.EPIPE, unix.ECONNRESET, os.ErrDeadlineExceeded} {
		if errors.Is(err, dead) {
			err = fmt.Errorf("%w: %v", ErrDied, err)
			g.lose(err)
		}
	}
	return err // others are about the descriptors: too many in flight, or closed
}

// Beat tells the guard that the run goes on, and returns an error when it must
// not. The run loop calls it, some times in a lease: never a goroutine of its own,
// which would beat on while the loop hangs. It does not wait for the guard's
// answer, but notices when answers stay away for longer than the lease.
func (g *Guard) Beat() error {
	if err := g.Err(); err != nil {
		return err
	}
	now := bootNS()
	// Two beats must be unanswered: if we were stopped ourselves, the answer to
	// one may be waiting for our reader to run.
	if n := g.unanswered.Add(1); n == 1 {
		g.askedNS.Store(now)
	} else if silence := time.Duration(now - g.askedNS.Load()); n > 2 && silence > g.lease {
		g.lose(fmt.Errorf("%w: it has not answered for %v", ErrDied, silence.Round(time.Millisecond)))
		return g.Err()
	}
	return g.send(message{Kind: kindBeat}, nil)
}

// end lets the child end, deletes the journal and gives up the lock. While it
// is unknown whether everything runs, the journal stays, and so does the child.
func (g *Guard) end() (err error) {
	defer g.release()
	if g.conn != nil {
		g.conn.Close() // to the child a reason to fire, if it still knows of anything
	}
	if len(g.known) > 0 {
		return g.journal.f.Close()
	}
	if g.process != nil {
		_ = g.process.Process.Kill() // everything runs, and it may be hanging
		<-g.exited
	}
	return g.journal.remove()
}

func (g *Guard) release() {
	if g.lock != nil {
		g.lock.Close()
	}
	if g.dir != nil {
		g.dir.close()
	}
}

// Close ends the guard of a run that has continued everything, deletes the
// journal and gives up the lock. Processes that were not forgotten are continued
// by the guard; if it can't, the journal stays for Recover and the error says so.
func (g *Guard) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	g.closed = true
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	left := len(g.known)
	g.lose(ErrClosed) // whoever still waits for it need not any more
	ack, err := g.request(ctx, message{Kind: kindDone}, nil)
	if err == nil && ack.Errno == 0 {
		clear(g.known)
	}
	if err := g.end(); err != nil {
		return err
	}
	if len(g.known) > 0 {
		return fmt.Errorf("ending the guard: %d processes or cgroups may still be stopped", left)
	}
	return nil
}
