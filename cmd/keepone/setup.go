package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"keepone/command"
)

// setupProgram is the other program, in which what install and its like need
// is linked: the resident is not to carry it.
const setupProgram = "keepone-setup"

// setupCommands stand in the tree for the commands of keepone-setup, which
// parses their flags and has their help.
func setupCommands() []*cobra.Command {
	var all []*cobra.Command
	for _, c := range [][2]string{
		{"init [NAME]", "Write a configuration: by asking, or from what runs it now"},
		{"install [NAME]", "Start the backend now, and have the init system do it at boot"},
		{"uninstall [NAME]", "Undo install, and keep the configuration"},
		{"doctor [NAME]", "Check the wiring between web server, socket and backend"},
		{"webserver lighttpd|nginx|apache|caddy [NAME]", "Print, or write, what the web server's configuration needs"},
	} {
		one := &cobra.Command{
			Use: c[0], Short: c[1], DisableFlagParsing: true,
			RunE:              func(c *cobra.Command, args []string) error { return runSetup(c.Name(), args) },
			ValidArgsFunction: completeSetup,
		}
		one.SetHelpFunc(func(c *cobra.Command, _ []string) { command.Report(runSetup(c.Name(), []string{"--help"})) })
		all = append(all, one)
	}
	return all
}

// setupPath finds keepone-setup beside this program, as make leaves it, or in
// ../lib/keepone, as packages install it.
func setupPath() (string, error) {
	own, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("cannot find %s: %w", setupProgram, err)
	}
	dir := filepath.Dir(own)
	for _, path := range []string{filepath.Join(dir, setupProgram), filepath.Join(dir, "../lib/keepone", setupProgram)} {
		if exists(path) {
			return path, nil
		}
	}
	return "", command.Fail(command.Failed, "make install puts it in place, and so do the packages",
		fmt.Errorf("cannot find %s: it is neither beside %s nor in %s: %w", setupProgram, own, filepath.Join(dir, "../lib/keepone"), fs.ErrNotExist))
}

// runSetup becomes the other program.
func runSetup(name string, args []string) error {
	path, err := setupPath()
	if err != nil {
		return err
	}
	own, _ := os.Executable()                         // was found a moment ago
	if err := os.Setenv("KEEPONE", own); err != nil { // in the place of another: of two the first counts
		return fmt.Errorf("cannot run %s: %w", path, err)
	}
	err = syscall.Exec(path, append([]string{setupProgram, name}, args...), os.Environ())
	return fmt.Errorf("cannot run %s: %w", path, err)
}

// completeSetup asks the other program what may follow.
func completeSetup(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	path, err := setupPath()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	defer read.Close()
	argv := append([]string{setupProgram, cobra.ShellCompRequestCmd, c.Name()}, append(args, word)...)
	child, err := os.StartProcess(path, argv, &os.ProcAttr{Files: []*os.File{nil, write, nil}})
	write.Close()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out bytes.Buffer
	_, copied := bufio.NewReader(read).WriteTo(&out)
	if _, err := child.Wait(); errors.Join(copied, err) != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return completions(out.String())
}

// completions reads what cobra's hidden command prints: a word with its
// description a line, and at the end ":" with the directive.
func completions(text string) ([]string, cobra.ShellCompDirective) {
	body, last, found := strings.Cut("\n"+text, "\n:")
	var directive int
	if _, err := fmt.Sscan(last, &directive); !found || err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return strings.FieldsFunc(body, func(r rune) bool { return r == '\n' }), cobra.ShellCompDirective(directive)
}
