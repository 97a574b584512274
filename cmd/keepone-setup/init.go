package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"keepone/command"
	"keepone/config"
	"keepone/scaffold"
)

// initCommand is keepone init.
func initCommand() *cobra.Command {
	i := &initiation{in: os.Stdin, out: os.Stdout, errors: os.Stderr}
	c := &cobra.Command{
		Use:   "init [NAME]",
		Short: "Write a configuration for a site, by asking, by looking, or from what runs it today",
		Long: `Init writes NAME.toml, with comments, and checks it. On a terminal it asks for
what it is not told, and proposes what it finds in the site's directory: web2py,
Django, web.py, Flask and other WSGI programs, PHP, Perl, Ruby, Node.js. With
--from it reads what runs the site today: a supervisord section, a systemd unit,
rc.local or a line of it, lighttpd's bin-path, or a running process. What cannot
be carried over stands at the head of the file and is said. A file that is there
already is never overwritten, unless --force keeps a copy of it.`,
		Example: `  keepone init                                        ask for everything
  keepone init shop --directory /var/www/shop         look what is there
  keepone init shop --command "php-cgi" --directory /var/www/shop --user www-data
  keepone init --from /etc/supervisor/conf.d/shop.conf
  keepone init --from /etc/rc.local shop -o -         print it, and write nothing`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				i.name = args[0]
			}
			i.terminal = term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd()))
			return i.run()
		},
	}
	i.addFlags(c)
	return c
}

// An initiation is one run of init.
type initiation struct {
	name, command, directory, user, handoff, protocol, socket string
	from, kind, output                                        string
	force, terminal                                           bool

	in          io.Reader
	out, errors io.Writer

	dialogue *scaffold.Dialogue // nil where nobody can be asked
	asked    bool
	private  bool // the source is not for everybody
}

func (i *initiation) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&i.command, "command", "", "the program and its arguments, a `line` quoted as for a shell")
	f.StringVar(&i.directory, "directory", "", "the `directory` of the site, in which the command runs")
	f.StringVar(&i.user, "user", "", "the `user` it runs as (default: the web server's user)")
	f.StringVar(&i.handoff, "handoff", "", "`how` it gets its socket: fd0 or listen-fds (default: as the program wants it)")
	f.StringVar(&i.protocol, "protocol", "", "`what` it speaks: fastcgi, http, scgi or uwsgi (default: as the program speaks)")
	f.StringVar(&i.socket, "socket", "", "where the web server connects: a `path`, or tcp://127.0.0.1:8000")
	f.StringVar(&i.from, "from", "", "a `file` that starts the site today, - for the standard input, or PID:1234")
	f.StringVar(&i.kind, "kind", "", "`what` --from is: "+strings.Join(scaffold.Kinds, ", ")+" (default: by what it says)")
	f.StringVarP(&i.output, "output", "o", "", "write to this `file`, or - for the standard output")
	f.BoolVar(&i.force, "force", false, "replace a file that is there; the old one stays as NAME.toml.bak")
	for flag, words := range map[string][]string{"handoff": {"fd0", "listen-fds"}, "protocol": {"fastcgi", "http", "scgi", "uwsgi"}, "kind": scaffold.Kinds} {
		_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	}
}

// machine is this one, as the backend will see it.
func (i *initiation) machine() scaffold.Machine {
	return scaffold.Machine{Path: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", Run: i.harmlessly}
}

func (i *initiation) run() error {
	if err := i.flags(); err != nil {
		return err
	}
	if i.terminal && i.from != "-" {
		i.dialogue = scaffold.NewDialogue(i.in, i.errors)
	}
	p, err := i.plan()
	if err == nil {
		err = i.settle(p)
	}
	if errors.Is(err, scaffold.ErrEnded) {
		return command.Fail(command.Failed, "", fmt.Errorf("cannot go on: %w; nothing was written", err))
	}
	if err != nil {
		return err
	}
	return i.write(p)
}

// flags finds what makes no sense before anything is asked.
func (i *initiation) flags() error {
	switch {
	case i.from != "" && i.command != "":
		return command.Misused("keepone init --help", "cannot use --from and --command together: --from has the command")
	case i.kind != "" && i.from == "":
		return command.Misused("keepone init --help", "cannot use --kind without --from")
	case i.directory != "":
		dir, err := filepath.Abs(i.directory)
		if err == nil {
			err = isDirectory(dir)
		}
		if err != nil {
			return command.Misused("", "cannot use --directory %s: %v", i.directory, err)
		}
		i.directory = dir
	}
	if i.name != "" && (!config.ValidName(i.name) || scaffold.SafeName(i.name) != i.name) {
		return command.Misused("letters, digits and . _ - make a name", "cannot use %q as a name", i.name)
	}
	return nil
}

// plan is what the site is, from the one source that was named.
func (i *initiation) plan() (*scaffold.Plan, error) {
	switch {
	case strings.HasPrefix(i.from, "PID:"):
		p, err := scaffold.FromProcess("/proc", strings.TrimPrefix(i.from, "PID:"))
		if err != nil {
			return nil, command.Fail(command.Failed, "", err)
		}
		return p, nil
	case i.from != "":
		return i.read()
	case i.command != "":
		words, err := scaffold.Words(i.command)
		if err == nil && len(words) == 0 {
			err = errors.New("it names no program")
		}
		if err != nil {
			return nil, command.Misused(`what needs a shell is written as --command "sh -c '...'"`, "cannot use --command: %v", err)
		}
		return &scaffold.Plan{Origin: "its command line", Command: words}, i.askDirectory()
	case i.directory != "" || i.dialogue != nil:
		return i.look()
	}
	return nil, command.Misused("keepone init NAME --directory /var/www/NAME, or --command, or --from FILE",
		"cannot ask on what is no terminal: say what the site is")
}

// look recognises what is in the directory, and asks for that first.
func (i *initiation) look() (*scaffold.Plan, error) {
	if err := i.askDirectory(); err != nil {
		return nil, err
	}
	found := i.machine().Recognise(i.directory)
	if len(found) > 0 {
		fmt.Fprintf(i.errors, "Found %s.\n", found[0].Origin)
		for _, other := range found[1:] {
			fmt.Fprintf(i.errors, "There is %s, too: %s\n", other.Origin, spoken(other.Command))
		}
		return found[0], nil
	}
	if i.dialogue == nil {
		return nil, command.Misused("say it with --command", "cannot tell what runs the site in %s", i.directory)
	}
	return &scaffold.Plan{Origin: "your answers", Name: scaffold.SafeName(filepath.Base(i.directory)), Directory: i.directory}, nil
}

// askDirectory asks for it where it was not said and somebody can answer.
func (i *initiation) askDirectory() error {
	if i.directory != "" || i.dialogue == nil {
		return nil
	}
	proposal, err := os.Getwd()
	if err != nil || len(i.machine().Recognise(proposal)) == 0 && i.name != "" && isDirectory("/var/www/"+i.name) == nil {
		proposal = "/var/www/" + i.name
	}
	i.directory, err = i.ask(scaffold.Question{Text: "Directory of the site", Why: "The backend runs in it, and I look what is there.", Proposal: proposal, Check: isDirectory})
	return err
}

func isDirectory(path string) error {
	info, err := os.Stat(path)
	var p *os.PathError
	switch {
	case !filepath.IsAbs(path):
		return fmt.Errorf("%q does not begin with /", path)
	case errors.As(err, &p):
		return fmt.Errorf("%s: %w", path, p.Err)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", path)
	}
	return nil
}

func (i *initiation) ask(q scaffold.Question) (string, error) {
	i.asked = true
	return i.dialogue.Ask(q)
}

// spoken writes a command so that --command reads it back.
func spoken(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		if w == "" || strings.Trim(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=,+@%-") != "" {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		quoted[i] = w
	}
	return strings.Join(quoted, " ")
}
