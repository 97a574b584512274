package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// nfpmModule makes the packages. Later versions want a later Go.
const nfpmModule = "github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2"

// fetchNFPM builds nfpm for this machine. It is a program of its own and not a
// requirement in go.mod: its sixty modules are nothing keepone has to do with.
func (j *job) fetchNFPM() (string, error) {
	bin := filepath.Join(j.work, "bin")
	_, err := output(j.work, []string{"GOBIN=" + bin, "GOFLAGS=", "GOOS=", "GOARCH="}, "go", "install", nfpmModule)
	if err != nil {
		return "", fmt.Errorf("cannot build nfpm: %w", err)
	}
	return filepath.Join(bin, "nfpm"), nil
}

// What nfpm reads (nfpm.goreleaser.com/configuration); JSON is YAML.
type (
	content struct {
		Source      string   `json:"src,omitempty"`
		Destination string   `json:"dst"`
		Type        string   `json:"type,omitempty"`
		Info        fileInfo `json:"file_info"`
	}
	fileInfo struct {
		Mode  uint32    `json:"mode,omitempty"`
		MTime time.Time `json:"mtime"`
	}
	scripts struct {
		PostInstall string `json:"postinstall,omitempty"`
		PreRemove   string `json:"preremove,omitempty"`
		PostRemove  string `json:"postremove,omitempty"`
	}
	config struct {
		Name            string         `json:"name"`
		Arch            string         `json:"arch"`
		Platform        string         `json:"platform"`
		Version         string         `json:"version"`
		VersionSchema   string         `json:"version_schema"`
		Release         string         `json:"release,omitempty"`
		Section         string         `json:"section"`
		Priority        string         `json:"priority"`
		Maintainer      string         `json:"maintainer"`
		Description     string         `json:"description"`
		License         string         `json:"license"`
		MTime           time.Time      `json:"mtime"`
		DisableGlobbing bool           `json:"disable_globbing"`
		Depends         []string       `json:"depends,omitempty"`
		Suggests        []string       `json:"suggests,omitempty"`
		Contents        []content      `json:"contents"`
		Scripts         scripts        `json:"scripts"`
		Deb             map[string]any `json:"deb,omitempty"`
		RPM             map[string]any `json:"rpm,omitempty"`
		APK             map[string]any `json:"apk,omitempty"`
	}
)

const summary = "supervisor that keeps one interpreter behind one socket"

const description = `keepone holds the Unix socket that a web server talks to, runs the one
interpreter behind it (PHP, Python, Perl, Ruby, anything that speaks FastCGI
or HTTP on a socket it is handed), and replaces that without touching the web
server and without losing a request. It limits the memory of the interpreter,
follows it through crashes, and weighs less than the web server itself.`

// configure is one package, as nfpm wants to have it described.
func (j *job) configure(format, arch, programs string) (config, error) {
	c := config{
		Name: "keepone", Arch: arch, Platform: "linux", Version: j.version, VersionSchema: "none",
		Section: "web", Priority: "optional", Maintainer: j.maintainer, Description: summary,
		License: "Apache-2.0", MTime: j.time, DisableGlobbing: true,
	}
	for _, f := range j.layout(format, programs) {
		c.Contents = append(c.Contents, content{f.source, f.path, f.kind, fileInfo{f.mode, j.time}})
	}
	// Not Recommends: who hosts a site has a web server, and where it is in
	// another container, none must come and listen at port 80.
	switch format {
	case "deb":
		c.Description = summary + "\n" + description
		c.Depends, c.Suggests = []string{"init-system-helpers (>= 1.54~)"}, []string{"lighttpd | httpd"}
		c.Deb = map[string]any{"arch": arch, "compression": "xz"}
	case "rpm":
		c.Release, c.Description = "1", description
		c.Depends = []string{"/bin/sh", "/usr/bin/flock", "/usr/bin/timeout", "/usr/bin/grep"} // of the scripts
		c.RPM = map[string]any{"arch": arch, "summary": summary, "group": "System Environment/Daemons", "buildhost": "localhost", "compression": "xz", "packager": j.maintainer}
	case "apk": // its description is one line
		c.APK = map[string]any{"arch": arch, "scripts": map[string]string{}}
	}
	return c, j.addScripts(format, &c)
}

// pack lets nfpm write one package.
func (j *job) pack(format, arch, programs, target string) error {
	c, err := j.configure(format, arch, programs)
	if err != nil {
		return err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	path := filepath.Join(j.work, format+"-"+arch+".json")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return err
	}
	// nfpm, too, takes a time from SOURCE_DATE_EPOCH where it has no other.
	env := []string{fmt.Sprintf("SOURCE_DATE_EPOCH=%d", j.time.Unix())}
	if _, err := output(j.work, env, j.nfpm, "package", "-f", path, "-p", format, "-t", target); err != nil {
		return fmt.Errorf("cannot make %s: %w", target, err)
	}
	return nil
}

// packages makes everything for one architecture and returns the files' names.
func (j *job) packages(a arch) ([]string, error) {
	programs, err := j.compile(a)
	if err != nil {
		return nil, err
	}
	var made []string
	add := func(name string, make func(path string) error) {
		if err == nil {
			made, err = append(made, name), make(filepath.Join(j.out, name))
		}
	}
	for _, format := range j.formats {
		switch format {
		case "deb":
			add("keepone_"+j.version+"_"+a.deb+".deb", func(path string) error { return j.pack(format, a.deb, programs, path) })
		case "rpm":
			add("keepone-"+j.version+"-1."+a.rpm+".rpm", func(path string) error { return j.pack(format, a.rpm, programs, path) })
		case "apk":
			for _, name := range a.apk {
				add("keepone-"+j.version+"-"+name+".apk", func(path string) error { return j.pack(format, name, programs, path) })
			}
		case "tar.gz":
			add("keepone-"+j.version+"-linux-"+a.deb+".tar.gz", func(path string) error { return j.tarball(programs, path) })
		}
	}
	add("keepone-"+j.version+"-linux-"+a.deb+".cdx.json", func(path string) error { return j.bill(programs, path) })
	return made, err
}
