package rival

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A host is where processes are looked for: "" but in tests, which make a
// proc, etc and run of their own below some directory. It has no state, so any
// goroutine may ask it.
type host string

// Bytes that are read at most of a file of /proc. execve(2) takes no more
// arguments and environment than a quarter of the stack's limit, 8 MiB.
const (
	mostText = 1 << 10
	mostArgs = 2 << 20
)

// linksMost is how many descriptors of a process are looked at: a server has
// its listening sockets before its connections.
const linksMost = 1024

func (h host) path(pid int, name string) string {
	return string(h) + "/proc/" + strconv.Itoa(pid) + "/" + name
}

// pids lists the processes that can be seen.
func (h host) pids() ([]int, error) {
	names, err := entries(string(h)+"/proc", 1<<22) // PID_MAX_LIMIT
	pids := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	if err == nil && len(pids) == 0 {
		err = errors.New("no process is in it; is it mounted?")
	}
	if err != nil {
		return nil, fmt.Errorf("cannot look for rivals: cannot read %s/proc: %w", string(h), err)
	}
	return pids, nil
}

// entries reads the names in a directory, as many as that and no order in them.
func entries(path string, most int) ([]string, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(most)
	if len(names) > 0 {
		err = nil
	}
	return names, err
}

// read reads a file of a process, that many bytes at most; nothing of one that
// is gone or not ours to read.
func (h host) read(pid int, name string, most int) []byte {
	fd, err := unix.Open(h.path(pid, name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	text := make([]byte, 0, min(most, 4096))
	for len(text) < most {
		if len(text) == cap(text) {
			text = append(text, 0)[:len(text)]
		}
		n, err := unix.Read(fd, text[len(text):cap(text)])
		if err == unix.EINTR {
			continue
		}
		if n <= 0 || err != nil {
			break
		}
		text = text[:len(text)+n]
	}
	return text
}

// link reads a link of a process; "" where it may not be read.
func (h host) link(pid int, name string) string {
	var text [unix.PathMax]byte
	n, err := unix.Readlink(h.path(pid, name), text[:])
	if err != nil {
		return ""
	}
	return string(text[:n])
}

// A process is what proc_pid_stat(5) says of one.
type process struct {
	pid, parent int
	name        string // proc_pid_comm(5)
	session     int    // pid of its leader
	terminal    int    // device number, 0 for none
	start       uint64 // clock ticks after boot
	executes    bool   // it is in the middle of an execve(2)
}

// stat reads the line of a live process: no zombie's, and none of one that is
// gone.
func (h host) stat(pid int) (p process, ok bool) {
	text := h.read(pid, "stat", mostText)
	begin, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if begin < 0 || end < begin {
		return p, false
	}
	f := strings.Fields(string(text[end+1:])) // from field 3 on
	if len(f) < 24 || f[0] == "Z" || f[0] == "X" {
		return p, false
	}
	p = process{pid: pid, name: string(text[begin+1 : end])}
	var wrong [4]error
	p.parent, wrong[0] = strconv.Atoi(f[4-3])
	p.session, wrong[1] = strconv.Atoi(f[6-3])
	p.terminal, wrong[2] = strconv.Atoi(f[7-3])
	p.start, wrong[3] = strconv.ParseUint(f[22-3], 10, 64)
	p.executes = f[26-3] == "0" // startcode, which the kernel sets last; 1 where we may not see it
	return p, wrong == [4]error{}
}

// execPatience is how often, a millisecond apart, a process is looked at that
// is in the middle of its execve(2).
const execPatience = 100

// settled is stat, once the process has a command line and an environment
// again: before, one of our own could not be told from others.
func (h host) settled(pid int) (p process, ok bool) {
	p, ok = h.stat(pid)
	for n := 0; ok && p.executes && n < execPatience; n++ {
		time.Sleep(time.Millisecond)
		p, ok = h.stat(pid)
	}
	return p, ok
}

// ancestors climbs from a process to init. The chain is bounded: numbers may be
// given anew while we climb.
func (h host) ancestors(p process) (chain []process) {
	for len(chain) < 64 && p.parent > 0 {
		above, ok := h.stat(p.parent)
		if !ok || above.start > p.start {
			break
		}
		chain = append(chain, above)
		p = above
	}
	return chain
}

// argv is the command line; nil for kernel threads, and in the middle of an
// execve(2).
func (h host) argv(pid int) []string {
	text := strings.TrimRight(string(h.read(pid, "cmdline", mostArgs)), "\x00")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\x00")
}

// An environment is what of a process' variables is of use here.
type environment []string

// environ reads those variables that begin with one of the words.
func (h host) environ(pid int, begin ...string) (env environment) {
	for v := range bytes.SplitSeq(h.read(pid, "environ", mostArgs), []byte{0}) {
		for _, b := range begin {
			if bytes.HasPrefix(v, []byte(b)) {
				env = append(env, string(v))
				break
			}
		}
	}
	return env
}

// get returns the value of the variable; "" where there is none.
func (e environment) get(name string) string {
	for _, v := range e {
		if value, ok := strings.CutPrefix(v, name); ok && strings.HasPrefix(value, "=") {
			return value[1:]
		}
	}
	return ""
}

// sockets lists the inodes of the sockets that can be seen among the
// descriptors of a process.
func (h host) sockets(pid int) (inodes []uint64) {
	dir, err := unix.Open(h.path(pid, "fd"), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(dir)
	names, links := make([]byte, 4096), 0
	for links < linksMost {
		n, err := unix.Getdents(dir, names)
		if n <= 0 || err != nil {
			break
		}
		for rest := names[:n]; len(rest) > 0; {
			var name []byte
			name, rest = nextEntry(rest)
			links++
			if inode := socketAt(dir, name); inode != 0 {
				inodes = append(inodes, inode)
			}
		}
	}
	return inodes
}
