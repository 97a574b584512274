// Manual writes what people have on the machine about keepone: the man pages,
// from the Markdown beside this file, and what their shells complete, from the
// program itself.
//
//	go run ./manual -o DIR
//
// It runs in the root of the source tree, where make build has left keepone,
// and writes keepone.8, keepone.toml.5, keepone-lighttpd.7 and
// completions/{keepone.bash,_keepone,keepone.fish} into DIR.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// pages are the man pages; the source of each has ".md" behind its name.
var pages = []string{"keepone.8", "keepone.toml.5", "keepone-lighttpd.7"}

// shells are those that keepone completes for, with the names by which they
// find the file: bash-completion's, zsh's and fish's.
var shells = map[string]string{"bash": "keepone.bash", "zsh": "_keepone", "fish": "keepone.fish"}

func main() {
	to := flag.String("o", ".", "write into this `directory`")
	program := flag.String("keepone", "./keepone", "the `program` that knows what may be completed")
	flag.Parse()
	if err := write(*to, ".", *program); err != nil {
		fmt.Fprintln(os.Stderr, "manual:", err)
		os.Exit(1)
	}
}

// write makes everything from the source tree at root.
func write(to, root, program string) error {
	if err := os.MkdirAll(filepath.Join(to, "completions"), 0o755); err != nil {
		return fmt.Errorf("cannot write the manual: %w", err)
	}
	s, err := readSources(root)
	if err != nil {
		return fmt.Errorf("cannot write the manual: %w", err)
	}
	for _, page := range pages {
		text, err := s.page(page)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, page), text, 0o644)
		}
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", page, err)
		}
	}
	for shell, name := range shells {
		c := exec.Command(program, "completion", shell)
		c.Stderr = os.Stderr
		text, err := c.Output()
		if err == nil && !strings.Contains(string(text), "__complete") {
			err = fmt.Errorf("%s says nothing of it", program)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, "completions", name), text, 0o644)
		}
		if err != nil {
			return fmt.Errorf("cannot write what %s completes (make build makes the program): %w", shell, err)
		}
	}
	return nil
}
