package main

import (
	"errors"
	"fmt"
	"strings"
)

// configuration takes CONFIGURATION.md apart, which is made from the table of
// keys: what the units are, and a list of all keys by section, both as Markdown
// for a man page.
func configuration(text string) (units, keys string, err error) {
	var u, k strings.Builder
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "## ["):
			section = strings.Trim(line, "# []")
			fmt.Fprintf(&k, "### [%s]\n\n", section)
		case strings.HasPrefix(line, "- ") && section == "":
			u.WriteString(line + "\n")
		case strings.HasPrefix(line, "| `"):
			entry, err := keyEntry(section, line)
			if err != nil {
				return "", "", err
			}
			k.WriteString(entry)
		}
	}
	if u.Len() == 0 || k.Len() == 0 {
		return "", "", errors.New("cannot find the keys in CONFIGURATION.md")
	}
	return u.String(), k.String(), nil
}

// columns of a row: key, type with unit, default, meaning, when it is in force,
// example.
const columns = 6

// keyEntry makes an entry of a definition list from a row of the table.
func keyEntry(section, row string) (string, error) {
	cells := strings.Split(strings.Trim(row, "|"), "|")
	if len(cells) != columns {
		return "", fmt.Errorf("cannot read the row %q of CONFIGURATION.md: it has %d columns", row, len(cells))
	}
	for i, c := range cells {
		cells[i] = strings.TrimSpace(c)
	}
	key, kind, fallback, doc, force, example := strings.Trim(cells[0], "`"), cells[1], cells[2], cells[3], cells[4], strings.Trim(cells[5], "`")
	if !strings.HasPrefix(fallback, "`") {
		fallback = escape(fallback)
	}
	switch force {
	case "reload", "restart-backend":
		force = "after `keepone " + force + "`"
	default:
		force = escape(force)
	}
	return fmt.Sprintf("`%s` = *%s*\n: %s  \nDefault: %s. In force: %s.  \nExample: `%s = %s`\n\n",
		key, escape(kind), escape(doc), fallback, force, key, example), nil
}

// escape keeps Markdown from reading signs into a plain text.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "`", "\\`").Replace(text)
}
