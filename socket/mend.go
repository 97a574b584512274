package socket

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Cure says what Mend found. All is well where it is Cure{}.
type Cure struct {
	Path    bool // nothing, or a dead socket, was at the path; this one is there again
	Spare   bool // the hidden name was missing, it is there again
	Backlog bool // somebody had made the backlog smaller, it is as long as before

	// InTheWay is what somebody put at the path and Mend does not touch: a
	// file that is no socket, or a live socket of another (*InUseError). It is
	// for the operator; another generation could not be published either.
	InTheWay error
	// Broken is why only another generation helps: the socket was shut down
	// (ErrShutDown), or no name of it is left to put back.
	Broken error
}

// upkeep is what Mend remembers of one Listener.
type upkeep struct {
	path, hidden []byte // the names as C wants them: strings would cost an allocation
	alone        bool   // the file can have no second name
	beside       uint32 // inode of a former generation at the same TCP address that cannot be taken
	most         int    // backlog that net.core.somaxconn allows, 0: not known to be cut
	obstacle     obstacle
}

// obstacle is what was in the way at the last look, so that one that stays is
// not asked again every time who it is: that is a walk through /proc.
type obstacle struct {
	is  look
	ino uint32 // at a TCP address, instead: inode of the socket
	err error
}

// look is what lstat(2) says of a name. The time tells an inode that is used
// again from the former one.
type look struct {
	dev, ino uint64
	mode     uint32
	changed  unix.StatxTimestamp
}

// Mend looks at what others may have done to l and mends it. published says
// that l is the generation that belongs at the path: not one that drains, nor
// any once withdrawn. It allocates nothing where all is well. The error means
// that something could not be found out; the Cure counts all the same.
//
// What stands at the path decides what happens to it. A missing path is put
// back, and a dead socket is replaced: in both cases clients were refused, and
// nobody loses anything. A file that is no socket is somebody's data, and is
// left. A live socket of another process is left, too, although the path is
// ours: its clients are not refused, it may have requests of its own waiting,
// Publish would refuse it just so, and a program that wants the path as well
// (another supervisor, a web server that spawns) would take it again, without
// end. So there is never a fight: each look costs the same small thing, the
// operator is told who it is, and the path is ours again when that one dies. A
// socket that this process holds, a former generation's, is replaced.
//
// At a TCP address another process of the same user can listen beside us
// (SO_REUSEPORT, socket(7)). It is in the way, and left as well.
func (d *Diag) Mend(l *Listener, published bool) (Cure, error) {
	return l.family().mend(d, l, published)
}

func (unixFamily) mend(d *Diag, l *Listener, published bool) (Cure, error) {
	var c Cure
	if l.upkeep.path == nil {
		l.upkeep.path, l.upkeep.hidden = append([]byte(l.options.Path), 0), append([]byte(l.hidden()), 0)
	}
	r, err := d.exact(uint32(l.sockIno), showQueue)
	if err == nil && r.shutdown&shutReceive != 0 {
		c.Broken = fmt.Errorf("cannot serve at %s any more: %w", l.options.Path, ErrShutDown)
		return c, nil // whatever is at the path, clients are to find the next generation there
	}
	if err == nil {
		c.Backlog, err = d.mendBacklog(l, r)
	}
	if err != nil {
		err = fmt.Errorf("cannot look after the queue of %s: %w", l.options.Path, err)
	}
	if published {
		if cause := l.mendPath(&c); err == nil {
			err = cause
		}
	}
	if c.Broken == nil {
		c.Spare = l.mendSpare()
	}
	return c, err
}

// mendBacklog listens again where the backlog is smaller than it was made.
func (d *Diag) mendBacklog(l *Listener, r report) (longer bool, err error) {
	if r.state != stateListen || !r.hasQueue {
		return false, errNotListening
	}
	most := l.options.Backlog
	if l.upkeep.most > 0 {
		most = l.upkeep.most
	}
	if int(r.backlog) >= most {
		return false, nil
	}
	if err := l.Relisten(); err != nil {
		return false, err
	}
	now, err := d.exact(uint32(l.sockIno), showQueue)
	if err == nil && now.backlog == r.backlog {
		l.upkeep.most = int(now.backlog) // net.core.somaxconn has cut it, nobody else
	}
	return err == nil && now.backlog > r.backlog, err
}

// mendPath looks whether the path is this socket, and places it there.
func (l *Listener) mendPath(c *Cure) error {
	is, err := lookAt(l.upkeep.path)
	switch {
	case err == nil && l.is(is):
		l.upkeep.obstacle = obstacle{}
		return nil
	case err == nil && is == l.upkeep.obstacle.is && l.stillThere():
		c.InTheWay = l.upkeep.obstacle.err
		return nil
	case err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR):
		return fmt.Errorf("cannot look at %s: %w", l.options.Path, err)
	}
	c.InTheWay, err = l.replace()
	l.upkeep.obstacle = obstacle{is: is, err: c.InTheWay}
	switch {
	case c.InTheWay != nil:
	case err == nil:
		c.Path = true
	default:
		c.Broken = fmt.Errorf("cannot put the listening socket back at %s: %w", l.options.Path, err)
	}
	return nil
}

// replace is place at the path, in a directory made again where it is gone.
func (l *Listener) replace() (inTheWay, err error) {
	ours := []int{os.Getpid()}
	if inTheWay, err = l.place(l.options.Path, ours); !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) {
		return inTheWay, err
	}
	dir := filepath.Dir(l.options.Path)
	if err := makeDirectory(dir); err != nil {
		return fmt.Errorf("cannot make directory %s again: %w", dir, err), nil
	}
	if inTheWay, err = l.place(l.options.Path, ours); errors.Is(err, unix.ENOENT) {
		err = errNoName
	}
	return inTheWay, err
}

var errNoName = errors.New("no name of it is left")

// stillThere says whether what was in the way, and is the same file, still is.
func (l *Listener) stillThere() bool {
	if l.upkeep.obstacle.err == nil || kindOf(l.upkeep.obstacle.is.mode) != "" {
		return l.upkeep.obstacle.err != nil
	}
	file, err := openPath(l.options.Path)
	if err != nil {
		return false
	}
	defer unix.Close(file)
	live, _, _, err := listening(file)
	return live && err == nil
}

// mendSpare makes the hidden name again. Where that cannot be, it is not tried
// again before the next Publish: the path is the only name then.
func (l *Listener) mendSpare() bool {
	if l.upkeep.alone || l.fd < 0 {
		return false
	}
	if is, err := lookAt(l.upkeep.hidden); err == nil && l.is(is) {
		return false
	}
	inTheWay, err := l.place(l.hidden(), nil)
	l.upkeep.alone = inTheWay != nil || err != nil
	return !l.upkeep.alone
}

func (l *Listener) is(at look) bool { return l.file >= 0 && at.dev == l.dev && at.ino == l.ino }

// lookAt is lstat(2), by statx(2), of a name that ends in NUL.
func lookAt(name []byte) (look, error) {
	var st unix.Statx_t
	at := unix.AT_FDCWD
	_, _, errno := unix.Syscall6(unix.SYS_STATX, uintptr(at), uintptr(unsafe.Pointer(&name[0])),
		unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS, uintptr(unsafe.Pointer(&st)), 0)
	if errno != 0 {
		return look{}, errno
	}
	return look{unix.Mkdev(st.Dev_major, st.Dev_minor), st.Ino, uint32(st.Mode), st.Ctime}, nil
}
