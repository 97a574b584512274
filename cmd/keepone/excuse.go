package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"keepone/process"
	"keepone/resident"
	"keepone/supervise"
	"keepone/unavailable"
)

const (
	largestPage = 64 << 10 // bytes
	ownPage     = "<!doctype html><title>503 Service Unavailable</title><p>This site is not available for the moment. Please try again later.</p>\n"
)

// excuse starts a process that answers those who wait in the place of a
// backend. It takes nobody any more once end was called, and is gone a second
// later. When keepone dies, so does it.
func (s *site) excuse(on supervise.Socket) (end func(), gone <-chan struct{}, err error) {
	page, err := s.page()
	if err != nil {
		return nil, nil, err
	}
	defer page.Close()
	uid, gid, _, err := s.config().Credentials()
	if err != nil {
		return nil, nil, err
	}
	l := on.(listener)
	if _, err := l.Blocking(); err != nil { // whoever had it last may have changed that
		return nil, nil, err
	}
	p, err := s.spawner.Answer(process.Ends{Socket: l.Fd(), Output: os.Stderr}, page, uid, gid, resident.Recipe())
	if err != nil {
		return nil, nil, err
	}
	s.log("no backend serves: process %d answers 503 to those who wait", p.PID())
	return p.End, p.Gone(), nil
}

// page is what they get, where the process can read it.
func (s *site) page() (*os.File, error) {
	c := s.config()
	text := []byte(ownPage)
	if path := c.Unavailable.Page; path != "" {
		own, err := readPage(path)
		if err == nil {
			text = own
		} else { // they are to be told something all the same
			s.log("warning: cannot read unavailable.page: %v", err)
		}
	}
	return memoryFile("keepone-page", unavailable.Page{
		Protocol: c.Backend.Protocol, RetryAfter: int(c.Unavailable.RetryAfter.Seconds()), Text: bytes.ToValidUTF8(text, []byte("?")),
	})
}

// readPage reads what everybody may read anyway: who can write to the directory
// must not be able to publish another file of root's, nor to make us wait.
func readPage(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || st.Mode()&0o004 == 0 {
		return nil, fmt.Errorf("%s is not a file that everybody may read (%s)", path, st.Mode())
	}
	return io.ReadAll(io.LimitReader(f, largestPage))
}
