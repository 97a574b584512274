// Package rival finds the doubles of a backend: processes that are what the
// backend is, and that nobody of ours spawned. Two of them write to the same
// sessions, answer from two memories and cost twice as much. Who is found is
// explained to the operator: who started it, and what ends it for good.
//
// # Rules
//
// A process is a rival when one of these holds, of which the first is named.
// The site's script is the file that the interpreter was given, known by device
// and inode, and for a compiled program of the site the program itself.
//
//	path      It listens at our path or address, or at a socket that was bound to
//	          our path, on the same file system, before it was removed or replaced.
//	script    It runs the site's script with the same kind of interpreter
//	          (python is python3.11), and with the same arguments; or with others,
//	          while it listens. With others and no socket it is a job.
//	program   Where the site has no script of its own (php-cgi, -m uvicorn,
//	          /usr/bin/gunicorn): the same program and module in the same working
//	          directory, which is not "/", with the same arguments; or with
//	          others, while it listens, unless they name another application
//	          (blog:app is not shop:app, blog.ini not shop.ini). An interpreter
//	          with no script at all counts only while it listens.
//	launcher  It is another of the programs that serve one and the same web2py or
//	          Django from the same directory, and listens.
//	bin-path  lighttpd started it, and it listens at our path with "-0", "-1", ...
//	          behind it, as lighttpd calls the sockets of its bin-path.
//
// Whoever holds a listening socket listens: backends are given theirs.
//
// # Never rivals
//
// Who descends from Wanted.Own; who has Wanted.Mark or Wanted.JobMark in the
// environment, or the file Wanted.Lock at descriptor 200; every process of
// keepone's program; zombies and kernel threads. A backend of another keepone
// only by the rule path, or with the same script and the same arguments. Who
// keeps sockets for others (systemd, supervisord), or started us, is no rival by
// the socket.
//
// The children of a rival are told as one with it: the topmost process that a
// rule applies to, and above it only who runs the very same command, as those
// do that start themselves anew when a file changes.
//
// # What is not seen
//
// A process that overwrote its command line is known by its sockets only, or,
// where that still begins "gunicorn: ", by the name of the program. A script
// that was started by a relative name is looked for where the process is now,
// and where it was started (PWD). A socket of another network namespace is not
// seen to be at our path, and of a process that has more than 1024 descriptors
// the first 1024 are looked at.
//
// An ordinary user cannot read other users' executables, directories,
// descriptors and environments. What counts then is an absolute path of the
// script in the command line, the name of the interpreter, and the same
// arguments; what is told about it is less. Where /proc is mounted with hidepid,
// see proc(5), there is nothing to see.
package rival

import (
	"fmt"
	"time"
)

// Wanted is what the backend is to be.
type Wanted struct {
	Argv    []string // the command as configured; Argv[0] without a slash is looked up in PATH of Env
	Env     []string // its whole environment, NAME=value
	Dir     string   // its working directory, absolute; relative scripts are relative to it
	Socket  string   // where it listens: an absolute path, or tcp://127.0.0.1:8000, tcp://[::1]:8000
	Mark    string   // what begins the variable of our own backends' environment, "KEEPONE=abc:def"; "" for none
	JobMark string   // likewise for our jobs, another variable; "" for none
	Users   []int    // whose processes' marks count, by their real users; nil for everybody's
	Lock    string   // the backend lock; who has that file open at descriptor 200 is ours; "" for none
	Own     []int    // processes that are ours, with all that descend from them
}

// A Rule says why a process is a rival; see the package's documentation.
type Rule string

// The rules, in the order in which they are tried.
const (
	Path     Rule = "path"
	Script   Rule = "script"
	Program  Rule = "program"
	Launcher Rule = "launcher"
	BinPath  Rule = "bin-path"
)

// A Rival is a process that is the backend and that we did not spawn.
type Rival struct {
	PID     int       `json:"pid"`
	Start   uint64    `json:"start"` // clock ticks after boot, field 22 of proc_pid_stat(5): with the pid it is nobody else
	Since   time.Time `json:"since"`
	User    string    `json:"user"`    // name, or the number where it has none
	Command string    `json:"command"` // printable, cut at 200 bytes
	Rule    Rule      `json:"rule"`
	Why     string    `json:"why"`     // "it runs /srv/web2py/fcgihandler.py, too"
	Socket  uint64    `json:"socket"`  // sockfs inode of its listening socket that is at our path, or was; 0 for none
	AtPath  bool      `json:"at_path"` // that socket is the file at our path now, or listens at our address
	Listens []string  `json:"listens"` // where it listens: "/tmp/fcgi.sock", "127.0.0.1:8000"
	Parents []Parent  `json:"parents"` // nearest first, up to init
	Origin  string    `json:"origin"`  // who started it, as a phrase
	End     string    `json:"end"`     // the command that ends it for good, with advice behind a semicolon where one command is not enough
	Returns bool      `json:"returns"` // whoever started it starts it again when it is ended
}

// A Parent is an ancestor of a rival.
type Parent struct {
	PID  int    `json:"pid"`
	Name string `json:"name"` // as in proc_pid_comm(5), printable
}

// String tells everything in one line.
func (r Rival) String() string {
	since := r.Since.Format("15:04:05")
	if now := time.Now(); now.YearDay() != r.Since.YearDay() || now.Year() != r.Since.Year() {
		since = r.Since.Format("2006-01-02 15:04:05")
	}
	return fmt.Sprintf("process %d (%s, user %s, since %s): %s; started by %s; end it with: %s",
		r.PID, r.Command, r.User, since, r.Why, r.Origin, r.End)
}
