package install

import (
	"errors"
	"io/fs"
	"os"
)

// uninstall takes the name from NAMES. The script and its links go with the last
// one; where a package brought the script, it is only disabled.
func (s sysv) uninstall() error {
	left, err := s.delist()
	if err != nil || len(left) > 0 {
		return err
	}
	if len(rcLinks("S")) > 0 {
		err := s.do("disable", initScript, s.disable)
		if err != nil {
			return err
		}
	} else {
		s.say("already disabled: %s", initScript)
	}
	if err := s.remove(initScript); err != nil {
		return err
	}
	if empty, err := withName(s.text(s.Default), ""); err == nil && same(defaultFile, empty, 0o644) {
		if err := s.remove(defaultFile); err != nil {
			return err
		}
	}
	return s.dangling()
}

func (s sysv) delist() (left []string, err error) {
	before, err := os.ReadFile(defaultFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	after, left, err := withoutName(string(before), s.Name)
	if err != nil {
		return nil, byHand("remove", s.Name, err)
	}
	if after == string(before) {
		s.say("already not in NAMES of %s: %s", defaultFile, s.Name)
		return left, nil
	}
	st, err := os.Stat(defaultFile)
	if err != nil {
		return nil, err
	}
	return left, s.do("remove", s.Name+" from NAMES in "+defaultFile, func() error {
		return place(throughLinks(defaultFile), after, st.Mode().Perm())
	})
}

// disable takes the links away, of our script all of them.
func (s sysv) disable() error {
	mine, err := ours(initScript), error(nil)
	switch name := registrar(); {
	case name == "update-rc.d" && mine:
		_, err = run("update-rc.d", "-f", "keepone", "remove")
	case name == "update-rc.d":
		_, err = run("update-rc.d", "keepone", "disable")
	case name == "insserv":
		_, err = run("insserv", "-r", "keepone")
	case name == "chkconfig":
		_, err = run("chkconfig", "keepone", "off")
		if mine {
			_, err = run("chkconfig", "--del", "keepone")
		}
	}
	for _, path := range rcLinks("S") {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// dangling removes links to a script that is gone.
func (s sysv) dangling() error {
	for _, path := range rcLinks("[SK]") {
		if !exists(path) {
			if err := s.unlink(path); err != nil {
				return err
			}
		}
	}
	return nil
}
