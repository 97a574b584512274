package scaffold

import (
	"path/filepath"
	"slices"
	"strings"
)

// A shell follows a script of sh line by line, as far as it tells what is
// started how: assignments, cd, export, umask, redirections. It runs nothing.
type shell struct {
	state  state
	saved  []state // of ( ... ): what was, and what is where the list before it ends with &
	strong []*Plan // in the background, or under a program that starts daemons
	weak   []*Plan // any other command
	depth  int
}

type state struct {
	dir, umask, nofile string
	vars               map[string]string
	exported           []Variable
}

func newShell(depth int) *shell {
	return &shell{state: state{vars: map[string]string{}}, depth: depth}
}

// fromShell reads rc.local, a start script, a line of it or of a crontab.
func fromShell(text string) ([]*Plan, error) {
	return newShell(0).read(text)
}

// read gives those that serve, or all commands where none clearly does. Its
// error is the latest of a line that cannot be read, where nothing was found.
func (s *shell) read(text string) ([]*Plan, error) {
	var bad error
	text = strings.ReplaceAll(text, "\\\n", " ")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if rest, cron := strings.CutPrefix(line, "@reboot"); cron {
			line = cronCommand(strings.TrimSpace(rest))
		}
		words, err := splitLine(line, func(name string) (string, bool) { v, ok := s.state.vars[name]; return v, ok })
		if err != nil {
			bad = err
			continue
		}
		s.line(words)
	}
	if len(s.strong) > 0 {
		return s.strong, nil
	}
	if len(s.weak) > 0 {
		return s.weak, nil
	}
	return nil, bad
}

// cronCommand makes sudo of the user that stands before the command in
// /etc/crontab: a bare name that is followed by a program with a slash or cd.
func cronCommand(line string) string {
	user, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	next, _, _ := strings.Cut(rest, " ")
	if SafeName(user) == user && !slices.Contains([]string{"cd", "nohup", "exec", "setsid", "env"}, user) && (strings.HasPrefix(next, "/") || next == "cd" || next == "nohup") {
		return "su -c '" + strings.ReplaceAll(rest, "'", `'\''`) + "' " + user
	}
	return line
}

// line goes through the simple commands of a line.
func (s *shell) line(words []word) {
	var now []word
	piped := false
	last := lastBackground(words)
	before := s.state // what is before "&" happens in a shell of its own
	if last >= 0 {
		before = s.state.clone()
	}
	flush := func(background, pipes bool) {
		if !piped && len(now) > 0 {
			s.simple(now, background, pipes)
		}
		now, piped = nil, pipes
	}
	for i, w := range words {
		switch {
		case w.operator && w.text == "(":
			flush(false, false)
			s.saved = append(s.saved, s.state.clone(), before)
		case w.operator && w.text == ")":
			flush(last > i, false)
			if n := len(s.saved); n > 1 {
				s.state, before, s.saved = s.saved[n-2], s.saved[n-1], s.saved[:n-2]
			}
		case w.operator && w.text == "|":
			flush(last > i, true)
		case w.operator && !strings.ContainsAny(w.text, "<>"):
			flush(w.text == "&", false)
			if w.text == "&" {
				s.state = before
			}
			if last > i && (w.text == "&" || w.text == ";") {
				before = s.state.clone()
			}
		default:
			now = append(now, w)
		}
	}
	flush(false, false)
}

// lastBackground is where the last "&" is; -1 where there is none.
func lastBackground(words []word) int {
	last := len(words) - 1
	for last >= 0 && !(words[last].operator && words[last].text == "&") {
		last--
	}
	return last
}

func (st state) clone() state {
	vars := map[string]string{}
	for k, v := range st.vars {
		vars[k] = v
	}
	st.vars, st.exported = vars, slices.Clone(st.exported)
	return st
}

// mostVariables bounds what is remembered, and so copied for every "&".
const (
	mostVariables = 200
	longestValue  = 4096
)

func (st state) assign(name, value string) {
	if _, known := st.vars[name]; (known || len(st.vars) < mostVariables) && len(value) <= longestValue {
		st.vars[name] = value
	}
}

// keywords may stand before a command.
var keywords = []string{"if", "then", "else", "elif", "do", "while", "until", "!", "{", "}", "fi", "done", "time"}

// notServers are commands that a script has for other purposes.
var notServers = strings.Fields(`. : [ [[ alias apt-get aptitude break case cat chgrp chmod chown continue cp date declare dd echo esac eval exit
	false fi for function grep hdparm hostname ifconfig ifup in ip ip6tables iptables iptables-restore kill killall ln local logger
	ls mkdir mkfifo modprobe mount mv nft pkill printf ps read readonly return rm rmdir route sed service set shift shopt sleep source
	swapon sync sysctl systemctl tail tee test touch trap true truncate tune2fs type udevadm umount unalias unset wait wget curl which`)

// simple follows one command.
func (s *shell) simple(words []word, background, piped bool) {
	p := &Plan{Directory: s.state.dir, Env: slices.Clone(s.state.exported)}
	words = p.redirect(words)
	for len(words) > 0 && slices.Contains(keywords, words[0].text) {
		words = words[1:]
	}
	var assigned []Variable
	for len(words) > 0 {
		name, value, found := strings.Cut(words[0].text, "=")
		if !found || !isVariable(name) {
			break
		}
		assigned = append(assigned, Variable{name, value})
		words = words[1:]
	}
	if len(words) == 0 {
		for _, v := range assigned {
			s.state.assign(v.Name, v.Value)
		}
		return
	}
	if s.builtin(words) || slices.Contains(notServers, words[0].text) {
		return
	}
	for _, v := range assigned {
		p.setenv(v.Name, v.Value)
	}
	for _, w := range words {
		p.Command = append(p.Command, w.text)
		if w.raw {
			p.note("the shell made something else of %q: write what, for keepone runs the command without a shell", w.text)
		}
	}
	s.candidate(p, background, piped)
}

func (s *shell) candidate(p *Plan, background, piped bool) {
	if piped {
		p.note("its output went through a pipe; keepone keeps it in output.to")
	}
	if s.state.umask != "" {
		p.set("backend.umask", quote(s.state.umask))
	}
	if s.state.nofile != "" {
		p.set("limits.nofile", s.state.nofile)
	}
	first := filepath.Base(p.Command[0])
	wrapped := p.unwrap(s.depth)
	if len(p.Command) == 0 || slices.Contains(notServers, filepath.Base(p.Command[0])) {
		return
	}
	name, _ := p.program()
	if _, server := servers[name]; server || background || wrapped && first != "exec" && first != "env" {
		s.strong = append(s.strong, p)
	} else {
		s.weak = append(s.weak, p)
	}
}

// builtin follows what changes the shell itself.
func (s *shell) builtin(words []word) bool {
	args := words[1:]
	last := ""
	if len(args) > 0 {
		last = args[len(args)-1].text
	}
	switch words[0].text {
	case "cd", "pushd":
		at := Plan{Directory: s.state.dir}
		at.chdir(last)
		s.state.dir = at.Directory
	case "export":
		for _, a := range args {
			name, value, assigns := strings.Cut(a.text, "=")
			if !assigns {
				value = s.state.vars[name]
			}
			if isVariable(name) {
				s.state.assign(name, value)
				if len(s.state.exported) < mostVariables {
					s.state.exported = append(s.state.exported, Variable{name, value})
				}
			}
		}
	case "umask":
		if isMode(last) {
			s.state.umask = last
		}
	case "ulimit":
		if len(args) > 1 && strings.Contains(args[0].text, "n") && last != "" && len(last) < 8 && strings.Trim(last, "0123456789") == "" {
			s.state.nofile = strings.TrimLeft(last, "0")
		}
	default:
		return false
	}
	return true
}
