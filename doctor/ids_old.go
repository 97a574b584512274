//go:build arm || 386

package doctor

import "golang.org/x/sys/unix"

// The calls that change the ids of one thread. Those without 32 take ids of 16
// bits, see setresuid(2), "C library/kernel differences".
const (
	setGroups = unix.SYS_SETGROUPS32
	setGIDs   = unix.SYS_SETRESGID32
	setUIDs   = unix.SYS_SETRESUID32
)
