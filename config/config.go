// Package config reads keepone's TOML file for one backend, says exactly what is wrong with it, and prints what is in force.
//
// Everything about a key (type, default, words, where its value lives) is one row of [Keys]; parsing, defaults, printing and the
// documentation follow from that table. What concerns several keys at once is in check.go.
package config

import (
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Config is the effective configuration of one backend. What Parse returns is complete: no empty string stands for a default.
type Config struct {
	Name string // from the file's base name: "web2py"
	File string // "" when there is none: keepone run -- COMMAND

	Backend     Backend
	Socket      Socket
	Memory      Memory
	WebServer   WebServer
	Alert       Alert
	Stop        Stop
	Drain       Drain
	Ready       Ready
	Probe       Probe
	Health      Health
	Hang        Hang
	Unavailable Unavailable
	Single      Single
	Backoff     Backoff
	Limits      Limits
	Environment Environment
	Output      Output
	Control     Control

	by Defaults
}

// Defaults says who runs keepone; what the file leaves out is computed from it.
type Defaults struct {
	Root    bool   // keepone may change users
	User    string // who runs keepone: the backend's user unless Root
	RunDir  string // the run directory of this backend, as in /run/keepone/web2py
	History string // where its history outlives a reboot
	Name    string // of the backend, where it is not that of the file
}

// Backend is the one process that keepone spawns.
type Backend struct {
	Command      []string // no shell; see Config.Executable for the first word
	Directory    string
	User, Group  string   // names or decimal ids
	Groups       []string // nil: the user's own, looked up at each spawn
	Umask        Mode
	Handoff      string // "fd0" or "listen-fds"
	Protocol     string // "fastcgi", "http", "scgi" or "uwsgi"
	Check        []string
	CheckTimeout time.Duration
}

// defaultMode is that of the listening socket's file.
const defaultMode Mode = 0o660

// Socket is the listening socket that the web server connects to.
type Socket struct {
	Path         string
	Owner, Group string // names or decimal ids
	Mode         Mode
	Backlog      int // connections that may wait
}

// Memory holds the limits on what the backend has in memory, and what is done about them.
type Memory struct {
	Soft Amount // restart at a quiet moment
	Hard Amount // restart now

	Action    string        // "restart" or "warn"
	Patience  time.Duration // for a quiet moment, over the soft limit
	HardDrain time.Duration // for requests in flight, over the hard limit
	MinLife   time.Duration // no restart for memory before, but of a backend that runs away
	Sample    time.Duration // how often it is read; 0 is never
	Cgroup    string        // "auto" or "off": are the limits the cgroup's, too
	Frugal    bool          // ask libc and kernel to be so
	History   string        // the file that outlives a reboot
}

// WebServer says which processes are shown beside ours.
type WebServer struct{ Process string } // "auto", "none" or their name

// Alert is whom to tell.
type Alert struct{ Command []string } // nil for nobody

// Stop says how a backend is told to exit.
type Stop struct {
	Signal  syscall.Signal
	Timeout time.Duration // then SIGKILL
}

// Drain says how long a planned restart waits for requests.
type Drain struct {
	Timeout  time.Duration
	Patience time.Duration // wait for a quiet moment, before draining
}

// Ready says when a backend counts as up.
type Ready struct {
	By      string // "accept", "request", "values", "notify" or "settle"
	Timeout time.Duration
	Settle  time.Duration
}

// Probe is the request that readiness and health are seen by.
type Probe struct {
	Method, Path, Host, Script string // Script is "" for none
	Status                     string // "200-399"
	Timeout                    time.Duration
}

// Health says how often the probe is sent, and when enough is enough.
type Health struct {
	Interval     time.Duration // 0 is never
	Failures, Of int
}

// Hang says when a backend hangs, and what makes it say where.
type Hang struct {
	Timeout time.Duration // 0 is never
	Signal  syscall.Signal
}

// Unavailable is what those get who wait for a backend in vain.
type Unavailable struct {
	Wait       time.Duration // 0 is never
	RetryAfter time.Duration
	Page       string // path; "" for our own words
}

// Single says what becomes of a survivor.
type Single struct{ Adopt, Rivals string }

// Backoff bounds the wait between attempts of a backend that does not stay up.
type Backoff struct{ Limit time.Duration }

// Limits holds the rlimits (soft and hard alike, setrlimit(2)) and scheduling values of the backend; nil is inherited.
type Limits struct {
	NOFILE, NPROC, Core, AS, CPU, FSize, Memlock, Stack, Data *Limit
	Nice, OOMScoreAdj                                         *int
}

// Environment is what Config.Environ adds to the few variables every backend gets.
type Environment struct {
	Files     []string
	Variables map[string]string // nil when there are none
}

// Control lists who else may use the control socket: users and @groups.
type Control struct{ Read, Operate []string }

// Load reads and parses a file. Problems in it come as Errors.
func Load(file string, d Defaults) (*Config, error) {
	text, err := readFile(file, false)
	if err != nil {
		return nil, err
	}
	return Parse(file, text, d)
}

// Parse makes a Config of TOML text. The file's name gives the Config its Name and the errors their position; it is not opened.
// All problems come at once, as Errors in order of position; only a text that is not TOML yields just the first.
func Parse(file string, text []byte, d Defaults) (*Config, error) {
	name := nameOf(file)
	if d.Name != "" {
		name = d.Name
	}
	c := Command(name, nil, d)
	c.File = file
	r := &report{file: file}
	tree := r.read(text)
	if len(r.errors) == 0 {
		c.assign(tree, r)
		c.complete()
		c.check(r)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// Command makes the Config of a backend that has no file. Set what differs from the defaults, then call Validate.
func Command(name string, argv []string, d Defaults) *Config {
	return &Config{
		Name: name,
		Backend: Backend{Command: argv, Directory: "/", Umask: 0o022, Handoff: "fd0", Protocol: "fastcgi",
			CheckTimeout: 30 * time.Second},
		Socket: Socket{Mode: defaultMode, Backlog: 4096},
		Memory: Memory{Action: "restart", Patience: time.Minute, HardDrain: 500 * time.Millisecond, MinLife: time.Minute,
			Sample: time.Second, Cgroup: "auto", Frugal: true},
		WebServer:   WebServer{Process: "auto"},
		Stop:        Stop{Signal: syscall.SIGTERM, Timeout: 10 * time.Second},
		Drain:       Drain{Timeout: 30 * time.Second, Patience: 5 * time.Second},
		Ready:       Ready{By: "accept", Timeout: time.Minute, Settle: 2 * time.Second},
		Probe:       Probe{Method: "GET", Path: "/", Host: "localhost", Status: "200-399", Timeout: 5 * time.Second},
		Health:      Health{Failures: 2, Of: 3},
		Hang:        Hang{Signal: syscall.SIGABRT},
		Unavailable: Unavailable{RetryAfter: 30 * time.Second},
		Single:      Single{Adopt: "adopt", Rivals: "refuse"},
		Backoff:     Backoff{Limit: 30 * time.Second},
		Environment: Environment{Files: []string{}},
		Output:      Output{To: "auto", Limit: 1 << 20, Keep: 5},
		Control:     Control{Read: []string{defaultGroup}, Operate: []string{}},
		by:          d,
	}
}

// Validate fills in what is computed from other keys (group, socket path, owner) and checks everything, as Parse does;
// its errors name the keys but have no position.
func (c *Config) Validate() error {
	r := &report{file: c.File}
	for i := range Keys {
		k := &Keys[i]
		if v := k.get(c); v != nil {
			k.set(c, v, r)
		}
	}
	for name, value := range c.Environment.Variables {
		c.setVariable(name, value, r)
	}
	c.complete()
	c.check(r)
	return r.err()
}

func nameOf(file string) string { return strings.TrimSuffix(filepath.Base(file), ".toml") }
