package main

import (
	"debug/buildinfo"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// What CycloneDX 1.5 (cyclonedx.org/docs/1.5/json) calls things.
type (
	bom struct {
		Format      string      `json:"bomFormat"`
		SpecVersion string      `json:"specVersion"`
		Version     int         `json:"version"`
		Metadata    metadata    `json:"metadata"`
		Components  []component `json:"components"`
		Depends     []dependsOn `json:"dependencies"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp"`
		Component component `json:"component"`
	}
	component struct {
		Type    string `json:"type"`
		Ref     string `json:"bom-ref"`
		Name    string `json:"name"`
		Version string `json:"version"`
		URL     string `json:"purl,omitempty"`
		Hashes  []hash `json:"hashes,omitempty"`
	}
	hash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	dependsOn struct {
		Ref  string   `json:"ref"`
		Refs []string `json:"dependsOn"`
	}
)

// bill writes the bill of materials: of each program its digest and the modules
// that are linked into it, as the linker wrote them down there.
func (j *job) bill(programs, target string) error {
	product := component{Type: "application", Ref: "keepone", Name: "keepone", Version: j.version}
	b := bom{
		Format: "CycloneDX", SpecVersion: "1.5", Version: 1,
		Metadata: metadata{j.time.Format("2006-01-02T15:04:05Z"), product},
	}
	modules := map[string]component{}
	whole := dependsOn{Ref: product.Ref}
	for _, name := range []string{"keepone", "keepone-setup"} {
		info, err := buildinfo.ReadFile(filepath.Join(programs, name))
		if err != nil {
			return err
		}
		sum, err := digest(filepath.Join(programs, name))
		if err != nil {
			return err
		}
		c := component{Type: "application", Ref: "program/" + name, Name: name, Version: j.version, Hashes: []hash{{"SHA-256", sum}}}
		b.Components, whole.Refs = append(b.Components, c), append(whole.Refs, c.Ref)
		depends := dependsOn{Ref: c.Ref}
		for _, m := range linkedModules(info) {
			modules[m.Ref] = m
			depends.Refs = append(depends.Refs, m.Ref)
		}
		b.Depends = append(b.Depends, depends)
	}
	b.Depends = append([]dependsOn{whole}, b.Depends...)
	for _, m := range modules {
		b.Components = append(b.Components, m)
	}
	slices.SortFunc(b.Components, func(a, b component) int { return strings.Compare(a.Ref, b.Ref) })
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(target, append(text, '\n'), 0o644)
}

// linkedModules are those of a program, and Go's own library.
func linkedModules(info *buildinfo.BuildInfo) []component {
	deps := append([]*debug.Module{{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")}}, info.Deps...)
	var all []component
	for _, d := range deps {
		if d.Replace != nil {
			d = d.Replace
		}
		url := "pkg:golang/" + d.Path + "@" + d.Version
		all = append(all, component{Type: "library", Ref: url, Name: d.Path, Version: d.Version, URL: url})
	}
	return all
}
