package rival

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// asNobody looks for rivals as an ordinary user.
func (s *site) asNobody(w Wanted) (found []Rival) {
	s.Helper()
	text, err := json.Marshal(w)
	must(s.T, err)
	exe, err := os.Executable()
	must(s.T, err)
	must(s.T, exec.Command("cp", exe, s.path("look")).Run())
	must(s.T, os.Chmod(s.path("look"), 0o755))
	cmd := exec.Command(s.path("look"))
	cmd.Env, cmd.Dir, cmd.Stderr = append(os.Environ(), asOther+"="+string(text)), "/", os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.Output()
	must(s.T, err)
	must(s.T, json.Unmarshal(out, &found))
	return found
}

// An ordinary user sees others' command lines and little more; of a process of
// its own as much as root.
func TestOrdinaryUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("to become another user needs root")
	}
	s := newSite(t)
	must(t, os.Chmod(s.dir, 0o777))
	direct := s.write("d.py", "#!"+s.python+"\n"+program)
	for _, c := range []struct {
		wanted Wanted
		argv   []string
		rival  bool
	}{
		{s.wanted("python3", "app.py"), []string{s.python, s.path("app.py")}, true},
		{s.wanted("python3", "app.py"), []string{s.python, "app.py"}, false}, // where it is cannot be seen
		{s.wanted("python3", "app.py"), []string{s.python, s.path("app.py"), "unix=" + s.path("u")}, false},
		{s.wanted("python3", "app.py"), []string{s.python, "-m", "app", s.path("app.py")}, false},
		{s.wanted(direct), []string{direct}, true},
		{s.wanted("python3", "-m", "app"), []string{s.python, "-m", "app"}, false},
		{s.wanted("perl", "app.py"), []string{s.python, s.path("app.py")}, false},
	} {
		r := s.ready(s.start(s.dir, nil, c.argv...))
		found := s.asNobody(c.wanted)
		if len(found) > 1 || c.rival != (len(found) == 1) || c.rival && (found[0].PID != r.pid() || found[0].Rule != Script || found[0].User != "root" || len(found[0].Parents) == 0 || found[0].End == "") {
			t.Errorf("%q: %v", c.argv, found)
		}
		s.end(r)
	}
	cmd := exec.Command(s.python, "app.py", "unix=s")
	cmd.Dir, cmd.SysProcAttr = s.dir, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	r := s.ready(s.begin(cmd))
	found := s.asNobody(s.wanted("python3", "app.py"))
	if len(found) != 1 || found[0].PID != r.pid() || !found[0].AtPath || !slices.Equal(found[0].Listens, []string{"s"}) || found[0].User != "nobody" {
		t.Errorf("%+v", found)
	}
}

// Where processes are hidden there is nobody, and no error.
func TestHidden(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("to mount needs root")
	}
	s := newSite(t)
	must(t, os.Chmod(s.dir, 0o777))
	s.app()
	w := s.wanted("python3", "app.py")
	if found := s.asNobody(w); len(found) > 0 {
		t.Fatalf("%v", found)
	}
	text, err := json.Marshal(w)
	must(t, err)
	cmd := exec.Command(need(t, "unshare"), "-m", "sh", "-c",
		"mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid 65534 --regid 65534 --clear-groups "+s.path("look"))
	cmd.Env = append(os.Environ(), asOther+"="+string(text))
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "null" {
		t.Errorf("%s%v", out, err)
	}
}

// Two hundred processes on the host, of which ten run the same interpreter.
func BenchmarkFind(b *testing.B) {
	dir := b.TempDir()
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	must(os.WriteFile(dir+"/app.py", []byte(program), 0o644))
	must(os.WriteFile(dir+"/other.py", []byte(program), 0o644))
	pids, err := host("").pids()
	must(err)
	for n := range max(10, 200-len(pids)) {
		cmd := exec.Command("sleep", "600")
		if n < 10 {
			cmd = exec.Command("/usr/bin/python3", "other.py", fmt.Sprintf("unix=%s/%d", dir, n))
		}
		cmd.Dir = dir
		for range 10 { // some descriptors
			cmd.ExtraFiles = append(cmd.ExtraFiles, os.Stdin)
		}
		must(cmd.Start())
		b.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	}
	l, err := net.Listen("unix", dir+"/s")
	must(err)
	defer l.Close()
	w := Wanted{Argv: []string{"/usr/bin/python3", "app.py"}, Dir: dir, Socket: dir + "/s", Mark: "KEEPONE=x:y", Lock: dir + "/app.py"}
	b.ReportAllocs()
	for b.Loop() {
		if found, err := Find(w); err != nil || len(found) > 0 {
			b.Fatal(found, err)
		}
	}
}
