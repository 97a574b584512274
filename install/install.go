// Package install has the init system start a site at boot, and undoes that:
// systemd, SysV, OpenRC, runit, and for an ordinary user systemd's user units or
// cron.
//
// What a package brought is enabled and never copied: a copy in /etc would stand
// before every later version of the package's. Where no package is, our own
// files are written, with a line that marks them as ours; a file without it is
// somebody else's, and neither changed nor removed.
//
// A file that is not there yet is registered by kardianos/service (library.go),
// and then put right: what it does not do (write as a whole, sync, look whether
// something has been done already, stop, take links away) is done here.
package install

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Inits are the init systems, as Task.Init and [Detect] name them.
var Inits = []string{"systemd", "sysv", "openrc", "runit"}

// Scripts are the files for the init systems, with the program's path as
// packages have it, /usr/bin/keepone.
type Scripts struct {
	Unit, UserUnit string // systemd, for keepone@NAME
	LSB, Default   string // /etc/init.d/keepone and /etc/default/keepone
	OpenRC         string // /etc/init.d/keepone.NAME
	Run, Finish    string // /etc/sv/keepone-NAME/run and finish
}

// A Sandbox is what systemd is to forbid a site; "" for nothing.
type Sandbox struct {
	DropIn string            // the text of a drop-in for the unit
	Units  map[string]string // what the drop-in names: templates, as file name ("keepone-x@.service") to text
}

// A Task is one site that is to be installed or uninstalled. Paths are absolute.
type Task struct {
	Scripts
	Name    string
	Program string   // keepone
	Config  string   // the site's NAME.toml
	RunDir  string   // where its control socket, its locks and mostly its socket are
	Socket  string   // the file of its listening socket; "" where there is none
	Kept    []string // what outlives a stop, and goes with --purge: history, logs
	Init    string   // one of Inits
	User    bool     // an ordinary user's own, not the system's; Init does not count
	NoStart bool     // only from the next boot on
	DryRun  bool     // say what would be done, and do nothing
	Out     io.Writer
	Sandbox
}

// An Error is a failure with a hint what to do next.
type Error struct {
	Err  error
	Hint string
}

// Error is the text of Err.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

func hinted(hint, format string, args ...any) error {
	return &Error{fmt.Errorf(format, args...), hint}
}

// A keeper is one way to have a site started: one init system.
type keeper interface {
	install() error   // write and enable; may be repeated
	start() error     // returns when the site's socket is there
	runs() bool       // the init system itself runs, so that start makes sense
	holds() bool      // a keepone that answers is this init system's
	stop() error      // returns when keepone is gone
	uninstall() error // disable and remove; may be repeated
}

// Install writes, enables and starts. It may be repeated: what has been done is
// not done again, and what is half done is completed. It fails with an *Error
// where there is something to be done about it.
func (t *Task) Install() error {
	k, err := t.keeper()
	if err != nil {
		return err
	}
	unlock, err := t.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if !t.NoStart && k.runs() && t.answers() && !k.holds() {
		return t.foreign("cannot install "+t.Name, "kill -9 %d: its backend serves on, and is adopted when you say this again; or --no-start")
	}
	t.trust()
	if err := errors.Join(k.install(), t.otherWay(k)); err != nil {
		return err
	}
	switch {
	case t.NoStart:
		return nil
	case !k.runs():
		t.say("not started: %s does not run here; the next boot with it starts %s", t.title(), t.Name)
		return nil
	}
	return k.start()
}

// Uninstall stops the site, which finishes what it has, and undoes Install. The
// configuration stays, and with it what is in Kept, unless purge is true.
func (t *Task) Uninstall(purge bool) error {
	k, err := t.keeper()
	if err != nil {
		return err
	}
	unlock, err := t.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := t.end(k); err != nil {
		return err
	}
	if err := errors.Join(k.uninstall(), t.otherWay(k)); err != nil {
		return err
	}
	if err := t.leftovers(); err != nil || !purge {
		return err
	}
	return t.purge()
}

// oddPath is what systemd, a shell or cron would not take literally.
var oddPath = regexp.MustCompile(`[^A-Za-z0-9/._+@-]`)

func (t *Task) keeper() (keeper, error) {
	if !filepath.IsAbs(t.Program) || oddPath.MatchString(t.Program) {
		return nil, hinted("put it where its path has letters, digits and / . _ + @ - only, such as /usr/local/bin/keepone",
			"cannot name the program %q in an init system's file", t.Program)
	}
	switch {
	case t.User && !UserSystemd():
		return cron{t}, nil
	case (t.User || t.Init == "systemd") && strings.Contains(t.Name, "+"):
		return nil, hinted("rename its configuration", "cannot name a systemd unit after %s: + may not be in its name", t.Name)
	case t.User:
		return newUserSystemd(t), nil
	case t.DropIn != "" && t.Init != "systemd":
		return nil, fmt.Errorf("cannot harden %s: only systemd has what that takes, and this is for %s", t.Name, t.Init)
	case t.Init == "systemd":
		return newSystemd(t), nil
	case t.Init == "sysv":
		return sysv{t}, nil
	case t.Init == "openrc":
		return openrc{t}, nil
	case t.Init == "runit":
		return runit{t}, nil
	}
	return nil, fmt.Errorf("cannot install for %q: known are %s", t.Init, strings.Join(Inits, ", "))
}

func (t *Task) title() string {
	if t.User {
		return "the user's init"
	}
	return t.Init
}

// written are the words for what is done, in the past tense where that is not
// formed by -ed.
var past = map[string]string{"write": "wrote", "stop": "stopped", "take": "took", "add": "added"}

// do does something and says so, or in a dry run says that it would.
func (t *Task) do(verb, object string, f func() error) error {
	if t.DryRun {
		t.say("would %s %s", verb, object)
		return nil
	}
	if err := f(); err != nil {
		var known *Error
		if errors.As(err, &known) {
			return &Error{fmt.Errorf("cannot %s %s: %w", verb, object, known.Err), known.Hint}
		}
		return fmt.Errorf("cannot %s %s: %w", verb, object, err)
	}
	did, ok := past[verb]
	if !ok {
		did = strings.TrimSuffix(verb, "e") + "ed"
	}
	t.say("%s %s", did, object)
	return nil
}

func (t *Task) say(format string, args ...any) { fmt.Fprintf(t.Out, format+"\n", args...) }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// there is exists for the name itself, whatever a link leads to.
func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// first is the first path that exists, or "".
func first(paths ...string) string {
	if i := slices.IndexFunc(paths, exists); i >= 0 {
		return paths[i]
	}
	return ""
}
