package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/pflag"

	"keepone/command"
	"keepone/config"
)

// runFlags are those of keepone run.
type runFlags struct {
	selection
	tenure
	user, socket, handoff string
	trial                 bool
}

func (r *runFlags) flags(f *pflag.FlagSet) {
	r.selection.flags(f)
	r.tenure.flags(f)
	f.BoolVar(&r.trial, "trial", false, "test configuration and state as an upgrade would find them, and exit")
	f.StringVar(&r.user, "user", "", "without a configuration: the `user` the backend runs as")
	f.StringVar(&r.socket, "socket", "", "without a configuration: the `path` of the listening socket (default RUN-DIR/NAME.sock)")
	f.StringVar(&r.handoff, "handoff", "", "without a configuration: `how` the backend gets the socket, fd0 or listen-fds (default fd0)")
}

// A loader makes the configuration, when it is needed.
type loader = func() (*config.Config, error)

// runArguments parses the command line of run without a command tree, which
// would stay in memory.
func runArguments(args []string) (t target, load loader, r runFlags, err error) {
	f := pflag.NewFlagSet("run", pflag.ContinueOnError)
	f.Usage = func() {}
	r.flags(f)
	if err := f.Parse(args); errors.Is(err, pflag.ErrHelp) {
		return t, nil, r, errors.Join(runHelp(), command.Silent(command.Done))
	} else if err != nil {
		return t, nil, r, command.Misused("keepone run --help", "cannot run: %v", err)
	}
	if err := r.tenure.check(); err != nil {
		return t, nil, r, err
	}
	if n := f.ArgsLenAtDash(); n >= 0 {
		t, load, err = r.command(f.Args()[:n], f.Args()[n:])
	} else {
		t, load, err = r.configured(f.Args())
	}
	return t, load, r, err
}

// configured is keepone run [NAME].
func (r *runFlags) configured(args []string) (target, loader, error) {
	if r.user+r.socket+r.handoff != "" {
		return target{}, nil, command.Misused("put them into the configuration", "cannot run: --user, --socket and --handoff go with -- COMMAND only")
	}
	if len(args) > 1 {
		return target{}, nil, command.Misused("keepone run --help", "cannot run: one name is enough, not %q", args)
	}
	t, err := r.resolve(args)
	if err != nil {
		return target{}, nil, err
	}
	return t, func() (*config.Config, error) { return loadConfig(t) }, nil
}

// command is keepone run -- COMMAND: no configuration is needed.
func (r *runFlags) command(args, argv []string) (target, loader, error) {
	switch {
	case len(argv) == 0 || argv[0] == "":
		return target{}, nil, command.Misused("for instance: keepone run --user www-data -- php-cgi", "cannot run: after -- stands the backend's command")
	case r.file != "" || len(args) > 1:
		return target{}, nil, command.Misused("keepone run --help", "cannot run: with -- COMMAND goes one name at most, and no configuration")
	case isRoot() && r.user == "":
		return target{}, nil, command.Misused("for instance: --user www-data", "cannot run %s as root unless that is said: --user is missing", argv[0])
	}
	if len(args) == 0 && r.name == "" {
		args = []string{commandName(argv[0])}
	}
	t, err := r.resolve(args)
	if err != nil {
		return target{}, nil, err
	}
	return t, func() (*config.Config, error) { return r.composed(t, argv) }, nil
}

// composed is the configuration of a backend that has none.
func (r *runFlags) composed(t target, argv []string) (*config.Config, error) {
	c := config.Command(t.name, argv, defaults(t))
	c.Backend.User = r.user
	if r.socket != "" {
		c.Socket.Path = r.socket
	}
	if r.handoff != "" {
		c.Backend.Handoff = r.handoff
	}
	var err error
	if c.Backend.Directory, err = os.Getwd(); err != nil {
		return nil, fmt.Errorf("cannot find the current directory: %w", err)
	}
	if err := c.Validate(); err != nil {
		hint := ""
		if errors.Is(err, fs.ErrNotExist) {
			hint = config.Absent(config.Dir(), t.name)
		}
		return nil, command.Fail(command.Misuse, hint, err)
	}
	return c, nil
}

func defaults(t target) config.Defaults {
	return config.Defaults{Root: isRoot(), User: whoami(), RunDir: t.runDir, Name: t.name, History: t.savedHistory()}
}

func loadConfig(t target) (*config.Config, error) {
	c, err := config.Load(t.file, defaults(t))
	if err == nil {
		_, err = question(c, c.Backend.Protocol, false)
		if errors.Is(err, errNoQuestion) {
			err = nil // config has seen to it that nothing is asked
		}
	}
	if err != nil {
		return nil, command.Fail(command.Misuse, "", err)
	}
	return c, nil
}

// makeRunDir makes the directory readable by all, whatever the umask: the web
// server connects to a socket in it. What is in it must be ours alone to change.
func makeRunDir(dir string) error {
	var missing []string
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		missing = append(missing, d)
	}
	err := os.MkdirAll(dir, 0o755)
	for _, d := range missing {
		err = errors.Join(err, os.Chmod(d, 0o755))
	}
	if err != nil {
		return fmt.Errorf("cannot make the run directory: %w", err)
	}
	st, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("cannot use the run directory: %w", err)
	}
	if owner := st.Sys().(*syscall.Stat_t).Uid; int(owner) != os.Geteuid() || st.Mode().Perm()&0o022 != 0 {
		return command.Fail(command.Failed, "chown and chmod go-w it, or choose another with --run-dir",
			fmt.Errorf("cannot use the run directory %s: others than user %d may change what is in it", dir, os.Geteuid()))
	}
	return nil
}
