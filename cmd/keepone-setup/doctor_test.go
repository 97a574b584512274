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
	server int    // the web server's process; 0 where doctor is to find it
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
	command := fmt.Sprintf("keepone doctor -c %s --run-dir %s --json", v.file, v.run)
	if v.server > 0 {
		command += fmt.Sprintf(" --web-server %d", v.server)
	}
	out, err := v.shell(command + " 2>/dev/null")
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

// others counts what is not ok but for one check.
func (v *visit) others(check string) (n int) {
	v.Helper()
	for _, one := range v.findings() {
		if one.Check != check && one.Level != doctor.OK {
			n++
		}
	}
	return n
}

// mends demands a finding that its command takes away, without another.
func (v *visit) mends(level doctor.Level, check string, words ...string) {
	v.Helper()
	one := v.finds(level, check, words...)
	if one.Fix == "" {
		v.Fatalf("nothing mends it: %+v", one)
	}
	others := v.others(check)
	fix, _, _ := strings.Cut(one.Fix, " && service ") // none runs here
	if out, err := v.shell(fix); err != nil {
		v.Fatal(out, err)
	}
	if left := v.of(check); len(left) > 0 {
		v.Errorf("after %s there is %+v", fix, left)
	}
	if after := v.others(check); after > others {
		v.Errorf("after %s there is more: %+v", fix, v.findings())
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

// Of several web servers it is the one that is connected.
func TestDoctorFindsWebServer(t *testing.T) {
	needsRoot(t)
	t.Parallel()
	b := newBehind(t, "", python("fastcgi"))
	b.start()
	f := b.front("nginx")
	b.front("lighttpd")
	v := &visit{behind: b}
	if one := v.finds(doctor.NotChecked, "web server", "more than one"); !strings.Contains(one.Fix, "--web-server $(pgrep -o -x ") {
		t.Error(one)
	}
	v.finds(doctor.NotChecked, "access")
	v.finds(doctor.NotChecked, "configuration")
	answered := make(chan string, 1)
	go func() { answered <- tries(f.url + "/wait") }()
	eventually(t, "keepone sees who is connected", func() bool {
		out, err := b.command("status", "--json")
		return err == nil && strings.Contains(out, `"proved": true`)
	})
	ok(t, os.WriteFile(b.dir+"/go", nil, 0o644))
	if got := <-answered; got != "backend|GET||/wait||/wait|" {
		t.Errorf("%q", got)
	}
	for _, one := range v.findings() {
		if one.Level != doctor.OK && one.Check != "boot" || one.Check == "web server" && !strings.Contains(one.Text, fmt.Sprintf("process %d, seen to be connected", f.cmd.Process.Pid)) {
			t.Errorf("%+v", one)
		}
	}
}

// The backend's environment has a KEEPONE, too, and so has whatever keepone exec
// runs: it is not the program.
func TestDoctorKnowsItsKeepone(t *testing.T) {
	t.Parallel()
	b := newBehind(t, "", python("fastcgi"))
	b.start()
	out, err := printed("env", "KEEPONE=/bin/false", b.program("keepone"), "doctor", "-c", b.file, "--run-dir", b.run)
	if !strings.Contains(out, "keepone runs as process "+fmt.Sprint(b.keepone.cmd.Process.Pid)) {
		t.Error(out, err)
	}
}
