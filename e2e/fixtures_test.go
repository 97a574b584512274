package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// backend returns the command and the environment of a backend by its name.
func backend(t *testing.T, name string) ([]string, settings) {
	t.Helper()
	switch name {
	case "php-cgi": // eight children serve, for ever
		return []string{need(t, "php-cgi")},
			settings{"environment.PHP_FCGI_CHILDREN": 8, "environment.PHP_FCGI_MAX_REQUESTS": 0}
	case "web.py":
		return []string{need(t, "python3"), name}, settings{"backend.protocol": "http"}
	default:
		return []string{need(t, "python3"), name}, settings{}
	}
}

// TestFixtures: web servers, fixtures and load generator by themselves, without keepone: nothing fails.
func TestFixtures(t *testing.T) {
	for _, front := range []string{"lighttpd", "nginx", "nginx-keepalive", "apache"} {
		for _, name := range []string{"php-cgi", "threaded.py", "web.py"} {
			if front == "nginx-keepalive" && name == "web.py" {
				continue // HTTP with upstream keepalive is not what we advise
			}
			t.Run(front+"/"+name, func(t *testing.T) {
				t.Parallel()
				need(t, program(front))
				command, set := backend(t, name)
				s := newSite(t, plan{front: front, command: command, settings: set})
				runByHand(t, s, set)
				s.startWeb()
				l := openLoop(t, s.url, class{45, "/fast"}, class{3, "/sleep?ms=300"})
				time.Sleep(time.Second)
				l.lossless(t)
				s.web.end(syscall.SIGTERM, 5*time.Second)
				s.sweep()
			})
		}
	}
}

// program is the executable of a front.
func program(front string) string {
	switch front {
	case "lighttpd":
		return front
	case "apache", "apache-reuse":
		return "apache2"
	}
	return "nginx"
}

// runByHand starts the backend of a site on a listening socket as descriptor 0.
func runByHand(t *testing.T, s *site, set settings) {
	t.Helper()
	s.must(os.Mkdir(s.run, 0o755))
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.socket, Net: "unix"})
	s.must(err, os.Chmod(s.socket, 0o666))
	defer l.Close()
	l.SetUnlinkOnClose(false)
	file, err := l.File()
	s.must(err, syscall.SetNonblock(int(file.Fd()), false))
	defer file.Close()
	// By sh: a child that another test forks keeps a file open for writing that this process wrote a moment ago.
	cmd := exec.Command("/bin/sh", append([]string{filepath.Join(s.dir, "one.sh")}, s.plan.command...)...)
	cmd.Dir, cmd.Stdin, cmd.SysProcAttr = s.dir, file, &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = append(slices.Clone(s.environ()), "ONE_LOCK="+s.path("lock"), "ONE_VIOLATIONS="+s.path("violations"),
		"PHP_FCGI_CHILDREN="+toValue(set["environment.PHP_FCGI_CHILDREN"]))
	if _, uid := account(); uid >= 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
	}
	s.must(cmd.Start())
	go func() { _ = cmd.Wait() }() // the sweep kills it
}

func toValue(v any) string {
	if n, ok := v.(int); ok {
		return itoa(n)
	}
	return ""
}

// TestOneProves: one.sh refuses and records a second command while a descendant of the first lives.
func TestOneProves(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{})
	run := func(argv ...string) error {
		cmd := exec.Command(filepath.Join(s.dir, "one.sh"), argv...)
		cmd.Env = append(s.environ(), "ONE_LOCK="+s.path("lock"), "ONE_VIOLATIONS="+s.path("violations"))
		return cmd.Run()
	}
	s.must(run("/bin/sh", "-c", "sleep 60 & exit 0"))
	if err := run("/bin/true"); err == nil {
		t.Error("the second command ran")
	}
	if text, err := os.ReadFile(s.path("violations")); err != nil || len(text) == 0 {
		t.Errorf("nothing was recorded: %v", err)
	}
	s.must(os.Remove(s.path("violations")))
	s.sweep()
	s.must(run("/bin/true"))
}
