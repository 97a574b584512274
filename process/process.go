package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// orphanGrace is what the rest of a tree gets between the stop signal and
// SIGKILL when its leader died unasked. A socket that orphans still accept from
// must not wait long for the next backend.
const orphanGrace = time.Second

// A Process is a spawned shim, which becomes the backend, with all its
// descendants.
type Process struct {
	pid    int
	pidfd  int // -1 for an adopted child that was reaped before
	tree   tree
	stop   unix.Signal
	word   *os.File // what holds the shim back; nil once it has the word
	report *os.File // where the shim says why it could not become the backend; nil when adopted
	leader <-chan syscall.WaitStatus
	exits  chan Exit
	asked  chan struct{} // closed by the first Terminate
	killed chan struct{} // closed by the first Kill
	runs   chan struct{} // closed by Go
	serves bool          // it is, or will be, a backend: orphans are its
	end    func() error  // what ends a rival for good; nil for the stop signal

	poll     *os.File      // of a rival, to wait for its end
	released chan struct{} // closed by Release
	scan     *scan         // of the goroutine that calls Pids and Kill
}

func newProcess(stop unix.Signal) *Process {
	return &Process{
		stop:   stop,
		exits:  make(chan Exit, 1),
		asked:  make(chan struct{}),
		killed: make(chan struct{}),
		runs:   make(chan struct{}),
		scan:   newScan(),

		released: make(chan struct{}),
	}
}

// PID returns the process id.
func (p *Process) PID() int { return p.pid }

// Exited delivers one Exit, when the process and every descendant are gone.
func (p *Process) Exited() <-chan Exit { return p.exits }

// Pids appends the processes of the tree to buf. It allocates nothing beyond
// what buf needs to grow.
func (p *Process) Pids(buf []int) []int { return p.tree.pids(p.scan, buf) }

// Go gives a held shim the word. It fails when the shim is dead.
func (p *Process) Go() error {
	if p.word == nil {
		return nil
	}
	closeOnce(p.runs)
	_, err := p.word.Write([]byte{'g'})
	p.word.Close()
	p.word = nil
	if err != nil {
		return fmt.Errorf("cannot give process %d the word: %w", p.pid, err)
	}
	return nil
}

// Terminate sends the stop signal to the process; what it leaves behind gets
// the signal when it has exited.
func (p *Process) Terminate() error {
	closeOnce(p.asked)
	if p.end != nil {
		return p.endForGood()
	}
	return p.signal(p.stop)
}

// Kill ends the whole tree: its members first, for with the leader gone they
// may not be found as its descendants any more.
func (p *Process) Kill() error {
	closeOnce(p.killed)
	err := p.tree.kill(p.scan)
	return errors.Join(err, p.signal(unix.SIGKILL))
}

// Pidfd returns a descriptor of the process that is the caller's to close.
func (p *Process) Pidfd() (int, error) {
	fd, err := unix.FcntlInt(uintptr(p.pidfd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("cannot duplicate the pidfd of process %d: %w", p.pid, err)
	}
	return fd, nil
}

// signal goes through the pidfd: it can hit nobody else.
func (p *Process) signal(sig unix.Signal) error {
	if p.pidfd < 0 {
		return nil
	}
	err := unix.PidfdSendSignal(p.pidfd, sig, nil, 0)
	if err != nil && err != unix.ESRCH {
		return fmt.Errorf("cannot send %s to process %d: %w", unix.SignalName(sig), p.pid, err)
	}
	return nil
}

// closeOnce is for channels that one goroutine closes.
func closeOnce(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

// Close releases the descriptors, after Exited has delivered.
func (p *Process) Close() {
	if p.pidfd >= 0 {
		unix.Close(p.pidfd)
	}
	p.tree.close()
	p.scan.free()
	p.scan = nil
	p.abandon()
}

func (p *Process) abandon() {
	for _, f := range []*os.File{p.word, p.report} {
		if f != nil {
			f.Close()
		}
	}
	p.word, p.report = nil, nil
}

// await turns the death of the process into one Exit.
func (p *Process) await() {
	status := <-p.leader
	text := []byte{}
	if p.report != nil {
		text, _ = io.ReadAll(io.LimitReader(p.report, 4096))
	}
	p.ended(describe(status, string(text)))
}

// ended ends what is left of the tree, and delivers.
func (p *Process) ended(exit Exit) {
	if n := p.endRest(); n > 0 && !p.wasAsked() {
		exit.Text = fmt.Sprintf("%s, leaving %d processes behind", exit.Text, n)
		if exit.Clean {
			exit.Text += "; does it go to the background? it must stay in the foreground"
			exit.Clean = false
		}
	}
	p.tree.remove()
	p.exits <- exit
}

// wasAsked says whether the stop signal was sent: what a leader leaves behind
// then is its children who finish, and no sign of anything.
func (p *Process) wasAsked() bool {
	select {
	case <-p.asked:
		return true
	default:
		return false
	}
}

// endRest ends what the leader left behind, and returns how many that were. An
// operator's stop gives them the stop timeout, until Kill; else they get a
// second.
func (p *Process) endRest() int {
	s := newScan()
	defer s.free()
	if p.tree.empty(s) {
		return 0
	}
	left := len(p.tree.all(s, nil))
	signalAll(p.tree, s, p.stop)
	killed, grace := p.killed, time.After(orphanGrace)
	if p.wasAsked() {
		grace = nil
	}
	for over, poll := false, time.Millisecond; !p.tree.empty(s); poll = min(2*poll, 20*time.Millisecond) {
		select {
		case <-time.After(poll):
		case <-killed:
			over, killed = true, nil
		case <-grace:
			over = true
		}
		if over { // again and again: somebody may have forked meanwhile
			p.tree.kill(s)
		}
	}
	return left
}

// Members is Pids for other goroutines than that of Kill; it allocates.
func (p *Process) Members() []int {
	s := newScan()
	defer s.free()
	return p.tree.pids(s, nil)
}
