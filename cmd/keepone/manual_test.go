package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"keepone/config"
)

// sections are the commands of keepone(8), each with what is said of it.
func sections(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	_, text, _ := strings.Cut(read(t, "manual/keepone.8.md"), "\n## ")
	for _, part := range strings.Split(text, "\n##") {
		head, body, _ := strings.Cut(part, "\n")
		if name, found := strings.CutPrefix(head, "# keepone "); found {
			name, _, _ = strings.Cut(name, " ")
			all[name] = body
		}
	}
	return all
}

// flagNames are the flags that a text has in code of its own.
var flagNames = regexp.MustCompile("`(--[a-z][a-z-]*|-[a-z])`")

// Every command and flag is in keepone(8), and no other. Of the commands of
// keepone-setup the flags are for a test of that.
func TestManualIsComplete(t *testing.T) {
	page := sections(t)
	for _, c := range visible(commands()) {
		body, there := page[c.Name()]
		delete(page, c.Name())
		if !there {
			t.Errorf("keepone(8) does not have %s", c.Name())
		}
		if !there || isSetup(c.Name()) {
			continue
		}
		said := flagNames.FindAllString(body, -1)
		known := []string{"`--`"}
		root := c.Root().PersistentFlags()
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			known = append(known, "`--"+f.Name+"`", "`-"+f.Shorthand+"`")
			if root.Lookup(f.Name) != nil || f.Name == "help" || f.Hidden {
				return // of every command
			}
			if !slices.Contains(said, "`--"+f.Name+"`") || f.Shorthand != "" && !slices.Contains(said, "`-"+f.Shorthand+"`") {
				t.Errorf("keepone(8) does not have --%s of %s", f.Name, c.Name())
			}
		})
		for _, flag := range said {
			if !slices.Contains(known, flag) {
				t.Errorf("keepone(8) has %s, which keepone %s does not know", flag, c.Name())
			}
		}
		for _, alias := range c.Aliases {
			if !strings.Contains(body, "`keepone "+alias+"`") {
				t.Errorf("keepone(8) does not have %s, which is %s", alias, c.Name())
			}
		}
	}
	for name := range page {
		t.Errorf("keepone(8) has %s, which is no command", name)
	}
}

// What every command knows has a section of its own.
func TestManualHasCommonFlags(t *testing.T) {
	_, body, _ := strings.Cut(read(t, "manual/keepone.8.md"), "\n## FLAGS OF EVERY COMMAND\n")
	body, _, _ = strings.Cut(body, "\n## ")
	var known []string
	commands().PersistentFlags().VisitAll(func(f *pflag.Flag) {
		known = append(known, "`--"+f.Name+"`")
		if f.Shorthand != "" {
			known = append(known, "`-"+f.Shorthand+"`")
		}
	})
	known = append(known, "`-h`", "`--help`", "`-v`", "`--version`") // cobra's
	said := flagNames.FindAllString(body, -1)
	slices.Sort(known)
	slices.Sort(said)
	if !slices.Equal(known, slices.Compact(said)) {
		t.Errorf("keepone(8) has %s, keepone knows %s", said, known)
	}
}

// The configurations that keepone.toml(5) and keepone-lighttpd(7) show are ones
// that keepone takes, wherever the users are known.
func TestManualConfigurations(t *testing.T) {
	for doc, least := range map[string]int{"manual/keepone.toml.5.md": 2, "manual/keepone-lighttpd.7.md": 1} {
		found := 0
		for _, block := range blocks(read(t, doc)) {
			if !strings.HasPrefix(block, "[backend]\n") {
				continue
			}
			found++
			block = strings.ReplaceAll(block, `"shop"`, `"www-data"`) // a user that every Debian has
			_, err := config.Parse("web2py.toml", []byte(block), config.Defaults{Root: true, User: "root", RunDir: "/run/keepone/web2py"})
			if err != nil {
				t.Errorf("%s: %v in\n%s", doc, err, block)
			}
		}
		if found < least {
			t.Errorf("%s has %d configurations", doc, found)
		}
	}
}

// blocks are the indented blocks of a text, without the indentation.
func blocks(text string) (all []string) {
	var b strings.Builder
	for line := range strings.Lines(text + "\nend\n") {
		if code, found := strings.CutPrefix(line, "    "); found {
			b.WriteString(code)
		} else if line == "\n" && b.Len() > 0 {
			b.WriteString(line)
		} else if b.Len() > 0 {
			all = append(all, strings.TrimRight(b.String(), "\n")+"\n")
			b.Reset()
		}
	}
	return all
}
