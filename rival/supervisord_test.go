package rival

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// supervised is a configuration of supervisord's in a directory.
const supervised = `[supervisord]
nodaemon=true
pidfile=%[1]s/pid
logfile=/dev/null
logfile_maxbytes=0
[unix_http_server]
file=%[1]s/ctl
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://%[1]s/ctl
[program:web2py]
command=/usr/bin/python3 app.py
directory=%[1]s
autorestart=true
[program:other]
command=sh -c "/usr/bin/python3 app.py; :"
directory=%[1]s
autostart=false
[group:some]
programs=other
`

// A program of supervisord's is stopped by its name, and by that of its group.
func TestSupervisord(t *testing.T) {
	s := newSite(t)
	conf := s.write("conf", fmt.Sprintf(supervised, s.dir))
	supervisord := need(t, "supervisord")
	need(t, "supervisorctl")
	for _, argv := range [][]string{{supervisord, "-c", conf}, {"python3", supervisord, "--configuration=conf"}} {
		r := s.start(s.dir, nil, argv...)
		s.ends(s.origin(r, "supervisord (process TOP), as web2py", "supervisorctl -c DIR/conf stop web2py", true))
		text, err := exec.Command("supervisorctl", "-c", conf, "start", "some:other").CombinedOutput()
		if err != nil {
			t.Fatalf("%s", text)
		}
		s.origin(r, "supervisord (process TOP), as some:other", "supervisorctl -c DIR/conf stop some:other", true)
		s.end(r)
		for _, pid := range orphans(s) {
			s.kill(pid)
		}
		eventually(t, "they have ended", func() bool { return len(orphans(s)) == 0 })
	}
}

// supervisord binds the sockets of an fcgi-program itself, and keeps them: it
// is not the rival.
func TestSupervisordsSocket(t *testing.T) {
	s := newSite(t)
	conf := s.write("conf", fmt.Sprintf(`[supervisord]
nodaemon=true
pidfile=%[1]s/pid
logfile=/dev/null
logfile_maxbytes=0
[fcgi-program:php]
socket=unix://%[1]s/s
command=%[2]s
directory=%[1]s
`, s.dir, need(t, "php-cgi")))
	supervisord := need(t, "supervisord")
	w := s.wanted("perl", "x.pl")
	for _, argv := range [][]string{{supervisord, "-c", conf}, {s.python, supervisord, "-c", conf}} {
		r := s.start(s.dir, nil, argv...)
		var found []Rival
		eventually(t, "php-cgi has the socket", func() bool {
			found = s.find(w)
			return len(found) > 0 && strings.Contains(found[0].Command, "php-cgi")
		})
		if len(found) != 1 || found[0].Rule != Path || !found[0].AtPath || found[0].End != "supervisorctl -c "+conf+" stop php" {
			t.Errorf("%v", found)
		}
		s.end(r)
		for _, f := range s.find(w) {
			s.kill(f.PID)
		}
		eventually(t, "it has ended", func() bool { return len(s.find(w)) == 0 })
	}
}

// orphans are the rivals that are left.
func orphans(s *site) (pids []int) {
	for _, r := range s.find(s.wanted("python3", "app.py")) {
		pids = append(pids, r.PID)
	}
	return pids
}
