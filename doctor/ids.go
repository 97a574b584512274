//go:build !arm && !386

package doctor

import "golang.org/x/sys/unix"

// The calls that change the ids of one thread.
const (
	setGroups = unix.SYS_SETGROUPS
	setGIDs   = unix.SYS_SETRESGID
	setUIDs   = unix.SYS_SETRESUID
)
