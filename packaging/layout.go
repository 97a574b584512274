package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A file is one that a package brings. Its kind is nfpm's: "" is a file, then
// there are "config" (kept when somebody has changed it), "dir" and "symlink".
type file struct {
	source, path, kind string
	mode               uint32
}

// shared is what does not depend on the architecture: directories with files
// that are made, or copied so that their time can be set.
type shared struct {
	manual, docs, scripts, sources string
}

// layout is what one package brings: the one place that says what lies where.
func (j *job) layout(format, programs string) []file {
	all := []file{
		{filepath.Join(programs, "keepone"), "/usr/bin/keepone", "", 0o755},
		{filepath.Join(programs, "keepone-setup"), "/usr/lib/keepone/keepone-setup", "", 0o755},
	}
	all = append(all, j.manuals(format)...)
	all = append(all, tree(j.shared.docs, "/usr/share/doc/keepone")...)
	if format == "tar.gz" {
		return all // keepone install has the rest within it
	}
	all = append(all, file{"", "/etc/keepone", "dir", 0o755})
	switch format {
	case "deb":
		all = append(all, j.units()...)
		all = append(all,
			j.source("initscripts/keepone.init", "/etc/init.d/keepone", "config", 0o755),
			j.source("initscripts/keepone.default", "/etc/default/keepone", "config", 0o644),
			j.source("packaging/lintian-overrides", "/usr/share/lintian/overrides/keepone", "", 0o644),
		)
	case "rpm": // no /etc/init.d: that is a link on Fedora, and theirs to make
		all = append(all, j.units()...)
		for _, own := range []string{"/usr/lib/keepone", "/usr/share/doc/keepone", "/usr/share/doc/keepone/examples"} {
			all = append(all, file{"", own, "dir", 0o755}) // rpm erases only directories that it knows
		}
		all = append(all,
			j.source("initscripts/keepone.default", "/etc/default/keepone", "config|noreplace", 0o644),
			j.source("packaging/selinux/keepone.cil", "/usr/share/selinux/packages/keepone.cil", "", 0o644),
		)
	case "apk":
		all = append(all, j.source("initscripts/keepone.openrc", "/etc/init.d/keepone", "", 0o755))
	}
	return all
}

// units are systemd's. systemd would make a keepone.service of the script in
// /etc/init.d; then it would run each name a second time, so there is a mask.
func (j *job) units() []file {
	all := []file{{"/dev/null", "/usr/lib/systemd/system/keepone.service", "symlink", 0}}
	for _, name := range []string{"keepone@.service", "keepone-metrics.socket", "keepone-metrics@.service"} {
		all = append(all, j.source("initscripts/"+name, "/usr/lib/systemd/system/"+name, "", 0o644))
	}
	user := "initscripts/user/keepone@.service"
	return append(all, j.source(user, "/usr/lib/systemd/user/keepone@.service", "", 0o644))
}

// source is a file of the repository, with the time of everything.
func (j *job) source(name, path, kind string, mode uint32) file {
	return file{filepath.Join(j.shared.sources, name), path, kind, mode}
}

// sources are the files of the repository that packages bring as they are.
var sources = []string{
	"initscripts/keepone@.service", "initscripts/keepone-metrics.socket", "initscripts/keepone-metrics@.service",
	"initscripts/user/keepone@.service", "initscripts/keepone.init", "initscripts/keepone.default",
	"initscripts/keepone.openrc", "packaging/lintian-overrides", "packaging/selinux/keepone.cil",
}

// manuals are the man pages, compressed, and the completions, each where this
// distribution's shells look.
func (j *job) manuals(format string) []file {
	functions := "/usr/share/zsh/site-functions"
	if format == "deb" {
		functions = "/usr/share/zsh/vendor-completions"
	}
	var all []file
	for _, f := range tree(j.shared.manual, "") {
		switch name := filepath.Base(f.path); {
		case strings.HasSuffix(name, ".gz"):
			section := strings.TrimPrefix(filepath.Ext(strings.TrimSuffix(name, ".gz")), ".")
			f.path = "/usr/share/man/man" + section + "/" + name
		case name == "keepone.bash":
			f.path = "/usr/share/bash-completion/completions/keepone"
		case name == "_keepone":
			f.path = functions + "/_keepone"
		case name == "keepone.fish":
			f.path = "/usr/share/fish/vendor_completions.d/keepone.fish"
		default:
			continue
		}
		all = append(all, f)
	}
	return all
}

// tree lists the files below dir, as they are to lie below path, in order.
func tree(dir, path string) []file {
	var all []file
	if err := filepath.WalkDir(dir, func(source string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, source)
		all = append(all, file{source, filepath.Join(path, name), "", 0o644})
		return err
	}); err != nil {
		panic(err) // we made that directory a moment ago
	}
	slices.SortFunc(all, func(a, b file) int { return strings.Compare(a.path, b.path) })
	return all
}
