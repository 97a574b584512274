package process

import (
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// reapTries bounds the wait for a stranger's parent to reap it, with a pause
// that doubles from 1 ms to 16 ms: some 150 ms, for the next backend waits.
const reapTries = 12

// An Exit says how a process ended, when its whole tree is gone.
type Exit struct {
	Text    string // "exit status 1", "killed by SIGKILL", or why it never ran
	Clean   bool   // exit status 0, and nothing was left behind
	Blocked bool   // it never ran: somebody holds the lock, or the search found somebody; Text says who
	Killed  bool   // by SIGKILL
	Unknown bool   // nobody can tell how
}

func describe(status syscall.WaitStatus, report string) Exit {
	switch {
	case status.Signaled():
		text := "killed by " + unix.SignalName(status.Signal())
		if status.CoreDump() {
			text += " (core dumped)"
		}
		return Exit{Text: text, Killed: status.Signal() == unix.SIGKILL}
	case report != "":
		return Exit{Text: report, Blocked: status.ExitStatus() == exitBlocked}
	}
	return Exit{Text: fmt.Sprintf("exit status %d", status.ExitStatus()), Clean: status.ExitStatus() == 0}
}

// describeStranger says how a process ended that is no child of ours, as far as
// the kernel tells.
func describeStranger(pidfd int) Exit {
	if status, ok := strangersStatus(pidfd); ok {
		return describe(status, "")
	}
	return Exit{Text: "ended; its exit status is not known, for this keepone did not start it", Unknown: true}
}

// strangersStatus asks the pidfd of an exited process for its wait status:
// PIDFD_GET_INFO with PIDFD_INFO_EXIT of linux/pidfd.h, Linux 6.15. The kernel
// has it once the parent has reaped the process, for pidfds opened before that.
// Older kernels know the status not (ESRCH) or the ioctl not (ENOTTY, EINVAL).
func strangersStatus(pidfd int) (syscall.WaitStatus, bool) {
	for n := range reapTries {
		info := unix.PidfdInfo{Mask: unix.PIDFD_INFO_EXIT}
		err := unix.IoctlPidfdInfo(pidfd, &info)
		switch {
		case err == nil && info.Mask&unix.PIDFD_INFO_EXIT != 0:
			return syscall.WaitStatus(info.Exit_code), true
		case err != nil && err != unix.EINTR:
			return 0, false
		}
		time.Sleep(time.Millisecond << min(n, 4))
	}
	return 0, false
}
