package rival

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// The site's script, however it is called, is found whoever runs it.
func TestScript(t *testing.T) {
	s := newSite(t)
	w, begun := s.wanted(s.python, "-u", "app.py", "x"), time.Now().Add(-time.Second)
	direct := s.write("direct.py", "#!"+s.python+" -u\n"+program)
	viaEnv := s.write("env.py", "#!/usr/bin/env python3\n"+program)
	s.write("other/x", "")
	must(t, os.Symlink(s.path("app.py"), s.path("link.py")))
	for _, c := range []struct {
		wanted Wanted
		dir    string
		argv   []string
	}{
		{w, s.dir, []string{s.python, "app.py", "x"}},
		{w, s.dir, []string{"/usr/bin/python3", "-W", "ignore", s.path("app.py"), "x"}},
		{w, "/", []string{s.python, "-Bs", strings.TrimPrefix(s.path("app.py"), "/"), "x"}},
		{w, s.path("other"), []string{s.python, "--", "../link.py", "x"}},
		{w, s.dir, []string{s.python, "app.py", "x=1", "unix=" + s.path("u")}},
		{s.wanted("./none.py"), s.dir, nil},
		{s.wanted(direct), s.dir, []string{direct}},
		{s.wanted("./direct.py", "y"), s.dir, []string{s.python, "direct.py", "y"}},
		{s.wanted("other/../env.py"), s.path("other"), []string{"../env.py"}},
		{s.wanted("env", "A=b", "python3", "env.py"), s.dir, []string{viaEnv}},
		{s.wanted("python3", s.path("app.py"), "chdir=/"), s.dir, []string{s.python, "app.py", "chdir=/"}}, // by PWD
	} {
		if c.argv == nil {
			s.nobody(c.wanted, "no such program")
			continue
		}
		r := s.ready(s.start(c.dir, nil, c.argv...))
		found := s.only(c.wanted, r, Script)
		if p, err := procfs.NewProc(r.pid()); err != nil {
			t.Error(err)
		} else if st, err := p.Stat(); err != nil || st.Starttime != found.Start || st.PPID != found.Parents[0].PID || found.Since.After(time.Now()) || found.Since.Before(begun) {
			t.Errorf("%+v, %v: %+v, since %v", st, err, found, begun)
		}
		s.end(r)
		s.nobody(c.wanted, "it was ended")
	}
}

// A job with the same script is none, until it listens.
func TestScriptJob(t *testing.T) {
	s := newSite(t)
	w := s.wanted("python3", "app.py")
	job := s.app("migrate")
	s.nobody(w, "another argument")
	s.end(job)
	r := s.only(w, s.app("runserver", "unix="+s.path("u")), Script)
	if !strings.HasSuffix(r.Why, "app.py, too, with other arguments, and listens") || len(r.Listens) != 1 || r.Listens[0] != s.path("u") {
		t.Errorf("%+v", r)
	}
}

// What has the script open, or one like it, is nobody.
func TestNoScript(t *testing.T) {
	s := newSite(t)
	w := s.wanted(s.python, "app.py")
	s.write("copy/app.py", program)
	s.write("app.py", program)
	s.write("wait.py", "import signal\nprint('ready', flush=True)\nsignal.pause()\n")
	s.write("py_compile.py", "import signal\nprint('ready', flush=True)\nsignal.pause()\n")
	s.ready(s.start(s.path("copy"), nil, s.python, "app.py"))                       // a copy
	s.ready(s.start(s.path("copy"), nil, s.python, "app.py", "unix=x"))             // that listens
	s.ready(s.start(s.dir, nil, s.python, "copy/app.py", "open="+s.path("app.py"))) // reads it
	s.ready(s.start(s.dir, nil, s.python, "wait.py", s.path("app.py")))             // has it as an argument
	s.ready(s.start(s.dir, nil, s.python, "-m", "py_compile", s.path("app.py")))    // compiles it
	s.ready(s.start(s.dir, nil, s.python, "-mwait", s.path("app.py")))              // a module
	s.ready(s.start(s.dir, nil, s.python, "-Ic", "print('ready', flush=True)\nimport signal\nsignal.pause()", "app.py"))
	s.ready(s.start(s.dir, nil, "sh", "-c", "echo ready; read x", "sh", s.python, "app.py"))
	tail := s.start(s.dir, nil, need(t, "tail"), "-n", "1", "-f", "app.py")
	s.line(tail)
	s.nobody(w, "bystanders")
	s.only(w, s.app(), Script)
}

// Of an interpreter the version is of no account, of the kind it is.
func TestScriptOfOtherInterpreters(t *testing.T) {
	s := newSite(t)
	python := s.write("python2.7", "")
	must(t, exec.Command("cp", s.python, python).Run())
	shim := s.write("shims/python3", "#!/bin/sh\nexec "+s.python+" \"$@\"") // pyenv's
	r := s.ready(s.start(s.dir, nil, python, "app.py"))
	s.only(s.wanted(s.python, "app.py"), r, Script)
	s.only(s.wanted(shim, "app.py"), r, Script)
	perl := s.write("app.pl", "#!"+need(t, "perl")+"\n$| = 1; print \"ready\\n\"; sleep while 1;")
	s.only(s.wanted("perl", "-w", "app.pl"), s.ready(s.start("/", nil, perl)), Script)
	shell := s.write("app.sh", "#!/bin/sh\necho ready; read x")
	read := func(argv ...string) *run {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir = s.dir
		in, err := cmd.StdinPipe()
		must(t, err)
		t.Cleanup(func() { in.Close() })
		return s.ready(s.begin(cmd))
	}
	s.only(s.wanted(shell), read("bash", "-o", "posix", "-e", "app.sh"), Script)
	if php := need(t, "php-cgi"); php != "" {
		text := s.write("app.php", "<?php echo \"ready\\n\"; flush(); while (1) sleep(9);")
		s.only(s.wanted(php, "-f", text), s.ready(s.start(s.dir, nil, php, "-n", "-d", "x=y", "-q", "-f", "app.php")), Script)
	}
}

// A program that was compiled for the site is its own script, also when a newer
// one lies in its place.
func TestCompiled(t *testing.T) {
	s := newSite(t)
	must(t, os.Mkdir(s.path("site"), 0o755))
	app := s.path("site/app")
	must(t, exec.Command("cp", need(t, "cat"), app).Run())
	cat := func(args ...string) *run {
		cmd := exec.Command(app, args...)
		in, err := cmd.StdinPipe()
		must(t, err)
		t.Cleanup(func() { in.Close() })
		r := s.begin(cmd)
		_, err = in.Write([]byte("ready\n"))
		must(t, err)
		return s.ready(r)
	}
	w := s.wanted("site/app")
	s.only(w, cat(), Script)
	s.nobody(s.wanted("site/app", "serve"), "a job, and no socket")
	must(t, os.Rename(app, app+".old"))
	must(t, exec.Command("cp", need(t, "cat"), app).Run())
	s.nobody(w, "renamed: another program")
	must(t, os.Remove(app+".old"))
	s.nobody(w, "another program was removed")
	must(t, os.Rename(s.path("site"), s.path("moved")))
	must(t, os.Rename(s.path("moved"), s.path("site")))
	r := cat()
	must(t, os.Remove(app))
	must(t, exec.Command("cp", need(t, "cat"), app).Run())
	s.only(w, r, Script)
}

// The children of a rival are one with it; so is who started it anew.
func TestOneForAll(t *testing.T) {
	s := newSite(t)
	w := s.wanted("python3", "app.py", "fork=3", "unix=f")
	r := s.start(s.dir, nil, s.python, "app.py", "fork=3")
	for range 4 {
		s.ready(r)
	}
	s.only(s.wanted("python3", "app.py", "fork=3"), r, Script)
	s.nobody(w, "no socket")
	s.end(r)
	again := s.write("again.py", "import os, subprocess, sys\nif os.environ.get('AGAIN'): exec(open('app.py').read())\n"+
		"else: subprocess.run([sys.executable, '-u'] + sys.argv, env=dict(os.environ, AGAIN='1'))\n")
	s.only(s.wanted("python3", again, "serve"), s.ready(s.start(s.dir, nil, s.python, "again.py", "unix=a")), Script)
	for _, wrapper := range []string{"exec ", ""} { // a shell is no rival
		sh := s.ready(s.start(s.dir, nil, "sh", "-c", wrapper+"python3 app.py; :"))
		found := s.find(s.wanted("python3", "app.py"))
		if len(found) != 1 || (found[0].PID == sh.pid()) != (wrapper != "") {
			t.Errorf("%q: %v", wrapper, found)
		}
		s.end(sh)
	}
}

// Ours are no rivals: by descent, by the marks, by the lock.
func TestOurs(t *testing.T) {
	s := newSite(t)
	w := s.wanted("python3", "app.py")
	r := s.app()
	s.only(w, r, Script)
	w.Own = []int{r.pid()}
	s.nobody(w, "our own")
	w.Own = []int{os.Getpid()}
	s.nobody(w, "a child of our own")
	w.Own = nil
	s.end(r)
	for env, ours := range map[string]bool{"KEEPONE=boot:dir:n:1": true, "KEEPONE_JOB=boot:dir:n": true, "KEEPONE=boot:dir2:n:1": false, "XKEEPONE=boot:dir:n:1": false} {
		r := s.ready(s.start(s.dir, []string{env}, s.python, "app.py"))
		if ours {
			s.nobody(w, env)
		} else {
			s.only(w, r, Script)
		}
		s.end(r)
	}
	copied := s.ready(s.start(s.dir, []string{"KEEPONE=boot:dir:n:1"}, s.python, "app.py"))
	w.Users = []int{os.Getuid() + 1}
	s.only(w, copied, Script)
	w.Users = append(w.Users, os.Getuid())
	s.nobody(w, "a mark of a user that counts")
	s.end(copied)
	w.Lock = s.write("lock", "")
	open := s.ready(s.start(s.dir, nil, "bash", "-c", "exec 200<lock; exec python3 app.py"))
	s.only(w, open, Script) // anybody can have it open
	s.end(open)
	for fd, ours := range map[string]bool{"200": true, "201": false} {
		r := s.ready(s.start(s.dir, nil, "bash", "-c", "exec "+fd+"<lock; flock "+fd+"; exec python3 app.py"))
		if ours {
			s.nobody(w, "the lock")
		} else {
			s.only(w, r, Script)
		}
		s.end(r)
	}
}

// Another keepone's backend is another site, unless it is the very same.
func TestAnotherKeepones(t *testing.T) {
	s := newSite(t)
	w, env := s.wanted("python3", "app.py"), []string{"KEEPONE=boot:dir2:shop:1"}
	r := s.ready(s.start(s.dir, env, s.python, "app.py", "unix=x"))
	s.nobody(w, "other arguments")
	s.end(r)
	r = s.ready(s.start(s.dir, env, s.python, "app.py"))
	if found := s.only(w, r, Script); found.End != "keepone stop-backend shop" || found.Origin != "another keepone (process "+strconv.Itoa(os.Getpid())+", shop)" || !found.Returns {
		t.Errorf("%v", found)
	}
	s.end(r)
	r = s.ready(s.start("/", env, s.python, s.path("app.py"), "unix="+w.Socket))
	s.only(w, r, Path)
}

// A zombie has ended.
func TestZombie(t *testing.T) {
	s := newSite(t)
	r := s.app()
	s.only(s.wanted("python3", "app.py"), r, Script)
	must(t, syscall.Kill(r.pid(), syscall.SIGKILL))
	var info unix.Siginfo
	must(t, unix.Waitid(unix.P_PID, r.pid(), &info, unix.WEXITED|unix.WNOWAIT, nil))
	s.nobody(s.wanted("python3", "app.py"), "a zombie")
}
