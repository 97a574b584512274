package process

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// upgrade replaces the keepone by its next version, the same binary here.
func (l life) upgrade() {
	text, err := json.Marshal(l)
	for n := 0; n < 3000 && !strings.Contains(l.said(), "on\n"); n++ {
		time.Sleep(10 * time.Millisecond)
	}
	if err == nil {
		err = syscall.Exec("/proc/self/exe", []string{"test", "upgraded", string(text)}, os.Environ())
	}
	fmt.Println("cannot upgrade:", err)
}

func (l life) said() string {
	text, _ := os.ReadFile(l.Dir + "/out")
	return string(text)
}

// upgraded is the next version: it adopts its own child and says how that ends.
func (l life) upgraded(s *Spawner) {
	late, zombie := strings.Contains(l.Script, "#late"), strings.Contains(l.Script, "#zombie")
	if late || zombie { // it dies where nobody waits
		syscall.Kill(l.PID, syscall.SIGKILL)
		fd, _ := unix.PidfdOpen(l.PID, 0)
		for !Ended(fd) {
			unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		}
	}
	go s.Reaper.Run(context.Background())
	if late { // and is reaped before it is adopted
		for contains(s.Reaper.Leaders(nil, make(chan []int, 1)), l.PID) {
			time.Sleep(time.Millisecond)
		}
	}
	pidfd := -1
	if !late && !zombie {
		pidfd, _ = unix.PidfdOpen(l.PID, 0)
	}
	p, err := s.Adopt(l.PID, pidfd)
	if err != nil {
		fmt.Println("cannot adopt", err)
		return
	}
	fmt.Println("tree", len(p.Pids(nil)))
	if err := os.WriteFile(l.Dir+"/go", []byte("\n"), 0); err != nil && !late && !zombie {
		fmt.Println(err)
	}
	e := <-p.Exited()
	p.Close()
	fmt.Printf("exit %q clean %v rest %v\n", e.Text, e.Clean, newScan().marked(s.proof(), nil))
}

// TestUpgrade: keepone has replaced itself, and the backend is its child still,
// whose orphans from before and after are found.
func TestUpgrade(t *testing.T) {
	orphan := `(setsid bash -c 'exec 200>&-; exec sleep 600' &) ; sleep 0.1;`
	for _, c := range []struct{ script, want string }{
		{`mkfifo go; echo on; read x <go; exit 3`, `exit "exit status 3" clean false rest []`},
		{`mkfifo go; echo on; read x <go; exit 0`, `exit "exit status 0" clean true rest []`},
		{orphan + `mkfifo go; echo on; read x <go; kill -9 $$`, `exit "killed by SIGKILL, leaving 1 processes behind" clean false rest []`},
		{`mkfifo go; echo on; read x <go; ` + orphan + orphan + ` exit 1`, `exit "exit status 1, leaving 2 processes behind" clean false rest []`},
		{`echo on; exec sleep 600 #zombie`, `exit "killed by SIGKILL" clean false rest []`},
		{orphan + `echo on; exec sleep 600 #late`, `exit "killed by SIGKILL, leaving 1 processes behind" clean false rest []`},
	} {
		trees(t, func(b *bench) {
			b.marked()
			if b.Group != "" && strings.Contains(c.script, "#late") {
				return // who is in the cgroup of a child that is reaped is the sweep's to find
			}
			b.former(life{Script: c.script, Mode: "upgrade", Reaps: true}, "exit ")
			if !strings.Contains(b.said(), c.want) {
				b.Errorf("%s: want %s, got %s", c.script, c.want, b.said())
			}
		})
	}
}

// TestAdoptNobody: without a pidfd a number proves nothing but a child.
func TestAdoptNobody(t *testing.T) {
	b := newMarked(t, "")
	for _, pid := range []int{1, 1 << 22} {
		if _, err := b.Adopt(pid, -1); err == nil || !strings.Contains(err.Error(), "no child") {
			t.Errorf("process %d: %v", pid, err)
		}
	}
}
