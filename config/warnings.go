package config

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Warnings says what is allowed but likely to disappoint on this machine, now. It never fails.
func (c *Config) Warnings() []string {
	var all []string
	add := func(warning string) {
		if warning != "" {
			all = append(all, warning)
		}
	}
	add(c.warnBacklog())
	add(c.warnDirectory())
	env, err := c.Environ()
	if err != nil {
		add(err.Error() + ": the backend will not be spawned")
	} else {
		add(c.warnProgram("backend.command", c.Backend.Command, env))
		add(c.warnProgram("backend.check", c.Backend.Check, env))
	}
	add(c.warnSocket())
	add(c.warnFile())
	return all
}

// webPatience is how long nginx waits for an answer by default (fastcgi_read_timeout and its like).
const webPatience = time.Minute

// Patience warns when a restart at its worst outlasts the web server's, and longer than by default: "" when it does not. The
// defaults may, but seldom does everything last as long as it may, and a warning for everybody is read by nobody.
func (c *Config) Patience() string {
	total := c.slowest()
	if total <= max(webPatience.Seconds(), Command(c.Name, nil, c.by).slowest()) {
		return ""
	}
	return fmt.Sprintf("drain.timeout, stop.timeout and ready.timeout are %.0f s together: at its worst a restart outlasts a web server's "+
		"patience, 60 s in nginx (fastcgi_read_timeout), and who waits for the next backend gets 504", total)
}

// slowest is how long a restart may take, in seconds; no overflow in floats.
func (c *Config) slowest() float64 {
	return c.Drain.Timeout.Seconds() + c.Stop.Timeout.Seconds() + c.Ready.Timeout.Seconds()
}

func (c *Config) warnBacklog() string {
	text, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	most, bad := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || bad != nil || c.Socket.Backlog <= most {
		return ""
	}
	return fmt.Sprintf("socket.backlog %d is cut to %d by the kernel: sysctl -w net.core.somaxconn=%[1]d", c.Socket.Backlog, most)
}

func (c *Config) warnDirectory() string {
	info, err := os.Stat(c.Backend.Directory)
	switch {
	case err != nil:
		return fmt.Sprintf("cannot use backend.directory %s: %v", c.Backend.Directory, cause(err))
	case !info.IsDir():
		return fmt.Sprintf("cannot use backend.directory %s: it is not a directory", c.Backend.Directory)
	}
	return ""
}

func (c *Config) warnProgram(key string, command, env []string) string {
	if len(command) == 0 {
		return ""
	}
	if _, err := c.Executable(command[0], env); err != nil {
		return fmt.Sprintf("%s: %v", key, err)
	}
	return ""
}

func (c *Config) warnSocket() string {
	if at, ok := c.TCP(); ok {
		return c.warnTCP(at.Addr())
	}
	for _, shared := range []string{"/tmp/", "/var/tmp/", "/dev/shm/"} {
		if strings.HasPrefix(c.Socket.Path, shared) {
			return fmt.Sprintf("socket.path %s is under %s, where every user may take the name first, and cleaners remove old files", c.Socket.Path, shared)
		}
	}
	if c.Socket.Mode&0o002 != 0 {
		return fmt.Sprintf("socket.mode %q lets every local user connect, and so have the backend run requests", c.Socket.Mode)
	}
	return ""
}

// warnTCP: whoever reaches a backend decides what it runs, and FastCGI knows no password.
func (c *Config) warnTCP(at netip.Addr) string {
	switch {
	case !at.IsLoopback():
		return fmt.Sprintf("socket.path %s: whoever can reach that address can have the backend run requests, past the web server", c.Socket.Path)
	case c.Socket.Owner != c.Backend.User || c.Socket.Group != c.Backend.Group || c.Socket.Mode != defaultMode:
		return fmt.Sprintf("socket.owner, socket.group and socket.mode mean nothing at %s: every local user may connect", c.Socket.Path)
	}
	return ""
}

// warnFile looks at the configuration itself: as root, whoever may write it has root's power.
func (c *Config) warnFile() string {
	info, err := os.Stat(c.File)
	if !c.by.Root || c.File == "" || err != nil || info.Mode().Perm()&0o022 == 0 {
		return ""
	}
	return fmt.Sprintf("%s can be written by others than its owner, and it says what root runs: chmod go-w %s", c.File, c.File)
}

// Runnable says why the backend's program cannot be run now, as far as that can
// be seen without running it.
func (c *Config) Runnable() error {
	env, err := c.Environ()
	if err == nil {
		_, err = c.Executable(c.Backend.Command[0], env)
	}
	return err
}

// Executable finds a program as the backend's spawn does: with a slash relative to backend.directory, without one along the PATH of
// env. It looks for a regular file that somebody may execute; whether the backend's user may, execve(2) will say.
func (c *Config) Executable(program string, env []string) (string, error) {
	if strings.Contains(program, "/") {
		if !filepath.IsAbs(program) {
			program = filepath.Join(c.Backend.Directory, program)
		}
		info, err := os.Stat(program)
		switch {
		case err != nil:
			return "", fmt.Errorf("cannot run %s: %w", program, cause(err))
		case !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0:
			return "", fmt.Errorf("cannot run %s: it is not an executable file", program)
		}
		return program, nil
	}
	search := ""
	for _, variable := range env {
		if value, ok := strings.CutPrefix(variable, "PATH="); ok {
			search = value
		}
	}
	for dir := range strings.SplitSeq(search, ":") {
		file := filepath.Join(dir, program)
		if info, err := os.Stat(file); filepath.IsAbs(dir) && err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("cannot run %q: it is not in the backend's PATH %s", program, search)
}
