package cgroup

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
)

// A place is where this process is in one hierarchy of cgroups.
type place struct {
	mount string // where the hierarchy is mounted
	path  string // the cgroup below that: "" at the top, else "/a/b"
}

// A process seldom moves to another cgroup, and to look leaves garbage.
var (
	foundV2     = sync.OnceValues(func() (place, error) { return look("", "") })
	foundMemory = sync.OnceValues(func() (place, error) { return look("", "memory") })
)

// find is look, once for this host.
func find(root, controller string) (place, error) {
	switch root + controller {
	case "":
		return foundV2()
	case "memory":
		return foundMemory()
	}
	return look(root, controller)
}

// look returns this process's place in the hierarchy of v1 that has the
// controller, or in v2 where controller is empty.
func look(root, controller string) (place, error) {
	kind := "cgroup v2"
	if controller != "" {
		kind = "cgroup v1 with " + controller
	}
	cgroups, err := linesWith(root+"/proc/self/cgroup", ":")
	if err != nil {
		return place{}, err
	}
	path, ok := inHierarchy(cgroups, controller)
	if !ok {
		return place{}, fmt.Errorf("no %s in /proc/self/cgroup", kind)
	}
	mounts, err := linesWith(root+"/proc/self/mountinfo", " - cgroup")
	if err != nil {
		return place{}, err
	}
	mount, top, ok := mounted(mounts, controller)
	if !ok {
		return place{}, fmt.Errorf("no %s is mounted", kind)
	}
	return place{mount, below(top, path)}, nil
}

// linesWith returns the lines of a file that contain a text. Of a host with
// many mounts the resident, in which garbage stays for long, keeps none else; a
// line of more than 2 KiB is none that anybody here asks for.
func linesWith(path, text string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var found strings.Builder
	in := bufio.NewReaderSize(f, 2<<10)
	for long := false; ; {
		line, more, err := in.ReadLine()
		if err == io.EOF {
			return found.String(), nil
		}
		if err != nil {
			return "", err
		}
		if !long && !more && bytes.Contains(line, []byte(text)) {
			found.Write(line)
			found.WriteByte('\n')
		}
		long = more
	}
}

// inHierarchy picks the path from "number:controllers:path"; v2, and nothing
// else, is without controllers.
func inHierarchy(cgroups, controller string) (path string, ok bool) {
	for entry := range strings.Lines(cgroups) {
		fields := strings.SplitN(strings.TrimSuffix(entry, "\n"), ":", 3)
		if len(fields) == 3 && slices.Contains(strings.Split(fields[1], ","), controller) {
			return fields[2], true
		}
	}
	return "", false
}

// mounted picks where a hierarchy is mounted, and which of its cgroups is the
// top there: proc_pid_mountinfo(5), "... top mountpoint options - type source
// options", where those of v1 name the controllers.
func mounted(mounts, controller string) (mount, top string, ok bool) {
	for entry := range strings.Lines(mounts) {
		before, after, _ := strings.Cut(strings.TrimSpace(entry), " - ")
		at, how := strings.Fields(before), strings.Fields(after)
		if len(at) < 5 || len(how) < 3 {
			continue
		}
		if controller == "" && how[0] == "cgroup2" ||
			controller != "" && how[0] == "cgroup" && slices.Contains(strings.Split(how[2], ","), controller) {
			return strings.TrimSuffix(at[4], "/"), at[3], true
		}
	}
	return "", "", false
}

// below cuts the part of a path that is above the mount. In a container without
// a cgroup namespace the path may be one that is mounted nowhere: then the top
// that is mounted is the nearest that can be seen.
func below(top, path string) string {
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(top, "/"))
	if !ok || rest != "" && rest[0] != '/' || strings.HasPrefix(path, "/..") {
		return ""
	}
	return strings.TrimSuffix(rest, "/")
}

// ancestry yields the directories from the innermost to the mount itself.
func (p place) ancestry(yield func(dir string) bool) {
	for path := p.path; ; {
		if !yield(p.mount+path) || path == "" {
			return
		}
		path = path[:strings.LastIndexByte(path, '/')]
	}
}
