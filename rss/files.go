package rss

import (
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// openFiles are kept open, one below /proc for each process: a kept descriptor
// stands for that process and no later one of the same number.
type openFiles struct {
	files []file
	path  [64]byte
}

type file struct {
	pid  int
	fd   int
	seen bool // in the latest sample
}

// A reader reads the bytes that one kept file tells of; a file whose process is
// gone is not ok.
type reader interface {
	read(fd int) (bytes uint64, ok bool)
}

// sum adds up what the processes' files of that name tell, and closes those of
// all others. A process that is gone counts nothing.
func (f *openFiles) sum(pids []int, name string, by reader) (bytes uint64) {
	for i := range f.files {
		f.files[i].seen = false
	}
	for _, pid := range pids {
		bytes += f.one(pid, name, by)
	}
	kept := f.files[:0]
	for _, file := range f.files {
		if file.seen {
			kept = append(kept, file)
		} else {
			unix.Close(file.fd)
		}
	}
	f.files = kept
	return bytes
}

// one is of one process. When its kept file belongs to a dead process, the
// number has been given away: it is opened anew.
func (f *openFiles) one(pid int, name string, by reader) uint64 {
	if i := slices.IndexFunc(f.files, func(file file) bool { return file.pid == pid }); i >= 0 {
		if bytes, ok := by.read(f.files[i].fd); ok {
			f.files[i].seen = true
			return bytes
		}
		f.files[i].pid = 0 // closed at the end of this sample
	}
	path := append(strconv.AppendInt(append(f.path[:0], "/proc/"...), int64(pid), 10), '/')
	fd, err := openRaw(append(append(path, name...), 0))
	if err != nil {
		return 0
	}
	f.files = append(f.files, file{pid, fd, true})
	bytes, _ := by.read(fd)
	return bytes
}
