package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// head is the beginning of the copyright file, in Debian's machine-readable
// form (debian.org/doc/packaging-manuals/copyright-format/1.0).
const head = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: keepone
Comment: The programs are static: they contain the libraries that are named
 below, and Go's own library, whose licence is that of golang.org/x/sys.

Files: *
Copyright: 2026 the keepone developers
License: Apache-2.0

License: Apache-2.0
 On Debian systems the text is in /usr/share/common-licenses/Apache-2.0;
 elsewhere see https://www.apache.org/licenses/LICENSE-2.0
`

// licences is the copyright file: what we say, and what the linked modules want
// to have said wherever they go.
func (j *job) licences() ([]byte, error) {
	list, err := output(j.root, append([]string{"GOFLAGS="}, arches[0].env...), "go", "list", "-deps",
		"-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}{{end}}{{end}}", "./cmd/keepone", "./cmd/keepone-setup")
	if err != nil {
		return nil, fmt.Errorf("cannot list the linked modules: %w", err)
	}
	out := bytes.NewBufferString(head)
	seen := map[string]bool{"": true}
	for line := range strings.Lines(list) {
		line = strings.TrimSuffix(line, "\n")
		if seen[line] {
			continue
		}
		seen[line] = true
		path, dir, _ := strings.Cut(line, "\t")
		if err := licence(out, path, dir); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// licence adds one module's. Apache's text is the same everywhere and not
// repeated; what its NOTICE says is.
func licence(out *bytes.Buffer, path, dir string) error {
	var text []byte
	for _, name := range []string{"LICENSE", "LICENSE.txt", "COPYING"} {
		var err error
		if text, err = os.ReadFile(filepath.Join(dir, name)); err == nil {
			break
		}
	}
	if text == nil {
		return fmt.Errorf("cannot find the licence of %s in %s", path, dir)
	}
	name := "LicenseRef-" + strings.NewReplacer("/", "-").Replace(path)
	owner := "its authors"
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(strings.TrimSpace(line), "Copyright "); found && rest[0] != '[' {
			owner = strings.TrimSuffix(strings.TrimPrefix(rest, "(c) "), " All rights reserved.")
			break
		}
	}
	if bytes.Contains(text, []byte("Apache License")) {
		name = "Apache-2.0"
		text = nil
	}
	fmt.Fprintf(out, "\nFiles: %s/*\nCopyright: %s\nLicense: %s\n", path, owner, name)
	notice, err := os.ReadFile(filepath.Join(dir, "NOTICE"))
	if err == nil {
		fmt.Fprintf(out, "Comment:\n%s", indented(notice))
	}
	if text != nil {
		fmt.Fprintf(out, "\nLicense: %s\n%s", name, indented(text))
	}
	return nil
}

// indented is text as a field's continuation.
func indented(text []byte) string {
	var out strings.Builder
	for line := range strings.Lines(strings.TrimSpace(string(text))) {
		if line = strings.TrimRight(line, " \t\r\n"); line == "" {
			line = "."
		}
		out.WriteString(" " + line + "\n")
	}
	return out.String()
}
