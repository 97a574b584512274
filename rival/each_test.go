package rival

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Who is in the middle of its execve(2) has no environment: it may be ours, and
// is waited for.
func TestExecuting(t *testing.T) {
	f := newFake(t)
	need(t, "python3")
	f.process(7, 1, "/etc/passwd")
	stat, err := os.ReadFile(f.path(7, "stat"))
	must(t, err)
	f.write("proc/7/stat", strings.Replace(string(stat), " 2 3 4 5", " 2 0 4 5", 1)) // no code yet
	f.write("next", string(stat))
	watch, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	must(t, err)
	_, err = unix.InotifyAddWatch(watch, f.path(7, "stat"), unix.IN_CLOSE_NOWRITE)
	must(t, err)
	done := make(chan error)
	go func() {
		var event [4096]byte
		var err error
		for n := 0; n < 4 && err == nil; n++ { // nobody looks as often who does not wait
			_, err = unix.Read(watch, event[:])
		}
		f.write("proc/7/environ", "KEEPONE=x:y\x00")
		done <- errors.Join(err, os.Rename(string(f.host)+"/next", f.path(7, "stat")))
	}()
	found, err := f.rivals(Wanted{Argv: []string{"/usr/bin/python3", "/etc/passwd"}, Dir: "/", Mark: "KEEPONE=x"})
	if len(found) > 0 || err != nil {
		t.Fatalf("%v, %v", found, err)
	}
	must(t, <-done)
	unix.Close(watch)
}

// Whoever does not answer gets half the time of the one before.
func TestEach(t *testing.T) {
	never := make(chan struct{})
	defer close(never)
	var seen []int
	err := each([]int{1, 2, 3, 4, 5}, time.Second/8, func(pid int) int {
		if pid == 2 || pid == 3 || pid == 5 {
			<-never
		}
		return pid
	}, func(pid int) { seen = append(seen, pid) })
	if fmt.Sprint(seen) != "[1 4]" || strings.Count(fmt.Sprint(err), "does not answer") != 3 {
		t.Errorf("%v, %v", seen, err)
	}
}
