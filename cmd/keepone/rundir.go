package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"keepone/process"
	"keepone/record"
	"keepone/single"
)

// keepRunDir makes the run directory again when somebody removed it, so that
// keepone can be asked again and no second one believes itself alone. It is
// called by the loop at every sample: a lock that has no name any more tells.
func (s *site) keepRunDir() {
	var st unix.Stat_t
	if unix.Fstat(int(s.lockFile.Fd()), &st) != nil || st.Nlink > 0 {
		return
	}
	if err := s.makeRunDirAgain(); err != nil {
		s.complainOnce(fmt.Errorf("cannot make the run directory %s again, which somebody removed: %w", s.runDir, err))
		return
	}
	s.log("somebody removed the run directory %s: it is there again", s.runDir)
}

func (s *site) makeRunDirAgain() error {
	if err := makeRunDir(s.runDir); err != nil {
		return err
	}
	lock, err := single.Lock(s.lock())
	if err != nil {
		return err
	}
	s.lockFile.Close()
	s.lockFile = lock
	if s.spawner.Mark, err = process.Mark(s.runDir); err != nil {
		s.log("warning: %v", err)
	}
	former := s.control.Load()
	err = s.openControl(-1)
	if err == nil {
		s.serveControl(s.control.Load())
		former.Close() // its file is gone, and is not looked for
	}
	s.pidOwn = 0
	return errors.Join(err, record.Write(s.state(), s.latest), s.gauge.again(s.target))
}
