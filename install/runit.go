package install

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// runit has a site as a directory, /etc/sv/keepone-NAME, and a link to it where
// runsvdir(8) looks every five seconds. kardianos/service does not know it.
type runit struct{ *Task }

func (r runit) dir() string { return "/etc/sv/keepone-" + r.Name }

// scanned is the directory that runsvdir looks at: Debian's, Void's, Artix's, or
// that of runit's own documentation.
func (r runit) scanned() string {
	return first("/etc/service", "/var/service", "/run/runit/service", "/service")
}

func (r runit) entry() string { return filepath.Join(r.scanned(), "keepone-"+r.Name) }

func (runit) runs() bool { return booted("runit") }

// down is the file that keeps runsv(8) from starting a service it finds.
func (r runit) down() string { return filepath.Join(r.dir(), "down") }

func (r runit) holds() bool { return r.supervised() }

// supervised tells whether a runsv has the service: somebody reads its FIFO.
func (r runit) supervised() bool {
	fd, err := unix.Open(filepath.Join(r.dir(), "supervise/ok"), unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}

func (r runit) install() error {
	if r.scanned() == "" {
		return hinted("make the directory that runsvdir looks at", "cannot enable %s: there is no /etc/service and no /var/service", r.Name)
	}
	for _, f := range []struct{ name, text string }{{"finish", r.Finish}, {"run", r.Run}} {
		if _, err := r.write(filepath.Join(r.dir(), f.name), r.text(f.text), 0o755); err != nil {
			return err
		}
	}
	if found, err := os.Readlink(r.entry()); err == nil && found == r.dir() {
		r.say("already enabled: %s", r.entry())
		return nil
	}
	if there(r.entry()) {
		return fmt.Errorf("cannot enable %s: %s is there, and does not lead to %s", r.Name, r.entry(), r.dir())
	}
	return r.do("enable", r.entry(), r.enable)
}

// enable makes the link. Where it is not to start now, runsv finds it held down
// at first, and free at the next boot.
func (r runit) enable() error {
	held := r.NoStart && r.runs()
	if held {
		if err := place(r.down(), mark, 0o644); err != nil {
			return err
		}
	}
	if err := errors.Join(os.Symlink(r.dir(), r.entry()), syncDir(r.scanned())); err != nil {
		return err
	}
	if !held {
		return nil
	}
	err := await(r.supervised, "runsv takes "+r.dir())
	return errors.Join(err, os.Remove(r.down()))
}

// start waits for the site's keepone to answer: runit has no word for ready.
func (r runit) start() error {
	if r.answers() {
		r.say("already started: %s", r.entry())
		return nil
	}
	return r.do("start", r.entry(), func() error {
		if err := await(r.supervised, "runsv takes "+r.dir()); err != nil {
			return err
		}
		if _, err := run("sv", "up", r.dir()); err != nil {
			return err
		}
		if err := await(r.answers, "keepone answers"); err != nil {
			return hinted("keepone check "+r.Name+"; sv status "+r.dir(), "%w", err)
		}
		return nil
	})
}

func (r runit) stop() error {
	if !r.supervised() {
		r.say("already stopped: %s", r.entry())
		return nil
	}
	return r.do("stop", r.entry(), func() error {
		err := r.through(func(int) error {
			_, err := run("sv", "down", r.dir())
			return err
		})
		if err != nil {
			return err
		}
		return await(r.heldDown, "runsv knows that "+r.dir()+" is to be down")
	})
}

// heldDown tells whether runsv has heard "sv down", which does not wait for that:
// before, "sv up" finds that it is to be up anyway, and says nothing to runsv.
func (r runit) heldDown() bool {
	out, _ := run("sv", "status", r.dir()) // its exit status says the same
	return strings.Contains(out, ", want down") || strings.HasPrefix(out, "down: ") && !strings.Contains(out, ", want up")
}

// uninstall takes the link away first, so that runsvdir starts no runsv again,
// and the directory when its runsv has ended: it would make files in it anew.
func (r runit) uninstall() error {
	if there(r.entry()) {
		err := r.do("disable", r.entry(), func() error {
			return errors.Join(os.Remove(r.entry()), syncDir(r.scanned()))
		})
		if err != nil {
			return err
		}
	} else {
		r.say("already disabled: keepone-%s", r.Name)
	}
	script := filepath.Join(r.dir(), "run")
	if !there(r.dir()) || there(script) && !ours(script) {
		return r.remove(script) // says that it is left alone
	}
	return r.do("remove", r.dir(), func() error {
		if r.supervised() {
			if _, err := run("sv", "exit", r.dir()); err != nil {
				return err
			}
		}
		free := func() bool { return !r.supervised() }
		if err := await(free, "runsv lets go of "+r.dir()); err != nil {
			return err
		}
		return r.clear()
	})
}

// clear removes what install and runsv(8) made, and the directory unless somebody
// else has something in it, such as a log service and what that has kept.
func (r runit) clear() error {
	var err error
	for _, name := range []string{"run", "finish", "down"} {
		if path := filepath.Join(r.dir(), name); ours(path) {
			err = errors.Join(err, os.Remove(path))
		}
	}
	err = errors.Join(err, os.RemoveAll(filepath.Join(r.dir(), "supervise")))
	switch bad := os.Remove(r.dir()); {
	case errors.Is(bad, unix.ENOTEMPTY):
		r.say("left alone: what else is in %s", r.dir())
	default:
		err = errors.Join(err, bad)
	}
	return errors.Join(err, syncDir(filepath.Dir(r.dir())))
}
