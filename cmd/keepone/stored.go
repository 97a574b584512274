package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"keepone/config"
	"keepone/process"
	"keepone/record"
	"keepone/store"
	"keepone/supervise"
)

// The names in the descriptor store. A socket's is followed by its generation.
const (
	storedSocket  = "keepone-socket-"
	storedBackend = "keepone-backend"
)

// A stock is what the init system passed to us.
type stock struct {
	sockets map[int]int // generation to descriptor: listening sockets that we had stored
	backend int         // pidfd that we had stored; -1 for none
	given   int         // the listening socket of a socket unit; -1 for none
}

// takeStock sorts what the init system passed. A socket that it was told to
// listen at for us becomes the public one, wherever it is bound.
func takeStock(c *config.Config) (*stock, error) {
	s := &stock{sockets: map[int]int{}, backend: -1, given: -1}
	for _, d := range store.Inherited() {
		number, isSocket := strings.CutPrefix(d.Name, storedSocket)
		generation, err := strconv.Atoi(number)
		switch {
		case isSocket && err == nil && s.sockets[generation] == 0:
			s.sockets[generation] = d.FD
		case d.Name == storedBackend && s.backend < 0:
			s.backend = d.FD
		case strings.HasPrefix(d.Name, "keepone-"): // stored twice, or by a later version
			unix.Close(d.FD)
		case s.given >= 0:
			return nil, fmt.Errorf("cannot serve two sockets: the init system passed a second one, %q", d.Name)
		default:
			path, err := boundTo(d.FD)
			if err != nil {
				return nil, fmt.Errorf("cannot serve the socket %q that the init system passed: %w", d.Name, err)
			}
			s.given, c.Socket.Path = d.FD, path
		}
	}
	return s, nil
}

// boundTo is where a socket listens, as socket.path says it.
func boundTo(fd int) (string, error) {
	at, err := unix.Getsockname(fd)
	if err != nil {
		return "", err
	}
	switch at := at.(type) {
	case *unix.SockaddrUnix:
		if strings.HasPrefix(at.Name, "/") {
			return at.Name, nil
		}
	case *unix.SockaddrInet4:
		return "tcp://" + netip.AddrPortFrom(netip.AddrFrom4(at.Addr), uint16(at.Port)).String(), nil
	case *unix.SockaddrInet6:
		return "tcp://" + netip.AddrPortFrom(netip.AddrFrom16(at.Addr), uint16(at.Port)).String(), nil
	}
	return "", errors.New("it has neither a path nor a TCP address")
}

// enrich completes what the state file says by what was stored. Without a state
// the store alone proves who the backend is: a pidfd is nobody else's.
func (l *legacy) enrich(s *stock) {
	generations := make([]int, 0, len(s.sockets))
	for generation, fd := range s.sockets {
		generations = append(generations, generation)
		l.sockets = append(l.sockets, fd)
	}
	if s.given >= 0 {
		l.sockets = append(l.sockets, s.given)
	}
	slices.Sort(generations)
	lost := l.backend < 0 && l.holder < 0 && l.kept(l.state.Socket) < 0 // the state file is older than what is stored
	if len(generations) > 0 && (l.state.Socket.Inode == 0 || lost) {
		first, last := generations[0], generations[len(generations)-1]
		l.state.Next = nil
		l.state.Socket = record.Socket{Generation: first, Inode: inode(s.sockets[first])}
		if last != first {
			l.state.Next = &record.Socket{Generation: last, Inode: inode(s.sockets[last])}
		}
		if pid := pidOf(s.backend); pid > 0 {
			if p, err := record.Identify(pid); err == nil {
				l.state.Backend, l.backend, s.backend = &p, s.backend, -1
			}
		}
	}
	if s.backend >= 0 {
		unix.Close(s.backend)
	}
}

func inode(fd int) uint64 {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return 0
	}
	return st.Ino
}

// pidOf is the live process of a pidfd, 0 for none: the Pid line of proc(5),
// "/proc/PID/fdinfo", is -1 when the process has been reaped.
func pidOf(pidfd int) int {
	text, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(pidfd))
	if err != nil || process.Ended(pidfd) {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "Pid:"); ok {
			pid, _ := strconv.Atoi(strings.TrimSpace(value))
			return max(pid, 0)
		}
	}
	return 0
}

// keepStored has the sockets in use in the store, and nothing else. It is
// called by the loop after every move.
func (s *site) keepStored(pid int, sockets ...supervise.Socket) {
	if !store.Enabled() || s.fixed {
		return
	}
	var use []int
	for _, sock := range sockets {
		if sock == nil {
			continue
		}
		var err error
		if !slices.Contains(s.stored, sock.Generation()) {
			err = store.Put(storedSocket+strconv.Itoa(sock.Generation()), sock.(listener).Fd())
			s.complain(err)
		}
		if err == nil { // else it is tried again at the next move
			use = append(use, sock.Generation())
		}
	}
	for _, generation := range s.stored {
		if !slices.Contains(use, generation) {
			s.complain(store.Remove(storedSocket + strconv.Itoa(generation)))
		}
	}
	s.stored = use
	if pid == s.storedPID {
		return
	}
	err := store.Remove(storedBackend)
	if pidfd, opened := unix.PidfdOpen(pid, 0); pid != 0 && opened == nil && err == nil {
		err = store.Put(storedBackend, pidfd)
		unix.Close(pidfd)
	}
	if err == nil {
		s.storedPID = pid
	}
	s.complain(err)
}

func (s *site) complain(err error) {
	if err != nil {
		s.log("warning: %v", err)
	}
}
