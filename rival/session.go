package rival

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ofSession is a session of systemd-logind(8), which keeps a file for each as
// long as it lasts.
func (s *search) ofSession(c *candidate, id string) origin {
	text, err := os.ReadFile(string(s.host) + "/run/systemd/sessions/" + id)
	known := map[string]string{}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		known[key] = value
	}
	if strings.HasPrefix(known["SERVICE"], "cron") {
		return ofCron("cron")
	}
	uid, wrong := strconv.Atoi(known["UID"])
	if wrong != nil {
		uid = s.loginUser(c)
	}
	o := origin{who: "a login session of " + userName(uid)}
	switch tty := known["TTY"]; {
	case err != nil:
		o.who += " that is over"
	case tty != "":
		o.who += " on " + printable(tty)
	}
	return o
}

// ofTerminal is who has a terminal, or whose user once logged in.
func (s *search) ofTerminal(c *candidate) (origin, bool) {
	uid, who := s.loginUser(c), ""
	if tty := terminal(c.terminal); tty != "" {
		if uid < 0 {
			uid = s.uid(c.session)
		}
		if uid < 0 {
			uid = s.uid(c.pid)
		}
		who = "a login session of " + userName(uid) + " on " + tty
	} else if uid >= 0 {
		who = "a session of " + userName(uid) + " without a terminal (a login, cron or at)"
	}
	return origin{who: who}, who != ""
}

// loginUser is who logged in to start the process, proc_pid_loginuid(5); -1
// for nobody.
func (h host) loginUser(c *candidate) int {
	uid, err := strconv.ParseUint(strings.TrimSpace(string(h.read(c.pid, "loginuid", mostText))), 10, 32)
	if err != nil || uid == math.MaxUint32 {
		return -1
	}
	return int(uid)
}

// terminal names a device of tty_nr in proc_pid_stat(5), by the numbers of the
// kernel's devices.txt: Unix98 pseudo-terminals, consoles, serial lines.
func terminal(device int) string {
	major, minor := unix.Major(uint64(uint32(device))), unix.Minor(uint64(uint32(device)))
	switch {
	case device == 0:
		return ""
	case major >= 136 && major <= 143:
		return fmt.Sprintf("pts/%d", (major-136)<<8+minor)
	case major == 4 && minor < 64:
		return fmt.Sprintf("tty%d", minor)
	case major == 4:
		return fmt.Sprintf("ttyS%d", minor-64)
	}
	return fmt.Sprintf("terminal %d:%d", major, minor)
}
