package unavailable

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A word that has ended lets nobody in, not one.
func TestEndedBefore(t *testing.T) {
	s := newSite(t)
	read, write, err := os.Pipe()
	s.must(err)
	defer read.Close()
	write.Close()
	for range 5 {
		defer s.dial().Close()
	}
	s.must(Serve(s.fd, read, page("http")))
	for i := range 5 {
		c, err := s.accept()
		if err != nil {
			t.Fatalf("%d of 5 waited: %v", i, err)
		}
		c.Close()
	}
}

// A thread that is blocked in accept, because another process took the
// connection that poll saw, leaves at the end of the word, and takes nobody
// with it.
func TestBlockedAcceptLeaves(t *testing.T) {
	s := newSite(t)
	s.must(interruptible())
	ctx, cancel := context.WithCancel(context.Background())
	d := &door{socket: s.fd, thread: make(chan int, 1), left: make(chan error, 1)}
	threads := make(chan int, 1)
	go func() {
		runtime.LockOSThread()
		d.thread <- unix.Gettid()
		threads <- unix.Gettid()
		conn, err := d.take(ctx)
		if conn >= 0 {
			err = fmt.Errorf("connection %d", conn)
		}
		d.left <- err
	}()
	s.awaitCall(<-threads, unix.SYS_ACCEPT4)
	cancel()
	gone := make(chan error, 1)
	go func() { gone <- d.interrupt() }()
	select {
	case err := <-gone:
		s.must(err)
	case <-time.After(patience):
		t.Error("still in accept")
	}
	s.dial().Close()
	c, err := s.accept()
	s.must(err)
	c.Close()
	s.must(s.blocking())
}

// awaitCall waits until the thread sits in a system call (proc_pid_syscall(5)).
func (s *site) awaitCall(thread, call int) {
	s.Helper()
	file := fmt.Sprintf("/proc/self/task/%d/syscall", thread)
	for range 10000 {
		text, err := os.ReadFile(file)
		if err != nil {
			s.Skipf("the kernel does not tell what threads do: %v", err)
		}
		if strings.HasPrefix(string(text), fmt.Sprint(call, " ")) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	s.Fatalf("thread %d never got there", thread)
}

// Two processes take connections away from each other; both end with their
// word, and answer whom they took.
func TestTwo(t *testing.T) {
	s := newSite(t)
	a, b := s.open(page("http")), s.open(page("http"))
	for range 300 {
		s.must(s.ask(get))
	}
	s.close(a)
	for range 50 {
		s.must(s.ask(get))
	}
	s.close(b)
	c := s.dial()
	defer c.Close()
	io.WriteString(c, "GET /next HTTP/1.1\r\n")
	next, err := s.accept()
	s.must(err)
	defer next.Close()
	if line, err := bufio.NewReader(next).ReadString('\n'); err != nil || !strings.HasPrefix(line, "GET /next") {
		t.Fatal(line, err)
	}
}
