package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// peer is a supervisor: its files, the daemon, the command that restarts php-cgi, and the socket where that listens.
type peer struct {
	name            string
	dir, socket     string
	files           map[string]string
	daemon, restart []string
	pause           time.Duration // between two restarts
}

// peers are all three, each with its directory and with php-cgi as it is installed.
func peers(dir, keepone, php string) []*peer {
	return []*peer{keeponePeer(filepath.Join(dir, "k"), keepone, php),
		supervisorPeer(filepath.Join(dir, "s"), php), runitPeer(filepath.Join(dir, "r"), php)}
}

func keeponePeer(dir, keepone, php string) *peer {
	config, user := filepath.Join(dir, "php.toml"), ""
	if os.Getuid() == 0 {
		user = `user = "root"` // as the peers run it, so that nothing but the supervisor differs
	}
	flags := []string{"-c", config, "--run-dir", filepath.Join(dir, "run")}
	return &peer{name: "keepone restart-backend", dir: dir, socket: filepath.Join(dir, "php.sock"),
		files: map[string]string{"php.toml": fmt.Sprintf("[backend]\ncommand = [%q]\n%s\n[socket]\npath = %q\n[output]\nto = %q\n",
			php, user, filepath.Join(dir, "php.sock"), filepath.Join(dir, "output.log"))},
		daemon:  append([]string{keepone, "run"}, flags...),
		restart: append([]string{keepone, "restart-backend"}, flags...),
	}
}

func supervisorPeer(dir, php string) *peer {
	config := filepath.Join(dir, "supervisord.conf")
	return &peer{name: "supervisorctl restart", dir: dir, socket: filepath.Join(dir, "php.sock"),
		files: map[string]string{"supervisord.conf": fmt.Sprintf(`[supervisord]
nodaemon=true
logfile=%[1]s/log
pidfile=%[1]s/pid
childlogdir=%[1]s
[unix_http_server]
file=%[1]s/control
[supervisorctl]
serverurl=unix://%[1]s/control
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[fcgi-program:php]
command=%[2]s
socket=unix://%[1]s/php.sock
startsecs=0
autorestart=true
`, dir, php)},
		daemon:  []string{"supervisord", "-c", config},
		restart: []string{"supervisorctl", "-c", config, "restart", "php"},
	}
}

// runitPeer binds the socket in php-cgi: runit passes none.
func runitPeer(dir, php string) *peer {
	return &peer{name: "sv restart", dir: dir, socket: filepath.Join(dir, "php.sock"),
		files:   map[string]string{"run": fmt.Sprintf("#!/bin/sh\nexec %s -b %s/php.sock\n", php, dir)},
		daemon:  []string{"runsv", dir},
		restart: []string{"sv", "restart", dir},
		pause:   1100 * time.Millisecond, // runsv starts a process at most once a second
	}
}

// measure starts the daemon and returns, for each restart, how long the command took and how long it was until php-cgi
// answered.
func (p *peer) measure(ctx context.Context, n int) (commands, answers []time.Duration, err error) {
	if err := p.write(); err != nil {
		return nil, nil, err
	}
	log, err := os.Create(p.dir + ".log")
	if err != nil {
		return nil, nil, err
	}
	defer log.Close()
	daemon := exec.Command(p.daemon[0], p.daemon[1:]...)
	daemon.Stdout, daemon.Stderr, daemon.SysProcAttr = log, log, &syscall.SysProcAttr{Setpgid: true}
	if err := daemon.Start(); err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, end(daemon)) }()
	if err := answered(ctx, p.socket); err != nil {
		text, _ := os.ReadFile(log.Name()) // nothing to add then
		return nil, nil, fmt.Errorf("%w\n%s", err, text)
	}
	for range n {
		time.Sleep(p.pause)
		begun := time.Now()
		if out, err := exec.CommandContext(ctx, p.restart[0], p.restart[1:]...).CombinedOutput(); err != nil {
			return nil, nil, fmt.Errorf("%w\n%s", err, out)
		}
		commands = append(commands, time.Since(begun))
		if err := answered(ctx, p.socket); err != nil {
			return nil, nil, err
		}
		answers = append(answers, time.Since(begun))
	}
	return commands, answers, nil
}

func (p *peer) write() error {
	err := os.Mkdir(p.dir, 0o755)
	for name, text := range p.files {
		err = errors.Join(err, os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o755))
	}
	return err
}

// end asks a daemon to stop, which stops its php-cgi too, and waits.
func end(daemon *exec.Cmd) error {
	done := make(chan struct{})
	go func() { _ = daemon.Wait(); close(done) }() // its exit code says nothing about the restarts
	if err := daemon.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-time.After(30 * time.Second):
		return errors.Join(fmt.Errorf("cannot stop %s within 30 s", daemon.Path), daemon.Process.Kill())
	}
}
