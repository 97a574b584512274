package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestContainer: keepone and a backend, and nothing else: no shell, no passwd, nothing that can be written but the volume, and a
// user that only a number is known of.
func TestContainer(t *testing.T) {
	for name, test := range map[string]struct {
		user  string
		flags []string
		stop  syscall.Signal
	}{
		"whoever": {"1234:0", nil, syscall.SIGTERM},
		"root":    {"0:0", []string{"--user", "1234"}, syscall.SIGQUIT},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newContainer(t, test.user, append(test.flags, "--", "/static", "bye", "20000")...)
			c.await()
			before, err := c.get("/")
			c.must(err)
			c.probed(t)
			c.restarted(t, before)
			c.reaped(t)
			slow := make(chan error)
			go func() { _, err := c.get("/last"); slow <- err }()
			await(t, 10*time.Second, "the request is in flight", func() bool { return strings.HasSuffix(tail(c.log), "last\n") })
			if code := c.stop(test.stop); code != 0 {
				t.Errorf("exit status %d", code)
			}
			if err := <-slow; err != nil {
				t.Errorf("the request in flight: %v", err)
			}
			left, _ := filepath.Glob(c.volume + "/static/*") // root's history belongs where nothing can be written
			if len(left) > 0 && filepath.Base(left[0]) != "history" || len(left) > 1 {
				t.Errorf("left in the volume: %q", left)
			}
			text, err := os.ReadFile(c.log)
			c.must(err)
			for _, want := range []string{"static serves as user 1234", "bye 19999\n"} {
				if n := strings.Count(string(text), want); n != 5 {
					t.Errorf("the container's output has %q %d times, and there were 5 backends", want, n)
				}
			}
		})
	}
}

// TestContainerStops: process 1 is gone before its host would kill it, whatever the configuration allows a request and a
// backend that hears no signal: an hour each.
func TestContainerStops(t *testing.T) {
	t.Parallel()
	c := newContainer(t, "1234:0", "-c", "/run/keepone/static.toml", "--run-dir", "/run/keepone/static")
	c.await()
	asked := make(chan error, 1)
	go func() { _, err := c.get("/never"); asked <- err }()
	await(t, 10*time.Second, "the request is in flight", func() bool { return strings.Contains(tail(c.log), "never\n") })
	if code := c.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if err := <-asked; err == nil {
		t.Error("the request that never ends was answered")
	}
	said := tail(c.log)
	for _, want := range []string{"a stop takes 9s at most", "closing -> stopping: not done", "killed by SIGKILL", "stopped\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q", want)
		}
	}
}

// TestContainerGivesUp: only where that is asked for, and then with a reason.
func TestContainerGivesUp(t *testing.T) {
	for name, test := range map[string]struct{ command, why string }{
		"no program":      {"/missing", "cannot run /missing"},
		"ends every time": {"/static child", "failed 3 times in a row, at last: exit status 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			argv := append([]string{"--run-dir", "/run/keepone/x", "-n", "x", "--give-up-after", "3", "--"}, strings.Fields(test.command)...)
			c := newContainer(t, "1234:0", argv...)
			select {
			case <-c.exited:
			case <-time.After(60 * time.Second):
				t.Fatal("it does not end")
			}
			if code := c.cmd.ProcessState.ExitCode(); code != 1 {
				t.Errorf("exit status %d", code)
			}
			if said := tail(c.log); !strings.Contains(said, "keepone: cannot keep x running: ") || !strings.Contains(said, test.why) {
				t.Error("it does not say why")
			}
		})
	}
}

// probed asks as a host does.
func (c *container) probed(t *testing.T) {
	t.Helper()
	if a := c.exec("status", "--live"); a != (answer{}) {
		t.Errorf("--live: %+v", a)
	}
	c.exec("stop-backend")
	if a := c.exec("status", "--ready"); a.code != 1 || a.out != "" || !strings.Contains(a.err, "static does not serve: down") {
		t.Errorf("--ready while it is stopped: %+v", a)
	}
	if a := c.exec("status", "--live"); a != (answer{}) {
		t.Errorf("--live while it is stopped: %+v", a)
	}
	c.exec("start-backend")
	if a := c.exec("status", "--ready"); a != (answer{}) {
		t.Errorf("--ready: %+v", a)
	}
}

// restarted: a planned restart loses nothing, also of who comes from another network namespace.
func (c *container) restarted(t *testing.T, before string) {
	t.Helper()
	failed := make(chan error)
	const clients = 4
	stop := make(chan struct{})
	for n := range clients {
		go func() {
			var errs []error
			for over := false; !over; {
				_, err := c.get([]string{"/", "/slow"}[n%2])
				errs = append(errs, err)
				select {
				case <-stop:
					over = true
				default:
				}
			}
			failed <- errors.Join(errs...)
		}()
	}
	for range 3 {
		if a := c.exec("restart-backend"); a.code != 0 { // its progress is on stderr
			t.Errorf("restart-backend: %+v", a)
		}
	}
	close(stop)
	for range clients {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	if after, err := c.get("/"); err != nil || after == before {
		t.Errorf("process %s before, %s after the restarts: %v", before, after, err)
	}
}

// reaped: whoever has lost its parent is process 1's, be it the backend's or of a command that somebody runs in the container.
func (c *container) reaped(t *testing.T) {
	t.Helper()
	for range 5 {
		if _, err := c.get("/orphan"); err != nil {
			t.Error(err)
		}
		if a := c.inside("/static", "parent"); a.code != 0 {
			t.Errorf("%+v", a)
		}
	}
	await(t, 10*time.Second, "nobody is a zombie", func() bool { return len(zombies(c.first)) == 0 })
}
