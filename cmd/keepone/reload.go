package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"keepone/command"
	"keepone/config"
	"keepone/control"
	"keepone/output"
	"keepone/supervise"
)

// A view is the configuration in force and what is shown of it. It is replaced
// as a whole, never changed: whoever has one may read it on any goroutine.
type view struct {
	*config.Config
	command  string
	mode     string   // of the socket
	outputTo string   // "auto" is resolved
	digest   string   // of what a backend is made with
	room     uint64   // the memory that there is, bytes
	later    []string // keys of the file that only a new start of keepone puts in force
}

func newView(c *config.Config, room uint64) *view {
	return &view{Config: c, digest: c.Digest(), room: room, command: commandLine(c.Backend.Command), mode: c.Socket.Mode.String(), outputTo: c.OutputTo(output.Surroundings())}
}

// config is the configuration in force.
func (s *site) config() *view { return s.inForce.Load() }

// A reloaded says what became of the changes. Keys are only ever added.
type reloaded struct {
	Applied []string `json:"applied"` // in force
	Pending []string `json:"pending"` // in force with the next backend
	Next    []string `json:"next"`    // in force with the next backend, which none waits for
	Later   []string `json:"later"`   // in force when keepone is started again
}

// reload reads the file again. When anything is wrong with it, the former
// configuration stays, whole.
func (s *site) reload(ctx context.Context) control.Answer {
	select { // one after the other: the file that was read last is to be in force
	case s.reloading <- struct{}{}:
		defer func() { <-s.reloading }()
	case <-ctx.Done():
		return control.Answer{Error: ctx.Err().Error()}
	}
	old := s.config()
	if old.File == "" {
		return control.Answer{Error: "there is no configuration to reload: keepone was started with a command", Hint: "write one, and start keepone with its name"}
	}
	c, err := loadConfig(s.target)
	if err != nil {
		return control.Answer{Error: fmt.Sprintf("the old configuration stays: %v", err)}
	}
	access, err := controlAccess(c)
	if err != nil {
		return control.Answer{Error: fmt.Sprintf("the old configuration stays: %v", err)}
	}
	did := reloaded{Applied: config.Changes(old.Config, c, config.AtOnce), Later: config.Changes(old.Config, c, config.NextRun)}
	c.Socket.Path = old.Socket.Path // the running keepone holds on to it
	v := newView(c, room(s.target))
	v.later = did.Later
	if err := s.enforce(ctx, v, access); err != nil {
		return control.Answer{Error: err.Error()}
	}
	did.Pending = s.pendingKeys()
	if did.Pending == nil { // no backend, or one that has it all: what changed is the next one's
		did.Next = config.Changes(old.Config, c, config.NextBackend)
	}
	body, err := json.Marshal(did)
	if err != nil {
		return control.Answer{Error: err.Error()}
	}
	s.log("%s", did.text())
	return control.Answer{Body: body}
}

// enforce puts a configuration in force, as a whole, before anything that can
// fail.
func (s *site) enforce(ctx context.Context, v *view, access control.Access) error {
	old := s.config()
	var deaf error
	err := s.loop.Reconfigure(ctx, func(k *supervise.Config) {
		s.inForce.Store(v)
		s.policy(k)
		s.gauge.scale.SetLimits(s.memoryLimits())
		deaf = s.openNotify()
	})
	if err != nil {
		return err
	}
	if err := errors.Join(deaf, s.control.Load().SetAccess(access), s.redirect(ctx, old)); err != nil {
		return fmt.Errorf("the new configuration is in force, but %w", err)
	}
	return nil
}

// reloadByHand is what SIGHUP asks for: there is nobody but the log to tell.
func (s *site) reloadByHand(ctx context.Context) {
	if a := s.reload(ctx); a.Error != "" {
		s.log("cannot reload: %s", a.Error)
	}
}

// pend notes what the backend does not have yet of the configuration in force.
// held is the shim that waits with the next socket.
func (s *site) pend(pid, held int) {
	for other := range s.made {
		if other != pid && other != held {
			delete(s.made, other)
		}
	}
	var keys []string
	made, ok := s.made[pid]
	switch {
	case pid == 0:
	case ok:
		if now := s.config(); made.digest != now.digest {
			keys = config.Changes(made.Config, now.Config, config.NextBackend)
		}
	case s.adopted != s.config().digest:
		keys = []string{"what changed since the former keepone spawned the backend"}
	}
	s.pending.Store(&keys)
	command := s.commandOf(pid)
	s.runs.Store(&command)
}

// commandOf is what the process was started with, as far as it is known.
func (s *site) commandOf(pid int) string {
	made, ok := s.made[pid]
	switch {
	case ok:
		return made.command
	case pid != 0 && s.adoptedAs != "":
		return s.adoptedAs
	}
	return s.config().command
}

func (s *site) pendingKeys() []string {
	if keys := s.pending.Load(); keys != nil {
		return *keys
	}
	return nil
}

// digest is that of the configuration which the process was made with.
func (s *site) digest(pid int) string {
	if made, ok := s.made[pid]; ok {
		return made.digest
	}
	return s.adopted
}

func (r reloaded) text() string {
	var lines []string
	for _, part := range []struct {
		what string
		keys []string
	}{
		{"in force now", r.Applied},
		{"pending until restart-backend", r.Pending},
		{"in force when a backend starts", r.Next},
		{"pending until keepone itself is started again", r.Later},
	} {
		if len(part.keys) > 0 {
			lines = append(lines, part.what+": "+strings.Join(part.keys, ", "))
		}
	}
	if lines == nil {
		return "reloaded: nothing changed"
	}
	return "reloaded: " + strings.Join(lines, "; ")
}

func reloadCommand(s *selection) *cobra.Command {
	return &cobra.Command{
		Use:   "reload [NAME]",
		Short: "Read the configuration again; nothing is restarted by that",
		Long: `Reload puts what is only policy in force: limits, timeouts, who may ask, where
output goes. What a backend is made with is named, and waits for restart-backend.
When anything is wrong with the file, the old configuration stays. SIGHUP does
the same and tells the log.`,
		Example: "    keepone check web2py && keepone reload web2py",
		Args:    oneName,
		RunE: func(c *cobra.Command, args []string) error {
			t, err := s.resolve(args)
			if err != nil {
				return err
			}
			a, err := ask(c.Context(), t, control.Request{Op: "reload"})
			if err != nil {
				return unreachable(t, err)
			}
			if a.Error != "" {
				return command.Fail(command.Failed, a.Hint, fmt.Errorf("cannot reload %s: %s", t.name, a.Error))
			}
			var did reloaded
			if err := json.Unmarshal(a.Body, &did); err != nil {
				return errors.Join(errors.New("cannot understand the answer"), err)
			}
			_, err = fmt.Fprintln(os.Stdout, did.text())
			return err
		},
	}
}
