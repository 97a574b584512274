package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"keepone/doctor"
	"keepone/recipe"
)

// A visit is one keepone doctor.
type visit struct {
	*behind
	server int    // the web server's process
	inside string // the script that leads to where doctor and the fix are run; "" for here
	net    string // the network namespace for that; "" for the test's own
}

func (b *behind) visit(f *front) *visit { return &visit{behind: b, server: f.cmd.Process.Pid} }

// shell runs a command of root's; keepone is the tested one.
func (v *visit) shell(command string) (string, error) {
	dir, err := programs()
	ok(v.T, err)
	command = "PATH=" + dir + ":/usr/sbin:/usr/bin:/sbin:/bin\n" + command
	if v.inside == "" {
		return printed("sh", "-ec", command)
	}
	argv := []string{"unshare", "--mount", "--propagation", "private", "sh", "-ec", v.inside + "\n" + command}
	if v.net != "" {
		argv = append([]string{"nsenter", "--net=" + v.net}, argv...)
	}
	return printed(argv[0], argv[1:]...)
}

// findings demands an exit status that fits them.
func (v *visit) findings() []doctor.Finding {
	v.Helper()
	out, err := v.shell(fmt.Sprintf("keepone doctor -c %s --run-dir %s --json --web-server %d 2>/dev/null", v.file, v.run, v.server))
	var all []doctor.Finding
	if bad := json.Unmarshal([]byte(out), &all); bad != nil {
		v.Fatal(bad, err, out)
	}
	wrong := false
	for _, one := range all {
		wrong = wrong || one.Level == doctor.Error
		if one.Object == "" || one.Text == "" || strings.Contains(one.Text+one.Fix, "%!") {
			v.Errorf("%+v", one)
		}
	}
	if exit := new(exec.ExitError); wrong != (errors.As(err, &exit) && exit.ExitCode() == 1) {
		v.Errorf("errors %v, and %v", wrong, err)
	}
	return all
}

// of are the findings of one check that are worse than ok.
func (v *visit) of(check string) (all []doctor.Finding) {
	v.Helper()
	for _, one := range v.findings() {
		if one.Check == check && one.Level != doctor.OK {
			all = append(all, one)
		}
	}
	return all
}

// finds demands one, with the words.
func (v *visit) finds(level doctor.Level, check string, words ...string) doctor.Finding {
	v.Helper()
	all := v.of(check)
	if len(all) != 1 || all[0].Level != level {
		v.Fatalf("%s: %+v, want one of level %s", check, all, level)
	}
	for _, word := range words {
		if !strings.Contains(all[0].Object+": "+all[0].Text, word) {
			v.Errorf("%s does not say %q: %+v", check, word, all[0])
		}
	}
	return all[0]
}

// mends demands a finding that its command takes away.
func (v *visit) mends(level doctor.Level, check string, words ...string) {
	v.Helper()
	one := v.finds(level, check, words...)
	if one.Fix == "" {
		v.Fatalf("nothing mends it: %+v", one)
	}
	fix, _, _ := strings.Cut(one.Fix, " && service ") // none runs here
	if out, err := v.shell(fix); err != nil {
		v.Fatal(out, err)
	}
	if left := v.of(check); len(left) > 0 {
		v.Errorf("after %s there is %+v", fix, left)
	}
}

// edit changes a file.
func (v *visit) edit(file, from, to string) {
	v.Helper()
	text, err := os.ReadFile(file)
	ok(v.T, err)
	if !strings.Contains(string(text), from) {
		v.Fatalf("%s has no %q:\n%s", file, from, text)
	}
	ok(v.T, os.WriteFile(file, []byte(strings.Replace(string(text), from, to, 1)), 0o644))
}

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can be somebody else")
	}
}

// Behind what keepone webserver wrote there is nothing to find; nor is there
// for each protocol, whatever the server's way to print itself.
func TestDoctorHealthy(t *testing.T) {
	needsRoot(t)
	for _, protocol := range []string{"fastcgi", "http", "scgi", "uwsgi"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			var without []string
			if protocol == "scgi" || protocol == "uwsgi" {
				without = []string{"caddy"}
			}
			for _, socket := range []string{"", fmt.Sprintf("tcp://127.0.0.1:%d", freePort(t))} {
				serves(t, socket, python(protocol), without, func(t *testing.T, b *behind, server string) {
					v := b.visit(b.front(server, "--static", "/app/static="+b.dir+"/static"))
					seen := map[string]bool{}
					for _, one := range v.findings() {
						seen[one.Check] = true
						if one.Level != doctor.OK && one.Check != "boot" {
							t.Errorf("%+v", one)
						}
					}
					for _, check := range []string{"check", "keepone", "rival", "leftover", "backend", "web server", "access", "configuration", "wiring", "timeout", "backlog", "memory", "proc"} {
						if !seen[check] {
							t.Errorf("nothing is said of %s", check)
						}
					}
				})
			}
		})
	}
	if len(recipe.Servers) != 4 {
		t.Error("a web server is not tried")
	}
}

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
