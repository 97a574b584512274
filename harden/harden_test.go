package harden

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestWritable(t *testing.T) {
	always := []string{"/dev/shm", "/run/keepone", "/var/lib/php/sessions", "/var/log/exim4", "/var/mail", "/var/spool"}
	for _, c := range []struct {
		site Site
		more []string
	}{
		{Site{}, nil},
		{Site{Directory: "/", Socket: "tcp://127.0.0.1:8000", Output: "journal"}, nil},
		{Site{Directory: "/var/www/app/", Socket: "/run/keepone/app/app.sock", Output: "/var/log/keepone/app.log", History: "/var/lib/keepone/app.history"}, []string{"/var/www/app"}},
		{Site{Socket: "/run/app/app.sock", Output: "/srv/logs/app.log", History: "/srv/past/h"}, []string{"/run/app", "/srv/logs", "/srv/past"}},
		{Site{Directory: "/srv/app", Also: []string{"/srv/app/uploads", "/srv/application", "relative", "/srv/app/../b"}}, []string{"/srv/app", "/srv/application", "/srv/b"}},
		{Site{Socket: "/app.sock", Output: "/x.log"}, nil}, // never the whole system
	} {
		want := slices.Sorted(slices.Values(slices.Concat(always, c.more)))
		if got := c.site.Writable(); !slices.Equal(got, want) {
			t.Errorf("%+v:\n%q, want\n%q", c.site, got, want)
		}
	}
}

func TestSocketDirectory(t *testing.T) {
	for socket, want := range map[string]string{
		"/run/app/app.sock":         "ExecStartPre=+/bin/mkdir -p -m 755 -- /run/app\n",
		"/run/a b$c%d/app.sock":     "ExecStartPre=+/bin/mkdir -p -m 755 -- \"/run/a b$$c%%d\"\n",
		"/run/a/b/app.sock":         "ExecStartPre=+/bin/mkdir -p -m 755 -- /run/a /run/a/b\n",
		"/run/keepone/app/app.sock": "",
		"/run/app.sock":             "",
		"/srv/app/app.sock":         "",
		"tcp://127.0.0.1:8000":      "",
	} {
		text := DropIn(Site{Socket: socket})
		if want == "" && strings.Contains(text, "ExecStartPre=") || !strings.Contains(text, want) {
			t.Errorf("%s: want %q in\n%s", socket, want, text)
		}
	}
}

func TestQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"/srv/app":     "/srv/app",
		"/srv/100%":    "/srv/100%%",
		"/srv/my app":  `"/srv/my app"`,
		"/srv/a\"b":    `"/srv/a\"b"`,
		"/srv/a\\b":    `"/srv/a\\b"`,
		"/srv/a\nb=c":  `"/srv/a\nb=c"`,
		"-/srv/#app;x": `"-/srv/#app;x"`,
	} {
		if got := quoted(in); got != want {
			t.Errorf("%q becomes %s, want %s", in, got, want)
		}
	}
	if lines := strings.Count(DropIn(Site{}), "\n"); strings.Count(DropIn(Site{Directory: "/a\nUser=evil"}), "\n") != lines+1 {
		t.Error("a path made a line of its own")
	}
}

// What a site needs more than others stays open for it alone.
func TestOpen(t *testing.T) {
	const resources, limits, port = "\nSystemCallFilter=~@resources\n", "\nCapabilityBoundingSet=CAP_SYS_RESOURCE CAP_SYS_NICE\n", "\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n"
	for _, c := range []struct {
		site                    Site
		resources, limits, port bool
	}{
		{Site{Socket: "/run/keepone/a/a.sock"}, true, false, false},
		{Site{Socket: "tcp://127.0.0.1:8000", Limits: true}, false, true, false},
		{Site{Socket: "tcp://[::1]:80"}, true, false, true},
	} {
		text := DropIn(c.site)
		if strings.Contains(text, resources) != c.resources || strings.Contains(text, limits) != c.limits || strings.Contains(text, port) != c.port {
			t.Errorf("%+v:\n%s", c.site, text)
		}
	}
}

// Every switch that systemd-analyze counts and that is not closed has its reason.
func TestReasons(t *testing.T) {
	text := DropIn(Site{})
	for _, name := range []string{
		"User=", "DynamicUser=", "PrivateUsers=", "NoNewPrivileges=", "CapabilityBoundingSet=", "SystemCallFilter=", "MemoryDenyWriteExecute=",
		"ProtectHome=", "PrivateNetwork=", "IPAddressDeny=", "RestrictAddressFamilies=", "DeviceAllow=", "UMask=", "Delegate=", "ProcSubset=", "RootDirectory=",
	} {
		if !regexp.MustCompile(`(?m)^#.*` + name).MatchString(text) {
			t.Errorf("%s has no reason", name)
		}
	}
}

// The score is the booted systems' to tell; here only where this systemd can tell
// it of files.
func TestScore(t *testing.T) {
	program, err := exec.LookPath("systemd-analyze")
	if err != nil || exec.Command(program, "security", "--offline=yes", "--version").Run() != nil {
		t.Skip("no systemd-analyze that reads files")
	}
	shipped, err := os.ReadFile("../initscripts/keepone@.service")
	if err != nil {
		t.Fatal(err)
	}
	score := func(dropIn string) error {
		file := filepath.Join(t.TempDir(), "keepone-site.service")
		if err := os.WriteFile(file, append(shipped, dropIn...), 0o644); err != nil {
			t.Fatal(err)
		}
		return exec.Command(program, "security", "--offline=yes", "--no-pager", "--threshold=30", file).Run()
	}
	if score("") == nil {
		t.Error("the shipped unit has a sandbox")
	}
	if err := score(DropIn(Site{Directory: "/home/alice/site"})); err != nil {
		t.Errorf("hardened it is above 3.0: %v", err)
	}
}
