package webserver

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

// A front is a real web server, called as the test wants, before a backend
// that accepts and says nothing.
type front struct {
	*testing.T
	dir     string
	backend *net.UnixListener
	cmd     *exec.Cmd
	address string
	held    []net.Conn
}

// ours is how a web server is called in a test that must not meet others on the
// machine: no longer than the kernel keeps.
func ours(kind byte) string { return fmt.Sprintf("%ckt%d", kind, os.Getpid()) }

// serve starts lighttpd or nginx, as is, or under another name.
func serve(t *testing.T, program, name string, workers int) *front {
	t.Helper()
	original, err := exec.LookPath("/usr/sbin/" + program)
	if err != nil {
		t.Skipf("%s is not installed", program)
	}
	f := &front{T: t}
	f.dir, err = os.MkdirTemp("", "w")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(f.dir) })
	must(t, os.Chmod(f.dir, 0o777))
	if name != program {
		text, err := exec.Command("cp", original, f.path(name)).CombinedOutput()
		if original = f.path(name); err != nil {
			t.Fatalf("%s", text)
		}
	}
	f.backend, err = net.ListenUnix("unix", &net.UnixAddr{Name: f.path("b")})
	must(t, err)
	t.Cleanup(func() { f.backend.Close() })
	must(t, os.Chmod(f.path("b"), 0o666))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	f.address = l.Addr().String()
	must(t, l.Close())
	args := []string{"-D", "-f", f.path("conf")}
	config := f.lighttpd
	if program == "nginx" {
		args, config = []string{"-p", f.dir, "-e", f.path("log"), "-c", f.path("conf")}, f.nginx
	}
	must(t, os.WriteFile(f.path("conf"), []byte(config(l.Addr().(*net.TCPAddr).Port, workers)), 0o644))
	f.start(exec.Command(original, args...))
	return f
}

func (f *front) path(name string) string { return filepath.Join(f.dir, name) }

func (f *front) start(cmd *exec.Cmd) {
	f.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // lighttpd with children ends its whole group
	f.cmd = cmd
	must(f.T, cmd.Start())
	f.Cleanup(func() {
		f.stop()
		if log, _ := os.ReadFile(f.path("log")); f.Failed() {
			f.Logf("%s said %q and logged\n%s", cmd.Path, said.String(), log)
		}
	})
	eventually(f.T, "it listens", func() bool {
		c, err := net.Dial("tcp", f.address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// stop ends the web server with its children, and at once.
func (f *front) stop() {
	if f.cmd.ProcessState == nil {
		f.cmd.Process.Signal(syscall.SIGTERM)
		f.cmd.Wait()
	}
	f.release()
}

// request lets somebody ask the web server, which asks the backend, which
// leaves it at that.
func (f *front) request() {
	f.Helper()
	c, err := net.Dial("tcp", f.address)
	must(f.T, err)
	_, err = c.Write([]byte("GET / HTTP/1.0\r\nHost: x\r\n\r\n"))
	must(f.T, err)
	must(f.T, f.backend.SetDeadline(time.Now().Add(time.Minute)))
	b, err := f.backend.Accept()
	must(f.T, err)
	f.held = append(f.held, c, b)
}

// release closes what was held open.
func (f *front) release() {
	for _, c := range f.held {
		c.Close()
	}
	f.held = nil
}

// peers asks ss(8) who is connected to the backend.
func (f *front) peers() (inodes []uint64) {
	f.Helper()
	if _, err := exec.LookPath("ss"); err != nil {
		f.Skip("ss is not installed")
	}
	eventually(f.T, "ss tells as many as there are", func() bool {
		text, err := exec.Command("ss", "-xnH", "state", "connected").Output()
		must(f.T, err)
		inodes = nil
		for line := range strings.Lines(string(text)) {
			if w := strings.Fields(line); slices.Contains(w, f.path("b")) {
				ino, err := strconv.ParseUint(w[len(w)-1], 10, 64)
				must(f.T, err)
				inodes = append(inodes, ino)
			}
		}
		return 2*len(inodes) == len(f.held)
	})
	return inodes
}

// tree is the server as procfs tells it: what began it and all below that has
// the same name.
func (f *front) tree() (pids []int) {
	f.Helper()
	all, err := procfs.AllProcs()
	must(f.T, err)
	pids = []int{f.cmd.Process.Pid}
	name := filepath.Base(f.cmd.Path)
	for i := 0; i < len(pids); i++ {
		for _, p := range all {
			if st, err := p.Stat(); err == nil && st.PPID == pids[i] && st.Comm == name {
				pids = append(pids, p.PID)
			}
		}
	}
	slices.Sort(pids)
	return pids
}

func account() string {
	if os.Getuid() == 0 {
		if _, err := user.Lookup("www-data"); err == nil {
			return "www-data"
		}
	}
	return ""
}

func (f *front) lighttpd(port, workers int) string {
	text := fmt.Sprintf(`server.document-root = %q
server.port = %d
server.bind = "127.0.0.1"
server.errorlog = %q
server.max-worker = %d
server.modules = ("mod_proxy")
proxy.server = ("/" => (("host" => %q)))
`, f.dir, port, f.path("log"), workers, f.path("b"))
	if name := account(); name != "" {
		text += fmt.Sprintf("server.username = %q\nserver.groupname = %[1]q\n", name)
	}
	return text
}

func (f *front) nginx(port, workers int) string {
	text := ""
	if name := account(); name != "" {
		text = "user " + name + ";\n"
	}
	text += fmt.Sprintf("daemon off;\nworker_processes %d;\npid %s;\nevents { worker_connections 64; }\nhttp {\naccess_log off;\n", workers, f.path("pid"))
	for _, p := range []string{"client_body", "proxy", "fastcgi", "scgi", "uwsgi"} {
		text += fmt.Sprintf("%s_temp_path %s;\n", p, f.path(p))
	}
	return text + fmt.Sprintf("server { listen 127.0.0.1:%d; location / { proxy_pass http://unix:%s; } }\n}\n", port, f.path("b"))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for a condition, bounded only against hanging for ever.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}
