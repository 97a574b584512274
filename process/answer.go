package process

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// endTime is what a process that answers gets to finish when it was told to.
const endTime = 2 * time.Second

// An Answerer is a process of our own that answers in the place of a backend.
type Answerer struct {
	pid, pidfd int
	word       *os.File // ends it when it is closed, also by our death
	exited     <-chan syscall.WaitStatus
	gone       chan struct{}
}

// PID returns the process id.
func (a *Answerer) PID() int { return a.pid }

// Answer starts `keepone unavailable` on a listening socket: as uid and gid
// where uid is not negative, with the page to read at descriptor 4 and the word
// at 5. It is no backend, and in none's tree. env is all of its environment: it
// is not root's to keep.
func (s *Spawner) Answer(ends Ends, page *os.File, uid, gid int, env []string) (*Answerer, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot answer in the backend's place: %w", err)
	}
	defer null.Close()
	read, word, err := pipe()
	if err != nil {
		return nil, fmt.Errorf("cannot answer in the backend's place: %w", err)
	}
	defer read.Close()
	a := &Answerer{word: word, gone: make(chan struct{})}
	attr := &syscall.ProcAttr{
		Env: env, Sys: &syscall.SysProcAttr{Setsid: true, PidFD: &a.pidfd},
		Files: []uintptr{null.Fd(), null.Fd(), ends.Output.Fd(), uintptr(ends.Socket), page.Fd(), read.Fd()},
	}
	if uid >= 0 {
		attr.Sys.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	a.pid, a.exited, err = s.Reaper.start(func() (int, error) {
		return syscall.ForkExec("/proc/self/exe", []string{"keepone", "unavailable", s.Name}, attr)
	})
	if err != nil {
		word.Close()
		return nil, fmt.Errorf("cannot answer in the backend's place: %w", err)
	}
	go func() {
		<-a.exited
		close(a.gone)
	}()
	return a, nil
}

// Gone is closed when it has ended, whatever ended it.
func (a *Answerer) Gone() <-chan struct{} { return a.gone }

// End lets it take nobody any more and finish; it is called once and does not
// wait. A process that does not end is ended.
func (a *Answerer) End() {
	a.word.Close()
	go func() {
		defer unix.Close(a.pidfd)
		select {
		case <-a.gone:
		case <-time.After(endTime):
			unix.PidfdSendSignal(a.pidfd, unix.SIGKILL, nil, 0)
			<-a.gone
		}
	}()
}
