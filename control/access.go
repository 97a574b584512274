package control

import (
	"io/fs"
	"os"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Grant names users and groups by number. A peer is granted when its user, its
// group or one of its supplementary groups is named.
type Grant struct{ UIDs, GIDs []int }

// Access says who may ask, besides root and the user that keepone runs as, who
// may do everything. Operate implies Read.
type Access struct{ Read, Operate Grant }

func (g Grant) empty() bool { return len(g.UIDs) == 0 && len(g.GIDs) == 0 }

func (g Grant) includes(p peer) bool {
	return slices.Contains(g.UIDs, p.uid) ||
		slices.ContainsFunc(p.gids, func(gid int) bool { return slices.Contains(g.GIDs, gid) })
}

// mode is that of the socket's file: where anybody at all is granted something,
// everybody may connect, and credentials decide.
func (a Access) mode() fs.FileMode {
	if a.Read.empty() && a.Operate.empty() {
		return 0o600
	}
	return 0o666
}

// peer is who connected, as of the moment of connect(2).
type peer struct {
	uid     int
	pid     int   // as of our pid namespace; 0 where it has none there
	gids    []int // the group, then the supplementary groups
	trusted bool  // root, or the user keepone runs as
}

func (p peer) mayOperate(a Access) bool { return p.trusted || a.Operate.includes(p) }
func (p peer) mayRead(a Access) bool    { return p.mayOperate(a) || a.Read.includes(p) }

// peerOf asks the kernel who is at the other end. self is the user to trust
// besides root.
func peerOf(conn *os.File, self int) (peer, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return peer{}, err
	}
	p := peer{uid: -1}
	var asked error
	err = raw.Control(func(fd uintptr) {
		cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err != nil {
			asked = err
			return
		}
		p.pid = int(cred.Pid)
		p.uid, p.trusted = int(cred.Uid), cred.Uid == 0 || int(cred.Uid) == self
		p.gids = []int{int(cred.Gid)}
		if !p.trusted {
			p.gids = append(p.gids, peerGroups(fd)...)
		}
	})
	if err == nil {
		err = asked
	}
	return p, err
}

// peerGroups returns the supplementary groups of the peer (SO_PEERGROUPS, Linux
// 4.13). Where the kernel does not say, there are none: that grants less.
func peerGroups(fd uintptr) []int {
	groups := make([]uint32, 32)
	for {
		size := uint32(len(groups) * 4)
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		if errno == syscall.ERANGE && int(size) > len(groups)*4 { // size is what it takes
			groups = make([]uint32, size/4)
			continue
		}
		if errno != 0 {
			return nil
		}
		gids := make([]int, size/4)
		for i := range gids {
			gids[i] = int(groups[i])
		}
		return gids
	}
}
