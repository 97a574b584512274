package backends

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// site is one keepone with its backend, and lighttpd and nginx before it, in a directory of its own.
type site struct {
	t                              *testing.T
	dir, name, run, config, socket string
	urls                           []string // of lighttpd and of nginx
	supervisor                     *process
	webs                           []*process
	groups                         []int // process groups of everything started
}

// status is what `keepone status --json` says, of which the test wants this.
type status struct {
	State   string
	Backend struct {
		PID     int
		Adopted bool
	}
	Footprint struct {
		Backend struct {
			Processes int
			RSS       int64 `json:"rss_bytes"`
			PSS       int64 `json:"pss_bytes"`
		}
	}
	Queue    struct{ Active, Backlog int }
	LastExit string `json:"last_exit"`
}

// newSite writes the files of a site and starts nothing. The page's directory, socket and user become the test's.
func newSite(t *testing.T, p page, r row) *site {
	t.Helper()
	dir, err := os.MkdirTemp("", "kb")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, dir: dir, name: filepath.Base(dir), run: filepath.Join(dir, "run")}
	s.config, s.socket = filepath.Join(dir, s.name+".toml"), filepath.Join(s.run, s.name+".sock")
	t.Cleanup(s.end)
	files := filepath.Join(dir, "site")
	s.must(os.Chmod(dir, 0o755), os.CopyFS(files, os.DirFS("testdata")), os.Chmod(files, 0o755),
		os.Chmod(filepath.Join(files, "index.cgi"), 0o755))
	pool := filepath.Join(files, "php-fpm.conf")
	text, err := os.ReadFile(pool)
	s.must(err, os.WriteFile(pool, []byte(s.local(string(text))), 0o644))
	if strings.Contains(p.block(t, r.name), "./goapp") { // one of its own: two backends of the same program are rivals
		program, err := os.ReadFile(goapp)
		s.must(err, os.WriteFile(filepath.Join(files, "goapp"), program, 0o755))
	}
	config := s.local(p.block(t, r.name)) + fmt.Sprintf("[output]\nto = %q\n[drain]\npatience = \"100ms\"\n", filepath.Join(dir, "output.log"))
	if os.Getuid() != 0 {
		config = strings.Replace(config, "user = \"www-data\"\n", "", 1)
	}
	s.must(os.WriteFile(s.config, []byte(config), 0o644))
	return s
}

// local puts the site's own paths in place of those that the page shows.
func (s *site) local(text string) string {
	return strings.NewReplacer("/run/keepone/site/site.sock", s.socket, "/var/www/site", filepath.Join(s.dir, "site")).Replace(text)
}

func (s *site) must(errs ...error) {
	s.t.Helper()
	for _, err := range errs {
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// startKeepone starts `keepone run` and does not wait.
func (s *site) startKeepone() {
	s.t.Helper()
	p, err := start(filepath.Join(s.dir, "keepone.log"), keepone, "run", "-c", s.config, "--run-dir", s.run)
	s.must(err)
	s.supervisor, s.groups = p, append(s.groups, p.pid())
}

// startWebs starts lighttpd and nginx on free ports and waits until they listen.
func (s *site) startWebs(p page, front string) {
	s.t.Helper()
	for _, program := range []string{"lighttpd", "nginx"} {
		s.urls = append(s.urls, s.startWeb(program, s.local(p.block(s.t, program+" "+front))))
	}
}

func (s *site) startWeb(program, block string) string {
	s.t.Helper()
	log := filepath.Join(s.dir, program+".log")
	for range 5 { // somebody else may take the port first
		address := freeAddress(s.t)
		p, err := start(log, s.webCommand(program, address, block)...)
		s.must(err)
		s.webs, s.groups = append(s.webs, p), append(s.groups, p.pid())
		for p.alive() {
			if c, err := net.Dial("tcp", address); err == nil {
				c.Close()
				return "http://" + address
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	text, _ := os.ReadFile(log)
	s.t.Fatalf("cannot start %s:\n%s", program, text)
	return ""
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// account is whom web servers run as: www-data where the test is root, "" else.
func account() string {
	if _, err := user.Lookup("www-data"); err == nil && os.Getuid() == 0 {
		return "www-data"
	}
	return ""
}

// command runs a command of keepone's on the site; an error has what it said.
func (s *site) command(verb string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	var out, failure bytes.Buffer
	cmd := exec.CommandContext(ctx, keepone, append([]string{verb, "-c", s.config, "--run-dir", s.run}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &failure
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("keepone %s: %w\n%s", verb, err, failure.String())
	}
	return out.String(), nil
}

// do runs a command that must succeed.
func (s *site) do(verb string) {
	s.t.Helper()
	_, err := s.command(verb)
	s.must(err)
}

// status asks keepone; the zero value while it cannot be asked.
func (s *site) status() (st status) {
	s.t.Helper()
	out, err := s.command("status", "--json")
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || out == "") {
		return st
	}
	if err := json.Unmarshal([]byte(out), &st); err != nil {
		s.t.Fatalf("cannot read the status: %v\n%s", err, out)
	}
	return st
}

// awaitThat returns the first status for which ok holds.
func (s *site) awaitThat(what string, ok func(status) bool) (st status) {
	s.t.Helper()
	await(s.t, 30*time.Second, what, func() bool { st = s.status(); return ok(st) })
	return st
}

func (s *site) await(state string) status {
	s.t.Helper()
	return s.awaitThat("the site is "+state, func(st status) bool { return st.State == state })
}

// end stops the site and fails the test when it left a process.
func (s *site) end() {
	for _, web := range s.webs {
		if !web.end(syscall.SIGTERM, 5*time.Second) {
			web.end(syscall.SIGKILL, 5*time.Second)
		}
	}
	if s.supervisor != nil && !s.supervisor.end(syscall.SIGTERM, 45*time.Second) {
		s.t.Error("keepone does not stop on SIGTERM")
	}
	if left := s.backends(); len(left) > 0 {
		s.t.Errorf("left of the backend: %s", commands(left))
	}
	if s.t.Failed() {
		logs, _ := filepath.Glob(s.dir + "/*.log") // the pattern is valid
		for _, log := range slices.Concat([]string{s.config}, logs) {
			text, _ := os.ReadFile(log)
			s.t.Logf("--- %s\n%s", filepath.Base(log), text[max(0, len(text)-2048):])
		}
	}
	s.sweep()
	os.RemoveAll(s.dir)
}
