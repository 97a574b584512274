package scaffold

import (
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// An Account is whom the web server runs as.
type Account struct {
	User, Group string
	Why         string // how that is known, for the operator
}

// fronts are the names of web servers' processes.
var fronts = []string{"lighttpd", "nginx", "apache2", "httpd", "caddy"}

// WebUser finds the user of the web server of this host: of the one that
// runs, else of the one that is configured. root is "/" but in tests. The
// answer is empty where there is none, or only one that runs as root.
func WebUser(root string) Account {
	if a := runningFront(filepath.Join(root, "proc")); a.User != "" {
		return a
	}
	return configuredFront(root)
}

// runningFront looks into proc(5): a process that is not root's is a worker of
// a web server, or the whole of it.
func runningFront(proc string) Account {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return Account{}
	}
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		comm, err := os.ReadFile(filepath.Join(proc, e.Name(), "comm"))
		name := strings.TrimSpace(string(comm))
		if err != nil || !slices.Contains(fronts, name) {
			continue
		}
		status, err := os.ReadFile(filepath.Join(proc, e.Name(), "status"))
		if a := asAccount(string(status)); err == nil && a.User != "" && a.User != "root" {
			a.Why = name + " runs as this user, process " + e.Name()
			return a
		}
	}
	return Account{}
}

// asAccount names the effective ids in the text of /proc/PID/status.
func asAccount(status string) Account {
	a := Account{User: statusID(status, "Uid:"), Group: statusID(status, "Gid:")}
	if u, err := user.LookupId(a.User); err == nil {
		a.User = u.Username
	}
	if g, err := user.LookupGroupId(a.Group); err == nil {
		a.Group = g.Name
	}
	return a
}

// statusID is the effective id in a line of /proc/PID/status.
func statusID(status, key string) string {
	for line := range strings.Lines(status) {
		if f := strings.Fields(line); len(f) > 2 && f[0] == key {
			return f[2]
		}
	}
	return ""
}

// settings are where web servers say whom they run as, Debian's places and Fedora's.
var settings = []struct {
	file        string
	user, group *regexp.Regexp
}{
	{"etc/lighttpd/lighttpd.conf", regexp.MustCompile(`(?m)^\s*server\.username\s*=\s*"([^"]+)"`), regexp.MustCompile(`(?m)^\s*server\.groupname\s*=\s*"([^"]+)"`)},
	{"etc/nginx/nginx.conf", regexp.MustCompile(`(?m)^\s*user\s+([^\s;]+)[^;\n]*;`), regexp.MustCompile(`(?m)^\s*user\s+[^\s;]+\s+([^\s;]+)\s*;`)},
	{"etc/apache2/envvars", regexp.MustCompile(`(?m)^\s*(?:export\s+)?APACHE_RUN_USER=["']?([A-Za-z0-9_-]+)`), regexp.MustCompile(`(?m)^\s*(?:export\s+)?APACHE_RUN_GROUP=["']?([A-Za-z0-9_-]+)`)},
	{"etc/httpd/conf/httpd.conf", regexp.MustCompile(`(?m)^\s*User\s+([A-Za-z0-9_-]+)`), regexp.MustCompile(`(?m)^\s*Group\s+([A-Za-z0-9_-]+)`)},
	{"usr/lib/systemd/system/caddy.service", regexp.MustCompile(`(?m)^User=(\S+)`), regexp.MustCompile(`(?m)^Group=(\S+)`)},
	{"lib/systemd/system/caddy.service", regexp.MustCompile(`(?m)^User=(\S+)`), regexp.MustCompile(`(?m)^Group=(\S+)`)},
}

func configuredFront(root string) Account {
	for _, s := range settings {
		text := readText(filepath.Join(root, s.file))
		m := s.user.FindStringSubmatch(text)
		if m == nil || m[1] == "root" {
			continue
		}
		a := Account{User: m[1], Why: "/" + s.file + " says so"}
		if g := s.group.FindStringSubmatch(text); g != nil {
			a.Group = g[1]
		}
		return a
	}
	return Account{}
}
