package doctor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// access asks whether the web server may connect: connect(2) wants search
// permission on every directory and write permission on the socket, see
// unix(7). The kernel answers for the web server's user, groups and root
// directory, and so knows of ACLs, PrivateTmp= and chroot.
func (p *Patient) access() []Finding {
	const check = "access"
	if _, tcp := p.Site.tcp(); tcp {
		return one(OK, check, p.Site.Socket, "every user of this host may connect to an address", "")
	}
	if len(p.Server.PIDs) == 0 {
		return one(NotChecked, check, p.Site.Socket, "which web server connects is not known", "")
	}
	first, serving, err := p.Server.processes()
	if err != nil {
		return one(NotChecked, check, p.Site.Socket, err.Error(), "")
	}
	var where string
	var refused error
	if os.Geteuid() == 0 {
		look := func() { where, refused = way(p.Site.Socket) }
		if err = serving.become(look); errors.Is(err, unix.ENOENT) { // it ended, as children do at a reload
			serving.pid = first.pid
			err = serving.become(look)
		}
	} else if serving.uid == os.Geteuid() {
		where, refused = way(p.Site.Socket)
	} else {
		where, refused = serving.guess(p.Site.Socket)
	}
	switch {
	case err != nil:
		return one(NotChecked, check, p.Site.Socket, err.Error(), "")
	case refused == nil && os.Geteuid() != 0 && serving.uid != os.Geteuid():
		return one(OK, check, p.Site.Socket, fmt.Sprintf("by the permissions %s, as user %s, may connect; what an ACL or a root directory of its own says only root can see", serving.name, userName(serving.uid)), "")
	case refused == nil:
		return one(OK, check, p.Site.Socket, fmt.Sprintf("%s, as user %s, may connect", serving.name, userName(serving.uid)), "")
	}
	return p.barred(&serving, where, refused)
}

// barred explains who is in the way of the web server.
func (p *Patient) barred(serving *process, where string, refused error) []Finding {
	const check = "access"
	who := fmt.Sprintf("%s, as user %s,", serving.name, userName(serving.uid))
	info, err := os.Stat(where)
	switch {
	case errors.Is(refused, unix.ENOENT) && err == nil:
		return one(Error, check, where, who+" does not find it: the web server has a root directory or a /tmp of its own",
			p.set("socket", "path", fmt.Sprintf("%q", "/run/keepone/"+p.Site.Name+"/"+p.Site.Name+".sock")))
	case errors.Is(refused, unix.ENOENT):
		return one(Error, check, where, "it does not exist, so nobody can connect", p.Start)
	case err != nil:
		return one(Error, check, where, who+" may not pass: "+refused.Error(), "")
	case info.IsDir() && info.Mode().Perm()&0o001 == 0:
		return one(Error, check, where, who+" may not pass this directory: 502 or 503 for every visitor", "chmod o+x "+quote(where))
	case info.IsDir():
		return one(Error, check, where, who+" may not pass this directory, by an ACL: 502 or 503 for every visitor",
			fmt.Sprintf("setfacl -m u:%s:x %s", userName(serving.uid), quote(where)))
	case p.Site.File != "" && info.Mode().Perm()&0o020 == 0:
		return one(Error, check, where, fmt.Sprintf("%s may not connect: its mode is %04o, and connecting needs write permission", who, info.Mode().Perm()),
			p.set("socket", "mode", `"0660"`))
	}
	text := fmt.Sprintf("%s may not connect: it is for the group %s, and the web server has the group %s", who, groupOf(info), groupName(serving.gid))
	if own, err := os.Getgroups(); err == nil && !p.Site.System && !slices.Contains(own, serving.gid) { // see chown(2)
		return one(Error, check, where, text+", which only root could give it: what can be had is a socket for every local user", p.set("socket", "mode", `"0666"`))
	}
	return one(Error, check, where, text,
		p.set("socket", "group", fmt.Sprintf("%q", groupName(serving.gid))))
}

// way goes to the socket as whoever the thread is, and returns where it ends.
func way(socket string) (string, error) {
	for _, dir := range above(socket) {
		if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.X_OK, 0); err != nil {
			return dir, err
		}
	}
	return socket, unix.Faccessat(unix.AT_FDCWD, socket, unix.W_OK, 0)
}

// above are the directories above a path, from the root on. A link in it leads
// elsewhere: what is there is told as one with it.
func above(path string) []string {
	var all []string
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		all = append(all, dir)
		if dir == "/" {
			slices.Reverse(all)
			return all
		}
	}
}

// become runs f in a thread of its own that is that process: its root directory
// and its ids. The thread ends with its goroutine, because it stays locked, and
// so nobody else ever is that process.
func (p *process) become(f func()) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := p.wear()
		if err == nil {
			f()
		}
		done <- err
	}()
	return <-done
}

// wear changes the thread alone: the calls of package syscall change all of
// them.
func (p *process) wear() error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("cannot look as process %d does: %w", p.pid, err)
	}
	if err := unix.Chroot(fmt.Sprintf("/proc/%d/root", p.pid)); err != nil {
		return fmt.Errorf("cannot look from the root directory of process %d: %w", p.pid, err)
	}
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	groups := make([]uint32, len(p.groups)+1) // one more, for the address of an empty one
	for i, g := range p.groups {
		groups[i] = uint32(g)
	}
	for _, call := range [][4]uintptr{
		{setGroups, uintptr(len(p.groups)), uintptr(unsafe.Pointer(&groups[0]))},
		{setGIDs, uintptr(p.gid), uintptr(p.gid), uintptr(p.gid)},
		{setUIDs, uintptr(p.uid), uintptr(p.uid), uintptr(p.uid)},
	} {
		if _, _, errno := unix.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
			return fmt.Errorf("cannot become user %s: %w", userName(p.uid), errno)
		}
	}
	runtime.KeepAlive(groups)
	return nil
}

// guess goes the way by the modes alone, for who cannot become another user.
func (p *process) guess(socket string) (string, error) {
	for i, path := range append(above(socket), socket) {
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			return path, err
		}
		bit := uint32(0o001)
		if i == len(above(socket)) {
			bit = 0o002
		}
		switch {
		case p.uid == 0:
			continue
		case int(st.Uid) == p.uid:
			bit <<= 6
		case int(st.Gid) == p.gid || slices.Contains(p.groups, int(st.Gid)):
			bit <<= 3
		}
		if st.Mode&bit == 0 {
			return path, unix.EACCES
		}
	}
	return socket, nil
}

// groupOf is the name of a file's group.
func groupOf(info os.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "?"
	}
	return groupName(int(st.Gid))
}

// quote makes a word of sh(1).
func quote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+@:=%", r)
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
