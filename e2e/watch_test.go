package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// settings are those of the terminal.
func (term *terminal) settings(t *testing.T) unix.Termios {
	t.Helper()
	set, err := unix.IoctlGetTermios(int(term.slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *set
}

// TestWatch: the status is redrawn in place, within the terminal, also while keepone is away; Ctrl-C leaves the terminal as it
// was.
func TestWatch(t *testing.T) {
	t.Parallel()
	s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: settings{"memory.sample": "100ms"}})
	s.samples(25) // two seconds of history
	const columns, lines = 60, 12
	term := s.newTerminal(columns, lines, "status", "--watch")
	const home = "\x1b[H"
	redrawn := func(times int) func(string) bool {
		return func(shown string) bool { return strings.Count(shown, home) > times }
	}
	term.until(t, "it is redrawn", redrawn(2))
	before := term.settings(t)
	frames := strings.Split(string(term.all), home)
	if first := frames[0]; first != "\x1b[?1049h\x1b[?25l" {
		t.Errorf("it begins with %q", first)
	}
	for _, frame := range frames[1 : len(frames)-1] {
		inTerminal(t, frame, columns, lines)
		if !strings.Contains(frame, s.name()+": up") {
			t.Errorf("a frame without the state: %q", frame)
		}
	}
	s.killKeepone()
	term.until(t, "it is told that keepone does not run", func(shown string) bool { return strings.Contains(shown, "does not run") })
	s.startKeepone()
	s.await("up")
	term.until(t, "the status is back", func(shown string) bool {
		_, after, _ := strings.Cut(shown, "does not run")
		return strings.Contains(after, s.name()+": up")
	})
	_, err := term.master.Write([]byte{3}) // Ctrl-C
	s.must(err)
	term.until(t, "the other screen is left", func(shown string) bool { return strings.HasSuffix(shown, "\x1b[?25h\x1b[?1049l") })
	if err := term.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if after := term.settings(t); after != before {
		t.Errorf("the terminal was left with %+v, and it had %+v", after, before)
	}
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]")

// inTerminal demands that a frame fits, so that nothing wraps or scrolls.
func inTerminal(t *testing.T, frame string, columns, lines int) {
	t.Helper()
	rows := strings.Split(strings.ReplaceAll(escapes.ReplaceAllString(frame, ""), "\r", ""), "\n") // the terminal adds some \r
	if len(rows) > lines {
		t.Errorf("%d lines in a terminal of %d:\n%q", len(rows), lines, frame)
	}
	for _, row := range rows {
		if n := len([]rune(row)); n > columns {
			t.Errorf("%d columns in a terminal of %d: %q", n, columns, row)
		}
	}
}

// TestWatchWide: where there is room, the last minutes are drawn below.
func TestWatchWide(t *testing.T) {
	t.Parallel()
	s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: settings{"memory.sample": "100ms"}})
	s.samples(25)
	term := s.newTerminal(120, 50, "status", "--watch")
	term.until(t, "the last seconds are drawn", func(shown string) bool {
		return strings.Contains(shown, "last ") && strings.Contains(shown, " MiB to ") && strings.ContainsAny(shown, "▁▂▃▄▅▆▇█")
	})
	s.must(term.cmd.Process.Signal(syscall.SIGTERM))
	term.until(t, "the other screen is left", func(shown string) bool { return strings.HasSuffix(shown, "\x1b[?25h\x1b[?1049l") })
	if err := term.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// TestWatchNoTerminal: in a pipe it is misuse, and another way is named.
func TestWatchNoTerminal(t *testing.T) {
	t.Parallel()
	s := newSite(t, plan{command: []string{"/bin/true"}})
	if a := s.keepone("status", "--watch"); a.code != 2 || a.out != "" || !strings.Contains(a.err, "no terminal") || !strings.Contains(a.err, "hint:") {
		t.Errorf("exit code %d, %q\n%s", a.code, a.out, a.err)
	}
	if a := s.keepone("status", "--watch", "--json"); a.code != 2 {
		t.Errorf("--watch --json: exit code %d\n%s", a.code, a.err)
	}
}

// TestNagios: one line, performance data that a monitoring system can read, and its exit codes.
func TestNagios(t *testing.T) {
	t.Parallel()
	set := settings{"memory.soft": "100MiB", "memory.hard": "200MiB", "control.read": []string{}}
	s := newRunningSite(t, plan{front: "lighttpd", command: leaker(t, "threaded.py"), settings: set})
	s.get("/fast")
	line := regexp.MustCompile(`^KEEPONE (OK|WARNING|CRITICAL) - ` + regexp.QuoteMeta(s.name()) + `: [^|\n]+ \| memory=(\d+)B;104857600;;0;\d+ keepone=\d+B;;;0; pending=0;;;0;4096 active=\d+;;;0; restarts=\d+c;;;0;\n$`)
	says := func(code int, word string) {
		t.Helper()
		a := s.keepone("status", "--nagios")
		if m := line.FindStringSubmatch(a.out); a.code != code || m == nil || m[1] != word || a.err != "" {
			t.Errorf("exit code %d, want %d, %s: %q %q", a.code, code, word, a.out, a.err)
		}
	}
	says(0, "OK")
	_ = ask(newClient(), s.url, "/crash")
	s.awaitFigures("there is another backend", 30*time.Second, func(f figures) bool { return f.State == "up" && f.Restarts.Total == 1 })
	says(1, "WARNING")
	s.do("stop-backend")
	says(2, "CRITICAL")
	s.do("start-backend")
	says(0, "OK")
	if os.Getuid() == 0 { // who may not ask knows nothing
		p, err := start(s.path("stranger"), s.environ(), nobody, keepone, "status", "--nagios", "-c", s.config, "--run-dir", s.run)
		s.must(err)
		await(t, 10*time.Second, "it has ended", func() bool { return !p.alive() })
		if out := tail(p.log); p.cmd.ProcessState.ExitCode() != 3 || !strings.HasPrefix(out, "KEEPONE UNKNOWN - ") || strings.Count(out, "\n") != 1 {
			t.Errorf("as nobody: exit code %d, %q", p.cmd.ProcessState.ExitCode(), out)
		}
	}
	s.stopKeepone()
	if a := s.keepone("status", "--nagios"); a.code != 2 || !strings.HasPrefix(a.out, "KEEPONE CRITICAL - "+s.name()+": ") || strings.Count(a.out, "\n") != 1 {
		t.Errorf("without a keepone: exit code %d, %q %q", a.code, a.out, a.err)
	}
	if left, _ := filepath.Glob(s.run + "/*"); len(left) > 0 {
		t.Errorf("left in the run directory: %q", left)
	}
}
