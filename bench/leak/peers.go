package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// site is one leaker under one supervisor.
type site struct {
	language            language
	dir, socket         string
	files               map[string]string // all executable; the script "serve", which starts the leaker, is added
	daemon, environment []string
	cmd                 *exec.Cmd
	since               time.Time // since when the backend that serves now does at least
}

// peer is a supervisor with a limit.
type peer struct {
	name  string
	needs []string // programs
	limit int      // MiB
	site  func(dir string, p peer) *site
	sites []*site // one for each language
}

// peers are those with a hard limit, in the order of the table.
func peers(o options) []peer {
	all := []peer{keeponePeer("keepone, hard", o.keepone, "hard", o.limit)}
	for _, seconds := range []int{60, 5} {
		all = append(all, peer{name: fmt.Sprintf("memmon, every %d s", seconds), needs: []string{"supervisord", o.memmon}, limit: o.limit,
			site: func(dir string, p peer) *site { return memmonSite(dir, o.memmon, seconds, p.limit) }})
	}
	for _, seconds := range []int{120, 1} {
		all = append(all, peer{name: fmt.Sprintf("monit, every %d s", seconds), needs: []string{"monit"}, limit: o.limit,
			site: func(dir string, p peer) *site { return monitSite(dir, seconds, p.limit) }})
	}
	all = append(all, peer{name: "PM2, every 30 s", needs: []string{o.pm2}, limit: o.limit,
		site: func(dir string, p peer) *site { return pm2Site(dir, o.pm2, p.limit) }})
	return slices.DeleteFunc(all, func(p peer) bool { return !strings.Contains(p.name, o.only) })
}

func (p peer) missing() string {
	for _, program := range p.needs {
		if _, err := exec.LookPath(program); err != nil {
			return program
		}
	}
	return ""
}

func keeponePeer(name, keepone, kind string, limit int) peer {
	return peer{name: name, needs: []string{keepone}, limit: limit, site: func(dir string, p peer) *site {
		// Two keepones on one machine must differ in name: it is that of the backend's cgroup.
		file, user := filepath.Join(dir, fmt.Sprintf("leak%d%s.toml", os.Getpid(), filepath.Base(dir))), ""
		if os.Getuid() == 0 {
			user = `user = "root"` // as the peers run it, so that nothing but the supervisor differs
		}
		return &site{daemon: []string{keepone, "run", "-c", file, "--run-dir", filepath.Join(dir, "run")},
			files: map[string]string{filepath.Base(file): fmt.Sprintf(
				"[backend]\ncommand = [%q]\n%s\n[socket]\npath = %q\n[output]\nto = %q\n[memory]\n%s = \"%dMiB\"\n",
				filepath.Join(dir, "serve"), user, filepath.Join(dir, "s"), filepath.Join(dir, "output.log"), kind, p.limit)}}
	}}
}

// memmonSite is superlance's memmon under supervisord. Its ticks are every 5 s, every minute or every hour.
func memmonSite(dir, memmon string, seconds, limit int) *site {
	return &site{daemon: []string{"supervisord", "-c", filepath.Join(dir, "supervisord.conf")},
		files: map[string]string{"supervisord.conf": fmt.Sprintf(`[supervisord]
nodaemon=true
logfile=%[1]s/log
pidfile=%[1]s/pid
childlogdir=%[1]s
[unix_http_server]
file=%[1]s/control
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[fcgi-program:site]
command=%[1]s/serve
socket=unix://%[1]s/s
startsecs=0
autorestart=true
[eventlistener:memmon]
command=%[2]s -c -p site=%[4]dMB
events=TICK_%[3]d
`, dir, memmon, seconds, limit)}}
}

// monitSite starts the leaker by a command and finds it by its pid file, as monit does; it binds its socket itself.
func monitSite(dir string, seconds, limit int) *site {
	return &site{daemon: []string{"monit", "-I", "-c", filepath.Join(dir, "monitrc")},
		files: map[string]string{
			"start": fmt.Sprintf("#!/bin/sh\nsetsid %[1]s/serve %[1]s/s >/dev/null 2>&1 &\necho $! >%[1]s/pid\n", dir),
			"stop":  fmt.Sprintf("#!/bin/sh\nkill $(cat %s/pid)\n", dir),
			"monitrc": fmt.Sprintf(`set daemon %[2]d
set pidfile %[1]s/monit.pid
set statefile %[1]s/state
set idfile %[1]s/id
set logfile %[1]s/log
check process site with pidfile %[1]s/pid
  start program = "%[1]s/start"
  stop program = "%[1]s/stop"
  if totalmem > %[3]d MB for 1 cycles then restart
`, dir, seconds, limit)}}
}

// pm2Site looks at its processes every 30 s, whatever is configured. It passes no socket.
func pm2Site(dir, pm2 string, limit int) *site {
	return &site{daemon: []string{pm2, "start", filepath.Join(dir, "ecosystem.config.js")},
		environment: []string{"PM2_HOME=" + filepath.Join(dir, "pm2")},
		files: map[string]string{"ecosystem.config.js": fmt.Sprintf(
			"module.exports = {apps: [{name: 'site', script: '%[1]s/serve', args: ['%[1]s/s'], interpreter: 'none', max_memory_restart: '%[2]dM'}]}\n",
			dir, limit)}}
}
