package probe

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func listenNotify(t *testing.T) *Notify {
	t.Helper()
	n, err := ListenNotify(filepath.Join(t.TempDir(), "notify"), -1, -1)
	must(t, err)
	t.Cleanup(func() { n.Close() })
	return n
}

// say sends datagrams from this process. Each blocks while the queue is full.
func say(t *testing.T, n *Notify, datagrams ...string) {
	t.Helper()
	c, err := net.Dial("unixgram", n.path)
	must(t, err)
	defer c.Close()
	for _, d := range datagrams {
		_, err := c.Write([]byte(d))
		must(t, err)
	}
}

func self(pid int) bool { return pid == os.Getpid() }

func TestReady(t *testing.T) {
	n := listenNotify(t)
	for _, said := range []string{"READY=1", "READY=1\n", "STATUS=fine\nREADY=1\nMAINPID=1\n"} {
		ready := make(chan error)
		go func() { ready <- n.Ready(within(t), self) }()
		say(t, n, "WATCHDOG=1", "", "READY=0", "STATUS=READY=1", said)
		must(t, <-ready)
	}
}

func TestReadyBeforeAnybodyWaits(t *testing.T) {
	n := listenNotify(t)
	say(t, n, "READY=1")
	must(t, n.Ready(within(t), self))

	ctx, cancel := context.WithCancel(within(t))
	n.early <- os.Getpid()
	stranger := func(int) bool { cancel(); return false }
	if err := n.Ready(ctx, stranger); !errors.Is(err, context.Canceled) {
		t.Errorf("a stranger's word counted: %v", err)
	}
}

// What nobody waits for must not fill the queue, which blocks the sender, nor
// push out the last READY=1.
func TestReadyAfterMuchTalk(t *testing.T) {
	n := listenNotify(t)
	for range 5000 {
		say(t, n, "READY=1\nREADY=1", "WATCHDOG=1")
	}
	say(t, n, "READY=1")
	must(t, n.Ready(within(t), self))
}

func TestReadyOfOthersIsIgnored(t *testing.T) {
	n := listenNotify(t)
	ctx, cancel := context.WithCancel(within(t))
	asked, ready := make(chan int, 100), make(chan error)
	go func() {
		ready <- n.Ready(ctx, func(pid int) bool { asked <- pid; return false })
	}()
	say(t, n, "READY=1", "READY=1\n"+strings.Repeat("x", maxDatagram), "READY=1")
	for range 2 {
		if pid := <-asked; pid != os.Getpid() {
			t.Errorf("it asked for %d", pid)
		}
	}
	cancel()
	if err := <-ready; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "cannot wait for READY=1 at "+n.path) {
		t.Error(err)
	}
	if len(asked) != 0 {
		t.Error("a datagram that was cut was taken")
	}
}

// A sender that waits for a barrier is there while member looks at it, and may
// go afterwards. That holds when Ready waits already, which it does in one of
// many attempts.
func TestReadyHoldsTheBarrier(t *testing.T) {
	n := listenNotify(t)
	for range 100 {
		var pipe [2]int
		must(t, unix.Pipe2(pipe[:], unix.O_CLOEXEC))
		ready, held := make(chan error), false
		go func() {
			ready <- n.Ready(within(t), func(int) bool {
				barrier(t, n, pipe[1])
				held = !hungUp(pipe[0], 50)
				return true
			})
		}()
		say(t, n, "READY=1")
		must(t, <-ready)
		if !hungUp(pipe[0], int(enough.Milliseconds())) {
			t.Fatal("the barrier stands")
		}
		unix.Close(pipe[0])
		if held {
			return
		}
	}
	t.Error("the barrier fell before member returned")
}

// barrier sends w as sd_notify_barrier(3) does, and closes it.
func barrier(t *testing.T, n *Notify, w int) {
	c, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Sendmsg(c, []byte("BARRIER=1"), unix.UnixRights(w), &unix.SockaddrUnix{Name: n.path}, 0)
		unix.Close(c)
	}
	unix.Close(w)
	if err != nil {
		t.Error(err)
	}
}

func hungUp(fd, milliseconds int) bool {
	p := []unix.PollFd{{Fd: int32(fd)}}
	for {
		// The runtime's own signals end a wait too; what is left of it is not worth
		// counting.
		if _, err := unix.Poll(p, milliseconds); err != unix.EINTR {
			return p[0].Revents&unix.POLLHUP != 0
		}
	}
}

func TestSystemdNotify(t *testing.T) {
	program, err := exec.LookPath("systemd-notify")
	if err != nil {
		t.Skip("there is no systemd-notify")
	}
	n := listenNotify(t)
	c := exec.Command(program, "--ready", "--status=It works")
	c.Env = append(os.Environ(), "NOTIFY_SOCKET="+n.path)
	must(t, c.Start())
	defer c.Wait()
	parent := 0 // it speaks for its parent, where it may
	must(t, n.Ready(within(t), func(pid int) bool { parent = pid; return pid == c.Process.Pid || self(pid) }))
	if s := n.Status(); s.Text != "It works" || s.PID != parent {
		t.Errorf("%+v", s)
	}
}

func TestStatus(t *testing.T) {
	n := listenNotify(t)
	if s := n.Status(); s != (Status{}) {
		t.Errorf("%+v", s)
	}
	long := strings.Repeat("é", 150)
	for said, want := range map[string]string{
		"all is well ":      "all is well",
		"\x1b[31mred\xff":   "?[31mred?",
		long:                long[:200],
		"x" + long:          "x" + long[:198],
		"":                  "",
		"a\nSTATUS=b":       "b",
		"a=b\nXSTATUS=c\nd": "a=b",
	} {
		say(t, n, "STATUS="+said+"\nREADY=1")
		must(t, n.Ready(within(t), self))
		if s := n.Status(); s.Text != want || s.PID != os.Getpid() {
			t.Errorf("%q became %+v", said, s)
		}
	}
}

// A backend that says the same every second, for ever, costs nothing.
func TestHearingMakesNoGarbage(t *testing.T) {
	n := listenNotify(t)
	c, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(c)
	must(t, unix.Connect(c, &unix.SockaddrUnix{Name: n.path}))
	said, ctx := []byte("STATUS=fine\nWATCHDOG=1\nREADY=1"), within(t)
	count := testing.AllocsPerRun(500, func() {
		unix.Write(c, said)
		if err := n.Ready(ctx, self); err != nil {
			t.Fatal(err)
		}
	})
	if count != 0 {
		t.Errorf("%v allocations", count)
	}
}
