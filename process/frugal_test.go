package process

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

const tellSize = "grep -h THP_enabled /proc/self/status; env | grep -e MALLOC -e '^A=' | sort; tr '\\0' '\\n' </proc/$$/environ | grep -c MALLOC"

// hugePages is what the kernel says of a process, "THP_enabled:\t1".
func hugePages(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut("\n"+string(text), "\nTHP_enabled:")
	line, _, _ := strings.Cut(rest, "\n")
	return "THP_enabled:" + line
}

func TestFrugal(t *testing.T) {
	own := hugePages(t)
	if own != "THP_enabled:\t1" {
		t.Skipf("these tests run with %q: nothing could be told", own)
	}
	for _, c := range []struct {
		name, want string
		frugal     bool
		env        []string
	}{
		{"off", "THP_enabled:\t1\nA=b c\n0\n", false, nil},
		{"on", "THP_enabled:\t0\nA=b c\nMALLOC_ARENA_MAX=2\nMALLOC_TRIM_THRESHOLD_=131072\n2\n", true, nil},
		{"the operator's wins", "THP_enabled:\t0\nA=b c\nMALLOC_ARENA_MAX=7\nMALLOC_TRIM_THRESHOLD_=131072\n2\n", true, []string{"MALLOC_ARENA_MAX=7"}},
		{"an empty one, too", "THP_enabled:\t0\nA=b c\nMALLOC_ARENA_MAX=2\nMALLOC_TRIM_THRESHOLD_=\n2\n", true, []string{"MALLOC_TRIM_THRESHOLD_="}},
		{"a longer name is another", "THP_enabled:\t0\nA=b c\nMALLOC_ARENA_MAX=2\nMALLOC_ARENA_MAXIMUM=1\nMALLOC_TRIM_THRESHOLD_=131072\n3\n", true, []string{"MALLOC_ARENA_MAXIMUM=1"}},
	} {
		b := newBench(t, "")
		s := b.spec(tellSize)
		s.Frugal, s.Env = c.frugal, append(s.Env, c.env...)
		b.exit(b.spawn(s, false)) // grep -c of nothing is an exit status 1
		if got := b.said(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if now := hugePages(t); now != own {
		t.Errorf("who spawned it has %q now", now)
	}
}

// A shim of TestFrugalFails cannot switch huge pages off. This is before main:
// its goroutine stays on the thread that has the filter.
func init() {
	if os.Getenv("KEEPONE_TEST_FORBID") == "" {
		return
	}
	runtime.LockOSThread()
	if err := forbid(unix.SYS_PRCTL, unix.PR_SET_THP_DISABLE); err != nil {
		panic(err)
	}
}

// TestFrugalFails: where the kernel refuses, the backend runs all the same, and
// its output says why it is larger.
func TestFrugalFails(t *testing.T) {
	b := newBench(t, "")
	b.Env = append(b.Env, "KEEPONE_TEST_FORBID=1")
	s := b.spec(tellSize)
	s.Frugal = true
	b.exit(b.spawn(s, false))
	want := "keepone: cannot switch transparent huge pages off for the backend: operation not permitted\n" + hugePages(t) + "\nA=b c\nMALLOC_"
	if got := b.said(); !strings.HasPrefix(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// forbid makes a system call with that first argument fail with EPERM on this
// thread, by seccomp(2).
func forbid(call, first uint32) error {
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	equal := func(k uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jf: skip}
	}
	program := []unix.SockFilter{ // of struct seccomp_data: nr at 0, args[0] at 16
		load(0), equal(call, 3), load(16), equal(first, 1),
		{Code: unix.BPF_RET, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET, K: unix.SECCOMP_RET_ALLOW},
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return errno
	}
	return nil
}
