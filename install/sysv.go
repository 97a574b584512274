package install

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// sysv has one script for all sites, /etc/init.d/keepone, which starts the names
// in /etc/default/keepone.
type sysv struct{ *Task }

const (
	initScript  = "/etc/init.d/keepone"
	defaultFile = "/etc/default/keepone"
)

func (sysv) runs() bool { return booted("sysv") }

// holds is true of any keepone: the script goes by who runs, not by what it started.
func (sysv) holds() bool { return true }

func (s sysv) install() error {
	had := len(rcLinks("S")) > 0
	if err := s.script(); err != nil {
		return err
	}
	if err := s.enlist(); err != nil {
		return err
	}
	if had {
		s.say("already enabled: %s", initScript)
		return nil
	}
	return s.do("enable", initScript, s.enable)
}

// script puts /etc/init.d/keepone in place, unless a package brought it.
func (s sysv) script() error {
	text := s.text(s.LSB)
	switch {
	case there(initScript) && !ours(initScript):
		s.found(initScript)
		return nil
	case !there(initScript) && registrar() == "":
		return s.do("write", initScript, func() error {
			s.register(librarySysV, "keepone", text)
			return place(initScript, text, 0o755)
		})
	}
	_, err := s.write(initScript, text, 0o755)
	return err
}

// enlist adds the name to those that are started.
func (s sysv) enlist() error {
	before, err := os.ReadFile(defaultFile)
	mode := fs.FileMode(0o644)
	switch st, missing := os.Stat(defaultFile); {
	case missing == nil:
		mode = st.Mode().Perm()
	case errors.Is(err, fs.ErrNotExist):
		before, err = []byte(s.text(s.Default)), nil
	}
	if err != nil {
		return err
	}
	after, err := withName(string(before), s.Name)
	if err != nil {
		return byHand("add", s.Name, err)
	}
	if after == string(before) && exists(defaultFile) {
		s.say("already in NAMES of %s: %s", defaultFile, s.Name)
		return nil
	}
	return s.do("add", s.Name+" to NAMES in "+defaultFile, func() error { return place(throughLinks(defaultFile), after, mode) })
}

// byHand says of a file that is not understood what is to be done in it.
func byHand(verb, name string, err error) error {
	return hinted(verb+" the name in that line by hand, and say it again", "cannot %s %s in %s: %w", verb, name, defaultFile, err)
}

// throughLinks is the file itself: a rename over a link would replace that.
func throughLinks(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// registrar is the program that makes and orders rc links here: Debian's, SUSE's
// or Red Hat's; "" where there is none, and the library makes them.
func registrar() string {
	for _, program := range []string{"update-rc.d", "insserv", "chkconfig"} {
		if has(program) {
			return program
		}
	}
	return ""
}

// enable makes the rc links, unless the library has. update-rc.d defaults leaves alone what somebody
// disabled, therefore enable.
func (s sysv) enable() error {
	var err error
	switch registrar() {
	case "":
		if len(rcLinks("S")) == 0 {
			err = s.linkByHand()
		}
	case "update-rc.d":
		if _, err = run("update-rc.d", "keepone", "defaults"); err == nil {
			_, err = run("update-rc.d", "keepone", "enable")
		}
	case "insserv":
		_, err = run("insserv", "keepone")
	case "chkconfig":
		if _, err = run("chkconfig", "--add", "keepone"); err == nil {
			_, err = run("chkconfig", "keepone", "on")
		}
	}
	if err == nil && len(rcLinks("S")) == 0 {
		err = hinted("look at /etc/rc2.d", "no link to %s was made", initScript)
	}
	return err
}

// linkByHand makes the library's links where the script was there before.
func (s sysv) linkByHand() error {
	for levels, prefix := range map[string]string{"2345": "S50", "016": "K02"} {
		for _, level := range levels {
			err := os.Symlink("../init.d/keepone", "/etc/rc"+string(level)+".d/"+prefix+"keepone")
			if err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
		}
	}
	return nil
}

// rcLinks are the links in the run levels' directories that start (S) or stop (K).
func rcLinks(kind string) (all []string) {
	for _, pattern := range []string{"/etc/rc?.d/", "/etc/rc.d/rc?.d/"} {
		found, _ := filepath.Glob(pattern + kind + "[0-9][0-9]keepone") // the pattern is valid
		all = append(all, found...)
	}
	return all
}

func (s sysv) start() error {
	if s.answers() {
		s.say("already started: %s", s.Name)
		return nil
	}
	return s.do("start", s.Name, func() error {
		if _, err := run(initScript, "start", s.Name); err != nil {
			return hinted("keepone check "+s.Name+"; then again: keepone install "+s.Name, "%w", err)
		}
		return nil
	})
}

func (s sysv) stop() error {
	if !s.answers() || !exists(initScript) {
		s.say("already stopped: %s", s.Name)
		return nil
	}
	return s.do("stop", s.Name, func() error {
		_, err := run(initScript, "stop", s.Name)
		return err
	})
}
