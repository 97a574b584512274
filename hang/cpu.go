package hang

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of /proc/PID/stat: USER_HZ is 100 on Linux.
const tick = time.Second / 100

// A CPU adds up the CPU time of processes that come and go. It reads
// /proc/PID/stat and keeps the files open: a kept descriptor stands for that
// process and no later one of the same number. It belongs to one goroutine.
type CPU struct {
	ticks uint64
	stats []stat
	text  [512]byte // the fields that count come first
}

type stat struct {
	pid, fd int
	time    times
	seen    bool // in the latest question
}

// times are in ticks.
type times struct {
	own    uint64 // of the process' threads, also the former ones
	waited uint64 // of its children that ended and were waited for, and of theirs
}

// NewCPU returns a CPU that knows no process yet.
func NewCPU() *CPU { return new(CPU) }

// Used returns the CPU time, in steps of ten milliseconds, that the processes
// have used together, those asked for before included: it never falls. A
// process counts from its start, whenever it is first asked for, so only
// differences mean something. Children that came and went between two
// questions count once they have been waited for; one that nobody waits for
// counts until it was last seen.
//
// A process that is gone is no error; one that cannot be asked is: without it
// the sum is too small. Used(nil) closes the files. Nothing is allocated unless
// a process is new.
func (c *CPU) Used(pids []int) (time.Duration, error) {
	for i := range c.stats {
		c.stats[i].seen = false
	}
	var waited uint64
	var failed error
	for _, pid := range pids {
		n, err := c.ask(pid)
		if err != nil && failed == nil {
			failed = fmt.Errorf("cannot read the CPU time of process %d: %w", pid, err)
		}
		waited += n
	}
	// What the gone used is now in the waited time of their parents, too.
	c.ticks += waited - min(waited, c.leave())
	return time.Duration(c.ticks) * tick, failed
}

// leave closes the files of those that were not asked for, and returns what
// they had counted.
func (c *CPU) leave() (counted uint64) {
	kept := c.stats[:0]
	for _, s := range c.stats {
		if s.seen {
			kept = append(kept, s)
			continue
		}
		counted += s.time.own + s.time.waited
		unix.Close(s.fd)
	}
	c.stats = kept
	return counted
}

// ask adds what a process has used since the last time, and returns by how
// much its waited time grew.
func (c *CPU) ask(pid int) (waited uint64, err error) {
	for i := range c.stats {
		if c.stats[i].pid != pid {
			continue
		}
		waited, err = c.update(&c.stats[i])
		if err != unix.ESRCH {
			return waited, err
		}
	}
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, ifThere(err)
	}
	c.stats = append(c.stats, stat{pid: pid, fd: fd})
	waited, err = c.update(&c.stats[len(c.stats)-1])
	return waited, ifThere(err)
}

func (c *CPU) update(s *stat) (waited uint64, err error) {
	n, err := unix.Pread(s.fd, c.text[:], 0)
	if err != nil {
		s.seen = err != unix.ESRCH // it may be asked again
		return 0, err
	}
	now, ok := parse(c.text[:n])
	s.seen = true
	if !ok {
		return 0, errMalformed
	}
	c.ticks += now.own - min(now.own, s.time.own)
	waited = now.waited - min(now.waited, s.time.waited)
	s.time = now
	return waited, nil
}

// parse reads utime, stime, cutime and cstime, the fields 14 to 17 of
// proc_pid_stat(5). Field 2 is the name, in parentheses, and may hold spaces and
// parentheses; no field behind it does.
func parse(text []byte) (t times, ok bool) {
	text = text[bytes.LastIndexByte(text, ')')+1:]
	field, value := 2, uint64(0)
	for _, b := range text {
		if b != ' ' {
			value = value*10 + uint64(b-'0')
			continue
		}
		switch field {
		case 14, 15:
			t.own += value
		case 16:
			t.waited += value
		case 17:
			t.waited += value
			return t, true
		}
		field, value = field+1, 0
	}
	return times{}, false
}

var errMalformed = errors.New("its stat is malformed")

// ifThere drops the errors of a process that is gone.
func ifThere(err error) error {
	if err == unix.ESRCH || err == unix.ENOENT {
		return nil
	}
	return err
}
