package install

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// lastLines is how many lines of what a program printed an error has.
const lastLines = 8

// run runs a program and returns what it printed, without the last line's end;
// an error has the end of that.
func run(argv ...string) (string, error) { return feed("", argv...) }

// feed is run with something on standard input. A daemon that the program leaves
// may hold its output open: that is not waited for.
func feed(input string, argv ...string) (string, error) {
	c := exec.Command(argv[0], argv[1:]...)
	c.Env, c.Dir, c.WaitDelay = environment(), "/", lookAgain
	if input != "" {
		c.Stdin = strings.NewReader(input)
	}
	out, err := c.CombinedOutput()
	text := strings.TrimRight(string(out), "\n")
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	if err != nil {
		lines := strings.Split(strings.TrimSpace(text), "\n")
		err = fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, strings.Join(lines[max(0, len(lines)-lastLines):], "\n"))
	}
	return text, err
}

// environment is what a service started from here may see of ours: as little as
// at boot, and what reaching systemd and the crontab takes.
func environment() []string {
	env := []string{"LC_ALL=C"}
	for _, name := range []string{"PATH", "HOME", "USER", "LOGNAME", "TERM", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"} {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// trust warns where others than root may change the program, which root will run
// at every boot.
func (t *Task) trust() {
	for path := t.Program; !t.User && path != "/"; path = filepath.Dir(path) {
		st, err := os.Stat(path)
		if err != nil {
			return // of which the init system will tell
		}
		owner := st.Sys().(*syscall.Stat_t).Uid
		if open := st.Mode().Perm()&0o022 != 0 && st.Mode()&os.ModeSticky == 0; owner != 0 || open {
			t.say("warning: %s is run as root, and others than root may change %s: put it into /usr/local/bin", t.Program, path)
			return
		}
	}
}

// ExtendPath adds to PATH where the init systems' programs are: su(1) without a
// login, sudo and cron have a PATH without sbin, where the library and we would
// not find them.
func ExtendPath() error {
	path := os.Getenv("PATH")
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		if !contains(path, dir) {
			path += string(os.PathListSeparator) + dir
		}
	}
	return os.Setenv("PATH", strings.TrimPrefix(path, string(os.PathListSeparator)))
}

func contains(path, dir string) bool {
	for _, d := range filepath.SplitList(path) {
		if filepath.Clean(d) == dir {
			return true
		}
	}
	return false
}

// has tells whether a program is in PATH.
func has(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}
