package rival

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A fake is a host of the test's own, for what no test can bring about.
type fake struct {
	*testing.T
	host
}

func newFake(t *testing.T) fake { return fake{t, host(t.TempDir())} }

func (f fake) write(path, text string) {
	f.Helper()
	path = filepath.Join(string(f.host), path)
	must(f.T, os.MkdirAll(filepath.Dir(path), 0o755))
	must(f.T, os.WriteFile(path, []byte(text), 0o644))
}

// process makes one that runs python3 with those words.
func (f fake) process(pid, parent int, words ...string) {
	f.Helper()
	dir := fmt.Sprintf("proc/%d/", pid)
	f.write(dir+"stat", fmt.Sprintf("%d (python3) S %d 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 500 6262784 1 2 3 4 5\n", pid, parent))
	f.write(dir+"cmdline", "python3\x00"+strings.Join(words, "\x00")+"\x00")
	f.write(dir+"fd/0", "")
	for name, to := range map[string]string{"exe": "/usr/bin/python3", "root": "/", "cwd": "/"} {
		must(f.T, os.Symlink(to, f.path(pid, name)))
	}
}

// Without /proc nothing can be said; who does not answer is passed over, and
// said to be.
func TestErrors(t *testing.T) {
	f := newFake(t)
	w := Wanted{Argv: []string{"/usr/bin/python3", "/etc/passwd"}, Dir: "/"}
	for range 2 {
		if found, err := f.rivals(w); err == nil || found != nil || !strings.HasPrefix(err.Error(), "cannot look for rivals: cannot read ") {
			t.Errorf("%v, %v", found, err)
		}
		f.write("proc/uptime", "") // not mounted
	}
	need(t, "python3")
	f.process(70, 1, "/etc/passwd")
	f.process(50, 1, "/etc/passwd")
	f.process(60, 1, "/etc/passwd")
	must(t, os.Remove(f.path(60, "cmdline")))
	must(t, syscall.Mkfifo(f.path(60, "cmdline"), 0o600))
	t.Cleanup(func() { // lets go of who was left behind
		if fd, err := syscall.Open(f.path(60, "cmdline"), syscall.O_RDWR|syscall.O_NONBLOCK, 0); err == nil {
			syscall.Close(fd)
		}
	})
	found, err := f.rivals(w)
	if err == nil || !strings.Contains(err.Error(), "process 60: it does not answer") || len(found) != 2 || found[0].PID != 50 || found[1].PID != 70 {
		t.Errorf("%v, %v", found, err)
	}
	w.Mark = "KEEPONE=x"
	if found, err := host(filepath.Join(string(f.host), "none")).rivals(w); err == nil || found != nil {
		t.Errorf("%v, %v", found, err)
	}
}

const dockerID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

var groups = []struct{ group, own, who, end string }{
	{"0::/system.slice/web2py.service", "0::/", "the systemd unit web2py.service", "systemctl disable --now web2py"},
	{"0::/system.slice/system-site.slice/site@a.service/x", "0::/", "the systemd unit site@a.service", "systemctl disable --now site@a"},
	{"0::/\n9:name=systemd:/system.slice/old.service", "0::/", "the systemd unit old.service", "systemctl disable --now old"},
	{"9:name=systemd:/system.slice/old.service\n0::/", "0::/", "the systemd unit old.service", "systemctl disable --now old"},
	{"9:name=systemd:/\n0::/system.slice/new.service", "0::/", "the systemd unit new.service", "systemctl disable --now new"},
	{"0::/system.slice/run-u5.service", "0::/", "the systemd unit run-u5.service", "systemctl stop run-u5"},
	{"0::/system.slice/sysv.service", "0::/", "the systemd unit sysv.service", "systemctl disable --now sysv"},
	{"0::/system.slice/a\\x2db c.service", "0::/", "the systemd unit a\\x2db c.service", "systemctl disable --now 'a\\x2db c'"},
	{"0::/system.slice/keepone@x.service/backend", "0::/system.slice/keepone@x.service", "nobody", "kill 7"},
	{"0::/system.slice/cron.service", "0::/", "cron", "kill 7; cron starts it again at its time unless it is taken out of the crontab"},
	{"0::/system.slice/rc-local.service", "0::/", "rc.local", "kill 7; it comes back with the next boot unless it is taken out of /etc/rc.local"},
	{"0::/system.slice/ssh.service", "0::/", "a login over ssh", "kill 7"},
	{"0::/system.slice/lighttpd.service", "0::/", "lighttpd, which does not know it any more", "kill 7"},
	{"0::/user.slice/user-0.slice/user@0.service/app.slice/site.service", "0::/", "the systemd unit site.service of user root", "systemctl --user disable --now site"},
	{"0::/user.slice/user-4.slice/user@4.service/app.slice/site.service", "0::/", "the systemd unit site.service of user sync", "systemctl --user -M sync@ disable --now site"},
	{"0::/user.slice/user-0.slice/user@0.service/init.scope", "0::/", "nobody", "kill 7"},
	{"0::/user.slice/user-0.slice/session-3.scope", "0::/", "a login session of root on pts/9", "kill 7"},
	{"0::/user.slice/user-0.slice/session-3.scope", "0::/user.slice/user-0.slice/session-3.scope", "a login session of root on pts/9", "kill 7"},
	{"0::/user.slice/user-0.slice/session-4.scope", "0::/", "cron", "kill 7; cron starts it again at its time unless it is taken out of the crontab"},
	{"0::/user.slice/user-0.slice/session-c5.scope", "0::/", "a login session of daemon that is over", "kill 7"},
	{"0::/system.slice/docker-" + dockerID + ".scope", "0::/", "the container 0123456789ab", "docker stop 0123456789ab"},
	{"4:memory:/docker/" + dockerID + "\n0::/docker/" + dockerID, "0::/", "the container 0123456789ab", "docker stop 0123456789ab"},
	{"0::/machine.slice/libpod-" + dockerID + ".scope/container", "0::/", "the container 0123456789ab", "podman stop 0123456789ab"},
	{"0::/docker/" + dockerID, "0::/docker/" + dockerID, "nobody", "kill 7"},
	{"0::/", "0::/", "nobody", "kill 7"},
	{"", "", "nobody", "kill 7"},
}

// What a cgroup says, as systemd, docker and podman name them.
func TestGroup(t *testing.T) {
	for _, c := range groups {
		f := newFake(t)
		f.process(7, 1, "x.py")
		f.write("proc/7/cgroup", c.group+"\n")
		f.write("proc/7/loginuid", "4294967295")
		f.write(fmt.Sprintf("proc/%d/cgroup", os.Getpid()), c.own+"\n")
		f.write("run/systemd/transient/run-u5.service", "")
		f.write("run/systemd/generator.late/sysv.service", "[Service]\nRestart=no\n")
		f.write("run/systemd/sessions/3", "UID=0\nTTY=pts/9\nSERVICE=sshd\n")
		f.write("run/systemd/sessions/4", "UID=0\nSERVICE=crond\n")
		if strings.Contains(c.group, "session-c5") {
			f.write("proc/7/loginuid", "1")
		}
		o := (&search{host: f.host}).origin(&candidate{process: process{pid: 7, parent: 1}})
		who, _, _ := strings.Cut(o.who, " that still lives")
		if os.Getuid() != 0 {
			c.end = strings.ReplaceAll(c.end, "--user disable", "--user -M root@ disable")
		}
		if who != c.who || o.end != c.end {
			t.Errorf("%q: %q, %q", c.group, who, o.end)
		}
	}
}

// Whoever calls himself something that looks like more of the line gains
// nothing by it.
func TestParentheses(t *testing.T) {
	f := newFake(t)
	f.process(7, 5, "x.py")
	text, err := os.ReadFile(f.path(7, "stat"))
	must(t, err)
	f.write("proc/7/stat", strings.Replace(string(text), "(python3)", "(x) Z 1 2 (y)", 1))
	if p, ok := f.stat(7); !ok || p.name != "x) Z 1 2 (y" || p.parent != 5 || p.start != 500 {
		t.Errorf("%+v %v", p, ok)
	}
	for _, bad := range []string{"", "7 (x", "7 (x) S 1 2", strings.Replace(string(text), " 500 ", " x ", 1)} {
		f.write("proc/7/stat", bad)
		if p, ok := f.stat(7); ok {
			t.Errorf("%q: %+v", bad, p)
		}
	}
}

// Whether systemd starts it again says its file, and what alters that.
func TestRestarts(t *testing.T) {
	for names, end := range map[string]string{"connection": "site", "site.socket:x": "site.socket site", "ssh.socket:-b.socket:dbus.socket": "site"} {
		if o := (&search{host: newFake(t).host}).ofUnit("site.service", "", names); o.end != "systemctl disable --now "+end {
			t.Errorf("%s: %v", names, o)
		}
	}
	for _, c := range []struct {
		files map[string]string
		want  bool
	}{
		{map[string]string{"etc/systemd/system/s@.service": "[Service]\n Restart = always \n"}, true},
		{map[string]string{"usr/lib/systemd/system/s@.service": "[Service]\nRestart=always\nRestartSec=3\n#Restart=no\n"}, true},
		{map[string]string{"usr/lib/systemd/system/s@.service": "Restart=always\n", "etc/systemd/system/s@.service": ""}, false},
		{map[string]string{"usr/lib/systemd/system/s@.service": "Restart=no\n", "etc/systemd/system/s@.service.d/x.conf": "Restart=on-failure"}, true},
		{map[string]string{"usr/lib/systemd/system/s@.service": "Restart=always\n", "etc/systemd/system/s@a.service.d/x.conf": "Restart=\nRestart=no"}, false},
		{map[string]string{"usr/lib/systemd/system/s@.service": "Restart=no\n", "etc/systemd/system/s@a.service": "Restart=always"}, true},
		{nil, true}, // it has no file that we know of
	} {
		f := newFake(t)
		for path, text := range c.files {
			f.write(path, text)
		}
		if o := (&search{host: f.host}).ofUnit("s@a.service", "", ""); o.returns != c.want {
			t.Errorf("%v: %v", c.files, o)
		}
	}
}

// A terminal's name comes from its device number, a login's from loginuid.
func TestTerminalNames(t *testing.T) {
	for device, want := range map[int]string{0: "", 136 << 8: "pts/0", 136<<8 | 255: "pts/255", 136<<8 | 1<<20: "pts/256", 4<<8 | 1: "tty1", 4<<8 | 64: "ttyS0", 204<<8 | 64: "terminal 204:64"} {
		if got := terminal(device); got != want {
			t.Errorf("%#x: %q, want %q", device, got, want)
		}
	}
	f := newFake(t)
	f.write("proc/7/loginuid", "1")
	if o := (&search{host: f.host}).origin(&candidate{process: process{pid: 7}}); o.who != "a session of daemon without a terminal (a login, cron or at)" {
		t.Errorf("%v", o)
	}
	f.write("proc/8/status", "Name:\tsh\nUid:\t0\t1\t0\t0\n")
	if o := (&search{host: f.host}).origin(&candidate{process: process{pid: 7, session: 8, terminal: 136 << 8}}); o.who != "a login session of daemon on pts/0" {
		t.Errorf("%v", o)
	}
}

// What others chose cannot become a command, or another line.
func TestOthersWords(t *testing.T) {
	f := newFake(t)
	f.write("proc/9/cmdline", "supervisord\x00-c\x00/etc/my conf;reboot")
	self := fmt.Sprint(os.Geteuid())
	f.write("proc/9/status", "Name:\tsupervisord\nUid:\t"+self+"\t"+self+"\t0\t0\n")
	for name, end := range map[string]string{
		"web2py":        "supervisorctl -c '/etc/my conf;reboot' stop web2py",
		"x; reboot":     "supervisorctl -c '/etc/my conf;reboot' stop 'x; reboot'",
		"it's":          `supervisorctl -c '/etc/my conf;reboot' stop 'it'\''s'`,
		"all":           "kill 7; supervisord starts it again unless supervisorctl stops it",
		"--all":         "kill 7; supervisord starts it again unless supervisorctl stops it",
		"a\nb":          "kill 7; supervisord starts it again unless supervisorctl stops it",
		"":              "kill 7; supervisord starts it again unless supervisorctl stops it",
		"a\x1b[2Jclear": "kill 7; supervisord starts it again unless supervisorctl stops it",
	} {
		c := &candidate{process: process{pid: 7}, chain: []process{{pid: 9, name: "supervisord"}}, env: environment{"SUPERVISOR_PROCESS_NAME=" + name}}
		if o := (&search{host: f.host}).origin(c); o.end != end {
			t.Errorf("%q: %q", name, o.end)
		}
	}
	// A master's files are its own user's: root neither reads them nor runs what
	// they say, whatever the effective user is.
	for line, end := range map[string]string{
		"Uid:\t65534\t0\t0\t0\n": "runuser -u nobody -- supervisorctl -c '/etc/my conf;reboot' stop web2py",
		"":                       "kill 7",
	} {
		f.write("proc/9/status", "Name:\tsupervisord\n"+line)
		c := &candidate{process: process{pid: 7}, chain: []process{{pid: 9, name: "supervisord"}}, env: environment{"SUPERVISOR_PROCESS_NAME=web2py"}}
		if o := (&search{host: f.host}).origin(c); o.end != end {
			t.Errorf("%q: %q", line, o.end)
		}
	}
	c := &candidate{process: process{pid: 7}, env: environment{"KEEPONE=a:b:-n:1"}}
	if o := (&search{host: f.host}).origin(c); o.end != "kill 7" {
		t.Errorf("%v", o)
	}
	long := printable("a\nb\x1b" + strings.Repeat("é", 200))
	if len(long) > commandMost || !strings.HasPrefix(long, "a?b?éé") || !strings.HasSuffix(long, "é...") {
		t.Errorf("%q", long)
	}
	r := Rival{PID: 4711, User: "www-data", Command: "python3 x.py", Why: "it runs x.py, too", Origin: "cron", End: "kill 4711", Since: time.Now()}
	if want := "process 4711 (python3 x.py, user www-data, since " + r.Since.Format("15:04:05") + "): it runs x.py, too; started by cron; end it with: kill 4711"; r.String() != want {
		t.Errorf("%s", r)
	}
	r.Since = time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)
	if !strings.Contains(r.String(), ", since 2024-02-03 04:05:06)") {
		t.Errorf("%s", r)
	}
}
