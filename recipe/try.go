package recipe

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ErrNoServer says that the server's program is not installed here.
var ErrNoServer = errors.New("its program is not installed")

// Tester returns the server's own test of its configuration: lighttpd -tt,
// nginx -t, apachectl -t, caddy validate. A file that the server does not read
// yet is tested behind its own configuration, or for nginx and Caddy by itself.
func (p Place) Tester(server string, s Site) Test {
	return func(with bool) error {
		with = with && !p.Enabled
		dir, err := os.MkdirTemp("", "keepone-test")
		if err != nil {
			return fmt.Errorf("cannot test %s: %w", p.File, err)
		}
		defer os.RemoveAll(dir)
		argv := p.whole(server)
		if with {
			if argv, err = p.alone(server, s, dir); err != nil {
				return fmt.Errorf("cannot test %s: %w", p.File, err)
			}
		}
		return run(argv, dir)
	}
}

// whole tests what the server reads.
func (p Place) whole(server string) []string {
	return map[string][]string{
		"lighttpd": {"lighttpd", "-tt", "-f", p.Main},
		"nginx":    {"nginx", "-t", "-c", p.Main},
		"apache":   {map[string]string{"apache2": "apachectl", "httpd": "httpd"}[p.Name], "-t"},
		"caddy":    {"caddy", "validate", "--adapter", "caddyfile", "--config", p.Main},
	}[server]
}

// alone tests a file that it does not.
func (p Place) alone(server string, s Site, dir string) ([]string, error) {
	main := filepath.Join(dir, "main")
	text := ""
	switch server {
	case "lighttpd":
		text = fmt.Sprintf("include \"%s\"\ninclude \"%s\"\n", p.Main, p.File)
	case "nginx":
		body := fmt.Sprintf("include \"%s\";", p.File)
		if s.Prefix != "" {
			body = "server { listen unix:" + dir + "/socket; " + body + " }"
		}
		text = fmt.Sprintf("pid %s/pid;\nerror_log stderr;\nevents {}\nhttp { access_log off;\n%s\n}\n", dir, body)
	case "caddy":
		text = "import " + p.File + "\n"
		if s.Prefix != "" {
			text = ":80 {\n" + text + "}\n"
		}
	case "apache":
		return append(p.whole(server), s.apacheExtra(p)...), nil
	}
	argv := p.whole(server)
	argv[len(argv)-1] = main
	return argv, os.WriteFile(main, []byte(text), 0o600)
}

// apacheExtra has Apache read the file, and load what a2enmod would have it
// load.
func (s *Site) apacheExtra(p Place) []string {
	var extra []string
	for _, name := range s.apacheModules() {
		_, off := os.Stat("/etc/apache2/mods-enabled/" + name + ".load")
		file := "/usr/lib/apache2/modules/mod_" + name + ".so"
		if _, err := os.Stat(file); off != nil && err == nil && p.Name == "apache2" {
			extra = append(extra, "-C", "LoadModule "+name+"_module "+file)
		}
	}
	return append(extra, "-c", "Include "+p.File)
}

// run runs a program of /usr/sbin and its like, also for who has them not in
// PATH. Caddy, which keeps things even when it only tests, keeps them in dir.
func run(argv []string, dir string) error {
	path, err := exec.LookPath(argv[0])
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if err != nil {
			path, err = exec.LookPath(filepath.Join(dir, argv[0]))
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", argv[0], ErrNoServer)
	}
	c := exec.Command(path, argv[1:]...)
	c.Env = append(os.Environ(), "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
