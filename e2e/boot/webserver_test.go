package boot

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A Debian with its own lighttpd and a site behind keepone: what doctor says to
// do makes it a site that is served, and then it has nothing more to say.
func TestWebServerWired(t *testing.T) {
	s := boot(t, "systemd", systemdPackages, map[string]string{
		"keepone-setup":    setupProgram(t),
		"keepone@.service": unit(t, "keepone@.service"),
		"shop.toml":        "[backend]\ncommand = [\"php-cgi\"]\ndirectory = \"/srv/shop\"\nuser = \"www-data\"\n",
		"index.php":        `<?php echo "shop ", $_SERVER["REQUEST_URI"];`,
		"setup": `set -e
cp /mnt/keepone /usr/bin/keepone
mkdir -p /usr/lib/keepone /etc/keepone /srv/shop/static
cp /mnt/keepone-setup /usr/lib/keepone/
cp /mnt/shop.toml /etc/keepone/
cp /mnt/index.php /srv/shop/
echo from the disk > /srv/shop/static/a.txt
cp /mnt/keepone@.service /usr/lib/systemd/system/
systemctl enable keepone@shop lighttpd
`,
	})
	s.await("systemctl is-active keepone@shop && systemctl is-active lighttpd && keepone status")
	s.wires()
	s.run("sed -i '/socket/ s/shop.sock/other.sock/' /etc/lighttpd/conf-available/50-keepone-shop.conf")
	if out, err := s.try("keepone doctor"); err == nil || !strings.Contains(out, "--static '/static=/srv/shop/static'") {
		t.Errorf("what mends it forgets the flags: %v\n%s", err, out)
	}
	s.run("keepone webserver lighttpd --static /static=/srv/shop/static --write --force && keepone doctor --strict")
	s.run("chmod 750 /run/keepone")
	if out, err := s.try("keepone doctor"); err == nil || !strings.Contains(out, "error        access: /run/keepone: lighttpd, as user www-data,") {
		t.Errorf("a directory is shut: %v\n%s", err, out)
	}
	s.run("chmod o+x /run/keepone && keepone doctor --strict")
	s.run("systemctl stop lighttpd")
	if out, err := s.try("keepone doctor"); err == nil || !strings.Contains(out, "it does not run") || !strings.Contains(out, "mend it: service lighttpd start") {
		t.Errorf("there is no web server: %v\n%s", err, out)
	}
	s.run("service lighttpd start && keepone doctor --strict")
}

// setupProgram is keepone-setup itself.
func setupProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "keepone-setup")
	c := exec.Command("go", "build", "-o", program, "keepone/cmd/keepone-setup")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("cannot build keepone-setup: %v\n%s", err, out)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// wires does what doctor says.
func (s *system) wires() {
	s.Helper()
	out, err := s.try("keepone doctor")
	if err == nil || !strings.Contains(out, "ok           boot: /etc/systemd/system/") || !strings.Contains(out, "started by systemd as keepone@shop.service") {
		s.Errorf("before: %v\n%s", err, out)
	}
	_, fix, found := strings.Cut(out, "does not hand over to /run/keepone/shop/shop.sock; mend it: ")
	fix, _, _ = strings.Cut(fix, "\n")
	if !found || !strings.HasSuffix(fix, "systemctl reload lighttpd") {
		s.Fatalf("doctor does not see it:\n%s", out)
	}
	s.run(fix)
	if got := s.await("curl -sf 'http://127.0.0.1/a/b?c'"); got != "shop /a/b?c" {
		s.Errorf("the site says %q", got)
	}
	s.run("keepone webserver lighttpd --static /static=/srv/shop/static --write && systemctl reload lighttpd")
	s.await("curl -sf http://127.0.0.1/static/a.txt | grep -x 'from the disk'")
	if got := s.run("curl -sf http://127.0.0.1/x"); got != "shop /x" {
		s.Errorf("the site says %q", got)
	}
	s.run("keepone doctor --strict")
}
