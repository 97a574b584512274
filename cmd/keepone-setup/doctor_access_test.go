package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"keepone/doctor"
)

// Who may not connect is told where.
func TestDoctorAccess(t *testing.T) {
	needsRoot(t)
	t.Parallel()
	b := newBehind(t, "", python("fastcgi"))
	b.start()
	f := b.front("lighttpd")
	v := b.visit(f)
	ok(t, os.Chmod(b.run, 0o711))
	if got := v.of("access"); got != nil {
		t.Error(got)
	}
	ok(t, os.Chmod(b.dir, 0o700))
	v.mends(doctor.Error, "access", b.dir+":", "www-data", "this directory")

	f.as("nobody", "nogroup")
	v = b.visit(f)
	v.mends(doctor.Error, "access", b.socket, "nobody", "group www-data")
	if text, err := os.ReadFile(b.file); err != nil || !strings.Contains(string(text), `group = "nogroup"`) {
		t.Errorf("%v\n%s", err, text)
	}
}

// The mode of the socket.
func TestDoctorMode(t *testing.T) {
	needsRoot(t)
	t.Parallel()
	b := newBehind(t, "", python("fastcgi"))
	b.configure(python("fastcgi") + fmt.Sprintf("\n[socket]\npath = %q\nmode = \"0600\"\n", b.socket))
	b.start()
	f := b.front("lighttpd")
	f.as("nobody", "www-data")
	b.visit(f).mends(doctor.Error, "access", b.socket, "nobody", "mode is 0600")
}

// A group that is not the web server's first one counts, too.
func TestDoctorGroups(t *testing.T) {
	needsRoot(t)
	t.Parallel()
	b := newBehind(t, "", python("fastcgi"))
	b.start()
	f := b.front("lighttpd")
	for groups, want := range map[string]int{"www-data": 0, "daemon": 1} {
		f.end(t, 15)
		text, err := os.ReadFile(f.conf)
		ok(t, err)
		text = []byte(strings.ReplaceAll(strings.ReplaceAll(string(text), "server.username", "#"), "server.groupname", "#"))
		ok(t, os.WriteFile(f.conf, text, 0o644))
		f.running = launch(t, f.conf+".log", "/usr/bin/setpriv", "--reuid=nobody", "--regid=nogroup", "--groups="+groups, "/usr/sbin/lighttpd", "-D", "-f", f.conf)
		eventually(t, "lighttpd runs", func() bool {
			comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", f.cmd.Process.Pid))
			return string(comm) == "lighttpd\n"
		})
		if got := b.visit(f).of("access"); len(got) != want {
			t.Errorf("with group %s: %+v", groups, got)
		}
	}
}

// as starts the lighttpd again as somebody else.
func (f *front) as(user, group string) {
	f.t.Helper()
	f.end(f.t, 15)
	text, err := os.ReadFile(f.conf)
	ok(f.t, err)
	changed := strings.Replace(string(text), `server.username = "www-data"`, fmt.Sprintf("server.username = %q", user), 1)
	changed = strings.Replace(changed, `server.groupname = "www-data"`, fmt.Sprintf("server.groupname = %q", group), 1)
	ok(f.t, os.WriteFile(f.conf, []byte(changed), 0o644))
	f.running = launch(f.t, f.conf+".log", f.cmd.Path, "-D", "-f", f.conf)
	eventually(f.t, "lighttpd is "+user, func() bool {
		out, _ := printed("ps", "-o", "user=", "-p", fmt.Sprint(f.cmd.Process.Pid))
		return strings.TrimSpace(out) == user
	})
}

// A web server with a /tmp of its own does not find what is in ours.
func TestDoctorOwnRoot(t *testing.T) {
	needsRoot(t)
	t.Parallel()
	b := newBehind(t, "", python("fastcgi"))
	b.start()
	f := b.front("lighttpd")
	f.end(t, 15)
	f.running = launch(t, f.conf+".log", "/usr/bin/unshare", "--mount", "--propagation", "private", "sh", "-c",
		fmt.Sprintf("mount -t tmpfs none %s && exec /usr/sbin/lighttpd -D -f %s", b.run, f.conf))
	eventually(t, "lighttpd is www-data", func() bool {
		out, _ := printed("ps", "-o", "user=", "-p", fmt.Sprint(f.cmd.Process.Pid))
		return strings.TrimSpace(out) == "www-data"
	})
	v := b.visit(f)
	one := v.finds(doctor.Error, "access", "of its own", b.socket)
	if !strings.Contains(one.Fix, "/run/keepone/"+b.name+"/"+b.name+".sock") {
		t.Error(one.Fix)
	}
}

// What an ACL says is the kernel's business.
func TestDoctorACL(t *testing.T) {
	needsRoot(t)
	t.Parallel()
	setfacl := installed(t, "setfacl")
	b := newBehind(t, "", python("fastcgi"))
	b.start()
	v := b.visit(b.front("lighttpd"))
	_, err := printed(setfacl, "-m", "u:www-data:---", b.run)
	ok(t, err)
	v.mends(doctor.Error, "access", b.run, "by an ACL")
}
