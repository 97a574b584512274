package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is wrong with a configuration is one line with its place; the fix is a
// command and nothing else.
func TestDoctorUnread(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "shop.toml")
	for text, want := range map[string]string{
		"": "error        check: " + file + ": cannot read " + file + ": no such file or directory (keepone init shop writes one); mend it: keepone init shop\n",
		"[backend]\ncomand = [\"php-cgi\"]\nuser = \"" + account() + "\"": "error        check: " + file + ":2:1: unknown key \"backend.comand\" (did you mean \"command\"?); mend it: editor " + file + " && keepone check shop -c " + file + "\n",
	} {
		if text != "" {
			ok(t, os.WriteFile(file, []byte(text), 0o644))
		} else if os.Remove(file) == nil {
			t.Error("it was there")
		}
		b := &behind{T: t}
		out, _ := printed(b.program("keepone-setup"), "doctor", "-c", file) // there is an error
		if !strings.HasSuffix(out, want) || strings.Count(out, "\n") != 1 {
			t.Errorf("%q gives\n%s, want\n%s", text, out, want)
		}
		ok(t, os.RemoveAll(file))
	}
}

// A keepone that does not answer to everybody is no fault that install mends.
func TestDoctorNotAsked(t *testing.T) {
	needsRoot(t)
	t.Parallel()
	b := newBehind(t, "", python("fastcgi"))
	b.start()
	v := &visit{behind: b}
	out, _ := v.shell(fmt.Sprintf("setpriv --reuid=nobody --regid=nogroup --clear-groups keepone doctor -c %s --run-dir %s", b.file, b.run)) // no web server is an error
	if !strings.Contains(out, "not checked  keepone: "+b.name+": cannot answer: uid 65534 is not allowed; mend it: sudo keepone doctor ") {
		t.Error(out)
	}
}

// An ordinary user cannot give the socket to the web server's group, and root's
// keepone does not know the site: what mends it is another.
func TestDoctorOwnSite(t *testing.T) {
	needsRoot(t)
	t.Parallel()
	b := newBehind(t, "", python("fastcgi"))
	f := b.front("lighttpd")
	b.file, b.run = filepath.Join(b.dir, "own.toml"), filepath.Join(b.dir, "own") // nobody's
	b.name, b.socket = "own", filepath.Join(b.run, "own.sock")
	ok(t, os.WriteFile(b.file, []byte("[backend]\ndirectory = \""+b.dir+"\"\n"+python("fastcgi")+"\n[output]\nto = \"/dev/null\"\n[socket]\n"), 0o644))
	ok(t, os.Mkdir(b.run, 0o755))
	for _, path := range []string{b.file, b.run, b.dir} { // sed -i makes files in the last
		ok(t, os.Chown(path, 65534, 65534))
	}
	as := []string{"--reuid=nobody", "--regid=nogroup", "--clear-groups"}
	b.keepone = launch(t, filepath.Join(b.dir, "keepone.log"), "/usr/bin/setpriv", append(as, b.program("keepone"), "run", "-c", b.file, "--run-dir", b.run)...)
	eventually(t, "the backend is up", func() bool {
		out, err := b.command("status")
		return err == nil && strings.Contains(out, ": up for")
	})
	v := b.visit(f)
	look := fmt.Sprintf("setpriv %s keepone doctor -c %s --run-dir %s --web-server %d || :", strings.Join(as, " "), b.file, b.run, v.server)
	out, err := v.shell(look)
	ok(t, err)
	_, fix, found := strings.Cut(out, "a socket for every local user; mend it: ")
	fix, _, _ = strings.Cut(fix, "\n")
	if !found || !strings.Contains(out, "| sudo tee /etc/lighttpd/") || strings.Contains(out, "--write") {
		t.Fatal(out)
	}
	after, err := v.shell(fmt.Sprintf("setpriv %s sh -ec %q\n%s", strings.Join(as, " "), fix, look))
	ok(t, err)
	if !strings.Contains(after, "ok           access: "+b.socket) {
		t.Errorf("after %s\n%s", fix, after)
	}
}
