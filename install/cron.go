package install

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// cron has an ordinary user's site started by a line in the user's crontab(5),
// where there is no systemd for users.
type cron struct{ *Task }

// line ends with a comment of the shell's, by which it is known.
func (c cron) line() string {
	return "@reboot " + c.command() + " # keepone install " + c.Name
}

// command leaves no shell behind, and nobody to read stderr: cron would mail it at
// the end, and keepone logs to syslog then.
func (c cron) command() string {
	return "exec " + c.Program + " run " + c.Name + " >/dev/null 2>&1"
}

func (cron) runs() bool { return true }

func (cron) holds() bool { return true }

// table is the user's crontab; there is none at first, and crontab fails then.
func (c cron) table() (lines []string, err error) {
	var words []byte
	list := exec.Command("crontab", "-l")
	list.Env = environment()
	text, err := list.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		words = exit.Stderr
	}
	switch said := string(words); {
	case errors.Is(err, exec.ErrNotFound):
		return nil, hinted("install cron, or have whatever starts things here start: "+c.command(),
			"cannot have %s started at boot: there is neither a systemd for this user nor a crontab", c.Name)
	case err != nil && (strings.Contains(said, "no crontab for") || strings.Contains(said, "No such file")): // cron's words; busybox's
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("cannot read the crontab: %w: %s", err, strings.TrimSpace(said)) // never to be taken for an empty one, which would replace it
	}
	return strings.SplitAfter(string(text), "\n"), nil
}

// mine tells whether a line is for this site, also one that has another path.
func (c cron) mine(line string) bool {
	line = strings.TrimSpace(line)
	return strings.HasPrefix(line, "@reboot ") && strings.HasSuffix(line, " # keepone install "+c.Name)
}

func (c cron) install() error {
	before, err := c.table()
	if err != nil {
		return err
	}
	kept := c.without(before)
	if len(kept) < len(before) && strings.Contains(strings.Join(before, ""), c.line()+"\n") {
		c.say("already in the crontab: %s", c.line())
		return nil
	}
	text := strings.Join(kept, "")
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return c.do("add", "to the crontab: "+c.line(), func() error {
		_, err := feed(text+c.line()+"\n", "crontab", "-")
		return err
	})
}

func (c cron) without(lines []string) (kept []string) {
	for _, line := range lines {
		if !c.mine(line) {
			kept = append(kept, line)
		}
	}
	return kept
}

// start does what cron does at the next boot.
func (c cron) start() error {
	if c.answers() {
		c.say("already started: %s", c.Name)
		return nil
	}
	return c.do("start", c.Name, func() error {
		if err := c.shell().Start(); err != nil {
			return err
		}
		if err := await(c.answers, "keepone answers"); err != nil {
			return hinted("keepone run "+c.Name+" says why", "%w", err)
		}
		return nil
	})
}

// shell has no more of our environment than cron's: GODEBUG or NOTIFY_SOCKET
// would mean something to keepone until the next boot.
func (c cron) shell() *exec.Cmd {
	shell := exec.Command("/bin/sh", "-c", c.command())
	shell.Dir, shell.Env, shell.SysProcAttr = home(), environment(), &syscall.SysProcAttr{Setsid: true}
	return shell
}

func (c cron) stop() error {
	if !c.answers() {
		c.say("already stopped: %s", c.Name)
		return nil
	}
	return c.do("stop", c.Name, func() error {
		return c.through(func(pidfd int) error { return unix.PidfdSendSignal(pidfd, unix.SIGTERM, nil, 0) })
	})
}

func (c cron) uninstall() error {
	if !has("crontab") {
		c.say("already not in the crontab: %s", c.Name)
		return nil
	}
	before, err := c.table()
	if err != nil {
		return err
	}
	kept := c.without(before)
	if len(kept) == len(before) {
		c.say("already not in the crontab: %s", c.Name)
		return nil
	}
	return c.do("remove", "from the crontab: "+c.line(), func() error {
		text := strings.Join(kept, "")
		if strings.TrimSpace(text) == "" {
			_, err := run("crontab", "-r")
			return err
		}
		_, err := feed(text, "crontab", "-")
		return err
	})
}
