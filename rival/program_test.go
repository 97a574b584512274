package rival

import (
	"os"
	"os/exec"
	"testing"
)

// A module of all sites' is a rival in the same directory only, and only when
// it does not name another application.
func TestProgram(t *testing.T) {
	s := newSite(t)
	s.write("lib/serve.py", program)
	s.write("lib/other.py", program)
	s.write("here/x", "")
	env := []string{"PYTHONPATH=" + s.path("lib"), "PYTHONDONTWRITEBYTECODE=1"}
	w := s.wanted("python3", "-m", "serve", "blog:app")
	w.Dir = s.path("here")
	for _, c := range []struct {
		dir   string
		args  []string
		rival bool
	}{
		{w.Dir, []string{"-m", "serve", "blog:app"}, true},
		{w.Dir, []string{"-um", "serve", "blog:app"}, true},
		{s.dir, []string{"-m", "serve", "blog:app"}, false},
		{"/", []string{"-m", "serve", "blog:app"}, false},
		{w.Dir, []string{"-m", "serve", "-w4", "blog:app"}, false}, // as a job
		{w.Dir, []string{"-m", "serve", "-w4", "unix=" + s.path("1"), "blog:app"}, true},
		{w.Dir, []string{"-m", "serve", "unix=" + s.path("2")}, true},
		{w.Dir, []string{"-m", "serve", "unix=" + s.path("3"), "shop:app"}, false},
		{w.Dir, []string{"-m", "other", "unix=" + s.path("4"), "blog:app"}, false},
		{w.Dir, []string{"../lib/serve.py", "blog:app"}, false},
		{w.Dir, []string{"-c", program, "blog:app"}, false},
	} {
		r := s.ready(s.start(c.dir, env, append([]string{s.python}, c.args...)...))
		if c.rival {
			s.only(w, r, Program)
		} else {
			s.nobody(w, r.String())
		}
		s.end(r)
	}
	w.Dir = "/"
	s.ready(s.start("/", env, s.python, "-m", "serve", "blog:app"))
	s.nobody(w, "in /")
}

// A launcher from the bin directory of a virtual environment serves any site,
// and one that overwrote its command line is known by its title.
func TestProgramByTitle(t *testing.T) {
	s := newSite(t)
	s.write("venv/pyvenv.cfg", "")
	launch := s.write("venv/bin/launch", "#!"+s.python+"\n"+program)
	w := s.wanted(launch, "blog:app")
	r := s.ready(s.start(s.dir, nil, launch, "blog:app"))
	s.only(w, r, Program)
	s.end(r)
	r = s.ready(s.start(s.dir, nil, launch, "shop:app", "unix="+s.path("1")))
	s.nobody(w, "another application")
	s.end(r)
	for title, rival := range map[string]bool{"launch: master [blog:app]": true, "launch: master [shop:app]": false, "lunch: master [blog:app]": false} {
		// What setproctitle(3) leaves: a single word.
		text := "import ctypes, socket, signal, os\n" +
			"k = socket.socket(socket.AF_UNIX); k.bind(" + quoted(s.path("t-"+title[:3]+title[15:19])) + "); k.listen()\n" +
			"f = open('/proc/self/stat').read().rpartition(')')[2].split()\n" +
			"begin, end = int(f[45]), int(f[46])\n" +
			"t = " + quoted(title) + ".encode()\n" +
			"ctypes.memmove(begin, t + bytes(end - begin - len(t)), end - begin)\n" +
			"os.write(1, b'ready\\n')\nsignal.pause()\n"
		r := s.ready(s.start(s.dir, nil, s.python, "-c", text, "and some more words to be overwritten by that"))
		if rival {
			s.only(w, r, Program)
		} else {
			s.nobody(w, title)
		}
		s.end(r)
	}
}

// php-cgi has no script: in the same directory, and while it listens, it is one.
func TestProgramPHP(t *testing.T) {
	s := newSite(t)
	php := need(t, "php-cgi")
	s.write("other/x", "")
	w := s.wanted("php-cgi")
	listening := func(path string) func() bool {
		return func() bool { _, err := os.Lstat(path); return err == nil }
	}
	bind := func(dir, path string, args ...string) *run {
		r := s.start(dir, []string{"PHP_FCGI_CHILDREN=2"}, append([]string{php, "-b", path}, args...)...)
		eventually(t, "php-cgi listens", listening(path))
		eventually(t, "it has children", func() bool {
			text, _ := os.ReadFile("/proc/" + pidText(r) + "/task/" + pidText(r) + "/children")
			return len(text) > 0
		})
		return r
	}
	r := bind(s.dir, s.path("1"))
	s.only(w, r, Program)
	s.end(r)
	pipe := exec.Command(php) // a script on its way through a pipe
	pipe.Dir = s.dir
	in, err := pipe.StdinPipe()
	must(t, err)
	defer in.Close()
	reading := s.begin(pipe)
	eventually(t, "it is php-cgi", func() bool {
		text, _ := os.ReadFile("/proc/" + pidText(reading) + "/cmdline")
		return string(text) == php+"\x00"
	})
	s.nobody(w, "it does not listen")
	bind(s.path("other"), s.path("2"))
	bind("/", s.path("3"))
	bind(s.dir, s.path("4"), "-c", "shop.ini")
	w.Argv = []string{"php-cgi", "-c", "blog.ini"}
	s.nobody(w, "others' php-cgi")
	w.Argv, w.Dir = []string{"php-cgi"}, "/"
	s.nobody(w, "in /")
}

// Several programs serve one web2py.
func TestLauncher(t *testing.T) {
	s := newSite(t)
	for _, dir := range []string{"web2py", "other"} {
		for _, name := range []string{"web2py.py", "fcgihandler.py", "blog.fcgi", "handlers/scgihandler.py", "gluon/x.py"} {
			s.write(dir+"/"+name, program)
		}
	}
	launch := s.write("launch", program)
	w := s.wanted("python3", "fcgihandler.py")
	w.Dir = s.path("web2py")
	in := func(dir string, args ...string) *run {
		return s.ready(s.start(s.path(dir), nil, append([]string{s.python}, args...)...))
	}
	for _, args := range [][]string{{"web2py.py", "-p"}, {"handlers/scgihandler.py"}} {
		job := in("web2py", args...)
		s.nobody(w, "no socket")
		s.end(job)
		r := in("web2py", append(args, "unix="+s.path("1"))...)
		if found := s.only(w, r, Launcher); len(found.Listens) != 1 {
			t.Errorf("%+v", found)
		}
		s.end(r)
		must(t, os.Remove(s.path("1")))
	}
	in("web2py", "blog.fcgi", "unix="+s.path("2"))
	in("other", "web2py.py", "unix="+s.path("3"))
	in("web2py", launch, "web2py.py", "unix="+s.path("4"))
	s.nobody(w, "others")
	r := in("web2py", "web2py.py", "unix="+s.path("5"))
	for _, argv := range [][]string{{"python3", "-m", "launch", "wsgihandler:application"}, {"python3", "handlers/scgihandler.py"}, {"python3", "blog2.fcgi"}} {
		w.Argv = argv
		s.write("web2py/blog2.fcgi", program)
		s.only(w, r, Launcher)
	}
}

// Django's manage.py is one beside the backend, when it serves.
func TestLauncherDjango(t *testing.T) {
	s := newSite(t)
	s.write("manage.py", program)
	s.write("site.fcgi", program)
	w := s.wanted("python3", "site.fcgi")
	for _, args := range [][]string{{"runserver"}, {"migrate", "unix=" + s.path("1")}} {
		s.ready(s.start(s.dir, nil, append([]string{s.python, "manage.py"}, args...)...))
		s.nobody(w, args[0])
	}
	s.only(w, s.ready(s.start(s.dir, nil, s.python, "manage.py", "--settings=x", "runserver", "unix="+s.path("3"))), Launcher)
}
