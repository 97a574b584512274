package cgroup

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Kills counts what the OOM killer has killed where no cgroup v2 of ours tells:
// a backend that ended by a SIGKILL which keepone did not send, while the count
// rose, was killed for want of memory. It belongs to one goroutine.
type Kills struct {
	// Host says that the count is the whole host's. Then that it rose is a proof
	// only together with a backend's end, and the better the closer together
	// the two looks were.
	Host bool

	fd   int
	text []byte
}

// OOMKills opens the nearest count there is: memory.oom_control of the cgroup
// v1 of this process, and so of a backend's that was not moved to another, else
// /proc/vmstat. Both have it from Linux 4.13 on. It fails where neither does.
func OOMKills() (*Kills, error) { return kills("") }

func kills(root string) (*Kills, error) {
	if at, err := find(root, "memory"); err == nil {
		if k, ok := count(root+at.mount+at.path+"/memory.oom_control", 256); ok {
			return k, nil
		}
	}
	if k, ok := count(root+"/proc/vmstat", 8<<10); ok {
		k.Host = true
		return k, nil
	}
	return nil, fmt.Errorf("cannot count OOM kills: no oom_kill in /proc/vmstat")
}

// count opens a file that has the count within its first size bytes: vmstat is
// 4 KiB long, and longer with more kinds of memory.
func count(file string, size int) (*Kills, bool) {
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, false
	}
	k := &Kills{fd: fd, text: make([]byte, size)}
	if _, ok := k.Look(); !ok {
		unix.Close(fd)
		return nil, false
	}
	return k, true
}

// Look returns how many processes were killed since the cgroup was made, or the
// host booted. Where it cannot be read it is not ok. It does not allocate.
func (k *Kills) Look() (killed uint64, ok bool) { return after(read(k.fd, k.text), "oom_kill ") }

// Close releases the descriptor.
func (k *Kills) Close() { unix.Close(k.fd) }
