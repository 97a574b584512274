package boot

import (
	"strings"
	"testing"

	"keepone/initscripts"
)

// As in Debian's own configuration of lighttpd, which its script relies on.
const pidFile = `echo 'server.pid-file = "/run/lighttpd.pid"' >>/etc/lighttpd/lighttpd.conf
`

// Without terminals there is nobody to log in.
const noGettys = `[ ! -e /etc/inittab ] || sed -i -E 's/^([0-9]:[0-9]+:respawn)/#\1/' /etc/inittab
`

// A daemon in the place of syslog's, which keeps what it is told.
const syslogd = `import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/dev/log")
os.chmod("/dev/log", 0o666)
if os.fork(): sys.exit(0)
os.setsid()
to = open("/run/syslog", "ab", 0)
while True: to.write(s.recv(4096) + b"\n")
`

// scripts is what the setup of any of these systems copies.
var scripts = map[string]string{
	"slow.php":         `<?php file_put_contents("/mnt/begun", "yes"); sleep(3); echo "to the end\n";`,
	"syslogd.py":       syslogd,
	"keepone@.service": initscripts.Unit,
	"keepone.init":     initscripts.LSB,
	"keepone.default":  strings.Replace(initscripts.Default, `NAMES=""`, `NAMES="php"`, 1),
	"keepone.openrc":   initscripts.OpenRC,
	"run":              initscripts.Run,
	"finish":           initscripts.Finish,
	"inittab":          strings.ReplaceAll(initscripts.Inittab, "NAME", "php"),
	// A script that the shutdown runs when keepone was stopped: what is left.
	"witness": `#!/bin/sh
### BEGIN INIT INFO
# Provides:          witness
# Required-Start:    $remote_fs
# Required-Stop:     $remote_fs
# X-Stop-After:      keepone
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: says what is left at the end
### END INIT INFO
[ "$1" = stop ] || exit 0
` + left,
	"witness.openrc": `#!/sbin/openrc-run
depend() { before keepone.php; }
start() { :; }
stop() { ` + left + "}\n",
}

const left = `{ pgrep -a -r D,R,S,T php-cgi; pgrep -a -r D,R,S,T -f "^/usr/bin/keepone run"; find /run/keepone -mindepth 2; echo the end; } >/mnt/left 2>&1
`

// bootInit boots a system that has the site php and these commands.
func bootInit(t *testing.T, kind, packages, setup string) *system {
	t.Parallel()
	share := with(scripts)
	share["setup"] = install + noGettys + pidFile + "cp /mnt/slow.php /srv/ && chmod 777 /mnt\n" + setup
	return boot(t, kind, packages, share)
}
