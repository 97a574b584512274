package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"keepone/command"
	"keepone/config"
)

// A target is one backend's name and where its things are.
type target struct {
	name   string
	file   string // its configuration; it need not exist
	runDir string
}

func (t target) control() string      { return filepath.Join(t.runDir, "control") }
func (t target) state() string        { return filepath.Join(t.runDir, "state") }
func (t target) lock() string         { return filepath.Join(t.runDir, "lock") }
func (t target) backendLock() string  { return filepath.Join(t.runDir, "backend.lock") }
func (t target) notifySocket() string { return filepath.Join(t.runDir, "notify") }
func (t target) tried() string        { return filepath.Join(t.runDir, "trial") }
func (t target) history() string      { return filepath.Join(t.runDir, "history") }
func (t target) rivals() string       { return filepath.Join(t.runDir, "rivals") }
func (t target) wall() string         { return filepath.Join(t.runDir, "wall") }
func (t target) keeponePID() string   { return filepath.Join(t.runDir, "keepone.pid") }
func (t target) backendPID() string   { return filepath.Join(t.runDir, "backend.pid") }
func (t target) weight() string       { return filepath.Join(t.runDir, "weight") }
func (t target) output() string       { return filepath.Join(t.runDir, "output") }

// A selection is how the operator says which backend is meant.
type selection struct{ name, file, runDir string }

func (s *selection) flags(f *pflag.FlagSet) {
	f.StringVarP(&s.name, "name", "n", "", "the backend's `name`; with a single configuration that one is meant")
	f.StringVarP(&s.file, "config", "c", "", "its configuration `file` (default "+config.Dir()+"/NAME.toml)")
	f.StringVar(&s.runDir, "run-dir", "", "the `directory` for its socket, locks and state (default "+config.RunBase()+"/NAME)")
}

func isRoot() bool { return os.Geteuid() == 0 }

// resolve finds the one backend that is meant.
func (s selection) resolve(args []string) (target, error) {
	if len(args) > 0 {
		if s.name != "" && s.name != args[0] {
			return target{}, command.Misused("", "cannot choose a backend: both %s and %s are named", s.name, args[0])
		}
		s.name = args[0]
	}
	if s.name == "" && s.file != "" {
		s.name = strings.TrimSuffix(filepath.Base(s.file), ".toml")
	}
	if s.name == "" && s.runDir != "" {
		s.name = filepath.Base(s.runDir)
	}
	if s.name == "" {
		names := known()
		if len(names) != 1 {
			return target{}, none(names)
		}
		s.name = names[0]
	}
	return s.named(s.name)
}

// named fills in the defaults for a name.
func (s selection) named(name string) (target, error) {
	if !config.ValidName(name) {
		return target{}, command.Misused(config.NameHint, "cannot use %q as the name of a backend", name)
	}
	t := target{name, s.file, s.runDir}
	if t.file == "" {
		t.file = filepath.Join(config.Dir(), name+".toml")
	}
	if t.runDir == "" {
		t.runDir = filepath.Join(config.RunBase(), name)
		if there := filepath.Join(config.SystemRunBase, name); !exists(t.runDir) && exists(there) {
			t.runDir = there // the system's: control.read and control.operate say who may ask
		}
	}
	var err error
	if t.runDir, err = filepath.Abs(t.runDir); err != nil {
		return target{}, fmt.Errorf("cannot use the run directory %s: %w", t.runDir, err)
	}
	return t, nil
}

func none(names []string) error {
	if len(names) == 0 {
		return command.Misused("keepone init writes one; without one: keepone run -- COMMAND",
			"cannot choose a backend: there is no configuration in %s", config.Dir())
	}
	return command.Misused("say which, by -n or as an argument: "+names[0],
		"cannot choose a backend: there are %s", strings.Join(names, ", "))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// known lists the backends that have a configuration or run without one: an
// ordinary user's own, or else the system's.
func known() []string {
	names, _ := config.Names(config.Dir()) // none where the directory is missing
	names = append(names, running(config.RunBase())...)
	if len(names) == 0 {
		names = running(config.SystemRunBase)
	}
	slices.Sort(names)
	return slices.Compact(slices.DeleteFunc(names, func(n string) bool { return !config.ValidName(n) }))
}

// running lists the run directories in which a keepone answers; what a killed
// one left is none.
func running(base string) (names []string) {
	sockets, _ := filepath.Glob(filepath.Join(base, "*", "control"))
	for _, path := range sockets {
		conn, err := net.Dial("unix", path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
			continue
		}
		if err == nil {
			conn.Close()
		}
		names = append(names, filepath.Base(filepath.Dir(path)))
	}
	return names
}
