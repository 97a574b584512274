package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// dockers are the capabilities that Docker leaves to root in a container; CAP_SYS_PTRACE is none of them.
const dockers = "-all,+chown,+dac_override,+fsetid,+fowner,+setgid,+setuid,+setpcap,+net_bind_service,+sys_chroot,+kill"

// container is a keepone as process 1 of namespaces of its own, in a root with nothing in it but keepone and a static backend.
type container struct {
	*process
	t                 *testing.T
	root, volume, log string
	user              string // "1234:0"
	first             int    // process 1, as seen from outside
}

// static builds the backend once for all tests.
var static = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp(filepath.Dir(keepone), "static")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "static")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./testdata/static")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build static: %w\n%s", err, out)
	}
	return path, nil
})

// patient is a configuration that is in every volume.
const patient = `[backend]
command = ["/static"]
[stop]
timeout = "1h"
[drain]
timeout = "1h"
`

// newContainer runs keepone with args in a container. The volume belongs to root and its group, as where the host says which user
// a container has.
func newContainer(t *testing.T, user string, args ...string) *container {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can make a container")
	}
	need(t, "unshare")
	need(t, "setpriv")
	backend, err := static()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "kc") // a short name: the socket's path is below it
	if err != nil {
		t.Fatal(err)
	}
	c := &container{t: t, root: dir + "/root", volume: dir + "/run", log: dir + "/log", user: user}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, d := range []string{c.volume, c.root, c.root + "/proc", c.root + "/dev", c.root + "/run/keepone"} {
		c.must(os.MkdirAll(d, 0o755))
	}
	c.must(os.Chmod(dir, 0o755), os.Chmod(c.volume, 0o775), copyFile(c.root+"/keepone", keepone), copyFile(c.root+"/static", backend))
	c.must(os.WriteFile(c.volume+"/static.toml", []byte(patient), 0o644))
	script, err := filepath.Abs("testdata/container.sh")
	c.must(err)
	argv := append([]string{"unshare", "-p", "-m", "-n", "-u", "-i", "--fork", "--kill-child", "--propagation", "private", "sh", script,
		c.root, c.volume, user, dockers, "/keepone", "run"}, args...)
	c.process, err = start(c.log, os.Environ(), -1, argv...)
	c.must(err)
	t.Cleanup(c.destroy)
	return c
}

func (c *container) must(errs ...error) {
	c.t.Helper()
	if err := errors.Join(errs...); err != nil {
		c.t.Fatal(err)
	}
}

// destroy ends the container with all that is in it, and says what it said where the test failed. A change of user has made
// process 1 forget that it is to end with unshare, its parent.
func (c *container) destroy() {
	if c.t.Failed() {
		c.t.Logf("%s:\n%s", filepath.Base(c.log), tail(c.log))
	}
	if first := c.findFirst(); first > 0 {
		_ = syscall.Kill(first, syscall.SIGKILL) // its number is its own as long as unshare waits for it
	}
	if !c.end(syscall.SIGKILL, 10*time.Second) {
		c.t.Error("unshare does not end")
	}
}

// findFirst is process 1 as seen from outside; 0 where there is none.
func (c *container) findFirst() int {
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", c.pid(), c.pid()))
	first, _ := strconv.Atoi(strings.TrimSpace(string(children)))
	return first
}

// begun finds process 1.
func (c *container) begun() bool {
	if !c.alive() {
		c.t.Fatal("the container has ended")
	}
	c.first = c.findFirst()
	return c.first != 0
}

// await returns when process 1 is keepone and its backend is ready.
func (c *container) await() {
	c.t.Helper()
	await(c.t, 20*time.Second, "the container is ready", func() bool {
		return c.begun() && c.exec("status", "--ready").code == 0
	})
}

// exec runs a command of keepone in the container, as docker exec does: process 1 is not its parent.
func (c *container) exec(args ...string) answer {
	return c.inside(append([]string{"/keepone"}, args...)...)
}

func (c *container) inside(argv ...string) answer {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	uid, gid, _ := strings.Cut(c.user, ":")
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"-t", strconv.Itoa(c.first), "-p", "-m", "-n", "-u", "-i", "-r", "-w", "-S", uid, "-G", gid}, argv...)...)
	var out, err bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = []string{"PATH=/", "HOME=/"}, &out, &err, time.Second
	var exit *exec.ExitError
	if e := cmd.Run(); e != nil && !errors.As(e, &exit) {
		c.t.Fatal(e)
	}
	return answer{out.String(), err.String(), cmd.ProcessState.ExitCode()}
}

// get asks the backend through the volume, as a web server in a container beside it does: from another network namespace.
func (c *container) get(path string) (string, error) {
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", c.volume+"/static/static.sock")
		}}}
	r, err := client.Get("http://container" + path)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	return string(body), err
}

// stop sends a signal to process 1 and returns its exit status.
func (c *container) stop(sig syscall.Signal) int {
	c.t.Helper()
	c.must(syscall.Kill(c.first, sig))
	select {
	case <-c.exited:
	case <-time.After(60 * time.Second):
		c.t.Fatalf("it does not end after %s", sig)
	}
	return c.cmd.ProcessState.ExitCode()
}
