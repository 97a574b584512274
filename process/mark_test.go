package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// marked makes the bench's spawner leave and look for marks.
func (b *bench) marked() {
	mark, err := Mark(b.dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Mark, b.Lock, b.User = mark, filepath.Join(b.dir, "lock"), -1
}

func newMarked(t *testing.T, group string) *bench {
	b := newBench(t, group)
	b.marked()
	return b
}

// forge starts a process with that environment, as somebody else where root can.
func (b *bench) forge(uid int, env ...string) int {
	b.Helper()
	return b.forgeWith("/bin/sleep", uid, env...)
}

func (b *bench) forgeWith(program string, uid int, env ...string) int {
	b.Helper()
	attr := &syscall.ProcAttr{Env: env, Dir: "/"}
	if os.Getuid() == 0 {
		attr.Sys = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	pid, _, err := syscall.StartProcess(program, []string{"sleep", "600"}, attr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { syscall.Kill(pid, syscall.SIGKILL); gone(b.T, []int{pid}) })
	return pid
}

// setuid makes a set-user-ID program of that user's.
func (b *bench) setuid(uid int) string {
	b.Helper()
	path := filepath.Join(b.dir, "suid")
	text, err := os.ReadFile("/bin/sleep")
	if err == nil {
		err = errors.Join(os.Chmod(filepath.Dir(b.dir), 0o755), os.Chmod(b.dir, 0o755), os.WriteFile(path, text, 0o755), os.Chown(path, uid, uid), os.Chmod(path, 0o755|os.ModeSetuid))
	}
	if err != nil {
		b.Fatal(err)
	}
	return path
}

// TestWhoseMarkCounts: that of the backend's user and of keepone's, in this run
// directory and since this boot, as a variable of its own.
func TestWhoseMarkCounts(t *testing.T) {
	b := newMarked(t, "")
	full := markName + b.Mark + ":x:1"
	user := os.Getuid()
	if user == 0 {
		user, b.User = 12345, 12345
	}
	long := make([]string, 300)
	for i := range long {
		long[i] = fmt.Sprintf("V%d=%040d", i, i)
	}
	yes := []int{b.forge(user, full), b.forge(user, append(long, full)...), b.forge(user, "A=", full, "B=1")}
	b.forge(user, "X"+full)
	b.forge(user, "A="+full)
	b.forge(user, markName+"0"+b.Mark[1:]+"0:x:1")
	b.forge(user, markName+b.Mark+"1:x:1")
	b.forge(user, append(long, "KEEPONE=")...)
	if os.Getuid() == 0 {
		b.forge(12346, full)
		b.forgeWith(b.setuid(user), 12346, full) // anybody may start it
	}
	got := b.Sweep(nil)
	slices.Sort(got)
	slices.Sort(yes)
	if !slices.Equal(got, yes) {
		t.Errorf("marked are %v, want %v", got, yes)
	}
}

// TestMark: a backend has one mark, its shim too, and a check has none.
func TestMark(t *testing.T) {
	b := newMarked(t, "")
	b.Env = append(b.Env, "KEEPONE=of:another:site")
	s := b.spec("env | grep KEEPONE; exec sleep 600")
	s.Env, s.Generation = append(s.Env, "KEEPONE=forged"), 7
	p := b.spawn(s, true)
	mark := markName + b.Mark + ":" + b.Name + ":7"
	var text []byte
	var err error
	for n := 0; n < 1000 && len(text) == 0; n++ { // in the middle of execve(2) there is none
		text, err = os.ReadFile("/proc/" + strconv.Itoa(p.PID()) + "/environ")
	}
	if err != nil || strings.Count(string(text), "KEEPONE=") != 1 || !strings.Contains(string(text), "\x00"+mark+"\x00") {
		t.Errorf("the shim has %q, %v", text, err)
	}
	p.Go()
	b.await(mark + "\n")
	if strings.Count(b.said(), "KEEPONE") != 1 {
		t.Errorf("%q", b.said())
	}
	p.Kill()
	b.exit(p)
	s = b.spec("! env | grep KEEPONE && ! tr '\\0' '\\n' </proc/$PPID/environ | grep KEEPONE=" + b.Mark)
	s.Handoff, s.Lock = NoSocket, ""
	if err := <-b.Check(t.Context(), s, time.Minute); err != nil {
		t.Error(err)
	}
	if n := testing.AllocsPerRun(10, func() { newScan().marked(b.proof(), nil) }); n > 30 {
		t.Errorf("a search through /proc costs %v allocations", n)
	}
	if other, err := Mark(filepath.Dir(b.dir)); err != nil || other == b.Mark {
		t.Errorf("%q, %v", other, err)
	}
	if _, err := Mark(filepath.Join(b.dir, "none")); err == nil {
		t.Error("a directory that is not there has a mark")
	}
}
