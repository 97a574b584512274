package scaffold

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// FromProcess makes a plan of a process that runs: its command, directory and
// user, as proc(5) tells them. Its environment is not copied, for most of it is
// that of whoever started it.
func FromProcess(proc, pid string) (*Plan, error) {
	if n, err := strconv.Atoi(pid); err != nil || n <= 0 {
		return nil, fmt.Errorf("cannot read process %q: that is no number", pid)
	}
	dir := filepath.Join(proc, pid)
	line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil {
		return nil, fmt.Errorf("cannot read process %s: there is none", pid)
	}
	if len(line) == 0 {
		return nil, fmt.Errorf("cannot read process %s: it has no command line: it is the kernel's, or dead", pid)
	}
	p := &Plan{Origin: "process " + pid, runs: true, Command: strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")}
	if p.Directory, err = os.Readlink(filepath.Join(dir, "cwd")); err != nil {
		p.Directory = ""
		p.note("its directory cannot be read; as root it can")
	}
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if a := asAccount(string(status)); err == nil {
		p.User, p.Group = a.User, a.Group
	}
	p.note("its environment was not copied: /proc/%s/environ has it", pid)
	p.unwrap(0)
	p.Name = SafeName(p.nameIt())
	return p, nil
}
