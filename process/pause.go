package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// pausePatience is how often, a millisecond apart, it is looked whether a
// process that was stopped stands still.
const pausePatience = 200

// Pause makes every process of the tree stand still, and returns when they do:
// whoever is in a system call ends that first. After an error some may.
func (p *Process) Pause() error {
	s := newScan()
	defer s.free()
	signalAll(p.tree, s, unix.SIGSTOP)
	for range pausePatience {
		moving := 0
		for _, pid := range p.tree.pids(s, nil) {
			if !still(pid) {
				moving = pid
			}
		}
		if moving == 0 {
			return nil
		}
		time.Sleep(time.Millisecond)
		signalAll(p.tree, s, unix.SIGSTOP) // who was forked meanwhile
	}
	return fmt.Errorf("cannot make process %d stand still", p.pid)
}

// Resume lets them go on; what they were told meanwhile reaches them first.
func (p *Process) Resume() {
	s := newScan()
	defer s.free()
	signalAll(p.tree, s, unix.SIGCONT)
}

// still says that every thread of a process is stopped or dead: the state of
// proc_pid_stat(5), behind the command in parentheses.
func still(pid int) bool {
	threads, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	if err != nil {
		return true // it is gone
	}
	for _, thread := range threads {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/task/" + thread.Name() + "/stat")
		if err != nil {
			continue
		}
		if at := bytes.LastIndexByte(text, ')'); at < 0 || at+2 >= len(text) || !bytes.ContainsRune([]byte("TtZX"), rune(text[at+2])) {
			return false
		}
	}
	return true
}
