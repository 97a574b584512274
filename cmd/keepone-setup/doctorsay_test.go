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
