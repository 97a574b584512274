package process

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An alarm wakes this process up when it has been stopped: by Ctrl-Z, which
// must stop it so that the shell gets its terminal back, or by kill -STOP. Go's
// timers stand still then; a timer of the kernel's, timer_create(2), sends
// SIGCONT, which continues whoever is stopped. It comes every second from then
// on, for there is another Ctrl-Z.
type alarm struct {
	id int32
	ok bool // else a job that is stopped is late until somebody continues it
}

// A sigevent is that of sigevent(3type): 64 bytes, of which SIGEV_SIGNAL, 0,
// uses the signal only.
type sigevent struct {
	value  uintptr
	signo  int32
	notify int32
	_      [64 - 8 - unsafe.Sizeof(uintptr(0))]byte
}

func newAlarm() *alarm {
	var a alarm
	event := sigevent{signo: int32(unix.SIGCONT)}
	_, _, errno := unix.Syscall(unix.SYS_TIMER_CREATE, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&event)), uintptr(unsafe.Pointer(&a.id)))
	a.ok = errno == 0
	return &a
}

// set makes it come after d, and not when it was to come before.
func (a *alarm) set(d time.Duration) {
	if !a.ok {
		return
	}
	when := unix.ItimerSpec{
		Interval: unix.NsecToTimespec(int64(time.Second)), Value: unix.NsecToTimespec(max(1, int64(d))),
	}
	unix.Syscall6(unix.SYS_TIMER_SETTIME, uintptr(a.id), 0, uintptr(unsafe.Pointer(&when)), 0, 0, 0)
}

func (a *alarm) close() {
	if a.ok {
		unix.Syscall(unix.SYS_TIMER_DELETE, uintptr(a.id), 0, 0)
	}
}
