package process

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func pidText() string { return strconv.Itoa(os.Getpid()) }

// A terminal is the master's side of a pty, pts(4); what is written there goes
// to the output.
type terminal struct {
	*bench
	master *os.File
	eof    chan struct{}
}

// terminal starts the program in a session of its own, in the foreground of a
// terminal of its own.
func (b *bench) terminal(argv []string, env ...string) (*terminal, <-chan syscall.WaitStatus) {
	b.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		b.Fatal(err)
	}
	t := &terminal{b, os.NewFile(uintptr(fd), "ptmx"), make(chan struct{})}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		b.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		b.Fatal(err)
	}
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer slave.Close()
	go func() {
		defer close(t.eof)
		for buf := make([]byte, 4096); ; {
			n, err := t.master.Read(buf)
			b.out.Write(buf[:n])
			if err != nil { // EIO: nobody has it open any more
				return
			}
		}
	}()
	b.Cleanup(t.hangUp)
	return t, b.start(argv, &syscall.ProcAttr{
		Env: append(os.Environ(), env...), Files: []uintptr{slave.Fd(), slave.Fd(), slave.Fd()},
		Sys: &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0},
	})
}

func (t *terminal) hangUp() {
	t.master.Close()
	<-t.eof
}

func (t *terminal) types(keys string) {
	t.Helper()
	if _, err := t.master.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

// prompted types keys and waits until a shell asks for more: what is typed while
// it changes the terminal's mode is lost.
func (t *terminal) prompted(prompt, keys string) {
	t.Helper()
	before := strings.Count(t.said(), prompt)
	t.types(keys)
	for range 3000 {
		if strings.Count(t.said(), prompt) > before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("no %q after %q: %q", prompt, keys, t.said())
}

// shell starts an interactive shell that runs the order when it is told $K.
func (b *bench) shell(o order) (*terminal, <-chan syscall.WaitStatus) {
	b.Helper()
	env := append(b.order(o), "PS1=ready$ ", "OUTER=outer", "HISTFILE=", "TERM=dumb")
	t, exit := b.terminal([]string{"/bin/bash", "--norc", "--noprofile", "-i"}, env...)
	t.await("ready$ ")
	return t, exit
}

// run is the command line.
const run = `"$T" exec "$J"`

// order is what the command line needs of the environment.
func (b *bench) order(o order) []string {
	return []string{"T=/proc/" + pidText() + "/exe", "J=" + o.argv()[2]}
}
