package main

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"keepone/command"
	"keepone/config"
	"keepone/scaffold"
)

// settle completes a plan by what was said, by asking, and by the web server.
func (i *initiation) settle(p *scaffold.Plan) error {
	if err := i.settleName(p); err != nil {
		return err
	}
	if i.directory != "" {
		p.Directory = i.directory
	}
	if err := i.settleCommand(p); err != nil {
		return err
	}
	if i.socket != "" {
		p.Socket = i.socket
	}
	p.Adapt(filepath.Join(config.RunBase(), p.Name, p.Name+".sock"))
	i.machine().Absolute(p)
	if i.handoff != "" {
		p.Handoff = i.handoff
	}
	if i.protocol != "" {
		p.Protocol = i.protocol
	}
	p.LookInto()
	return i.settleUser(p)
}

// settleName takes the first of: what was said, what was found, what is asked.
func (i *initiation) settleName(p *scaffold.Plan) error {
	switch {
	case i.name != "":
		p.Name = i.name
		return nil
	case p.Name == "" && i.directory != "":
		p.Name = scaffold.SafeName(filepath.Base(i.directory))
	case p.Name == "" && i.dialogue == nil:
		return command.Misused("keepone init NAME ...", "cannot name the configuration: say a NAME")
	}
	if i.dialogue == nil || i.from != "" {
		return nil
	}
	name, err := i.ask(scaffold.Question{Text: "Name", Why: "One word for the site: its file, its socket and its service are called so.", Proposal: p.Name, Check: i.freeName})
	p.Name = name
	return err
}

func (i *initiation) freeName(name string) error {
	if !config.ValidName(name) || scaffold.SafeName(name) != name {
		return fmt.Errorf("letters, digits and . _ - make a name")
	}
	file := filepath.Join(config.Dir(), name+".toml")
	if _, err := os.Lstat(file); err == nil && i.output == "" && !i.force {
		return fmt.Errorf("%s is there already; take another name, or begin again with --force", file)
	}
	return nil
}

func (i *initiation) settleCommand(p *scaffold.Plan) error {
	if i.dialogue == nil || i.command != "" || i.from != "" {
		return nil
	}
	why := "The program and its arguments. It is handed its socket: it need not bind one."
	if p.Command == nil {
		why += " BACKENDS.md has two dozen."
	}
	proposal := spoken(p.Command)
	answer, err := i.ask(scaffold.Question{Text: "Command", Why: why, Proposal: proposal, Check: func(text string) error { return i.runnable(p.Directory, text) }})
	if err != nil || answer == proposal {
		return err
	}
	p.Command, err = scaffold.Words(answer)
	p.Handoff, p.Protocol, p.Needs, p.Origin = "", "", nil, "your answers"
	return err
}

// runnable checks that a program can be executed.
func (i *initiation) runnable(dir, text string) error {
	words, err := scaffold.Words(text)
	if err != nil || len(words) == 0 {
		return err
	}
	for _, n := range i.machine().Missing(&scaffold.Plan{Command: words, Directory: dir}) {
		return errors.New(n.String())
	}
	return nil
}

// settleUser has root say whom the site runs as. The web server's user is the
// proposal; root is only ever what somebody wrote.
func (i *initiation) settleUser(p *scaffold.Plan) error {
	web := scaffold.WebUser("/")
	if i.user != "" {
		p.User, p.Group = i.user, ""
		if err := knownUser(i.user); err != nil {
			return command.Misused("getent passwd lists the users there are", "cannot use --user: %v", err)
		}
	}
	if os.Geteuid() != 0 {
		if me, err := user.Current(); err == nil && p.User != "" && p.User != me.Username {
			p.Note("user = %s: that needs root; keepone of an ordinary user runs it as %s", p.User, me.Username)
		}
		p.User, p.Group = "", ""
		return nil
	}
	if i.user == "" && p.AsRoot() {
		p.User, p.Group = "", ""
		p.Note("it runs as root today, and keepone takes root only with --user root: what it has written belongs to root, and may have to be given to backend.user (chown)")
	}
	if p.User == "" {
		if err := i.findUser(p, web); err != nil {
			return err
		}
	}
	if web.Group != "" && web.User != p.User && p.User != "root" && !strings.HasPrefix(p.Socket, "tcp:") {
		p.LetIn(web.Group)
	}
	return nil
}

func (i *initiation) findUser(p *scaffold.Plan, web scaffold.Account) error {
	if i.dialogue == nil && web.User == "" {
		return command.Misused("say it with --user; keepone never takes root by itself",
			"cannot tell whom the site is to run as: no web server of this host says it")
	}
	why := "Whom the site runs as."
	if web.User != "" {
		why += " The web server's is proposed: " + web.Why + "."
	}
	p.User = web.User
	if i.dialogue == nil {
		fmt.Fprintf(i.errors, "It is to run as %s: %s.\n", web.User, web.Why)
		return nil
	}
	answer, err := i.ask(scaffold.Question{Text: "User", Why: why, Proposal: web.User, Check: knownUser})
	p.User = answer
	return err
}

// knownUser tells whether there is such a user.
func knownUser(name string) error {
	if name == "" {
		return nil
	}
	if _, err := user.Lookup(name); err == nil {
		return nil
	}
	if _, err := user.LookupId(name); err == nil {
		return nil
	}
	return fmt.Errorf("there is no user %q", name)
}
