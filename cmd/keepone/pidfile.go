package main

import (
	"errors"
	"fmt"
	"os"
)

// keepPIDs leaves the numbers of keepone and its backend where Monit and its
// like look for them; no file is no process. Nothing of ours believes them.
func (s *site) keepPIDs(backend int) {
	if s.pidKept == backend && s.pidOwn == os.Getpid() {
		return
	}
	s.pidKept, s.pidOwn = backend, os.Getpid()
	if err := errors.Join(writePID(s.keeponePID(), s.pidOwn), writePID(s.backendPID(), backend)); err != nil {
		s.log("warning: %v", err)
	}
}

func writePID(path string, pid int) error {
	if pid == 0 {
		os.Remove(path) // it need not be there
		return nil
	}
	if err := os.WriteFile(path, []byte(fmt.Sprintln(pid)), 0o644); err != nil {
		return fmt.Errorf("cannot write down a process number: %w", err)
	}
	return nil
}
