package boot

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keepone/harden"
)

// A site below /home that does what sites do: one file of PHP for each deed,
// which says "done" and no more when it could.
var deeds = map[string]string{
	"php.toml": `[backend]
command = ["php-cgi", "-d", "opcache.enable=1", "-d", "opcache.jit_buffer_size=16M", "-d", "opcache.jit=tracing"]
directory = "/home/alice/site"
user = "alice"
[socket]
group = "www-data"
[drain]
patience = "100ms"
`,
	"sqlite.php": `<?php
$db = new SQLite3('/home/alice/site/data/site.db');
$db->busyTimeout(2000);
if ($db->exec('create table if not exists t (n integer); insert into t values (1)')
	&& $db->querySingle('select count(*) from t') > 0) echo "done";`,
	"upload.php": `<?php
if (move_uploaded_file($_FILES['file']['tmp_name'], '/home/alice/site/data/upload')
	&& filesize('/home/alice/site/data/upload') === 1500000) echo "done";`,
	"mail.php": `<?php if (mail('bob@localhost', 'subject', 'text')) echo "done";`,
	"jit.php": `<?php
function sum($n) { for ($s = 0, $i = 0; $i < $n; $i++) $s += $i * 3 % 7; return $s; }
for ($i = 0; $i < 200; $i++) $sum = sum(1000);
if (PHP_VERSION_ID < 80000) die($sum === 2999 ? "done" : ""); // has no JIT
$jit = opcache_get_status(false)['jit'];
if ($jit['on'] && $jit['buffer_free'] < $jit['buffer_size'] && $sum === 2999) echo "done";`,
	"session.php": `<?php session_start(); $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1; session_write_close();
if (is_file(session_save_path() . '/sess_' . session_id()) || session_status() === PHP_SESSION_NONE && $_SESSION['n'] > 0) echo "done";`,
	"include.php": `<?php require '/home/alice/lib/answer.php'; if ($answer === 42) echo "done";`,
	"answer.php":  `<?php $answer = 42;`,
	"temp.php": `<?php
$f = tempnam('/tmp', 'site');
if ($f && dirname($f) === '/tmp' && file_put_contents($f, 'text') && unlink($f)) echo "done";`,
	// What the backend is, to the kernel.
	"status.php": `<?php
echo preg_replace('/^(?!(NoNewPrivs|Seccomp|CapBnd):).*\n/m', '', file_get_contents('/proc/self/status'));
echo readlink('/proc/self/ns/mnt'), " ", trim(file_get_contents('/proc/self/oom_score_adj')), "\n";`,
}

const deedsSetup = `set -e
useradd -m alice
mkdir -p /home/alice/lib /home/alice/site/data
cp /mnt/answer.php /home/alice/lib/
rmdir /srv && ln -s /home/alice/site /srv
cp /mnt/*.php /srv/
chown -R alice /home/alice
chmod 755 /home/alice
cp /mnt/sendmail /usr/sbin/sendmail && chmod 4755 /usr/sbin/sendmail
mkdir -m 700 /var/spool/stub
head -c 1500000 /dev/zero >/root/file
`

// sendmail builds the setuid program.
func sendmail(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sendmail")
	c := exec.Command("go", "build", "-o", path, "./testdata/sendmail")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("cannot build sendmail: %v\n%s", err, out)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sandboxed boots a system with that site and the shipped unit.
func sandboxed(t *testing.T, suite string) *system {
	t.Helper()
	extra := systemdShare(t)
	for name, text := range deeds {
		extra[name] = text
	}
	extra["sendmail"] = sendmail(t)
	extra["50-harden.conf"] = harden.DropIn(harden.Site{Directory: "/home/alice/site", Socket: "/run/keepone/php/php.sock", History: "/var/lib/keepone/php.history"})
	extra[harden.TmpFile] = harden.TmpUnit
	extra["setup"] = deedsSetup + install + systemdSetup
	s := bootSuite(t, suite, extra)
	s.await("curl -sf http://127.0.0.1/pid.php")
	return s
}

// does tries every deed.
func (s *system) does(when string) {
	s.Helper()
	for _, deed := range []string{"sqlite", "mail", "jit", "session", "include", "temp"} {
		if out := s.run("curl -s http://127.0.0.1/" + deed + ".php"); out != "done" {
			s.Errorf("%s: %s says %q", when, deed, out)
		}
	}
	if out := s.run("curl -s -F file=@/root/file http://127.0.0.1/upload.php"); out != "done" {
		s.Errorf("%s: upload says %q", when, out)
	}
	out := s.run("cat /var/spool/stub/*; rm -f /var/spool/stub/*")
	if alice := s.run("id -u alice"); !strings.Contains(out, "To: bob@localhost") || !strings.HasSuffix(out, "queued by 0 for "+alice) {
		s.Errorf("%s: the mail is\n%s", when, out)
	}
}

// TestSandbox: under the shipped unit the backend may do all that it could do as
// a child of rc.local, and hardened what sites need.
func TestSandbox(t *testing.T) {
	for _, suite := range suites {
		t.Run(suite, func(t *testing.T) {
			s := sandboxed(t, suite)
			s.does("shipped")
			s.free()
			s.hardened()
		})
	}
}

// free checks that the kernel holds nothing back from the backend that it would
// allow a child of init.
func (s *system) free() {
	s.Helper()
	want := fmt.Sprintf("CapBnd:\t%s\nNoNewPrivs:\t0\nSeccomp:\t0\n%s 0",
		s.run("awk '/^CapBnd/ {print $2}' /proc/1/status"), s.run("readlink /proc/1/ns/mnt"))
	if got := s.run("curl -s http://127.0.0.1/status.php"); got != want {
		s.Errorf("the backend has\n%s\nand a child of init\n%s", got, want)
	}
}

// hardened tries the drop-in: its score, the deeds, and all that keepone does
// about a site, which is tried by others without it.
func (s *system) hardened() {
	s.Helper()
	s.run("mkdir /etc/systemd/system/keepone@php.service.d && cp /mnt/50-harden.conf /etc/systemd/system/keepone@php.service.d/")
	s.run("cp /mnt/" + harden.TmpFile + " /etc/systemd/system/ && systemctl daemon-reload")
	s.run("systemctl restart keepone@php")
	out := s.run("systemd-analyze security --no-pager keepone@php")
	lines := strings.Split(out, "\n")
	var score float64
	_, after, _ := strings.Cut(lines[len(lines)-1], "keepone@php.service: ")
	if _, err := fmt.Sscan(after, &score); err != nil || score > 3.0 {
		s.Errorf("systemd-analyze security says, %v:\n%s", err, out)
	}
	if out, err := s.try("curl -s http://127.0.0.1/status.php | grep -q 'Seccomp:.2'"); err != nil {
		s.Fatalf("the backend is not in a sandbox: %s", out)
	}
	s.does("hardened")
	s.run("keepone restart-backend")
	s.does("hardened, restarted")
	s.killed()
	s.does("hardened, adopted")
	s.stored()
	s.replaced()
	s.does("hardened, upgraded")
	group := s.run("systemctl show --value -p ControlGroup keepone@php")
	if got := s.run("grep ^0:: /proc/" + s.backend() + "/cgroup"); !strings.HasPrefix(got, "0::"+group+"/keepone-php-") {
		s.Errorf("the backend is in %s, the unit in %s", got, group)
	}
	if out := s.run("stat -c %a /run/keepone/php /var/lib/keepone/php.history"); out != "755\n644" {
		s.Errorf("run directory and history have the modes %q", out)
	}
	pid := s.backend()
	s.run("systemctl stop keepone@php")
	s.gone(pid)
	s.await("! systemctl is-active keepone-tmp@php && test -z \"$(ls -d /tmp/systemd-private-*keepone* 2>/dev/null)\"")
}
