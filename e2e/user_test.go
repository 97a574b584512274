package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// nobody is the uid of the ordinary user; keepone knows it by /etc/passwd.
const nobody = 65534

// TestOrdinaryUser: everything without root: this very test binary restarts a site under load as another user.
func TestOrdinaryUser(t *testing.T) {
	t.Parallel()
	out := asNobody(t, "^TestRestartUnderLoad$/^lighttpd$/^threaded.py$|^TestSecondRun$|^TestSurvivor$|^TestForksAway$|^TestBadDeploy$")
	if !bytes.Contains(out, []byte("--- PASS: TestRestartUnderLoad/lighttpd/threaded.py")) {
		t.Errorf("the restart under load did not run:\n%s", out)
	}
}

// TestOrdinaryUserTCP: a TCP address is handed over without root, too, also where the socket cannot be taken from the backend.
func TestOrdinaryUserTCP(t *testing.T) {
	t.Parallel()
	out := asNobody(t, "^TestTCPRestarts$/^lighttpd$/^threaded.py$|^TestTCPKilledUnderLoad$|^TestTCP$/^SocketCannotBeTaken$")
	for _, name := range []string{"TestTCPRestarts/lighttpd/threaded.py/0.0.0.0", "TestTCP/SocketCannotBeTaken"} {
		if !bytes.Contains(out, []byte("--- PASS: "+name)) {
			t.Errorf("%s did not run:\n%s", name, out)
		}
	}
}

// TestOrdinaryUserRivals: rivals of the same user are named and followed, and jobs are run, without root, too. The rival's
// socket cannot be taken from it then: what waits there is drained.
func TestOrdinaryUserRivals(t *testing.T) {
	t.Parallel()
	out := asNobody(t, "^TestRivalNamed$/^(nohup|supervisord|bin-path)$|^TestRivalBeside$|^TestTakeOver$/^(nohup|supervisord|bin-path)$|"+
		"^TestReplaceAtStart$/^nohup$|^TestExec(Status|Exclusive|Terminal)$")
	if bytes.Contains(out, []byte("--- SKIP")) || bytes.Count(out, []byte("--- PASS: Test")) < 13 {
		t.Errorf("not all of them did run:\n%s", out)
	}
}

// asNobody runs tests of this package again, as an ordinary user, and returns what they say.
func asNobody(t *testing.T, pattern string) []byte {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("the whole of it runs as an ordinary user anyway")
	}
	dir, err := os.MkdirTemp("", "ku")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	binary := filepath.Join(dir, "e2e.test")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := copyFile(binary, self); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-test.v", "-test.run", pattern)
	if testing.Short() {
		cmd.Args = append(cmd.Args, "-test.short")
	}
	cmd.Dir, cmd.WaitDelay = dir, time.Second
	cmd.Env = []string{binaryEnv + "=" + keepone, "TMPDIR=" + dir, "HOME=" + dir, "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return out
}

// copyFile copies a program. Not written by this process: a child that another test forks meanwhile would keep the copy open
// for writing, and it could not be executed.
func copyFile(to, from string) error {
	if out, err := exec.Command("cp", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("cp: %w\n%s", err, out)
	}
	return os.Chmod(to, 0o755)
}
