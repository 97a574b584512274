package rival

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// asOther makes the test binary look for rivals and print them: what it wants
// comes as JSON.
const asOther = "RIVAL_WANTED"

func TestMain(m *testing.M) {
	if text := os.Getenv(asOther); text != "" {
		var w Wanted
		err := json.Unmarshal([]byte(text), &w)
		if err == nil {
			var found []Rival
			if found, err = Find(w); err == nil {
				err = json.NewEncoder(os.Stdout).Encode(found)
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// program listens where its arguments say so, and waits.
const program = `
import os, signal, socket, sys
held = []
for word in sys.argv[1:]:
    how, _, where = word.partition('=')
    if how == 'unix':
        held.append(socket.socket(socket.AF_UNIX))
        held[-1].bind(where)
        held[-1].listen()
    elif how == 'tcp':
        host, _, port = where.rpartition(':')
        held.append(socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET))
        held[-1].bind((host, int(port)))
        held[-1].listen()
    elif how == 'fork':
        for n in range(int(where)):
            if os.fork() == 0: break
    elif how == 'chdir':
        os.chdir(where)
    elif how == 'remove':
        os.remove(where)
    elif how == 'only6':
        held.append(socket.socket(socket.AF_INET6))
        held[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        held[-1].bind(('::', int(where)))
        held[-1].listen()
    elif how == 'run':
        os.system(where)
    elif how == 'open':
        held.append(open(where))
os.write(1, b'ready\n')
while True: signal.pause()
`

// A site is a directory with programs, and the processes that were started.
type site struct {
	*testing.T
	dir    string
	python string
}

func newSite(t *testing.T) *site {
	t.Helper()
	t.Setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	python := need(t, "python3")
	dir, err := os.MkdirTemp("", "r")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	s := &site{t, dir, python}
	s.write("app.py", program)
	return s
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

// write makes a program of the site, in a directory of its own where it has to.
func (s *site) write(name, text string) string {
	s.Helper()
	must(s.T, os.MkdirAll(filepath.Dir(s.path(name)), 0o755))
	must(s.T, os.WriteFile(s.path(name), []byte(text), 0o755))
	return s.path(name)
}

// wanted is a backend that runs in the site's directory.
func (s *site) wanted(argv ...string) Wanted {
	return Wanted{Argv: argv, Env: os.Environ(), Dir: s.dir, Socket: s.path("s"), Mark: "KEEPONE=boot:dir", JobMark: "KEEPONE_JOB=boot:dir"}
}

// A run is a process that was started.
type run struct {
	*exec.Cmd
	out *bufio.Reader
}

func (r *run) pid() int { return r.Process.Pid }

// start starts a program in a directory, with further variables.
func (s *site) start(dir string, env []string, argv ...string) *run {
	s.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env, cmd.Dir = slices.Concat(os.Environ(), []string{"PWD=" + dir}, env), dir
	return s.begin(cmd)
}

func (s *site) begin(cmd *exec.Cmd) *run {
	s.Helper()
	cmd.Stderr = s.stderr() // a file: whoever is left must not keep go test waiting
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = !cmd.SysProcAttr.Setsid
	out, err := cmd.StdoutPipe()
	must(s.T, err)
	must(s.T, cmd.Start())
	s.Cleanup(func() {
		below := descendants(cmd.Process.Pid) // php-cgi and others make groups of their own
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		for _, pid := range below {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		cmd.Wait()
	})
	return &run{cmd, bufio.NewReader(out)}
}

// stderr is where what is started complains; it is shown when the test fails.
func (s *site) stderr() *os.File {
	s.Helper()
	f, err := os.CreateTemp("", "rival-stderr-")
	must(s.T, err)
	s.Cleanup(func() {
		if text, _ := os.ReadFile(f.Name()); s.Failed() {
			s.Logf("it said %s", text)
		}
		f.Close()
		os.Remove(f.Name())
	})
	return f
}

// descendants are who a process started, and so on.
func descendants(pid int) (pids []int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, file := range files {
		text, _ := os.ReadFile(file)
		for _, word := range strings.Fields(string(text)) {
			child, _ := strconv.Atoi(word)
			pids = append(append(pids, child), descendants(child)...)
		}
	}
	return pids
}

// ready waits until a program says so.
func (s *site) ready(r *run) *run {
	s.Helper()
	line := s.line(r)
	if line != "ready" {
		s.Fatalf("%q said %q", r.Args, line)
	}
	return r
}

func (s *site) line(r *run) string {
	s.Helper()
	line, err := r.out.ReadString('\n')
	if err != nil {
		rest, _ := io.ReadAll(r.out)
		s.Fatalf("%q ended: %v, %q %q", r.Args, err, line, rest)
	}
	return strings.TrimSpace(line)
}

// app starts app.py in the site's directory.
func (s *site) app(args ...string) *run {
	s.Helper()
	return s.ready(s.start(s.dir, nil, append([]string{s.python, "app.py"}, args...)...))
}

// find is Find without an error.
func (s *site) find(w Wanted) []Rival {
	s.Helper()
	found, err := Find(w)
	must(s.T, err)
	return found
}

// only says that the process is the one rival, by that rule.
func (s *site) only(w Wanted, r *run, rule Rule) Rival {
	s.Helper()
	found := s.find(w)
	if len(found) != 1 || found[0].PID != r.pid() || found[0].Rule != rule {
		s.Fatalf("%q: found %v, want process %d by %s", r.Args, found, r.pid(), rule)
	}
	return found[0]
}

// nobody says that there is no rival.
func (s *site) nobody(w Wanted, why string) {
	s.Helper()
	if found := s.find(w); len(found) > 0 {
		s.Errorf("%s: found %v", why, found)
	}
}

// end ends a process with its group.
func (s *site) end(r *run) {
	s.Helper()
	must(s.T, syscall.Kill(-r.pid(), syscall.SIGKILL))
	r.Wait()
}
