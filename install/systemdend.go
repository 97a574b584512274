package install

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func (s *systemd) stop() error {
	if !s.holds() {
		s.say("already stopped: %s", s.unit)
		return nil
	}
	return s.do("stop", s.unit, func() error {
		_, err := s.ctl("stop", s.unit)
		return err
	})
}

func (s *systemd) uninstall() error {
	links, err := s.links()
	if err != nil {
		return err
	}
	if err := s.disable(links); err != nil {
		return err
	}
	_, walled := os.Stat(filepath.Join(s.RunDir, "wall"))
	beside, _ := filepath.Glob(filepath.Join(s.own, "keepone-*@"+s.Name+".service")) // a name has nothing odd in it
	for _, path := range append(beside, s.file(), s.dropIn()) {
		if err := s.remove(path); err != nil {
			return err
		}
	}
	if walled == nil { // a limit of keepone's own: systemctl set-property --runtime
		if err := s.unlimit(); err != nil {
			return err
		}
	}
	if !s.DryRun {
		_ = os.Remove(s.dropIns()) // somebody else's drop-ins keep it
		if s.runs() {
			_, _ = s.ctl("reset-failed", s.unit) // fails where there is nothing to forget
		}
	}
	return s.reload()
}

// links are those by which the unit is enabled, also where it is gone itself.
func (s *systemd) links() ([]string, error) {
	var all []string
	for _, kind := range []string{"wants", "requires", "upholds"} {
		found, err := filepath.Glob(filepath.Join(s.own, "*."+kind, s.unit))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// disable goes by the library where the file is ours, which it removes, too.
// Links that are still there then are removed by hand: systemctl knows none of a
// unit that has no file.
func (s *systemd) disable(links []string) error {
	if len(links) == 0 {
		s.say("already disabled: %s", s.unit)
		return nil
	}
	return s.do("disable", s.unit, func() error {
		if ours(s.file()) && s.runs() {
			if lib, err := s.library(librarySystemd, strings.TrimSuffix(s.unit, ".service"), "-"); err == nil && lib.Uninstall() == nil {
				s.say("removed %s", s.file())
			}
		}
		_, _ = s.ctl("disable", s.unit) // fails where the unit's file is gone
		for _, link := range links {
			if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			_ = os.Remove(filepath.Dir(link)) // if it was the last one
		}
		return nil
	})
}

func (s *systemd) unlimit() error {
	path := filepath.Join("/run/systemd/system.control", s.unit+".d", "50-MemoryMax.conf")
	if !there(path) {
		return nil
	}
	err := s.unlink(path)
	if !s.DryRun {
		_ = os.Remove(filepath.Dir(path)) // an operator's limits keep it
	}
	return err
}
