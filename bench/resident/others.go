package main

import (
	"fmt"
	"path/filepath"
)

// supervisorPeer is supervisord, with superlance's memmon beside it where that is given.
func supervisorPeer(name, dir, memmon string) *peer {
	p := &peer{name: name, dir: dir, ready: filepath.Join(dir, "php.sock"), backend: true,
		daemon: []string{"supervisord", "-c", filepath.Join(dir, "supervisord.conf")}}
	text := fmt.Sprintf(`[supervisord]
nodaemon=true
logfile=%[1]s/log
pidfile=%[1]s/pid
childlogdir=%[1]s
[unix_http_server]
file=%[1]s/control
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[fcgi-program:php]
command=%[1]s/backend
socket=unix://%[1]s/php.sock
startsecs=0
autorestart=true
`, dir)
	if memmon != "" {
		p.needs = []string{memmon}
		text += fmt.Sprintf("[eventlistener:memmon]\ncommand=%s -p php=256MB\nevents=TICK_60\n", memmon)
	}
	p.files = map[string]string{"supervisord.conf": text}
	return p
}

// monitPeer starts php-cgi by a command and finds it by its pid file, as monit does; it binds its socket itself.
func monitPeer(name, dir string, cycle int) *peer {
	return &peer{name: name, dir: dir, ready: filepath.Join(dir, "php.sock"), backend: true,
		files: map[string]string{
			"start": fmt.Sprintf("#!/bin/sh\nsetsid %[1]s/backend -b %[1]s/php.sock >/dev/null 2>&1 &\necho $! >%[1]s/php.pid\n", dir),
			"stop":  fmt.Sprintf("#!/bin/sh\nkill $(cat %s/php.pid)\n", dir),
			"monitrc": fmt.Sprintf(`set daemon %[2]d
set pidfile %[1]s/monit.pid
set statefile %[1]s/state
set idfile %[1]s/id
set logfile %[1]s/log
check process php with pidfile %[1]s/php.pid
  start program = "%[1]s/start"
  stop program = "%[1]s/stop"
  if totalmem > 256 MB for 1 cycles then restart
`, dir, cycle)},
		daemon: []string{"monit", "-I", "-c", filepath.Join(dir, "monitrc")}}
}

// pebblePeer reads its plan from layers below $PEBBLE and keeps its socket there.
func pebblePeer(dir, pebble string) *peer {
	return &peer{name: "Pebble", dir: dir, ready: filepath.Join(dir, "php.sock"), backend: true,
		files: map[string]string{"layers/001-php.yaml": fmt.Sprintf(`services:
  php:
    override: replace
    command: %[1]s/backend -b %[1]s/php.sock
    startup: enabled
`, dir)},
		daemon: []string{pebble, "run"}, environment: []string{"PEBBLE=" + dir}}
}
