package process

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// markName is the variable that names a process as a backend's. It survives
// exec, where a descriptor may be closed, and the death of every keepone.
const markName = "KEEPONE="

// markLimit ends the reading of an environment: bytes. execve(2) takes no more
// than a quarter of the stack's limit, which is 8 MiB.
const markLimit = 2 << 20

// execPatience is how often, a millisecond apart, a process is looked at that
// is in the middle of its execve(2).
const execPatience = 100

// startCode is the place of that field behind the command in /proc/PID/stat:
// number 26 of proc_pid_stat(5).
const startCode = 24

// Mark is what says of a process that it is, or descends from, a backend of the
// run directory dir: the boot and the directory's device, inode and time of
// birth, for a directory that is made after one was removed may have its number. A backend's
// environment has KEEPONE=MARK:NAME:GENERATION, of which the name and the
// generation are for people.
//
// A name alone is not unique between users and run directories. The directory
// outlives the files in it, and no two keepones share one, for its lock is in
// it. The boot keeps an environment that was saved, as at(1) does, from meaning
// something after the next one. A random number would be no better a secret:
// phpinfo() shows the environment to everybody. What keeps others from making a
// mark is that only processes of keepone's user and the backend's count.
func Mark(dir string) (string, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, dir, 0, unix.STATX_INO|unix.STATX_BTIME, &st); err != nil {
		return "", fmt.Errorf("cannot mark the backend by the directory %s: %w", dir, err)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id") // random(4)
	if err != nil || len(boot) < 8 {
		return "", fmt.Errorf("cannot mark the backend: no boot id: %w", err)
	}
	return fmt.Sprintf("%s:%x.%x.%x", boot[:8], unix.Mkdev(st.Dev_major, st.Dev_minor), st.Ino, st.Btime.Sec*1e9+int64(st.Btime.Nsec)), nil
}

// A proof is what a process must have to be a backend's: the mark in its
// environment, or the backend lock, which plain forks inherit, at its
// descriptor. Either may be missing: setproctitle(3) overwrites the environment,
// and Python closes descriptors.
type proof struct {
	mark     []byte // begins a variable; empty for none
	dev, ino uint64 // of the lock; 0 for none
	users    []int  // whose marks count; nil for everybody's
}

// proof is that of this spawner's backends, and of those of a further user.
func (s *Spawner) proof(users ...int) *proof {
	user := s.User
	if user < 0 {
		user = os.Getuid()
	}
	users, p := append(users, user), &proof{}
	if !slices.Contains(users, 0) { // who was root may have become anybody
		p.users = append(users, os.Getuid())
	}
	if s.Mark != "" {
		p.mark = []byte(markName + s.Mark + ":")
	}
	var st unix.Stat_t
	if s.Lock != "" && unix.Lstat(s.Lock, &st) == nil {
		p.dev, p.ino = uint64(st.Dev), st.Ino
	}
	return p
}

func (p *proof) counts(user int) bool { return p.users == nil || slices.Contains(p.users, user) }

// marked appends every process but this one that the proof holds for. It looks
// at all of /proc: some microseconds for each process.
func (s *scan) marked(p *proof, buf []int) []int {
	if p.ino == 0 && len(p.mark) == 0 {
		return buf
	}
	fd, err := unix.Open("/proc", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		s.failed = true
		return buf
	}
	defer unix.Close(fd)
	self := os.Getpid()
	return s.entries(fd, buf, func(pid int, buf []int) []int {
		if pid != self && s.proves(p, pid) {
			buf = append(buf, pid)
		}
		return buf
	})
}

// proves says whether the proof holds for the process now. Who is a zombie has
// neither descriptors nor an environment.
func (s *scan) proves(p *proof, pid int) bool { return s.hasLock(p, pid) || s.hasMark(p, pid) }

// hasLock asks only for the descriptor that backends have it at: keepone status
// tries the lock, too, for a moment. It must be held there: anybody may open a
// file that is not his with O_PATH.
func (s *scan) hasLock(p *proof, pid int) bool {
	if p.ino == 0 {
		return false
	}
	fd, err := s.openFile(pid, lockEntry, unix.O_PATH)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && uint64(st.Dev) == p.dev && st.Ino == p.ino && s.holdsLock(pid)
}

// holdsLock says whether what the process has at that descriptor is locked:
// proc_pid_fdinfo(5).
func (s *scan) holdsLock(pid int) bool {
	fd, err := s.openFile(pid, lockInfo, unix.O_RDONLY)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	n, err := unix.Pread(fd, s.text[:], 0)
	return err == nil && bytes.Contains(s.text[:n], lockLine)
}

var lockLine = []byte("\nlock:")

// hasMark first asks whose process it is, which the owner of the file says: a
// stranger's memory may be made to answer never. It waits for who is in the
// middle of its execve(2): it may be about to become a backend.
func (s *scan) hasMark(p *proof, pid int) bool {
	if len(p.mark) == 0 {
		return false
	}
	fd, err := s.openFile(pid, "/environ", unix.O_RDONLY)
	if err != nil {
		return false
	}
	var st unix.Stat_t
	ours := unix.Fstat(fd, &st) == nil && p.counts(int(st.Uid))
	unix.Close(fd)
	for n := 0; n < execPatience && ours && s.executes(pid); n++ {
		time.Sleep(time.Millisecond)
	}
	return ours && s.showsMark(p, pid)
}

// executes says whether the process is between the steps of execve(2): it has a
// program, and no code yet, which the kernel tells last. Kernel threads and
// zombies have no program.
func (s *scan) executes(pid int) bool {
	fd, err := s.openFile(pid, "/stat", unix.O_RDONLY)
	if err != nil {
		return false
	}
	n, err := unix.Pread(fd, s.text[:], 0)
	unix.Close(fd)
	if err != nil {
		return false
	}
	rest := s.text[bytes.LastIndexByte(s.text[:n], ')')+1 : n]
	for range startCode {
		_, rest, _ = bytes.Cut(rest, []byte(" "))
	}
	if !bytes.HasPrefix(rest, []byte("0 ")) {
		return false
	}
	if fd, err = s.openFile(pid, "/exe", unix.O_PATH); err != nil {
		return false
	}
	unix.Close(fd)
	return true
}

// showsMark reads the environment anew: that of before an execve(2) stays with
// the descriptor.
func (s *scan) showsMark(p *proof, pid int) bool {
	fd, err := s.openFile(pid, "/environ", unix.O_RDONLY)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return s.hasVariable(fd, p.mark) && (p.users == nil || p.counts(s.realUser(pid)))
}

// hasVariable looks for a variable that begins so, in an environment as
// proc_pid_environ(5) has it: each ends with NUL.
func (s *scan) hasVariable(fd int, begin []byte) bool {
	matched := 0 // bytes of begin; -1 until the next variable
	for off := int64(0); off < markLimit; {
		n, err := unix.Pread(fd, s.text[:], off)
		if n <= 0 || err != nil {
			return false
		}
		off += int64(n)
		for _, c := range s.text[:n] {
			switch {
			case c == 0:
				matched = 0
			case matched >= 0 && c == begin[matched]:
				if matched++; matched == len(begin) {
					return true
				}
			default:
				matched = -1
			}
		}
	}
	return false
}

// MarkOf is what begins the variable in the environment of backends, and of
// jobs, with that mark.
func MarkOf(mark string) (backend, job string) {
	return markName + mark + ":", jobMarkName + mark + ":"
}
