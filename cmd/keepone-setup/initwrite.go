package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"keepone/command"
	"keepone/config"
	"keepone/scaffold"
)

// write checks the text before and after it is a file. What keepone would not
// run is not written; to the standard output it goes as it is.
func (i *initiation) write(p *scaffold.Plan) error {
	text, err := p.Text(keysToWrite())
	if err != nil {
		return command.Fail(command.Failed, "", err)
	}
	for _, n := range p.Notes {
		fmt.Fprintf(i.errors, "note: %s\n", n)
	}
	for _, n := range i.machine().Missing(p) {
		fmt.Fprintf(i.errors, "missing: %s\n", n)
	}
	file := i.output
	if file == "" {
		file = filepath.Join(config.Dir(), p.Name+".toml")
	}
	c, err := config.Parse(file, text, defaultsOf(p.Name))
	if file == "-" {
		if _, bad := i.out.Write(text); bad != nil {
			return fmt.Errorf("cannot write the configuration: %w", bad)
		}
	}
	if err != nil {
		return command.Fail(command.Failed, "correct it with --user, --socket or in the source; -o - prints what would be written", err)
	}
	for _, w := range c.Warnings() {
		fmt.Fprintf(i.errors, "warning: %s\n", w)
	}
	if file == "-" {
		return nil
	}
	return i.store(p, file, text)
}

func (i *initiation) store(p *scaffold.Plan, file string, text []byte) error {
	if i.asked {
		answer, err := i.ask(scaffold.Question{Text: "Write " + file, Why: inShort(p), Proposal: "yes", Check: yesOrNo})
		if err != nil || strings.HasPrefix(strings.ToLower(answer), "n") {
			return command.Fail(command.Failed, "", errors.New("cannot go on: you did not want it; nothing was written"))
		}
	}
	mode := fs.FileMode(0o644)
	if p.Private() || i.private && len(p.Env) > 0 {
		mode = 0o600
	}
	backup, err := scaffold.Store(file, text, mode, i.force)
	if errors.Is(err, fs.ErrExist) {
		return command.Fail(command.Failed, "--force replaces it and keeps a copy; another NAME makes another; -o - prints", fmt.Errorf("cannot write %s: it is there already", file))
	}
	if err != nil {
		return command.Fail(command.Failed, "", err)
	}
	if _, err := config.Load(file, defaultsOf(p.Name)); err != nil {
		return command.Fail(command.Failed, "", err)
	}
	if backup != "" {
		fmt.Fprintf(i.out, "The former one is %s.\n", backup)
	}
	fmt.Fprintf(i.out, "Wrote %s", file)
	if mode == 0o600 {
		fmt.Fprint(i.out, ", which only you can read: its [environment] may hold secrets")
	}
	fmt.Fprint(i.out, ".\n", i.nextSteps(p, file))
	return nil
}

func yesOrNo(answer string) error {
	switch strings.ToLower(answer) {
	case "y", "yes", "n", "no":
		return nil
	}
	return errors.New("yes or no")
}

func inShort(p *scaffold.Plan) string {
	return fmt.Sprintf("%s in %s, at %s.", spoken(p.Command), p.Directory, p.Socket)
}

// nextSteps says what to do; -c is for a file that keepone does not find by its name.
func (i *initiation) nextSteps(p *scaffold.Plan, file string) string {
	site, found := p.Name, file == filepath.Join(config.Dir(), p.Name+".toml")
	if !found {
		site = spoken([]string{"-c", file})
	}
	steps := [][2]string{{"check " + site, "what is in force, and what may disappoint"}, {"run " + site, "try it in the foreground; Ctrl-C ends it"}}
	if found {
		own := ""
		if os.Geteuid() != 0 {
			own = "--user "
		}
		steps = append(steps, [2]string{"install " + own + site, "have it started now, and at every boot"})
		if i.from != "" {
			steps = append(steps, [2]string{"start-backend --take-over " + site, "then take the place of what runs it today; see OPERATING.md"})
		}
		steps = append(steps, [2]string{"webserver lighttpd " + site, "what the web server needs; also nginx, apache, caddy"},
			[2]string{"doctor " + site, "what is wrong between a visitor and the site, and what mends it"})
	}
	width := 0
	for _, step := range steps {
		width = max(width, len(step[0]))
	}
	var text strings.Builder
	text.WriteString("\nNext:\n")
	for _, step := range steps {
		fmt.Fprintf(&text, "  keepone %-*s  %s\n", width, step[0], step[1])
	}
	return text.String()
}

// keysToWrite is config's table, as far as it is written about.
func keysToWrite() []scaffold.Key {
	all := make([]scaffold.Key, len(config.Keys))
	for i, k := range config.Keys {
		all[i] = scaffold.Key{Name: k.Name, Default: k.Default, Doc: k.Doc, Example: k.Example, Values: k.Values}
	}
	return all
}

// defaultsOf are those with which keepone run will read the file.
func defaultsOf(name string) config.Defaults {
	d := config.Defaults{Root: os.Geteuid() == 0, Name: name, RunDir: filepath.Join(config.RunBase(), name)}
	if u, err := user.Current(); err == nil {
		d.User = u.Username
	}
	return d
}
