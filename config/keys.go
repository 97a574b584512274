package config

import "time"

// Key describes one configuration key.
type Key struct {
	Name    string // "backend.command"; "environment.NAME" stands for every other name in its section
	Type    string
	Default string   // as TOML; "" is none, "computed: ..." says from what
	Unit    string   // of a bare number, or of what the value counts
	Doc     string   // one sentence
	Example string   // as TOML
	Values  []string // all that are allowed, where few are

	field func(*Config) value // where its value lives; nil for environment.NAME
}

const (
	mebibyte = 1 << 20
	// lockFD is the descriptor at which a backend inherits its lock: a lower RLIMIT_NOFILE would keep it from being put there.
	lockFD = 200
)

// Keys is every key, in the order of print.
var Keys = []Key{
	{Name: "backend.command", Type: "list of strings", Example: `["/usr/bin/php-cgi"]`,
		Doc:   "The program and its arguments, without a shell: with a slash relative to directory, without one looked up in the backend's PATH.",
		field: func(c *Config) value { return list{&c.Backend.Command} }},
	{Name: "backend.directory", Type: "absolute path", Default: `"/"`, Example: `"/var/www/web2py"`,
		Doc:   "The working directory of the backend.",
		field: func(c *Config) value { return path{&c.Backend.Directory, ""} }},
	{Name: "backend.user", Type: "user", Default: "computed: who runs keepone; must be said when that is root", Example: `"www-data"`,
		Doc:   "Who the backend runs as, by name or number.",
		field: func(c *Config) value { return name{&c.Backend.User} }},
	{Name: "backend.group", Type: "group", Default: "computed: the user's primary group", Example: `"www-data"`,
		Doc:   "The backend's group, by name or number.",
		field: func(c *Config) value { return name{&c.Backend.Group} }},
	{Name: "backend.groups", Type: "list of groups", Default: "computed: the user's supplementary groups", Example: `["adm"]`,
		Doc:   "The backend's supplementary groups; [] is none.",
		field: func(c *Config) value { return names{&c.Backend.Groups} }},
	{Name: "backend.umask", Type: "mode", Default: `"0022"`, Example: `"0027"`, Unit: "octal",
		Doc:   "Permissions that files made by the backend do not get.",
		field: func(c *Config) value { return mode{&c.Backend.Umask} }},
	{Name: "backend.handoff", Type: "string", Default: `"fd0"`, Example: `"fd0"`, Values: []string{"fd0", "listen-fds"},
		Doc:   "How the backend gets the listening socket: as descriptor 0, or by systemd's LISTEN_FDS.",
		field: func(c *Config) value { return text{&c.Backend.Handoff} }},
	{Name: "backend.protocol", Type: "string", Default: `"fastcgi"`, Example: `"http"`, Values: []string{"fastcgi", "http", "scgi", "uwsgi"},
		Doc:   "What the web server and the backend speak; keepone itself reads none of it.",
		field: func(c *Config) value { return text{&c.Backend.Protocol} }},
	{Name: "backend.check", Type: "list of strings", Example: `["/usr/bin/python3", "-m", "compileall", "-q", "."]`,
		Doc:   "A command that must succeed before every planned restart, or the old backend stays.",
		field: func(c *Config) value { return list{&c.Backend.Check} }},
	{Name: "backend.check_timeout", Type: "duration", Default: `"30s"`, Example: `"30s"`,
		Doc:   "How long check may take.",
		field: func(c *Config) value { return duration{&c.Backend.CheckTimeout, shortest} }},

	{Name: "socket.path", Type: "absolute path", Default: "computed: NAME.sock in the run directory", Example: `"/run/keepone/web2py/web2py.sock"`,
		Doc:   "Where the web server connects.",
		field: func(c *Config) value { return path{&c.Socket.Path, ""} }},
	{Name: "socket.owner", Type: "user", Default: "computed: backend.user", Example: `"www-data"`,
		Doc:   "The owner of the socket's file.",
		field: func(c *Config) value { return name{&c.Socket.Owner} }},
	{Name: "socket.group", Type: "group", Default: "computed: backend.group", Example: `"www-data"`,
		Doc:   "The group of the socket's file: the web server's.",
		field: func(c *Config) value { return name{&c.Socket.Group} }},
	{Name: "socket.mode", Type: "mode", Default: `"0660"`, Example: `"0660"`, Unit: "octal",
		Doc:   "The permissions of the socket's file: connecting needs write permission.",
		field: func(c *Config) value { return mode{&c.Socket.Mode} }},
	{Name: "socket.backlog", Type: "integer", Default: "4096", Example: "4096", Unit: "connections",
		Doc:   "How many connections may wait while nobody accepts, from 1 to 65535; net.core.somaxconn cuts it.",
		field: func(c *Config) value { return integer{&c.Socket.Backlog, 1, 65535} }},

	{Name: "memory.soft", Type: "size", Example: `"96MiB"`, Unit: "bytes",
		Doc:   "Above this RSS the backend is restarted at a quiet moment.",
		field: func(c *Config) value { return size{&c.Memory.Soft, mebibyte} }},
	{Name: "memory.hard", Type: "size", Example: `"128MiB"`, Unit: "bytes",
		Doc:   "Above this RSS the backend is restarted now.",
		field: func(c *Config) value { return size{&c.Memory.Hard, mebibyte} }},
	{Name: "memory.sample", Type: "duration", Default: `"1s"`, Example: `"10s"`,
		Doc:   "How often the RSS is read; it costs some microseconds each time.",
		field: func(c *Config) value { return duration{&c.Memory.Sample, time.Millisecond} }},

	{Name: "stop.signal", Type: "signal", Default: `"SIGTERM"`, Example: `"SIGTERM"`,
		Doc:   "What tells the backend to exit, by name (with or without SIG) or number.",
		field: func(c *Config) value { return signal{&c.Stop.Signal} }},
	{Name: "stop.timeout", Type: "duration", Default: `"10s"`, Example: `"10s"`,
		Doc:   "How long it may take to exit before SIGKILL.",
		field: func(c *Config) value { return duration{&c.Stop.Timeout, 0} }},

	{Name: "drain.timeout", Type: "duration", Default: `"30s"`, Example: `"30s"`,
		Doc:   "How long a planned restart lets the old backend finish the requests it has.",
		field: func(c *Config) value { return duration{&c.Drain.Timeout, 0} }},
	{Name: "drain.patience", Type: "duration", Default: `"5s"`, Example: `"5s"`,
		Doc:   "How long a planned restart first waits for a quiet moment.",
		field: func(c *Config) value { return duration{&c.Drain.Patience, 0} }},

	{Name: "ready.by", Type: "string", Default: `"accept"`, Example: `"settle"`, Values: []string{"accept", "settle"},
		Doc:   "What makes a backend ready: it accepted a connection, or it stayed alive for the settle time.",
		field: func(c *Config) value { return text{&c.Ready.By} }},
	{Name: "ready.timeout", Type: "duration", Default: `"60s"`, Example: `"60s"`,
		Doc:   "How long a backend may take to be ready before it is ended and spawned again.",
		field: func(c *Config) value { return duration{&c.Ready.Timeout, shortest} }},
	{Name: "ready.settle", Type: "duration", Default: `"2s"`, Example: `"2s"`,
		Doc:   "How long a backend must stay alive to be ready, where by is \"settle\".",
		field: func(c *Config) value { return duration{&c.Ready.Settle, 0} }},

	{Name: "backoff.limit", Type: "duration", Default: `"30s"`, Example: `"30s"`,
		Doc:   "The longest wait before a backend that keeps exiting is spawned again.",
		field: func(c *Config) value { return duration{&c.Backoff.Limit, shortest} }},

	{Name: "limits.nofile", Type: "integer or \"unlimited\"", Default: "computed: inherited", Example: "1024", Unit: "descriptors",
		Doc:   "Open files; at least 256, because the backend's lock is descriptor 200.",
		field: func(c *Config) value { return limit{&c.Limits.NOFILE, lockFD + 56, true} }},
	{Name: "limits.nproc", Type: "integer or \"unlimited\"", Default: "computed: inherited", Example: "64", Unit: "processes",
		Doc:   "Processes and threads of the backend's user.",
		field: func(c *Config) value { return limit{&c.Limits.NPROC, 1, true} }},
	{Name: "limits.core", Type: "size or \"unlimited\"", Default: "computed: inherited", Example: `"unlimited"`, Unit: "bytes",
		Doc:   "Core dumps.",
		field: func(c *Config) value { return limit{&c.Limits.Core, 0, false} }},
	{Name: "limits.as", Type: "size or \"unlimited\"", Default: "computed: inherited", Example: `"1GiB"`, Unit: "bytes",
		Doc:   "Address space of one process.",
		field: func(c *Config) value { return limit{&c.Limits.AS, mebibyte, false} }},
	{Name: "limits.cpu", Type: "integer or \"unlimited\"", Default: "computed: inherited", Example: "3600", Unit: "seconds",
		Doc:   "CPU time of one process.",
		field: func(c *Config) value { return limit{&c.Limits.CPU, 1, true} }},
	{Name: "limits.fsize", Type: "size or \"unlimited\"", Default: "computed: inherited", Example: `"100MiB"`, Unit: "bytes",
		Doc:   "The largest file a process may write.",
		field: func(c *Config) value { return limit{&c.Limits.FSize, 0, false} }},
	{Name: "limits.memlock", Type: "size or \"unlimited\"", Default: "computed: inherited", Example: `"64KiB"`, Unit: "bytes",
		Doc:   "Memory locked into RAM.",
		field: func(c *Config) value { return limit{&c.Limits.Memlock, 0, false} }},
	{Name: "limits.stack", Type: "size or \"unlimited\"", Default: "computed: inherited", Example: `"8MiB"`, Unit: "bytes",
		Doc:   "The stack of one process.",
		field: func(c *Config) value { return limit{&c.Limits.Stack, 64 << 10, false} }},
	{Name: "limits.data", Type: "size or \"unlimited\"", Default: "computed: inherited", Example: `"512MiB"`, Unit: "bytes",
		Doc:   "Data segment, heap and private mappings of one process.",
		field: func(c *Config) value { return limit{&c.Limits.Data, mebibyte, false} }},
	{Name: "limits.nice", Type: "integer", Default: "computed: inherited", Example: "5",
		Doc:   "Scheduling priority from -20 (first) to 19 (last).",
		field: func(c *Config) value { return optional{&c.Limits.Nice, -20, 19} }},
	{Name: "limits.oom_score_adj", Type: "integer", Default: "computed: inherited", Example: "200",
		Doc:   "How readily the kernel kills the backend when memory runs out, from -1000 to 1000.",
		field: func(c *Config) value { return optional{&c.Limits.OOMScoreAdj, -1000, 1000} }},

	{Name: "environment.files", Type: "list of strings", Default: "[]", Example: `[".env"]`,
		Doc:   "Files of KEY=VALUE lines, relative to backend.directory; a later one wins.",
		field: func(c *Config) value { return list{&c.Environment.Files} }},
	{Name: "environment.NAME", Type: "string, integer or boolean", Example: `"production"`,
		Doc: "Every other key is a variable, and wins over the files."},

	{Name: "output.to", Type: "absolute path, \"auto\", \"journal\", \"stdout\" or \"syslog\"", Default: `"auto"`, Example: `"/var/log/web2py.log"`,
		Doc: "Where the backend's output goes; auto is the journal where systemd connected keepone to it, stdout where keepone is process 1, " +
			"else /var/log/keepone/NAME.log as root or output.log in the run directory.",
		field: func(c *Config) value { return outlet{&c.Output.To} }},
	{Name: "output.limit", Type: "size", Default: `"1MiB"`, Example: `"1MiB"`, Unit: "bytes",
		Doc:   "The size at which an output file is rotated, at least 4KiB.",
		field: func(c *Config) value { return size{&c.Output.Limit, 4 << 10} }},
	{Name: "output.keep", Type: "integer", Default: "5", Example: "5", Unit: "files",
		Doc:   "How many files are kept in all, from 1 to 100: NAME.log, which is written, NAME.log.1, which was full last, and so on.",
		field: func(c *Config) value { return integer{&c.Output.Keep, 1, 100} }},

	{Name: "control.read", Type: "list of users and @groups", Default: `["@adm"]`, Example: `["@adm"]`,
		Doc:   "Who, besides root and keepone's own user, may ask for the status.",
		field: func(c *Config) value { return names{&c.Control.Read} }},
	{Name: "control.operate", Type: "list of users and @groups", Default: "[]", Example: `["deploy"]`,
		Doc:   "Who, besides root and keepone's own user, may restart, stop and start.",
		field: func(c *Config) value { return names{&c.Control.Operate} }},
}
