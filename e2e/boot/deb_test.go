package boot

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	older, newer = "0.1.0", "0.1.1"

	sysvSystem = "sysvinit-core,insserv,sysv-rc,initscripts,lighttpd,curl,python3-minimal,procps,php-cgi"
)

// pack builds one package of each version with the program that builds ours, and
// returns what a system is to find at /mnt: file name to content.
func pack(t *testing.T, format string) map[string]string {
	t.Helper()
	arch := script(t, "dpkg", "--print-architecture")
	dir := t.TempDir()
	for _, version := range []string{older, newer} {
		argv := []string{"run", "./packaging", "-o", dir, "-formats", format, "-arch", arch, "-version", version}
		c := exec.Command("go", argv...)
		c.Dir = "../.."
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("cannot build a package: %v\n%s", err, out)
		}
	}
	share := map[string]string{}
	files, err := filepath.Glob(filepath.Join(dir, "*."+format))
	if err != nil || len(files) < 2 {
		t.Fatalf("the packages are %q, %v", files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		number := regexp.MustCompile(`\d+\.\d+\.\d+`).FindString(filepath.Base(f))
		share[number+"."+format] = string(text)
	}
	return share
}

// What packages are tried with. visit asks for pages until it is told to end,
// and says how many were not answered with 200, and how many there were.
var visitors = map[string]string{
	"slow.php": `<?php usleep(1500000); echo "slow\n";`,
	"visit": `#!/bin/sh
rm -f /tmp/enough
for i in 1 2 3 4; do
	(for n in $(seq 2000); do
		[ ! -e /tmp/enough ] || break
		curl -s -o /dev/null -w '%{http_code}\n' http://127.0.0.1/pid.php
	done) >/tmp/visits.$i &
done
wait
cat /tmp/visits.? | grep -vc '^200$'
cat /tmp/visits.? | wc -l
`,
	// Every file of the system but what dpkg and the boot itself write.
	"files": `#!/bin/sh
find / -xdev \( -path /var/lib/dpkg -o -path /var/cache -o -path /var/log/apt -o -path /var/log/dpkg.log \
	-o -path /var/log/journal -o -path /var/lib/systemd/timers -o -path /var/lib/systemd/random-seed -o -path /var/log/lighttpd \
	-o -path '*/runsvdir/default/.*' -o -path '*getty*' -o -path /var/lib/urandom -o -path /var/log/alternatives.log -o -path /var/tmp -o -path /var/lib/apt \) -prune -o -print | sort
find /run/keepone /run/systemd/system.control 2>/dev/null
true
`,
	"deny": "#!/bin/sh\necho \"$*\" >>/tmp/asked\nexit 101\n",
	"bad.toml": `[backend]
command = ["php-cgi"]
user = "www-data"
`,
}

// endless is for a php-cgi that would end by itself after 500 requests.
const endless = "[environment]\nPHP_FCGI_MAX_REQUESTS = \"0\"\n"

const visited = `set -e
mkdir -p /srv
cp /mnt/lighttpd.conf /etc/lighttpd/lighttpd.conf
cp /mnt/pid.php /mnt/slow.php /srv/
`

// packaged boots a system for packages of one format.
func packaged(t *testing.T, kind, packages, format, setup string) *system {
	t.Helper()
	if testing.Short() {
		t.Skip("takes longer than a short test may")
	}
	share := pack(t, format)
	for _, more := range []map[string]string{site, visitors, {"php.toml": site["php.toml"] + endless}, {"setup": visited + setup}} {
		for name, text := range more {
			share[name] = text
		}
	}
	return boot(t, kind, packages, share)
}

// during has visitors ask for pages while f runs; all must be answered.
func (s *system) during(what string, f func()) {
	s.Helper()
	s.run("rm -f /tmp/visits.?")
	load := make(chan string)
	go func() { out, _ := s.try("sh /mnt/visit"); load <- out }()
	s.await("test -s /tmp/visits.1 -a -s /tmp/visits.2 -a -s /tmp/visits.3 -a -s /tmp/visits.4")
	f()
	s.run("for i in 1 2 3 4; do n=$(wc -l </tmp/visits.$i); until [ $(wc -l </tmp/visits.$i) -gt $((n + 3)) ]; do sleep 0.05; done; done; touch /tmp/enough")
	failed, total, _ := strings.Cut(<-load, "\n")
	s.Logf("%s: %s of %s requests failed", what, failed, total)
	if failed != "0" {
		s.Errorf("%s: %s of %s requests failed", what, failed, total)
	}
}

// A who is which processes serve, and which version of ours.
type who struct{ keepone, backend, version string }

func (s *system) who() who {
	s.Helper()
	version := s.run(`keepone status php --json | sed -n 's/.*"version": "\(.*\)".*/\1/p'`)
	return who{s.run("cat /run/keepone/php/keepone.pid"), s.run("cat /run/keepone/php/backend.pid"), version}
}

// upgradedBy installs a version under load: only the version may change.
func (s *system) upgradedBy(install, version string) {
	s.Helper()
	before := s.who()
	s.during("upgrade to "+version, func() { s.Log(s.run(install)) })
	want := before
	want.version = version
	if after := s.who(); after != want {
		s.Errorf("before the upgrade %v, after it %v", before, after)
	}
	if exe := s.run("readlink /proc/" + before.keepone + "/exe"); exe != "/usr/bin/keepone" {
		s.Errorf("after the upgrade %s runs", exe)
	}
}

// same checks that the list of files is what it was.
func (s *system) same(what string, before string) {
	s.Helper()
	if out, err := s.try("sh /mnt/files | diff " + before + " -"); err != nil {
		s.Errorf("%s, these files are not as before:\n%s", what, out)
	}
}

// removed removes the package while a request is in flight: that is finished,
// and then nobody is there any more.
func (s *system) removed(remove string) {
	s.Helper()
	now := s.who()
	s.run("(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1/slow.php >/tmp/last; touch /tmp/answered) >/dev/null 2>&1 &\n" +
		"until keepone status php --json | grep -q '\"active\": 1'; do sleep 0.05; done")
	s.Log(s.run(remove))
	s.await("test -e /tmp/answered")
	if out := s.run("cat /tmp/last"); out != "200" {
		s.Errorf("the request in flight was answered with %s", out)
	}
	s.await("! test -e /proc/" + now.keepone + " && ! test -e /proc/" + now.backend) // init has to bury them
	if out := s.run("pgrep keepone; pgrep -x php-cgi; ls -d /run/keepone 2>/dev/null; true"); out != "" {
		s.Errorf("after the removal there is still %q", out)
	}
}

// give puts a file where the system finds it at /mnt.
func (s *system) give(name, text string) {
	s.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "share", name), []byte(text), 0o644); err != nil {
		s.Fatal(err)
	}
}
