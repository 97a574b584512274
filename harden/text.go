package harden

// TmpUnit is the text of the unit that keeps the private /tmp of a hardened site.
const TmpUnit = `# The private /tmp and /var/tmp of keepone@%i, where that is hardened. systemd
# removes them with the last unit that has them: alone, keepone@%i would lose them
# with every end of keepone, and a backend that outlives a killed keepone with it.
[Unit]
Description=The temporary files of keepone@%i
StopWhenUnneeded=yes

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
PrivateTmp=yes
`

// head begins the drop-in; what is to be writable follows.
const head = `# A sandbox for this one site, made from its configuration by
# "keepone install --harden"; the same command makes it anew after a change.
# See systemd.exec(5), and: systemd-analyze security keepone@NAME
[Unit]
Wants=keepone-tmp@%i.service
After=keepone-tmp@%i.service
JoinsNamespaceOf=keepone-tmp@%i.service

[Service]
# The system is read-only but for what follows. A site that writes elsewhere gets
# "Read-only file system" and needs another ReadWritePaths= line in a drop-in of
# yours: systemctl edit keepone@NAME
ProtectSystem=strict
ProtectHome=read-only
`

// closed is what a site behind keepone, and keepone itself, can do without.
const closed = `
# Nobody behind a web server needs these.
PrivateDevices=yes
PrivateMounts=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
RestrictNamespaces=yes
RestrictRealtime=yes
KeyringMode=private
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
# To make setuid and setgid files is forbidden, also mkdir with g+s; to run them
# is not.
RestrictSUIDSGID=yes
# What the web server or another site leaves in /tmp, such as a database's
# socket, is not seen. keepone-tmp@.service keeps it while a backend outlives a
# killed keepone.
PrivateTmp=yes
# The site sees its own processes; keepone, as root, sees all.
ProtectProc=invisible
# Each backend gets a cgroup of its own below the unit's, and nowhere else.
ProtectControlGroups=yes
ReadWritePaths=-/sys/fs/cgroup/system.slice/system-keepone.slice/%n
`

// open is what stays open, and why.
const open = `
# What stays open, and why.
#
# User=, DynamicUser=, PrivateUsers=: keepone is root so that it can become
# backend.user; the site is not root.
# NoNewPrivileges=: sendmail and the like are setuid or setgid.
# CapabilityBoundingSet=: setuid and setgid are for becoming backend.user, and
# for a setuid sendmail; chown and those for files are for the socket, which is
# the web server's, and for a mail queue; kill and ptrace are for ending, proving
# and adopting a backend, which is another user's process.
CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_CHOWN CAP_FOWNER CAP_FSETID CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_KILL CAP_SYS_PTRACE
# SystemCallFilter=: of @privileged what becoming backend.user and making the
# socket the web server's take. pidfd_getfd is closed, for sockets come back from
# the descriptor store; a site that is to be taken over is hardened afterwards.
SystemCallFilter=@system-service
# MemoryDenyWriteExecute=: compilers at run time, such as PHP's JIT, write what
# they execute.
# ProtectHome= is read-only and not yes: programs and sites live there.
# PrivateNetwork=, IPAddressDeny=, RestrictAddressFamilies=: databases, mail, other
# sites; netlink tells keepone who waits at the socket.
# DeviceAllow= is what ProtectClock= leaves of it: to read the clock.
# Delegate=: for the backend's own cgroup.
# ProcSubset=: who waits, what memory there is and which boot this is stand in
# /proc, not with a process.
# RootDirectory=: the site is where it is.
# UMask=: others may read what keepone tells, and reach the socket's directory.
`

// noLimits closes what only [limits] takes.
const noLimits = `# [limits] is empty, so that no priority changes and no limit is raised.
SystemCallFilter=~@resources
`

// limits keeps open what [limits] takes.
const limits = `# SystemCallFilter=~@resources, CAP_SYS_RESOURCE, CAP_SYS_NICE: for [limits].
CapabilityBoundingSet=CAP_SYS_RESOURCE CAP_SYS_NICE
`

// lowPort keeps open what a port below 1024 takes.
const lowPort = `# CAP_NET_BIND_SERVICE: for socket.path.
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
`
