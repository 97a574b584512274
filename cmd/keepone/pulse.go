package main

import (
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"keepone/store"
	"keepone/supervise"
)

// statusEvery is how often systemctl status is told the backend's memory.
const statusEvery = 30 * time.Second

// pulse asks the loop, for systemd, whether it lives: at half of WatchdogSec=,
// as sd_watchdog_enabled(3) advises. Without systemd there is none.
func pulse() <-chan time.Time {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return nil
	}
	every := statusEvery
	if limit, err := daemon.SdWatchdogEnabled(false); err == nil && limit > 0 {
		every = min(every, limit/2)
	}
	return time.NewTicker(every).C
}

// beat is said by the loop itself: another goroutine would still say so when
// the loop stands. An init that does not read is not waited for.
func beat(st supervise.Status) {
	store.Say(daemon.SdNotifyWatchdog + "\n" + statusText(&st))
}

// statusText is what systemctl status shows. In a reason of several lines the
// second would be another assignment to systemd.
func statusText(st *supervise.Status) string {
	text := "STATUS=" + st.State.String()
	if st.PID > 0 && st.RSS > 0 {
		text += ", " + size(st.RSS)
	}
	if st.Why != "" {
		text += ": " + oneLine(st.Why)
	}
	return text
}
