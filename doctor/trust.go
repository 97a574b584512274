package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// distrust is the finding where root would run another program than the web
// server, or a program that others than root may change, or have it read a file
// of that kind, which can have programs run: whoever calls a process nginx would
// else have root run what he likes. Everything of a process is its owner's to say,
// also its arguments.
func (p *Patient) distrust(w *wiring, first *process) []Finding {
	if os.Geteuid() != 0 {
		return nil
	}
	if program := filepath.Base(w.test[0]); program != p.Server.Name && program != "apachectl" {
		return one(NotChecked, "configuration", w.file, fmt.Sprintf("process %d calls itself %s, and runs %s", first.pid, p.Server.Name, w.test[0]), "")
	}
	for _, word := range append(w.test[:len(w.test):len(w.test)], w.print...) {
		if open := open(word); open != "" {
			fix := ""
			if first.uid != 0 {
				fix = "sudo -u " + quote(userName(first.uid)) + " keepone doctor " + p.Site.Say
			}
			return one(NotChecked, "configuration", w.file, fmt.Sprintf("others than root may change %s: root does not run the web server's own test with that", open), fix)
		}
	}
	return nil
}

// open is the file, or the directory above it, that others than root may change;
// "" for none. A file in a directory with the sticky bit, such as /tmp, is its
// owner's.
func open(path string) string {
	if !filepath.IsAbs(path) {
		return ""
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		real = path
	}
	for _, at := range []string{path, real} {
		for ; ; at = filepath.Dir(at) {
			if changeable(at) {
				return at
			}
			if at == "/" {
				break
			}
		}
	}
	return ""
}

// changeable looks at the name and at what it leads to. What is missing is the
// server's to tell, and what is above it counts.
func changeable(path string) bool {
	var name, file syscall.Stat_t
	if syscall.Lstat(path, &name) != nil || syscall.Stat(path, &file) != nil {
		return false
	}
	sticky := file.Mode&syscall.S_IFMT == syscall.S_IFDIR && file.Mode&syscall.S_ISVTX != 0
	return name.Uid != 0 || file.Uid != 0 || file.Mode&0o022 != 0 && !sticky
}
