// Package harden makes a sandbox for one site: a drop-in for the systemd unit
// keepone@NAME.service, with all that the unit itself leaves open and that this
// site does not need. It knows text only: who calls it writes the files.
//
// The switches are those of systemd.exec(5); "systemd-analyze security" counts
// them. Every switch that stays open has its reason in the drop-in.
package harden

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// File is the name of the drop-in in keepone@NAME.service.d, below
// /etc/systemd/system. An operator's own, such as override.conf, sorts after it
// and wins.
const File = "50-harden.conf"

// TmpFile is the name of a further unit, with the text TmpUnit, in
// /etc/systemd/system. It is a template, one for all sites, and has nothing to
// enable: who starts a hardened keepone@NAME starts it, and systemd stops it
// when nobody needs it. Where it is missing keepone starts all the same, and a
// backend that outlives a killed keepone has no /tmp any more.
const TmpFile = "keepone-tmp@.service"

// A Site is what the drop-in is made for: absolute paths as in the
// configuration, "" for what is not set there. Whatever is no absolute path,
// such as "journal" or "tcp://127.0.0.1:8000", names no file.
type Site struct {
	Directory string   // backend.directory: written below it, unless it is "/"
	Socket    string   // socket.path: written in its directory
	Output    string   // output.to, where it is a file: written in its directory, for it is rotated there
	History   string   // memory.history, the file: written in its directory
	Also      []string // what else the site writes, files and directories: uploads, caches, a spool
	Limits    bool     // [limits] says something: the priority may change, and limits may be raised
}

// usual is what is written for a site of nearly every kind: PHP's sessions, and
// what the usual mail programs queue, keep and log. Only what exists counts. /tmp,
// /var/tmp and /dev are the site's own.
var usual = []string{"/dev/shm", "/var/lib/php/sessions", "/var/spool", "/var/mail", "/var/log/exim4"}

// own is what the unit's RuntimeDirectory=, StateDirectory= and LogsDirectory=
// lie in. The first is writable as a whole: somebody may remove keepone's
// directory in it, which is then made again.
var own = []string{"/run/keepone", "/var/lib/keepone", "/var/log/keepone"}

// Writable is what ReadWritePaths= will name, each path once and none below
// another: systemd ignores those that are missing when the unit starts.
func (s Site) Writable() []string {
	all := slices.Concat(own[:1], usual)
	for _, file := range []string{s.Socket, s.Output, s.History} {
		if path.IsAbs(file) {
			all = append(all, path.Dir(path.Clean(file)))
		}
	}
	for _, dir := range append([]string{s.Directory}, s.Also...) {
		if path.IsAbs(dir) {
			all = append(all, path.Clean(dir))
		}
	}
	slices.Sort(all)
	var kept []string
	for _, p := range all {
		if p != "/" && !below(p, own[1:]) && !below(p, kept) {
			kept = append(kept, p)
		}
	}
	return kept
}

// below says that the path is one of those, or lies in one.
func below(p string, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(d string) bool { return p == d || strings.HasPrefix(p, d+"/") })
}

// made are the directories that systemd makes before the sandbox is there: the
// socket's and those above it, which after a boot are missing below /run.
func (s Site) made() (dirs []string) {
	dir := path.Dir(path.Clean(s.Socket))
	if !path.IsAbs(s.Socket) || below(dir, own) {
		return nil
	}
	for ; dir != "/run" && below(dir, []string{"/run"}); dir = path.Dir(dir) {
		dirs = append(dirs, dir)
	}
	slices.Reverse(dirs)
	return dirs
}

// privileged says that the socket is at a TCP port that only root may have.
func (s Site) privileged() bool {
	address, ok := strings.CutPrefix(s.Socket, "tcp://")
	port, err := strconv.Atoi(address[strings.LastIndex(address, ":")+1:])
	return ok && err == nil && port < 1024
}

// DropIn is the text of the drop-in. It reaches 3.0 or less in
// "systemd-analyze security" of systemd 247, 252 and 257; with Limits or a port
// below 1024 it stays some tenths above.
func DropIn(s Site) string {
	var b strings.Builder
	b.WriteString(head)
	if dirs := s.made(); len(dirs) > 0 {
		b.WriteString("ExecStartPre=+/bin/mkdir -p -m 755 --")
		for _, dir := range dirs {
			b.WriteString(" " + word(dir))
		}
		b.WriteString("\n")
	}
	for _, p := range s.Writable() {
		b.WriteString("ReadWritePaths=" + quoted("-"+p) + "\n")
	}
	b.WriteString(closed)
	b.WriteString(open)
	if s.Limits {
		b.WriteString(limits)
	} else {
		b.WriteString(noLimits)
	}
	if s.privileged() {
		b.WriteString(lowPort)
	}
	return b.String()
}

// quoted is a path as the settings of systemd.syntax(7) take it: specifiers are
// doubled, and what would end the word or the line is escaped.
func quoted(p string) string {
	p = strings.ReplaceAll(p, "%", "%%")
	if !strings.ContainsAny(p, " \t\n\r\"'\\;#") {
		return p
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(p) + `"`
}

// word is a path in a command line of systemd.service(5), where $ begins a
// variable.
func word(p string) string { return quoted(strings.ReplaceAll(p, "$", "$$")) }
