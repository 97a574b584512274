package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"keepone/command"
	"keepone/config"
	"keepone/doctor"
	"keepone/recipe"
	"keepone/webserver"
)

// doctorFlags are those of keepone doctor.
type doctorFlags struct {
	wired
	strict, json bool
	pid          int
}

func doctorCommand() *cobra.Command {
	var f doctorFlags
	c := &cobra.Command{
		Use:   "doctor [NAME]",
		Short: "Check the wiring between web server, socket and backend",
		Long: `Doctor looks at all that is between a visitor and the site, and at what will be
in the way one day: keepone and what starts it, the web server, whether that may
connect to the socket, what its configuration says, its patience, the host. Each
finding is a line: ok, warning, error or "not checked", what was looked at, what
is so, and the command that mends it. It changes nothing. Root sees all of it.

Exit status: 0 nothing is wrong, 1 there are errors, with --strict also
warnings; 2 misuse.`,
		Example: "    keepone doctor web2py\n    keepone doctor --json | jq -r '.[] | select(.level == \"error\") | .fix'",
		RunE:    func(_ *cobra.Command, args []string) error { return f.run(args) },
	}
	f.flags(c)
	c.Flags().BoolVar(&f.strict, "strict", false, "warnings count, too")
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	c.Flags().IntVar(&f.pid, "web-server", 0, "the `process` of the web server, where several run (default: who is connected, or the only one)")
	return c
}

func (f *doctorFlags) run(args []string) error {
	if err := f.choose(args); err != nil {
		return err
	}
	c, err := f.load()
	var findings []doctor.Finding
	if err != nil {
		findings = []doctor.Finding{f.unread(err)}
	} else {
		findings = append([]doctor.Finding{{Level: doctor.OK, Check: "check", Object: f.file, Text: "the configuration can be read"}},
			f.examine(c)...)
	}
	if err := f.print(findings); err != nil {
		return err
	}
	for _, one := range findings {
		if one.Level == doctor.Error || f.strict && one.Level == doctor.Warning {
			return command.Silent(command.Failed)
		}
	}
	return nil
}

// examine looks once more, and again, where the web server was just restarted:
// what ended meanwhile is no finding.
func (f *doctorFlags) examine(c *config.Config) (findings []doctor.Finding) {
	for range 3 {
		p := f.patient(c)
		findings = doctor.Examine(p)
		lives := func(pid int) bool { return called(pid, p.Server.Name) }
		if len(p.Server.PIDs) == 0 || slices.ContainsFunc(p.Server.PIDs, lives) {
			break
		}
	}
	return findings
}

// patient gathers what is looked at.
func (f *doctorFlags) patient(c *config.Config) *doctor.Patient {
	var info unix.Sysinfo_t
	_ = unix.Sysinfo(&info) // 0 bytes are no limit, and nothing of a percentage
	p := &doctor.Patient{Start: "keepone install " + f.name}
	p.Status, p.Silent = f.status()
	room := uint64(info.Totalram) * uint64(info.Unit)
	if p.Status != nil && p.Status.Memory.Room > 0 {
		room = p.Status.Memory.Room
	}
	p.Site = doctor.Site{Name: f.name, System: f.system, File: f.file, Say: f.say(), Socket: c.Socket.Path, Protocol: c.Backend.Protocol,
		Command: c.Backend.Command, Directory: c.Backend.Directory, Backlog: c.Socket.Backlog,
		Wait: c.Drain.Timeout + c.Stop.Timeout + c.Ready.Timeout,
		Soft: c.Memory.Soft.Of(room), Hard: c.Memory.Hard.Of(room), Runnable: c.Runnable()}
	p.Server = f.server(c, p.Status)
	p.Wire, p.Clash = f.wire(c, p.Server.Name)
	return p
}

// status asks keepone, by its own command, which finds rivals, too.
func (f *doctorFlags) status() (*doctor.Status, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ask := exec.CommandContext(ctx, keeponeProgram(), "status", "--json", "-n", f.name, "-c", f.file, "--run-dir", f.runDir)
	var said bytes.Buffer
	ask.Stderr = &said
	out, err := ask.Output()
	st := new(doctor.Status)
	if bad := json.Unmarshal(out, st); bad == nil {
		return st, nil
	}
	text, _, _ := strings.Cut(said.String(), "\n") // a hint may follow
	text = strings.TrimPrefix(text, "keepone: ")
	if text == "" {
		return nil, fmt.Errorf("cannot ask keepone: %w", err)
	}
	return nil, errors.New(text)
}

// keeponeProgram is the one that ran this one, or that is installed with it.
func keeponeProgram() string {
	if path := os.Getenv("KEEPONE"); path != "" {
		return path
	}
	if own, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(own), "keepone")
		if _, err := os.Stat(beside); err == nil {
			return beside
		}
	}
	return "/usr/bin/keepone"
}

// server finds the web server: the one that is named, the one that keepone saw
// to be connected, or the only one.
func (f *doctorFlags) server(c *config.Config, st *doctor.Status) doctor.Server {
	name := c.WebServer.Process
	if f.pid > 0 {
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", f.pid))
		if err != nil {
			return doctor.Server{}
		}
		return family(f.pid, strings.TrimSpace(string(comm)))
	}
	if st != nil && st.WebServer != nil && st.WebServer.Proved && slices.ContainsFunc(st.WebServer.PIDs, func(pid int) bool { return called(pid, st.WebServer.Name) }) {
		return *st.WebServer // what was a guess some seconds ago is made anew
	}
	if name == "auto" || name == "none" {
		name = ""
	}
	pids, found, proved := webserver.New(name).Find(nil, nil)
	return doctor.Server{Name: found, PIDs: pids, Proved: proved}
}

// called tells whether a process lives and has the name.
func called(pid int, name string) bool {
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && strings.TrimSpace(string(comm)) == name
}

// family is a process with its children of the same name; proc_pid_task(5),
// children.
func family(pid int, name string) doctor.Server {
	s := doctor.Server{Name: name, PIDs: []int{pid}, Proved: true}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is valid
	for _, list := range lists {
		text, _ := os.ReadFile(list) // of a thread that ended: none
		for word := range strings.FieldsSeq(string(text)) {
			var child int
			if _, bad := fmt.Sscan(word, &child); bad == nil && called(child, name) {
				s.PIDs = append(s.PIDs, child)
			}
		}
	}
	return s
}

// wire is what has the web server hand over to the socket, and what is wrong with
// another site's part.
func (f *doctorFlags) wire(c *config.Config, name string) (steps, wrong string) {
	server := map[string]string{"lighttpd": "lighttpd", "nginx": "nginx", "apache2": "apache", "httpd": "apache", "caddy": "caddy"}[name]
	if server == "" {
		return "", ""
	}
	w := webserverFlags{wired: f.wired, port: 80}
	s, err := w.site(c)
	if err != nil {
		return "", ""
	}
	_, systemd := os.Stat("/run/systemd/system") // sd_booted(3)
	machine := recipe.System{Systemd: systemd == nil}
	place := machine.Place(server, s)
	steps = "keepone webserver " + server + " " + f.say() + " --write"
	if text, err := os.ReadFile(place.File); err == nil {
		if line := recipe.MadeBy(string(text)); line != "" { // with the flags that somebody gave
			steps = line + " --write"
			s.Host, s.Prefix = recipe.Scope(string(text))
		}
	}
	if other := machine.Clash(server, s); other != "" && place.Enabled {
		wrong = clash(other)
	}
	var left []string
	for _, step := range place.Left() {
		if step, _, _ = strings.Cut(step, "  #"); !strings.HasPrefix(step, "#") {
			left = append(left, step)
		}
	}
	last := strings.Join(left, " && ")
	if !f.system { // root's keepone does not know the site
		return strings.TrimSuffix(steps, " --write") + " | sudo tee " + place.File + " >/dev/null && sudo sh -c " + spoken([]string{last}), wrong
	}
	return steps + " && " + last, wrong
}
