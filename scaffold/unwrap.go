package scaffold

import (
	"fmt"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// deepest is how many programs and shells may start one another.
const deepest = 8

// unwrap takes off what only starts a program as somebody, somewhere or in the
// background, and keeps what that says. It tells whether anything was.
func (p *Plan) unwrap(depth int) (wrapped bool) {
	for ; depth < deepest && len(p.Command) > 1; depth++ {
		peel, known := wrappers[filepath.Base(p.Command[0])]
		if !known {
			return wrapped
		}
		before := len(p.Command)
		peel(p, p.Command[1:], depth)
		if before == len(p.Command) {
			return wrapped
		}
		wrapped = true
	}
	return wrapped
}

// wrappers by name; each sets Command to what is inside.
var wrappers map[string]func(p *Plan, args []string, depth int)

func init() { // a shell leads back to unwrap
	// skip makes one that only has options to skip.
	skip := func(options string) func(*Plan, []string, int) {
		return func(p *Plan, args []string, _ int) { p.Command, _ = leading(args, strings.Fields(options)) }
	}
	as := func(p *Plan, args []string, _ int) {
		if len(args) > 1 {
			p.setUser(args[0])
			p.Command = args[1:]
		}
	}
	wrappers = map[string]func(*Plan, []string, int){
		"nohup": skip("--"), "setsid": skip("-w --wait -f --fork -c --ctty --"), "exec": skip("-a= -c -l --"), "command": skip("-p --"),
		"authbind": skip("--deep --depth="), "stdbuf": skip("-o= -e= -i="), "ionice": skip("-c= -n= -t --"),
		"screen": skip("-dm -d -m -S= -dmS= -L -D -U"),
		"env":    func(p *Plan, _ []string, _ int) { p.dropEnv() },
		"sudo":   unwrapSudo, "su": unwrapSu, "runuser": unwrapSu, "nice": unwrapNice,
		"setuidgid": as, "gosu": as, "su-exec": as, "chpst": unwrapChpst,
		"start-stop-daemon": unwrapSSD,
		"sh":                unwrapShell, "bash": unwrapShell, "dash": unwrapShell,
	}
}

// leading takes options off the front of arguments, up to the first word that
// is none; see strip.
func leading(args, options []string) (rest []string, got map[string][]string) {
	got = map[string][]string{}
	for i := 0; i < len(args); i++ {
		option, value, next := match(args[i], options)
		switch {
		case args[i] == "--":
			return args[i+1:], got
		case option == "":
			return args[i:], got
		case next && i+1 < len(args):
			i++
			value = args[i]
		}
		got[option] = append(got[option], value)
	}
	return nil, got
}

// unwrapSudo follows sudo(8).
func unwrapSudo(p *Plan, args []string, _ int) {
	flags := "-u= --user= -g= --group= -D= --chdir= -p= --prompt= -C= -h= -r= -t= -T= -U= -b --background -E --preserve-env -H --set-home -n --non-interactive -S -i --login -s -P -k -A -nu= -Hu= -Eu= -bu= --preserve-env="
	rest, got := leading(args, strings.Fields(flags))
	c := call{got: got}
	p.setUser(strings.TrimPrefix(defaultTo(c.last("-u", "--user", "-nu", "-Hu", "-Eu", "-bu"), "root"), "#"))
	if group := c.last("-g", "--group"); group != "" {
		p.Group = strings.TrimPrefix(group, "#")
	}
	if dir := c.last("-D", "--chdir"); dir != "" {
		p.chdir(dir)
	}
	if c.has("-i", "--login") {
		p.goHome()
	}
	p.Command = append([]string{"env"}, rest...) // it takes assignments as env does
	if len(rest) == 0 || !strings.Contains(rest[0], "=") {
		p.Command = rest
	}
}

// unwrapSu follows su(1) and runuser(1): options may stand anywhere.
func unwrapSu(p *Plan, args []string, depth int) {
	rest, got := strip(args, strings.Fields("-c= --command= -s= --shell= -u= --user= -g= --group= -G= -l --login -m -p --preserve-environment -P --pty"))
	c := call{got: got}
	if c.has("-l", "--login") {
		rest = append([]string{"-"}, rest...)
	}
	login := len(rest) > 0 && rest[0] == "-"
	if login {
		rest = rest[1:]
	}
	if name := c.last("-u", "--user"); name != "" { // runuser -u USER COMMAND
		p.setUser(name)
		p.Command = slices.DeleteFunc(rest, func(w string) bool { return w == "--" })
		return
	}
	name := "root"
	if len(rest) > 0 && rest[0] != "--" {
		name = rest[0]
	}
	p.setUser(name)
	if login {
		p.goHome()
	}
	if text := c.last("-c", "--command"); text != "" {
		p.inShell(text, depth)
	}
}

// goHome is what a login shell does.
func (p *Plan) goHome() {
	if u, err := user.Lookup(p.User); err == nil && filepath.IsAbs(u.HomeDir) {
		p.Directory = u.HomeDir
	}
}

func unwrapNice(p *Plan, args []string, _ int) {
	n := 10
	if len(args) > 1 {
		if v, err := strconv.Atoi(strings.TrimPrefix(args[0], "-")); err == nil && args[0][0] == '-' { // nice -10
			n, args = v, args[1:]
		}
	}
	rest, got := leading(args, []string{"-n=", "--adjustment="})
	if v, err := strconv.Atoi((&call{got: got}).last("-n", "--adjustment")); err == nil {
		n = v
	}
	p.Command = rest
	p.set("limits.nice", strconv.Itoa(min(max(n, -20), 19)))
}

// unwrapChpst follows runit's chpst(8).
func unwrapChpst(p *Plan, args []string, _ int) {
	rest, got := leading(args, strings.Fields("-u= -U= -b= -e= -/= -n= -l= -L= -m= -d= -o= -p= -f= -c= -t= -v -V -P -0 -1 -2"))
	c := call{got: got}
	p.setUser(c.last("-u"))
	if dir := c.last("-e"); dir != "" {
		p.note("chpst -e %s: copy the variables in that directory into [environment]", dir)
	}
	if limits := c.last("-m", "-d", "-o", "-p", "-f", "-c", "-t"); limits != "" {
		p.note("chpst's limits were not carried over; see [limits]")
	}
	if n, err := strconv.Atoi(c.last("-n")); err == nil {
		p.set("limits.nice", strconv.Itoa(min(max(n, -20), 19)))
	}
	p.Command = rest
}

// unwrapSSD follows start-stop-daemon(8).
func unwrapSSD(p *Plan, args []string, _ int) {
	flags := "-S --start -K --stop -b --background -q --quiet -o --oknodo -m --make-pidfile -v --verbose -C --no-close -t --test " +
		"-x= --exec= -a= --startas= -p= --pidfile= -c= --chuid= -u= --user= -g= --group= -d= --chdir= -k= --umask= -N= --nicelevel= -n= --name= -R= --retry= -s= --signal= -P= --procsched= -I= --iosched= -r= --chroot= -O= --output="
	rest, got := leading(args, strings.Fields(flags))
	c := call{got: got}
	program := c.last("-a", "--startas", "-x", "--exec")
	if program == "" || c.has("-K", "--stop") {
		p.Command = nil
		return
	}
	p.setUser(c.last("-c", "--chuid"))
	if group := c.last("-g", "--group"); group != "" {
		p.Group = group
	}
	if dir := c.last("-d", "--chdir"); dir != "" {
		p.chdir(dir)
	}
	p.setMode("backend.umask", c.last("-k", "--umask"))
	if n, err := strconv.Atoi(c.last("-N", "--nicelevel")); err == nil {
		p.set("limits.nice", strconv.Itoa(n))
	}
	p.Command = append([]string{program}, rest...)
}

// unwrapShell takes sh -c "..." off.
func unwrapShell(p *Plan, args []string, depth int) {
	for i, a := range args[:len(args)-1] {
		if strings.HasPrefix(a, "-") && strings.HasSuffix(a, "c") && !strings.HasPrefix(a, "--") {
			p.inShell(args[i+1], depth)
			return
		}
		if !strings.HasPrefix(a, "-") {
			return // a script
		}
	}
}

// inShell makes the plan what a shell does with a text, where that is one command.
func (p *Plan) inShell(text string, depth int) {
	s := newShell(depth + 1)
	s.state.dir = p.Directory
	plans, err := s.read(text)
	if err != nil || len(plans) != 1 {
		p.Command = []string{"/bin/sh", "-c", text}
		p.note("the shell stays in the command, since %s: say exec before the program there, so that signals reach it", orCount(err, len(plans)))
		return
	}
	inner := plans[0]
	p.Command = inner.Command
	if inner.Directory != "" {
		p.Directory = inner.Directory
	}
	if inner.User != "" {
		p.User, p.Group = inner.User, inner.Group
	}
	for _, v := range inner.Env {
		p.setenv(v.Name, v.Value)
	}
	for key, literal := range inner.Set {
		p.set(key, literal)
	}
	for _, n := range inner.Notes {
		p.note("%s", n)
	}
}

func orCount(err error, n int) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("it runs %d programs", n)
}
