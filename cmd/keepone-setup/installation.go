package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"

	"keepone/command"
	"keepone/config"
	"keepone/initscripts"
	"keepone/install"
)

// task is what the package install is to do, for a configuration that is in order.
func (i *installation) task(name string) (*install.Task, error) {
	own, err := programPath()
	if err != nil {
		return nil, err
	}
	t := &install.Task{
		Scripts: install.Scripts{Unit: initscripts.Unit, UserUnit: initscripts.UserUnit, LSB: initscripts.LSB, Default: initscripts.Default,
			OpenRC: initscripts.OpenRC, Run: initscripts.Run, Finish: initscripts.Finish},
		Name: name, Program: own, Init: i.init, User: i.user, NoStart: i.noStart, DryRun: i.dryRun, Out: os.Stdout,
		Config: filepath.Join(config.Dir(), name+".toml"), RunDir: filepath.Join(config.RunBase(), name),
	}
	if t.Init == "" && !t.User {
		if t.Init, err = install.Detect(); err != nil {
			return nil, err
		}
	}
	if err := i.configure(t); err != nil {
		return nil, err
	}
	return t, nil
}

// configure takes from the configuration what a task needs of it. To uninstall,
// there need be none.
func (i *installation) configure(t *install.Task) error {
	saved := t.RunDir
	if !t.User {
		saved = "/var/lib/keepone/" + t.Name
	}
	d := config.Defaults{Root: !t.User, RunDir: t.RunDir, Name: t.Name, History: saved + ".history"}
	if u, err := user.Current(); err == nil {
		d.User = u.Username
	}
	c, err := config.Load(t.Config, d)
	if err != nil && !i.removes {
		hint := "" // the error says which line is wrong, and how
		if errors.Is(err, os.ErrNotExist) {
			hint = config.Absent(config.Dir(), t.Name)
		}
		return command.Fail(command.Misuse, hint, err)
	}
	if err != nil {
		if errors.Is(err, os.ErrNotExist) { // also where it was uninstalled before
			names, _ := config.Names(config.Dir())
			fmt.Fprintf(os.Stderr, "warning: there is no %s; there are: %s\n", t.Config, strings.Join(append(names, "no others")[:max(1, len(names))], ", "))
		} else {
			fmt.Fprintln(os.Stderr, "warning: the defaults are taken for the paths of what is removed:", err)
		}
		c = config.Command(t.Name, nil, d)
	}
	if _, tcp := c.TCP(); !tcp {
		t.Socket = c.Socket.Path
	}
	t.Kept = kept(c, saved)
	if i.harden || !i.removes && t.Hardened() {
		t.Sandbox = hardening(c)
	}
	if i.removes {
		return nil
	}
	return check(t)
}

// kept are the files of a site that outlive it: what keepone run writes besides
// its run directory.
func kept(c *config.Config, saved string) []string {
	all := []string{saved + ".history", saved + ".jobs"}
	if c.Memory.History != all[0] {
		all = append(all, c.Memory.History)
	}
	if out := c.OutputTo(""); filepath.IsAbs(out) {
		all = append(append(all, out), rotated(out)...)
	}
	return all
}

// rotated are the files that keepone made of a full one: FILE.1, FILE.2 and so on.
// FILE.2026-11-01.gz is somebody else's.
func rotated(file string) (all []string) {
	entries, _ := os.ReadDir(filepath.Dir(file)) // what cannot be read has none
	for _, e := range entries {
		number, found := strings.CutPrefix(e.Name(), filepath.Base(file)+".")
		if found && number != "" && strings.Trim(number, "0123456789") == "" {
			all = append(all, filepath.Join(filepath.Dir(file), e.Name()))
		}
	}
	return all
}

// check has keepone itself look at the configuration, and passes its warnings on.
func check(t *install.Task) error {
	c := exec.Command(t.Program, "check", t.Name)
	var said bytes.Buffer
	c.Stderr = &said
	if err := c.Run(); err != nil {
		return command.Fail(command.Misuse, "keepone check "+t.Name, fmt.Errorf("cannot install %s, whose configuration fails the check (%w): %s",
			t.Name, err, strings.TrimSpace(said.String())))
	}
	os.Stderr.Write(said.Bytes()) // nothing can be done about it
	return nil
}

// programPath is keepone, which has started this program and says where it is;
// or else it is beside this one, or where packages have it.
func programPath() (string, error) {
	own, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("cannot find keepone: %w", err)
	}
	dir := filepath.Dir(own)
	for _, path := range []string{os.Getenv("KEEPONE"), filepath.Join(dir, "keepone"), filepath.Join(dir, "../../bin/keepone"), "/usr/bin/keepone"} {
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", command.Fail(command.Failed, "say: keepone install", fmt.Errorf("cannot find keepone beside %s", own))
}

// lingerHint says what a user's units need to outlive the login: logind.conf(5)
// keeps the mark as a file.
func lingerHint() {
	u, err := user.Current()
	if err != nil || !install.Lingers(u.Username) {
		fmt.Println("to have it run from boot on, and after you log out: loginctl enable-linger")
	}
}
