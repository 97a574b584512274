package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keepone/command"
	"keepone/config"
	"keepone/recipe"
)

// webserverFlags are what the configuration does not say.
type webserverFlags struct {
	wired
	static       []string
	host, prefix string
	script       string
	port         int
	write, force bool
}

func webserverCommand() *cobra.Command {
	var f webserverFlags
	c := &cobra.Command{
		Use:   "webserver lighttpd|nginx|apache|caddy [NAME]",
		Short: "Print, or write, what the web server's configuration needs",
		Long: `Webserver prints the part of a web server's configuration that hands a site to
keepone's socket: static files are the web server's, everything else is the
backend's. lighttpd, nginx and Apache speak FastCGI, HTTP, SCGI and uwsgi to a
backend, Caddy FastCGI and HTTP. The head of the text says into which file it
belongs and how to have it read.

With --write it is put there, and tested by the server's own test: what that
refuses is taken back. A file that somebody has changed is left alone.`,
		Example: `    keepone webserver lighttpd web2py --static /app/static=/var/www/web2py/applications/app/static
    keepone webserver lighttpd web2py --static '/*/static=/var/www/web2py/applications/*/static' --write
    keepone webserver nginx shop --host shop.example.org --static /static=/srv/shop/static > shop.conf
    keepone webserver apache blog --script /var/www/blog/index.php`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return command.Misused("keepone webserver lighttpd", "cannot write for no web server: name one of %s", strings.Join(recipe.Servers, ", "))
			}
			if !slices.Contains(recipe.Servers, args[0]) {
				return command.Misused("keepone webserver lighttpd "+args[0], "cannot write for the web server %q: these are known: %s", args[0], strings.Join(recipe.Servers, ", "))
			}
			return f.run(args[0], args[1:])
		},
	}
	f.flags(c)
	c.Flags().StringArrayVar(&f.static, "static", nil, "`/URL=DIR`: the web server itself serves what is below the URL; may be given several times, and a * is any one segment")
	c.Flags().StringVar(&f.host, "host", "", "only for this `name` in the URL (default all)")
	c.Flags().StringVar(&f.prefix, "prefix", "", "only for URLs below `/URL` (default all)")
	c.Flags().StringVar(&f.script, "script", "", "the one `file` that a PHP or CGI backend runs for every URL (default index.php in backend.directory, for PHP)")
	c.Flags().IntVar(&f.port, "port", 80, "where nginx, Caddy or an Apache with --host listen")
	c.Flags().BoolVar(&f.write, "write", false, "write the file in place, and test it")
	c.Flags().BoolVar(&f.force, "force", false, "write it also over one that somebody has changed")
	return c
}

func (f *webserverFlags) run(server string, args []string) error {
	if err := f.choose(args); err != nil {
		return err
	}
	c, err := f.load()
	if err != nil {
		return err
	}
	s, err := f.site(c)
	if err != nil {
		return command.Fail(command.Misuse, "keepone webserver --help", err)
	}
	body, err := recipe.Text(server, s)
	if err != nil {
		return command.Fail(command.Misuse, "keepone webserver --help", err)
	}
	_, systemd := os.Stat("/run/systemd/system") // sd_booted(3)
	machine := recipe.System{Systemd: systemd == nil}
	if other := machine.Clash(server, s); other != "" {
		fmt.Fprintf(os.Stderr, "warning: %s\n", clash(other))
	}
	place := machine.Place(server, s)
	text := recipe.Seal(recipe.Header(server, s, place, f.say()) + body)
	if !f.write {
		_, err := fmt.Print(text)
		return err
	}
	return f.put(server, s, place, text)
}

// asRoot is how root puts the file there: a user's own site is one that root's
// keepone does not know.
func (f *webserverFlags) asRoot(text, file string) string {
	if f.system {
		return "use sudo"
	}
	return "print it, and have root put it there: " + recipe.MadeBy(text) + " | sudo tee " + file
}

// clash says what is wrong with two sites that take the same URLs.
func clash(other string) string {
	return other + " takes the same URLs, so one of the two sites has no visitors: give one a --prefix, or each its --host"
}

// site is what the text is made of.
func (f *webserverFlags) site(c *config.Config) (recipe.Site, error) {
	s := recipe.Site{Name: f.name, Protocol: c.Backend.Protocol, Socket: c.Socket.Path, Host: f.host, Port: f.port,
		Prefix: strings.TrimSuffix(f.prefix, "/"), Script: f.script, Wait: c.Drain.Timeout + c.Stop.Timeout + c.Ready.Timeout}
	_, ipv6 := os.Stat("/proc/net/if_inet6") // proc_net(5): is there where the kernel has it
	s.IPv6 = ipv6 == nil
	if program := filepath.Base(c.Backend.Command[0]); s.Script == "" && s.Protocol == "fastcgi" && strings.HasPrefix(program, "php") {
		s.Script = filepath.Join(c.Backend.Directory, "index.php")
	}
	for _, word := range f.static {
		static, err := recipe.ParseStatic(word)
		if err != nil {
			return s, err
		}
		s.Static = append(s.Static, static)
	}
	return s, nil
}

// put writes the file and says what is left to do.
func (f *webserverFlags) put(server string, s recipe.Site, place recipe.Place, text string) error {
	if !place.Known {
		return command.Fail(command.Failed, "print it, and put it where the web server reads: keepone webserver "+server+" "+f.name,
			fmt.Errorf("cannot write %s: there is no %s here", place.File, filepath.Dir(place.File)))
	}
	changed, doubt, err := recipe.Write(place.File, text, f.force, place.Tester(server, s))
	switch {
	case errors.Is(err, recipe.ErrChanged):
		return command.Fail(command.Failed, "look at it, then use --force, or print the text without --write", err)
	case errors.Is(err, os.ErrPermission):
		return command.Fail(command.Failed, f.asRoot(text, place.File), err)
	case err != nil:
		return err
	case changed:
		fmt.Printf("wrote %s\n", place.File)
	default:
		fmt.Printf("%s is as it should be\n", place.File)
	}
	if doubt != nil {
		fmt.Fprintf(os.Stderr, "warning: %s is not tested: %v\n", place.File, doubt)
	}
	fmt.Println("next, as root:")
	for _, step := range place.Left() {
		fmt.Println("    " + step)
	}
	return nil
}
