package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// newTalker returns a running site whose backend prints what say writes.
func newTalker(t *testing.T, changes settings) *site {
	t.Helper()
	set := settings{"ready.by": "settle", "ready.settle": "10ms", "stop.timeout": "1s"}
	for k, v := range changes {
		set[k] = v
	}
	s := newSite(t, plan{command: []string{"/bin/cat"}, settings: set})
	s.must(syscall.Mkfifo(s.path("say"), 0o666), os.Chmod(s.path("say"), 0o666))
	// It holds the FIFO for writing, too: it has no end.
	set["backend.command"] = []string{filepath.Join(s.dir, "one.sh"), "/bin/sh", "-c", "exec cat <>" + s.path("say")}
	s.configure(set)
	s.startKeepone()
	s.await("up")
	return s
}

// log is where the site's output goes.
func (s *site) log() string { return filepath.Join(s.dir, "output.log") }

// say lets the backend print lines, each of 40 bytes with its end.
func (s *site) say(from, to int) {
	s.t.Helper()
	f, err := os.OpenFile(s.path("say"), os.O_WRONLY, 0)
	s.must(err)
	defer f.Close()
	for i := from; i < to; i++ {
		_, err := fmt.Fprintln(f, said(i))
		s.must(err)
	}
}

func said(i int) string { return fmt.Sprintf("%-38d.", i) }

func saidAll(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		b.WriteString(said(i) + "\n")
	}
	return b.String()
}

// heard waits until the last line in the file is the i-th.
func (s *site) heard(file string, i int) {
	s.t.Helper()
	await(s.t, 30*time.Second, fmt.Sprintf("line %d is the last of %s", i, file), func() bool {
		text, _ := os.ReadFile(file) // none is none yet
		return strings.HasSuffix(string(text), said(i)+"\n")
	})
}

// follow starts `keepone logs -f` and returns the file with what it printed, once it printed the i-th line.
func (s *site) follow(i int) (file string, stop func()) {
	s.t.Helper()
	file = filepath.Join(s.dir, "followed")
	p, err := start(file, s.environ(), -1, keepone, "logs", "-f", "-n", "1", "-c", s.config, "--run-dir", s.run)
	s.must(err)
	s.groups = append(s.groups, p.pid())
	s.heard(file, i)
	return file, func() { p.end(syscall.SIGINT, 10*time.Second) }
}

// TestLogsAcrossRotations: five files, no line lost between them, the tail of them all, also of a keepone that is gone;
// -f misses none.
func TestLogsAcrossRotations(t *testing.T) {
	t.Parallel()
	s := newTalker(t, settings{"output.limit": "4KiB"}) // 102 lines
	s.say(0, 10)
	s.heard(s.log(), 9)
	followed, stop := s.follow(9)
	defer stop()
	last := 10
	for _, to := range []int{60, 250, 600, 900, 1000} { // three rotations at once are not more than are kept
		s.say(last, to)
		s.heard(s.log(), to-1)
		s.heard(followed, to-1)
		last = to
	}
	if got, want := read(t, followed), saidAll(9, 1000); got != want {
		t.Errorf("followed %d bytes, not %d", len(got), len(want))
	}
	all, _ := filepath.Glob(s.log() + "*")
	if len(all) != 5 {
		t.Errorf("files: %q", all)
	}
	for _, file := range all {
		if info, err := os.Stat(file); err != nil || info.Size() > 4096 || info.Mode().Perm() != 0o640 {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}
	for _, state := range []string{"running", "gone"} {
		for lines, want := range map[string]string{"-n3": saidAll(997, 1000), "-n250": saidAll(750, 1000), "-n0": "", "-n50": saidAll(950, 1000)} {
			if a := s.do("logs", lines); a.out != want {
				t.Errorf("%s, %s: %d bytes, not %d", state, lines, len(a.out), len(want))
			}
		}
		if a := s.do("logs"); a.out != saidAll(950, 1000) {
			t.Errorf("%s: fifty lines by default, not\n%s", state, a.out)
		}
		if state == "running" {
			s.stopKeepone()
			s.supervisor = nil
		}
	}
}

// TestLogrotate: the file is moved and --reopen (or SIGUSR1) makes a new one at once; before that, output goes to the old
// one. A removed file comes back by itself.
func TestLogrotate(t *testing.T) {
	t.Parallel()
	s := newTalker(t, nil)
	s.say(0, 1)
	s.heard(s.log(), 0)
	followed, stop := s.follow(0)
	defer stop()
	s.must(os.Rename(s.log(), s.log()+".old"))
	s.say(1, 2)
	s.do("logs", "--reopen")
	if _, err := os.Stat(s.log()); err != nil {
		t.Error(err)
	}
	s.say(2, 3)
	s.heard(s.log(), 2)
	s.heard(followed, 2)
	s.must(os.Rename(s.log(), s.log()+".older"), s.supervisor.cmd.Process.Signal(syscall.SIGUSR1))
	await(t, 10*time.Second, "there is a new file", func() bool { _, err := os.Stat(s.log()); return err == nil })
	s.say(3, 4)
	s.heard(s.log(), 3)
	s.heard(followed, 3)
	s.must(os.Remove(s.log()))
	next := 4
	await(t, 30*time.Second, "there is a new file", func() bool {
		s.say(next, next+1)
		next++
		_, err := os.Stat(s.log())
		return err == nil
	})
	s.heard(s.log(), next-1)
	s.heard(followed, next-1)
	if text := read(t, followed); !strings.HasPrefix(text, saidAll(0, 4)) {
		t.Errorf("followed:\n%s", text)
	}
}

// TestFullDisk: what cannot be kept is lost, and the backend goes on; a reload puts another target in force.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := newTalker(t, settings{"output.to": "/dev/full"})
	s.say(0, 50_000) // 2 MB: more than the FIFO between them holds
	if a := s.keepone("logs", "--reopen"); a.code != 0 {
		t.Errorf("a device that can be opened: %+v", a)
	}
	if a := s.keepone("logs"); a.code != 1 || !strings.Contains(a.err, "/dev/full is not a regular file") {
		t.Errorf("%+v", a)
	}
	keys := s.plan.settings
	delete(keys, "output.to")
	s.configure(keys)
	s.do("reload")
	s.say(0, 1)
	s.heard(s.log(), 0)
	if a := s.do("status", "--json"); !strings.Contains(a.out, fmt.Sprintf(`"output": %q`, s.log())) {
		t.Errorf("status: %s", a.out)
	}
}

// TestLogsElsewhere: where keepone does not have the output, the command says who has, or becomes journalctl.
func TestLogsElsewhere(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{"syslog": "/var/log/syslog", "stdout": "docker logs"} {
		s := newSite(t, plan{command: []string{"/bin/true"}, settings: settings{"output.to": to}})
		if a := s.keepone("logs"); a.code != 1 || !strings.Contains(a.err, want) {
			t.Errorf("%s: %+v", to, a)
		}
	}
	s := newSite(t, plan{command: []string{"/bin/true"}, settings: settings{"output.to": "journal"}})
	script := "#!/bin/sh\necho \"journalctl $*\"\n"
	s.must(os.WriteFile(filepath.Join(s.dir, "journalctl"), []byte(script), 0o755))
	p, err := start(filepath.Join(s.dir, "followed"), append(s.environ(), "PATH="+s.dir), -1,
		keepone, "logs", "-f", "-n7", "-c", s.config, "--run-dir", s.run)
	s.must(err)
	<-p.exited
	want := fmt.Sprintf("journalctl KEEPONE_NAME=%s --output=cat --lines=7 --follow\n", filepath.Base(s.dir))
	if got := read(t, p.log); got != want {
		t.Errorf("%q, not %q", got, want)
	}
}

// TestOutputToStdout: the backend's lines come out of keepone, whoever else writes there.
func TestOutputToStdout(t *testing.T) {
	t.Parallel()
	s := newTalker(t, settings{"output.to": "stdout"})
	s.say(0, 1)
	await(t, 30*time.Second, "the line is in keepone's stdout", func() bool {
		return strings.Contains(read(t, filepath.Join(s.dir, "keepone.log")), said(0)+"\n")
	})
}

// TestUnreadableLogs: who may not read the file is told what to do.
func TestUnreadableLogs(t *testing.T) {
	t.Parallel()
	name, uid := account()
	if uid < 0 {
		t.Skip("only root can become " + name)
	}
	s := newTalker(t, nil)
	s.say(0, 1)
	s.heard(s.log(), 0)
	p, err := start(filepath.Join(s.dir, "asked"), s.environ(), uid, keepone, "logs", "-c", s.config, "--run-dir", s.run)
	s.must(err)
	<-p.exited
	if got := read(t, p.log); p.cmd.ProcessState.ExitCode() != 1 || !strings.Contains(got, "hint: use sudo, or join the group adm") {
		t.Errorf("%s", got)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
