package install

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// systemd has a site as keepone@NAME.service: an instance of the template that a
// package brought, or else a file of its own in /etc. Not a template there: what
// is one site's cannot outlive it or serve another, and the library enables what
// it writes, which a template without a name cannot be.
type systemd struct {
	*Task
	unit      string
	own       string   // the directory for our file
	templates []string // directories in which somebody else's template may be
	flags     []string // of systemctl
	fresh     bool     // the unit's file was not there before
	changed   bool     // what a running unit was started with is another now
}

const template = "keepone@.service"

// userBus is where a user's systemd can be reached: sd_bus_open_user(3).
func userBus() string {
	return filepath.Join(runtimeDir(), "systemd/private")
}

func runtimeDir() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return dir
	}
	return "/run/user/" + strconv.Itoa(os.Geteuid())
}

func newSystemd(t *Task) *systemd {
	return &systemd{Task: t, unit: "keepone@" + t.Name + ".service", own: "/etc/systemd/system",
		templates: []string{"/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}}
}

func newUserSystemd(t *Task) *systemd {
	os.Setenv("XDG_RUNTIME_DIR", runtimeDir()) // su and sudo do not
	own := filepath.Join(home(), ".config/systemd/user")
	return &systemd{Task: t, unit: "keepone@" + t.Name + ".service", own: own, flags: []string{"--user"},
		templates: []string{own, "/etc/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user"}}
}

// home is the user's directory; "/" where there is none, in which nothing can be written.
func home() string {
	dir, err := os.UserHomeDir()
	if err != nil {
		return "/"
	}
	return dir
}

func (s *systemd) file() string { return filepath.Join(s.own, s.unit) }

// brought is the template that somebody else put in place, or "".
func (s *systemd) brought() string {
	for _, dir := range s.templates {
		if path := filepath.Join(dir, template); exists(path) {
			return path
		}
	}
	return ""
}

func (s *systemd) runs() bool { return s.User && UserSystemd() || !s.User && booted("systemd") }

func (s *systemd) ctl(verb string, more ...string) (string, error) {
	return run(slices.Concat([]string{"systemctl"}, s.flags, []string{verb}, more)...)
}

// reload tells systemd of files that changed. Where it does not run, as in an
// image that is being made, the next boot finds them.
func (s *systemd) reload() error {
	if s.DryRun || !s.runs() {
		return nil
	}
	_, err := s.ctl("daemon-reload")
	return err
}

func (s *systemd) enabled() bool {
	out, _ := s.ctl("is-enabled", s.unit)
	return out == "enabled"
}

func (s *systemd) install() error {
	had := s.enabled()
	changed, err := s.writeUnit()
	if err != nil {
		return err
	}
	hardened, err := s.harden()
	if err != nil {
		return err
	}
	s.changed = changed || hardened
	if s.changed {
		if err := s.reload(); err != nil {
			return s.undo(err)
		}
	}
	if had && s.enabled() {
		s.say("already enabled: %s", s.unit)
		return nil
	}
	return s.undo(s.do("enable", s.unit, func() error {
		if s.enabled() { // the library did it
			return nil
		}
		_, err := s.ctl("enable", s.unit)
		return err
	}))
}

// undo takes the file away again that was new in a run that failed: a unit that
// is neither enabled nor known to systemd is nothing anybody wants.
func (s *systemd) undo(err error) error {
	if err != nil && s.fresh && ours(s.file()) {
		_ = errors.Join(os.Remove(s.file()), s.reload()) // what is to be told is err
	}
	return err
}

// writeUnit has systemd find one file for the unit: the one that was brought, or ours.
func (s *systemd) writeUnit() (changed bool, err error) {
	text := s.text(s.Unit)
	if s.User {
		text = s.text(s.UserUnit)
	}
	brought := s.brought()
	switch {
	case brought == "" && text == mark:
		return false, fmt.Errorf("cannot write %s: this program has no unit for it", s.file())
	case brought == "" && !there(s.file()):
		s.fresh = !s.DryRun
		return true, s.undo(s.do("write", s.file(), func() error {
			if s.runs() {
				s.register(librarySystemd, strings.TrimSuffix(s.unit, ".service"), text)
			}
			return place(s.file(), text, 0o644)
		}))
	case brought == "":
		return s.write(s.file(), text, 0o644)
	}
	s.found(brought)
	if vendor := filepath.Join("/usr/lib/systemd/system", template); !s.User && brought != vendor && exists(vendor) {
		s.say("warning: %s stands before the package's %s, also after upgrades: remove it unless it is meant so", brought, vendor)
	}
	return s.unmask(brought)
}

// unmask removes the file that an earlier install wrote, before the package came.
// Its links lead to it, and go first.
func (s *systemd) unmask(brought string) (bool, error) {
	if !there(s.file()) {
		return false, nil
	}
	if !ours(s.file()) {
		s.say("warning: %s stands before %s, and keepone install did not write it: left alone", s.file(), brought)
		return false, nil
	}
	return true, s.do("remove", s.file()+", which stood before "+brought, func() error {
		_, err := s.ctl("disable", s.unit)
		return errors.Join(err, os.Remove(s.file()), syncDir(s.own))
	})
}

func (s *systemd) dropIns() string { return s.file() + ".d" }

func (s *systemd) dropIn() string { return filepath.Join(s.dropIns(), "50-harden.conf") }

// Hardened tells whether an earlier install wrote the drop-in of a sandbox: one
// that is made of the configuration, and to be made anew when that has changed.
func (t *Task) Hardened() bool {
	s := newSystemd(t)
	return !t.User && t.Init == "systemd" && there(s.dropIn()) && ours(s.dropIn())
}

func (s *systemd) harden() (changed bool, err error) {
	switch {
	case s.DropIn != "":
		for _, name := range slices.Sorted(maps.Keys(s.Units)) {
			if first(filepath.Join("/usr/lib/systemd/system", name), filepath.Join("/lib/systemd/system", name)) != "" {
				continue // a package brought it
			}
			// As an instance, like the unit: it comes and goes with this site.
			own, err := s.write(filepath.Join(s.own, strings.Replace(name, "@.", "@"+s.Name+".", 1)), mark+s.Units[name], 0o644)
			if changed = changed || own; err != nil {
				return false, err
			}
		}
		own, err := s.write(s.dropIn(), mark+s.DropIn, 0o644)
		return changed || own, err
	case there(s.dropIn()):
		s.say("already hardened: %s", s.dropIn())
	}
	return false, nil
}

// active is the unit's state: active, activating, reloading, deactivating,
// inactive or failed.
func (s *systemd) active() string {
	out, _ := s.ctl("is-active", s.unit) // its exit status says the same
	return out
}

func (s *systemd) holds() bool {
	switch s.active() {
	case "active", "activating", "reloading", "deactivating":
		return true
	}
	return false
}

func (s *systemd) start() error {
	if state := s.active(); state == "active" || state == "reloading" {
		s.say("already started: %s", s.unit)
		if s.changed {
			s.say("what changed is for its next start: systemctl %s", strings.Join(append(s.flags, "restart", s.unit), " "))
		}
		return nil
	}
	return s.do("start", s.unit, func() error {
		if _, err := s.ctl("start", s.unit); err != nil {
			return hinted("journalctl "+strings.Join(append(s.flags, "-u", s.unit), " ")+"; then again: keepone install "+s.Name, "%w", err)
		}
		return nil
	})
}

// Lingers tells whether a user's systemd, and with it what it has enabled, begins
// at boot and outlives the logout: logind keeps that as a file of the user's name,
// logind(8).
func Lingers(user string) bool { return exists(filepath.Join("/var/lib/systemd/linger", user)) }
