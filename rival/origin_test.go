package rival

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// origin starts what ends in the site's app.py, and says who is told to have
// started it and what ends it; PID in either is the rival's, TOP that of the
// process that was started.
func (s *site) origin(r *run, who, end string, returns bool) Rival {
	s.Helper()
	var found []Rival
	eventually(s.T, "there is a rival", func() bool {
		found = s.find(s.wanted("python3", "app.py"))
		return len(found) > 0
	})
	f, names := found[0], strings.NewReplacer("PID", strconv.Itoa(found[0].PID), "TOP", pidText(r), "DIR", s.dir)
	if f.Origin != names.Replace(who) || f.End != names.Replace(end) || f.Returns != returns || len(found) > 1 {
		s.Errorf("started by %q, end with %q, returns %v\nwant %q, %q, %v", f.Origin, f.End, f.Returns, names.Replace(who), names.Replace(end), returns)
	}
	return f
}

// mine says whether the process is in the site's directory: what Find found is
// not to be believed before something is ended on its word.
func (s *site) mine(pid int) bool {
	dir, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	return err == nil && (dir == s.dir || strings.HasPrefix(dir, s.dir+"/"))
}

// stat is that of a live process; nobody may have waited for one that has ended.
func (s *site) stat(pid int) (process, bool) { return host("").stat(pid) }

// kill ends a process of the test's own, whoever has its number by then.
func (s *site) kill(pid int) {
	s.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // gone
	}
	defer unix.Close(fd)
	if !s.mine(pid) {
		s.Fatalf("process %d is none of the test's", pid)
	}
	unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
}

// ends carries out what ends the rival, for good.
func (s *site) ends(f Rival) {
	s.Helper()
	if !s.mine(f.PID) || s.Failed() {
		s.Fatalf("%s: not to be carried out on process %d", f.End, f.PID)
	}
	command, _, _ := strings.Cut(f.End, ";")
	if text, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
		s.Fatalf("%s: %v\n%s", command, err, text)
	}
	eventually(s.T, "it has ended", func() bool { _, lives := s.stat(f.PID); return !lives })
	s.nobody(s.wanted("python3", "app.py"), command)
}

func (s *site) program(name, text string) *run {
	s.Helper()
	return s.start(s.dir, nil, s.write(name, text))
}

// What looks after a directory is told to leave it down.
func TestDirectories(t *testing.T) {
	for _, c := range []struct{ program, end string }{
		{"runsv", "sv down DIR/svc"}, {"s6-supervise", "s6-svc -d DIR/svc"}, {"supervise", "svc -d DIR/svc"},
	} {
		t.Run(c.program, func(t *testing.T) {
			s := newSite(t)
			supervise := need(t, c.program)
			s.write("svc/run", "#!/bin/sh\ncd "+s.dir+"\nexec "+s.python+" app.py\n")
			r := s.start(s.dir, nil, supervise, "svc")
			s.ends(s.origin(r, c.program+" (process TOP), as DIR/svc", c.end, true))
		})
	}
}

// By their names: who starts programs and does nothing more, or starts them anew.
func TestAncestors(t *testing.T) {
	s := newSite(t)
	for name, want := range map[string][2]string{
		"cron":     {"cron (process TOP)", "kill PID; cron starts it again at its time unless it is taken out of the crontab"},
		"atd":      {"atd (process TOP)", "kill PID"},
		"rc.local": {"rc.local", "kill PID; it comes back with the next boot unless it is taken out of /etc/rc.local"},
		"apache2":  {"apache2 (process TOP)", "kill PID; apache2 starts it again unless it is taken out of its configuration"},
		"screen":   {"screen of " + userName(os.Getuid()) + " (process TOP)", "kill PID"},
		"deploy":   {"process TOP (deploy)", "kill PID"},
		"keepone":  {"process TOP (keepone)", "kill PID"},
	} {
		r := s.program(name, "#!/bin/sh\nsh -c 'python3 app.py; :'\n:")
		if name == "deploy" || name == "keepone" {
			r = s.restart(r, name, "#!/bin/sh\npython3 app.py\n:")
		}
		f := s.origin(r, want[0], want[1], name == "apache2")
		if p := f.Parents; len(p) < 2 || p[len(p)-1].PID != 1 || p[0].Name != map[bool]string{true: name, false: "sh"}[name == "deploy" || name == "keepone"] {
			t.Errorf("%v", p)
		}
		s.end(r)
		eventually(t, "it has ended", func() bool { return len(orphans(s)) == 0 })
	}
}

func (s *site) restart(r *run, name, text string) *run {
	s.Helper()
	s.end(r)
	eventually(s.T, "it has ended", func() bool { return len(orphans(s)) == 0 })
	return s.program(name, text)
}

// A backend of another keepone is that one's to stop, which may be a user's.
func TestOriginKeepone(t *testing.T) {
	s := newSite(t)
	env := []string{"KEEPONE=boot:dir2:shop:3"}
	s.write("keepone", "#!/bin/sh\n"+s.python+" app.py\n:")
	r := s.start(s.dir, env, s.path("keepone"))
	s.origin(r, "another keepone (process TOP, shop)", "keepone stop-backend shop", true)
	s.end(r)
	eventually(t, "it has ended", func() bool { return len(orphans(s)) == 0 })
	if os.Getuid() == 0 {
		cmd := exec.Command(s.path("keepone"))
		cmd.Env, cmd.Dir = append(os.Environ(), env...), s.dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		s.origin(s.begin(cmd), "another keepone (process TOP, shop)", "runuser -u nobody -- keepone stop-backend shop", true)
	}
}

// Whose parent was ended is nobody's any more.
func TestOrphan(t *testing.T) {
	s := newSite(t)
	r := s.start(s.dir, nil, "sh", "-c", "setsid nohup python3 app.py & echo $!")
	pid, err := strconv.Atoi(s.line(r))
	must(t, err)
	t.Cleanup(func() { syscall.Kill(pid, syscall.SIGKILL) }) // the shell said so
	s.ready(r)
	must(t, r.Wait())
	s.ends(s.origin(r, "nobody that still lives (its parent was ended)", "kill PID", false))
}

// A terminal says who is logged in there.
func TestTerminal(t *testing.T) {
	s := newSite(t)
	r := s.start(s.dir, nil, need(t, "script"), "-qec", "sh -c 'python3 app.py; :'", "/dev/null")
	s.ready(r)
	found := s.find(s.wanted("python3", "app.py"))
	if len(found) != 1 {
		t.Fatalf("%v", found)
	}
	tty, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/0", found[0].PID))
	must(t, err)
	tty = strings.TrimPrefix(tty, "/dev/")
	s.origin(r, "a login session of "+userName(os.Getuid())+" on "+tty, "kill PID", false)
}

// sudo is no rival; what it runs is.
func TestSudo(t *testing.T) {
	s := newSite(t)
	if os.Getuid() != 0 {
		t.Skip("sudo without a password needs root")
	}
	r := s.ready(s.start(s.dir, nil, need(t, "sudo"), "-u", "nobody", s.python, "app.py"))
	f := s.origin(r, "process TOP (sudo)", "kill PID", false)
	if f.PID == r.pid() || f.User != "nobody" || f.Parents[0].Name != "sudo" {
		t.Errorf("%+v", f)
	}
	s.ends(f)
}

// A unit is known by the cgroup, also when no parent is.
func TestUnit(t *testing.T) {
	s := newSite(t)
	for _, root := range []string{"/sys/fs/cgroup/systemd", "/sys/fs/cgroup"} {
		dir := filepath.Join(root, "rival-"+strconv.Itoa(os.Getpid())+".slice/web2py.service")
		if _, err := os.Stat(root + "/cgroup.procs"); err != nil || os.MkdirAll(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() {
			eventually(t, "the cgroup is empty", func() bool { return os.Remove(dir) == nil })
			os.Remove(filepath.Dir(dir))
		})
		r := s.ready(s.start(s.dir, nil, "sh", "-c", "echo $$ >"+dir+"/cgroup.procs && exec python3 app.py"))
		s.origin(r, "the systemd unit web2py.service", "systemctl disable --now web2py", true)
		s.end(r)
		return
	}
	t.Skip("no cgroup can be made here")
}
