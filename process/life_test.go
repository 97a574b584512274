package process

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A life is what the test binary does as another keepone, which is to die.
type life struct {
	Dir, Group, Mark, Name, Script string
	Reaps                          bool // its init does
	Mode                           string
	PID                            int // of the backend, for the keepone that comes by execve
}

// former starts a keepone below an init of its own, for orphans of this test
// would come to the test, and waits until it says the text.
func (b *bench) former(l life, until string) {
	b.Helper()
	l.Dir, l.Group, l.Mark, l.Name = b.dir, b.Group, b.Mark, b.Name
	text, err := json.Marshal(l)
	if err != nil {
		b.Fatal(err)
	}
	out := b.out.Fd()
	pid, _, err := b.Reaper.start(func() (int, error) {
		return syscall.ForkExec("/proc/self/exe", []string{"test", "init", string(text)}, &syscall.ProcAttr{
			Env: os.Environ(), Files: []uintptr{0, out, out, uintptr(b.socket)},
		})
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { b.endBelow(pid) })
	b.await(until)
}

// endBelow kills an init of former's and whatever came to it.
func (b *bench) endBelow(init int) {
	s := newScan()
	defer s.free()
	for _, pid := range append(s.descend([]int{init}, 0)[1:], init) {
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

// number returns the number behind a word in the output.
func (b *bench) number(word string) int {
	b.Helper()
	b.await(word + " ")
	for line := range strings.Lines(b.said()) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), word+" "); ok {
			n, err := strconv.Atoi(text)
			if err != nil {
				b.Fatal(err)
			}
			return n
		}
	}
	b.Fatalf("no %s in %q", word, b.said())
	return 0
}

// killed ends the former keepone and waits until it is gone.
func (b *bench) killed() {
	b.Helper()
	pid := b.number("keepone")
	syscall.Kill(pid, syscall.SIGKILL)
	gone(b.T, []int{pid})
}

// proved opens a pidfd of the former backend.
func (b *bench) proved(pid int) int {
	b.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		b.Fatal(err)
	}
	return fd
}

// other is the test binary as something else.
func other(kind, text string) int {
	var l life
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		fmt.Println(err)
		return 1
	}
	AdoptOrphans()
	if kind == "init" {
		return asInit(l, text)
	}
	s := Spawner{
		Reaper: NewReaper(), Name: l.Name, Group: l.Group, Stop: unix.SIGTERM, Env: os.Environ(),
		Mark: l.Mark, Lock: filepath.Join(l.Dir, "lock"), User: -1, Log: func(string, ...any) {},
	}
	if kind == "keepone" {
		fmt.Println("keepone", os.Getpid())
		go s.Reaper.Run(context.Background())
		l.live(&s)
	}
	l.upgraded(&s)
	return 0
}

func asInit(l life, text string) int {
	pid, err := syscall.ForkExec("/proc/self/exe", []string{"test", "keepone", text}, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 1, 2, 3},
	})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	if !l.Reaps {
		syscall.Wait4(pid, nil, 0, nil)
		fmt.Println("init waits")
		time.Sleep(time.Hour)
	}
	for {
		if _, err := syscall.Wait4(-1, nil, 0, nil); err == syscall.ECHILD {
			return 0
		}
	}
}

// live spawns a backend, and dies when the mode says.
func (l life) live(s *Spawner) {
	unix.CloseOnExec(3)
	run, err := lockFile(filepath.Join(l.Dir, "run"))
	if err != nil {
		fmt.Println("cannot lock", err)
		return
	}
	die := func() { syscall.Kill(os.Getpid(), syscall.SIGKILL); select {} }
	spec := Spec{
		Argv: []string{"sh", "-c", l.Script}, Env: []string{"PATH=/usr/bin:/bin"}, Dir: l.Dir,
		UID: -1, GID: -1, Umask: 0o022, Handoff: FD0, Lock: s.Lock, Generation: 5,
	}
	p, err := s.Spawn(spec, Ends{3, os.Stdout}, l.Mode != "serve" && l.Mode != "upgrade")
	if err != nil {
		fmt.Println(err)
		return
	}
	if l.Mode == "unknown" {
		die()
	}
	fmt.Println("backend", p.PID())
	switch l.Mode {
	case "recorded":
		die()
	case "told":
		p.Go()
		die()
	case "upgrade":
		l.PID = p.PID()
		l.upgrade()
	}
	time.Sleep(time.Hour)
	run.Close()
}
