package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// end stops the site and fails the test when it left anything: a process, a zombie, a descriptor, the socket, a cgroup
// directory, or the proof that two backends ran at a time.
func (s *site) end() {
	if s.web != nil && !s.web.end(syscall.SIGTERM, 5*time.Second) {
		s.web.end(syscall.SIGKILL, 5*time.Second)
	}
	if s.supervisor != nil && s.supervisor.alive() {
		s.checkSupervisor()
		s.stopKeepone()
	}
	for _, pid := range s.lingering() {
		argv, _ := os.ReadFile("/proc/" + itoa(pid) + "/cmdline") // it may be gone now
		s.t.Errorf("process %d is left: %s", pid, strings.ReplaceAll(string(argv), "\x00", " "))
	}
	if left, _ := os.ReadFile(s.path("violations")); len(left) > 0 { // no file, no violation
		s.t.Errorf("two backends ran at a time:\n%s", left)
	}
	for _, dir := range cgroups(filepath.Base(s.dir)) {
		s.t.Errorf("cgroup %s is left", dir)
	}
	if s.t.Failed() {
		for _, name := range []string{filepath.Base(s.config), "keepone.log", "output.log", "web.log", "var/web.error"} {
			if text := tail(filepath.Join(s.dir, name)); text != "" {
				s.t.Logf("--- %s\n%s", name, text)
			}
		}
	}
	s.sweep()
	os.RemoveAll(s.dir)
}

// lingering returns what runs although nothing should; what is just going away is given a moment.
func (s *site) lingering() []int {
	left := s.processes()
	for i := 0; i < 100 && len(left) > 0; i++ {
		time.Sleep(10 * time.Millisecond)
		left = s.processes()
	}
	return left
}

// checkSupervisor demands of a keepone at rest that it has reaped every child and kept no descriptor.
func (s *site) checkSupervisor() {
	pid := s.supervisor.pid()
	var left []int
	open := 0
	for range 1000 { // once is enough: a search for rivals is a child that comes and goes
		left, open = zombies(pid), descriptors(s.t, pid)
		if len(left) == 0 && (s.fds == 0 || open <= s.fds) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	if len(left) > 0 {
		s.t.Errorf("keepone has not reaped %v", left)
	} else {
		s.t.Errorf("keepone has %d descriptors open, at most %d at its start:\n%s", open, s.fds, openFiles(pid))
	}
}

// openFiles lists what a process has open.
func openFiles(pid int) string {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid)) // the pattern is valid
	text := ""
	for _, file := range files {
		to, _ := os.Readlink(file)
		text += filepath.Base(file) + " " + to + "\n"
	}
	return text
}

// stopKeepone asks keepone to stop and demands a clean end: exit code 0, no socket at the path unless an init system keeps it.
func (s *site) stopKeepone() {
	s.t.Helper()
	if !s.supervisor.end(syscall.SIGTERM, 45*time.Second) {
		s.t.Error("keepone does not stop on SIGTERM")
		s.supervisor.end(syscall.SIGKILL, 5*time.Second)
		return
	}
	if code := s.supervisor.cmd.ProcessState.ExitCode(); code != 0 {
		s.t.Errorf("keepone stopped with exit code %d", code)
	}
	if c, err := s.connect(); err == nil && !s.given {
		c.Close()
		s.t.Errorf("somebody still listens at %s", s.socket)
	}
	if _, err := os.Lstat(s.socket); err == nil && !s.given {
		s.t.Errorf("%s is left", s.socket)
	}
	if left, err := os.ReadDir(s.run); err == nil && len(left) == 0 {
		s.t.Errorf("the empty directory %s is left", s.run)
	}
}
