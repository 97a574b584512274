package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"keepone/probe"
)

// initServes moves a real php-cgi from a line of rc.local to keepone: the line
// serves, init reads it, and keepone serves at the same path.
func initServes(n *newcomer) {
	php := orSkip(n, "/usr/bin/php-cgi")
	n.put("my site/index.php", "<?php http_response_code(201); echo getenv('FLAVOUR');")
	line := "export FLAVOUR='sweet & sour'\ncd '" + n.home + "/my site' && PHP_FCGI_MAX_REQUESTS=0 nohup " + php + " -b \"" + n.home + "/php.sock\" >> out.log 2>&1 </dev/null &\n"
	n.moves(line, filepath.Join(n.home, "my site/index.php"), probe.FastCGI)
}

// initPython does so with a Python that binds by spawn-fcgi's help, in the way
// of flup: descriptor 0 is its listening socket.
func initPython(n *newcomer) {
	python := orSkip(n, "/usr/bin/python3")
	n.put("site/serve.py", `import socket
sock = socket.socket(fileno=0)
while True:
    peer, _ = sock.accept()
    if peer.recv(65536):
        peer.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    peer.close()
`)
	bind := n.put("bind.py", `import os, socket, sys
sock = socket.socket(socket.AF_UNIX); sock.bind(sys.argv[1]); sock.listen(9); os.dup2(sock.fileno(), 0)
os.execv(sys.argv[2], sys.argv[2:])
`)
	spawn := n.put("spawn-fcgi", "#!/bin/sh\n[ \"$1\" = -s ] || exit 1\nsocket=$2; shift 3\nexec "+python+" "+bind+" \"$socket\" \"$@\"\n")
	n.moves("cd "+n.home+"/site; "+spawn+" -s "+n.home+"/php.sock -- "+python+" 'serve.py' &\n", "", probe.HTTP)
}

// orSkip skips a test where a program is not there.
func orSkip(n *newcomer, path string) string {
	n.t.Helper()
	if _, err := os.Stat(path); err != nil {
		n.t.Skipf("%s is not installed", path)
	}
	return path
}

// moves runs a start script as it stands, then what init made of it.
func (n *newcomer) moves(line, script, protocol string) {
	n.t.Helper()
	file := n.put("rc.local", "#!/bin/sh -e\n"+line+"echo $! > '"+n.home+"/pid'\nexit 0\n")
	sh := exec.Command("/bin/sh", file)
	sh.SysProcAttr, sh.Dir = n.sys, n.home
	n.must(sh.Run())
	n.t.Cleanup(func() { n.killed(filepath.Join(n.home, "pid")) })
	n.answers(script, protocol)
	n.killed(filepath.Join(n.home, "pid"))
	n.must(os.Remove(filepath.Join(n.home, "php.sock")))

	args := []string{"init", "site", "--from", "rc.local"}
	if protocol == probe.HTTP {
		args = append(args, "--protocol", "http")
	}
	n.want(0, "Wrote "+n.file("site"), args...)
	n.want(0, `path = "`+n.home+`/php.sock"`, "check", "site")
	run := n.command("run", "site")
	n.must(run.Start())
	var err error
	ended := make(chan struct{})
	go func() { err = run.Wait(); close(ended) }()
	end := func() bool { // a keepone that is killed would leave its backend behind
		_ = run.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-ended:
			return true
		case <-time.After(time.Minute):
			_ = run.Process.Kill()
			return false
		}
	}
	n.t.Cleanup(func() { end() })
	n.answers(script, protocol)
	if !end() || err != nil {
		n.t.Fatalf("keepone did not end well: %v", err)
	}
}

// answers asks until the site answers as it should.
func (n *newcomer) answers(script, protocol string) {
	n.t.Helper()
	status, err := probe.ParseStatuses("201")
	n.must(err)
	p, err := probe.New(probe.Request{Protocol: protocol, Script: script, Status: status})
	n.must(err)
	ctx, cancel := context.WithTimeout(n.t.Context(), time.Minute)
	defer cancel()
	for {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		n.must(err)
		if err = unix.Connect(fd, &unix.SockaddrUnix{Name: filepath.Join(n.home, "php.sock")}); err != nil {
			n.must(unix.Close(fd))
		} else if err = p.Ask(ctx, fd); err == nil {
			return
		}
		if ctx.Err() != nil {
			log, _ := os.ReadFile(filepath.Join(n.home, "my site/out.log"))
			n.t.Fatalf("no answer: %v\n%s", err, log)
		}
		time.Sleep(10 * time.Millisecond) // and ask again
	}
}

// killed ends the process whose number is in a file, and waits until it is
// gone. The file goes, too: without it there is nobody to end.
func (n *newcomer) killed(file string) {
	n.t.Helper()
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	n.must(err, os.Remove(file))
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	n.must(err)
	fd, err := unix.PidfdOpen(pid, 0)
	n.must(err)
	defer unix.Close(fd)
	n.must(unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0))
	for {
		count, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 60000)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || count != 1 {
			n.t.Fatal(fmt.Errorf("process %d lives: %w", pid, err))
		}
		return
	}
}
