package resident

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// The test binary runs itself again and says what it sees.
func TestMain(m *testing.M) {
	if os.Getenv("RESIDENT_TEST") != "" {
		if err := Reexec(os.Args); err != nil {
			panic(err)
		}
		text, _ := os.ReadFile("/proc/self/timerslack_ns")
		os.Stdout.Write(text)
		os.Stdout.WriteString(strings.Join(os.Args[1:], " ") + " " + os.Getenv("GOMAXPROCS") + " " + os.Getenv("GOGC") + " " + os.Getenv("GODEBUG"))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestReexecOnce(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe, "run", "x")
	c.Env = append(os.Environ(), "RESIDENT_TEST=1", "GOGC=off", "GOMEMLIMIT=1")
	out, err := c.CombinedOutput()
	if want := "1000000\nrun x 1 50 disablethp=1"; err != nil || string(out) != want {
		t.Errorf("got %q, %v; want %q", out, err, want)
	}
}

func TestEnvHasTheRecipeOnce(t *testing.T) {
	t.Setenv("GOMAXPROCS", "7")
	t.Setenv("KEPT", "1")
	env := Env()
	if slices.Contains(env, "GOMAXPROCS=7") || !slices.Contains(env, "GOMAXPROCS=1") || !slices.Contains(env, "KEPT=1") {
		t.Errorf("%q", env)
	}
}

func bytesIn(ranges []span) (n uintptr) {
	for _, r := range ranges {
		n += r.to - r.from
	}
	return n
}

// The kernel sees the code as so many mappings that it maps little at a time.
func TestSplit(t *testing.T) {
	tr := newTrimmer()
	for _, r := range clean() {
		if r.to-r.from > 2*grain {
			t.Errorf("%d KiB in one mapping", (r.to-r.from)>>10)
		}
	}
	if want := int(bytesIn(tr.ranges) / grain); len(clean()) < want*9/10 {
		t.Errorf("%d mappings, want about %d", len(clean()), want)
	}
}

// Dropping the code's pages must leave a program that still runs, and lists
// only mappings of the program's own file.
func TestTrim(t *testing.T) {
	tr := newTrimmer()
	if len(tr.ranges) == 0 {
		t.Fatal("no code mapping was found")
	}
	for range 20 {
		tr.trim()
		if time.Now().IsZero() || bytesIn(clean()) != bytesIn(tr.ranges) {
			t.Fatal("the program is damaged")
		}
	}
	if n := testing.AllocsPerRun(100, tr.trim); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
