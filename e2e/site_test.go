package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// settings are configuration keys ("drain.patience") and their values.
type settings map[string]any

// plan says what a site is made of.
type plan struct {
	front    string   // "lighttpd", "nginx", "nginx-keepalive", "apache", "apache-reuse" or "" for none
	bin      string   // lighttpd's bin-path, a backend that it starts itself; "" for none
	command  []string // without one.sh, which is put before it
	at       string   // socket.path; "" for a file in the run directory
	settings settings
}

// site is one keepone with its backend and a web server before it, in a directory of its own.
type site struct {
	t                                *testing.T
	plan                             plan
	dir, run, config, socket, marker string
	url                              string
	supervisor, web                  *process
	groups                           []int // process groups of everything started
	given                            bool  // an init system listens at the socket, too
	fds                              int   // descriptors that keepone may have open when it is up; 0 for unknown
}

// account is whom web server and backend run as: www-data where the test is root, else the tester.
func account() (name string, uid int) {
	if os.Getuid() == 0 {
		if u, err := user.Lookup("www-data"); err == nil {
			uid, _ = strconv.Atoi(u.Uid)
			return u.Username, uid
		}
	}
	if u, err := user.Current(); err == nil {
		return u.Username, -1
	}
	return "", -1
}

// newSite writes the files of a site and starts nothing.
func newSite(t *testing.T, p plan) *site {
	t.Helper()
	dir, err := os.MkdirTemp("", "k")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(dir)
	s := &site{t: t, plan: p, dir: dir, run: filepath.Join(dir, "run"), config: filepath.Join(dir, name+".toml"),
		marker: "E2E_SITE=" + dir}
	if s.socket = p.at; s.socket == "" {
		s.socket = filepath.Join(s.run, name+".sock")
	}
	t.Cleanup(s.end)
	owned := filepath.Join(dir, "var")
	s.must(os.Chmod(dir, 0o755), os.Mkdir(owned, 0o755), os.CopyFS(dir, sub(t)))
	if _, uid := account(); uid >= 0 {
		s.must(os.Chown(owned, uid, uid))
	}
	scripts, _ := filepath.Glob(dir + "/*.*") // the pattern is valid
	for _, script := range scripts {
		s.must(os.Chmod(script, 0o755))
	}
	s.configure(p.settings)
	return s
}

func sub(t *testing.T) fs.FS {
	files, err := fs.Sub(testdata, "testdata")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// newRunningSite returns a site whose backend is up and whose web server listens.
func newRunningSite(t *testing.T, p plan) *site {
	t.Helper()
	s := newSite(t, p)
	s.startKeepone()
	s.await("up")
	s.fds = descriptors(t, s.supervisor.pid())
	s.startWeb()
	return s
}

func (s *site) must(errs ...error) {
	s.t.Helper()
	for _, err := range errs {
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// path returns a path in the part of the site that the backend may write to.
func (s *site) path(name string) string { return filepath.Join(s.dir, "var", name) }

// configure writes the configuration: the site's own keys, changed by the given ones.
func (s *site) configure(changes settings) {
	s.t.Helper()
	keys := settings{
		"backend.command":            append([]string{filepath.Join(s.dir, "one.sh")}, s.plan.command...),
		"backend.directory":          s.dir,
		"socket.path":                s.socket,
		"output.to":                  filepath.Join(s.dir, "output.log"),
		"environment.E2E_SITE":       s.dir,
		"environment.ONE_LOCK":       s.path("lock"),
		"environment.ONE_VIOLATIONS": s.path("violations"),
	}
	if name, uid := account(); uid >= 0 {
		keys["backend.user"] = name
	}
	maps.Copy(keys, changes)
	s.must(os.WriteFile(s.config, toml(keys), 0o644))
}

// toml writes settings by section; Go's quoting of plain ASCII is TOML's.
func toml(keys settings) []byte {
	var text bytes.Buffer
	section := ""
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		of, name, _ := strings.Cut(key, ".")
		if of != section {
			fmt.Fprintf(&text, "[%s]\n", of)
			section = of
		}
		value := fmt.Sprintf("%#v", keys[key])
		if list, ok := keys[key].([]string); ok {
			value = "[" + strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", list), "[]string{"), "}") + "]"
		}
		fmt.Fprintf(&text, "%s = %s\n", name, value)
	}
	return text.Bytes()
}

// environ is what everything that the site starts finds in its environment.
func (s *site) environ() []string {
	return []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + s.dir, s.marker}
}

// startKeepone starts `keepone run` and does not wait.
func (s *site) startKeepone() {
	s.t.Helper()
	s.startAs(keepone)
}

func (s *site) startAs(program string) {
	s.t.Helper()
	p, err := start(filepath.Join(s.dir, "keepone.log"), s.environ(), -1, program, "run", "-c", s.config, "--run-dir", s.run)
	s.must(err)
	s.supervisor = p
	s.groups = append(s.groups, p.pid())
}

// startWeb starts the web server on a free port and waits until it listens.
func (s *site) startWeb() {
	s.t.Helper()
	if s.plan.front == "" {
		return
	}
	for range 5 { // somebody else may take the port first
		port := freePort(s.t)
		argv := s.writeWebConfig(port)
		p, err := start(filepath.Join(s.dir, "web.log"), s.environ(), -1, argv...)
		s.must(err)
		s.web = p
		s.groups = append(s.groups, p.pid())
		for p.alive() {
			if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
				c.Close()
				s.url = fmt.Sprintf("http://127.0.0.1:%d", port)
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	s.t.Fatalf("cannot start %s:\n%s", s.plan.front, tail(filepath.Join(s.dir, "web.log")))
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// processes returns what of the site runs: by its mark in the environment, its directory on the command line, or its
// process group (nginx writes over its own environment).
func (s *site) processes() []int {
	return pids(func(pid int) bool {
		if pid == os.Getpid() || !running(pid) {
			return false
		}
		if _, _, group, ok := stat(pid); ok && slices.Contains(s.groups, group) {
			return true
		}
		environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid)) // another user's is none of ours
		if slices.Contains(strings.Split(string(environ), "\x00"), s.marker) {
			return true
		}
		argv, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		return bytes.Contains(argv, []byte(s.dir+"/"))
	})
}

// sweep kills by pid what of the site runs, waits until it is gone, and removes its cgroups; it is for a site without a
// keepone. A pid is looked at again once it is held.
func (s *site) sweep() {
	s.t.Helper()
	await(s.t, 10*time.Second, "nothing of the site runs", func() bool {
		left := s.processes()
		for _, pid := range left {
			p, err := os.FindProcess(pid) // a pidfd
			if err == nil && slices.Contains(s.processes(), pid) {
				_ = p.Signal(syscall.SIGKILL) // gone already is as good
			}
		}
		return len(left) == 0
	})
	for _, dir := range cgroups(filepath.Base(s.dir)) {
		s.must(os.Remove(dir))
	}
}
