package install

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// openrc has a site as the service keepone.NAME: a link to the script that a
// package brought, where that is one for OpenRC, or else a file of its own.
type openrc struct{ *Task }

func (o openrc) service() string { return "keepone." + o.Name }

func (o openrc) script() string { return "/etc/init.d/" + o.service() }

func (openrc) runs() bool { return booted("openrc") }

// holds is true of any keepone: the script goes by who runs, not by what it started.
func (openrc) holds() bool { return true }

// brought tells whether /etc/init.d/keepone is a script for OpenRC, as in Alpine's
// packages; Debian's is for SysV.
func (openrc) brought() bool {
	text, err := os.ReadFile(initScript)
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return err == nil && bytes.Contains(line, []byte("openrc-run")) && !ours(initScript)
}

func (o openrc) install() error {
	if err := o.place(); err != nil {
		return err
	}
	if there("/etc/runlevels/default/" + o.service()) {
		o.say("already enabled: %s", o.service())
		return nil
	}
	return o.do("enable", o.service(), func() error {
		_, err := run("rc-update", "add", o.service(), "default")
		return err
	})
}

// place does not go by the library: that adds the service to the run level that
// is current, which need not be the one that is booted, and makes no link.
func (o openrc) place() error {
	if !o.brought() {
		_, err := o.write(o.script(), o.text(o.OpenRC), 0o755)
		return err
	}
	o.found(initScript)
	if st, err := os.Lstat(o.script()); err == nil && st.Mode().IsRegular() && ours(o.script()) {
		err := o.do("remove", o.script()+", which stood before "+initScript, func() error { return os.Remove(o.script()) })
		if err != nil || o.DryRun {
			return err
		}
	}
	if st, err := os.Lstat(o.script()); err == nil && st.Mode().IsRegular() {
		o.say("left alone: %s, which keepone install did not write", o.script())
		return nil
	}
	return o.link("keepone", o.script())
}

func (o openrc) start() error {
	if o.answers() {
		o.say("already started: %s", o.service())
		return nil
	}
	return o.do("start", o.service(), func() error {
		_, _ = run("rc-service", o.service(), "status") // by which OpenRC learns of a keepone that was killed
		if _, err := run("rc-service", o.service(), "start"); err != nil {
			return hinted("keepone check "+o.Name+"; then again: keepone install "+o.Name, "%w", err)
		}
		return nil
	})
}

func (o openrc) stop() error {
	if !o.answers() || !there(o.script()) {
		o.say("already stopped: %s", o.service())
		return nil
	}
	return o.do("stop", o.service(), func() error {
		_, err := run("rc-service", o.service(), "stop")
		return err
	})
}

func (o openrc) uninstall() error {
	levels, _ := filepath.Glob("/etc/runlevels/*/" + o.service()) // the pattern is valid
	if len(levels) == 0 {
		o.say("already disabled: %s", o.service())
	} else if err := o.do("disable", o.service(), func() error { return o.disable(levels) }); err != nil {
		return err
	}
	return o.drop()
}

// disable takes the service out of every run level, also where its script is gone.
func (o openrc) disable(levels []string) error {
	_, _ = run("rc-update", "--all", "del", o.service()) // what it cannot is done here
	for _, path := range levels {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// drop removes the script or its link, and what OpenRC knows of a service that is
// gone: it would go on to list it as crashed.
func (o openrc) drop() error {
	if there(o.script()) && !o.DryRun && o.runs() {
		_, _ = run("rc-service", o.service(), "zap") // it is stopped; this forgets how it ended
	}
	target, err := os.Readlink(o.script())
	if err == nil && strings.TrimPrefix(target, "/etc/init.d/") == "keepone" {
		return o.unlink(o.script())
	}
	return o.remove(o.script())
}
