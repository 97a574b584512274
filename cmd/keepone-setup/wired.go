package main

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"keepone/command"
	"keepone/config"
)

// A wired says which site is meant, as keepone's own commands have it said.
type wired struct {
	name, file, runDir string
	system             bool // root's, whoever looks at it
}

func (w *wired) flags(c *cobra.Command) {
	c.Flags().StringVarP(&w.name, "name", "n", "", "the backend's `name`; with a single configuration that one is meant")
	c.Flags().StringVarP(&w.file, "config", "c", "", "its configuration `file` (default "+config.Dir()+"/NAME.toml)")
	c.Flags().StringVar(&w.runDir, "run-dir", "", "the `directory` for its socket, locks and state (default "+config.RunBase()+"/NAME)")
}

// choose finds the one site that is meant, and where its things are.
func (w *wired) choose(args []string) error {
	if err := w.call(args); err != nil {
		return err
	}
	if !config.ValidName(w.name) {
		return command.Misused(config.NameHint, "cannot use %q as the name of a backend", w.name)
	}
	if w.file == "" {
		w.file = filepath.Join(config.Dir(), w.name+".toml")
		if there := filepath.Join(systemDir, w.name+".toml"); missing(w.file) && !missing(there) {
			w.file = there
		}
	}
	w.system = os.Geteuid() == 0 || ofRoot(w.file)
	if w.runDir == "" {
		w.runDir = filepath.Join(config.RunBase(), w.name)
		if w.system {
			w.runDir = filepath.Join(config.SystemRunBase, w.name)
		}
	}
	return nil
}

// call finds its name.
func (w *wired) call(args []string) error {
	switch {
	case len(args) > 1:
		return command.Misused("", "cannot choose a backend: one name is enough, not %q", args)
	case len(args) == 1 && w.name != "" && w.name != args[0]:
		return command.Misused("", "cannot choose a backend: both %s and %s are named", w.name, args[0])
	case len(args) == 1:
		w.name = args[0]
	case w.name == "" && w.file != "":
		w.name = strings.TrimSuffix(filepath.Base(w.file), ".toml")
	case w.name == "":
		names, err := configured()
		if err != nil {
			return err
		}
		switch {
		case len(names) == 0:
			return command.Misused("keepone init writes one", "cannot choose a backend: there is no configuration in %s", config.Dir())
		case len(names) > 1:
			return command.Misused("say which, by -n or as an argument: "+names[0], "cannot choose a backend: there are %s", strings.Join(names, ", "))
		}
		w.name = names[0]
	}
	return nil
}

// configured are an ordinary user's own sites, or else root's.
func configured() ([]string, error) {
	names, err := config.Names(config.Dir())
	if len(names) == 0 && err == nil {
		names, err = config.Names(systemDir)
	}
	return names, err
}

// systemDir has the configurations of root's sites, which others may look at.
const systemDir = "/etc/keepone"

// ofRoot tells whether root wrote the file, and so is to run it.
func ofRoot(file string) bool {
	var st syscall.Stat_t
	return syscall.Stat(file, &st) == nil && st.Uid == 0
}

func missing(file string) bool {
	_, err := os.Stat(file)
	return errors.Is(err, fs.ErrNotExist)
}

// load reads the configuration as keepone run would.
func (w *wired) load() (*config.Config, error) {
	who := ""
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	dir, err := filepath.Abs(w.runDir)
	if err != nil {
		return nil, err
	}
	c, err := config.Load(w.file, config.Defaults{Root: w.system, User: who, RunDir: dir, Name: w.name, History: dir + ".history"})
	if err != nil {
		hint := ""
		if errors.Is(err, fs.ErrNotExist) {
			hint = config.Absent(config.Dir(), w.name)
		}
		return nil, command.Fail(command.Misuse, hint, err)
	}
	return c, nil
}

// say names the site to another command, in words of a shell's.
func (w *wired) say() string {
	say := []string{w.name}
	if dir := filepath.Dir(w.file); dir != config.Dir() && dir != systemDir {
		say = append(say, "-c", w.file)
	}
	if base := filepath.Dir(w.runDir); base != config.RunBase() && base != config.SystemRunBase {
		say = append(say, "--run-dir", w.runDir)
	}
	return spoken(say)
}
