package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keepone/config"
)

// completed gives every command that says nothing of its own what its argument
// may be: a backend that is configured. Init's is a new one.
func completed(root *cobra.Command) {
	for _, c := range root.Commands() {
		switch {
		case c.ValidArgsFunction != nil || len(c.ValidArgs) > 0:
		case c.Name() == "init":
			c.ValidArgsFunction = cobra.NoFileCompletions
		case c.Name() == "webserver":
			c.ValidArgsFunction = func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
				if len(args) == 0 {
					return beginning(word, []string{"lighttpd", "nginx", "apache", "caddy"}), cobra.ShellCompDirectiveNoFileComp
				}
				return names(args[1:], word)
			}
		default:
			c.ValidArgsFunction = func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
				return names(args, word)
			}
		}
	}
}

func names(args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	all, _ := config.Names(config.Dir()) // none where the directory cannot be read
	return beginning(word, all), cobra.ShellCompDirectiveNoFileComp
}

func beginning(word string, all []string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return !strings.HasPrefix(s, word) })
}
