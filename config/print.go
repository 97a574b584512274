package config

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Print writes the effective configuration as TOML that Parse reads back. Variables are "***" unless showSecrets.
func (c *Config) Print(w io.Writer, showSecrets bool) error {
	b := bufio.NewWriter(w)
	for i, section := range sections() {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(b, "[%s]\n", section)
		var unset []string
		for i := range Keys {
			k := &Keys[i]
			if k.section() != section || k.field == nil {
				continue
			}
			if v := k.get(c); v != nil {
				fmt.Fprintf(b, "%s = %s\n", k.short(), literal(v))
			} else {
				unset = append(unset, k.short())
			}
		}
		if section == "environment" {
			c.printVariables(b, showSecrets)
		}
		if unset != nil {
			fmt.Fprintf(b, "# not set: %s\n", strings.Join(unset, ", "))
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("cannot print the configuration: %w", err)
	}
	return nil
}

func (c *Config) printVariables(w io.Writer, showSecrets bool) {
	for _, name := range sortedNames(c.Environment.Variables) {
		value := "***"
		if showSecrets {
			value = c.Environment.Variables[name]
		}
		fmt.Fprintf(w, "%s = %s\n", name, literal(value))
	}
}

// literal writes what value.get returns as TOML.
func literal(v any) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	case []string:
		all := make([]string, len(v))
		for i, s := range v {
			all[i] = literal(s)
		}
		return "[" + strings.Join(all, ", ") + "]"
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range v.(string) { // bytes that are not UTF-8, which TOML cannot hold, become U+FFFD
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Document writes the table of keys as Markdown.
func Document(w io.Writer) error {
	b := bufio.NewWriter(w)
	b.WriteString("# Configuration\n\n" + preamble)
	for _, section := range sections() {
		fmt.Fprintf(b, "\n## [%s]\n\n| Key | Type | Default | Meaning | In force | Example |\n|---|---|---|---|---|---|\n", section)
		for i := range Keys {
			if k := &Keys[i]; k.section() == section {
				fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s | `%s` |\n", k.short(), k.kind(), k.fallback(), k.Doc, k.Takes(), k.Example)
			}
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("cannot print the table of keys: %w", err)
	}
	return nil
}

const preamble = `keepone reads one TOML file for each backend: /etc/keepone/NAME.toml as root, ~/.config/keepone/NAME.toml otherwise. Only
backend.command is required, and as root backend.user. ` + "`keepone check NAME`" + ` says what is wrong with a file and prints what is in force.
An unknown key, a wrong type or unit is an error. This page is made from the table in config/keys.go:
` + "`go test ./config -run TestDocument -update`" + `.

- A size is "512B", "64KiB", "96MiB", "1GiB" (or TiB), in powers of ten "kB", "MB", "GB", "TB", or an integer: bytes.
- A duration is "500ms", "10s", "1m30s", "2h"; never a bare number.
- A mode is octal digits in quotes, "0660".
- A user or group is a name or a number.
- A changed key is in force after ` + "`keepone reload`, after `keepone restart-backend`" + `, or with a new start of keepone.
`

func (k *Key) kind() string {
	kind := k.Type
	if k.Values != nil {
		kind = either(k.Values)
	}
	if k.Unit != "" {
		kind += ", " + k.Unit
	}
	return kind
}

func (k *Key) fallback() string {
	computed, isComputed := strings.CutPrefix(k.Default, "computed: ")
	switch {
	case k.Default == "":
		return "none"
	case isComputed:
		return computed
	}
	return "`" + k.Default + "`"
}
