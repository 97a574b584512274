package main

import (
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keepone/config"
)

type completer = func(c *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective)

// completing says that a shell asks what may follow.
func completing() bool {
	return len(os.Args) > 1 && (os.Args[1] == cobra.ShellCompRequestCmd || os.Args[1] == cobra.ShellCompNoDescRequestCmd)
}

// completed gives every command what its argument and its flags may be.
func completed(root *cobra.Command) {
	for _, c := range root.Commands() {
		if c.ValidArgsFunction == nil {
			c.ValidArgsFunction = completeName
		}
		c.Flags().VisitAll(func(f *pflag.Flag) { completeFlag(c, f) })
	}
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) { completeFlag(root, f) })
	if c, _, err := root.Find([]string{"version"}); err == nil {
		c.ValidArgsFunction = cobra.NoFileCompletions
	}
}

// completeName offers the backends, and what the shell has for a command that
// follows "--".
func completeName(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	// ArgsLenAtDash tells nothing here: cobra has added a "--" of its own.
	if slices.Contains(os.Args[:len(os.Args)-1], "--") {
		return nil, cobra.ShellCompDirectiveDefault
	}
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return beginning(word, known()), cobra.ShellCompDirectiveNoFileComp
}

func beginning(word string, all []string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return !strings.HasPrefix(s, word) })
}

// completeFlag says what a flag's value may be. A path is completed by the
// shell without being told, and of a number or a duration nothing is known.
func completeFlag(c *cobra.Command, f *pflag.Flag) {
	if completing() {
		f.Usage = strings.ReplaceAll(f.Usage, "`", "") // which mark what --help calls the value
	}
	var what completer
	switch {
	case f.Name == "name":
		what = func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
			return beginning(word, known()), cobra.ShellCompDirectiveNoFileComp
		}
	case f.Name == "config":
		what = cobra.FixedCompletions([]string{"toml"}, cobra.ShellCompDirectiveFilterFileExt)
	case f.Name == "run-dir":
		what = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	case f.Name == "handoff":
		what = cobra.FixedCompletions(valuesOf("backend.handoff"), cobra.ShellCompDirectiveNoFileComp)
	case f.Name == "user":
		what = completeUser
	case f.Value.Type() == "string", f.Value.Type() == "bool":
		return
	default:
		what = cobra.NoFileCompletions
	}
	c.RegisterFlagCompletionFunc(f.Name, what) // fails for a flag that has one already, and that is kept
}

// valuesOf are the words that a key of the configuration may be.
func valuesOf(key string) []string {
	for i := range config.Keys {
		if config.Keys[i].Name == key {
			return config.Keys[i].Values
		}
	}
	return nil
}

// completeUser offers the names in passwd(5).
func completeUser(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	text, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		if name, _, found := strings.Cut(line, ":"); found {
			all = append(all, name)
		}
	}
	return beginning(word, all), cobra.ShellCompDirectiveNoFileComp
}
