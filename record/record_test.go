package record

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func sample(t *testing.T) State {
	self, err := Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	return State{Supervisor: self, Phase: "up", Backend: &Process{7, 8}, Socket: Socket{3, 99}, Restarts: 2}
}

func TestReadWhatWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	want := sample(t)
	if err := Write(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if *got.Backend != *want.Backend || got.Socket != want.Socket || got.Supervisor != want.Supervisor || got.Restarts != 2 {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A file cut off anywhere is an error and never half a state.
func TestTruncatedState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	if err := Write(path, sample(t)); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) - 2 { // the last two bytes are "}" and the newline
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := Read(path); err == nil {
			t.Fatalf("%d of %d bytes were read as %+v", n, len(whole), s)
		}
	}
}

func TestStateThatCannotBeBelieved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	if _, err := Read(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	for text, want := range map[string]string{
		`{"version":99}`:               "version 99",
		`{"version":0}`:                "version 0",
		`{"version":1,"boot":"other"}`: "another boot",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestWriteLeavesTheOldStateWhenItFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state")
	if err := Write(path, sample(t)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, ".state.new"), 0o700); err != nil { // in the way of the new file
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".state.new", "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, State{}); err == nil {
		t.Fatal("no error")
	}
	if s, err := Read(path); err != nil || s.Restarts != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestOpenRefusesARecycledNumber(t *testing.T) {
	self, err := Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	fd, err := self.Open()
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	self.Start++
	if _, err := self.Open(); !errors.Is(err, ErrGone) {
		t.Errorf("the same pid with another start time: %v", err)
	}
	if _, err := (Process{PID: 1 << 22, Start: 1}).Open(); !errors.Is(err, ErrGone) {
		t.Errorf("a pid that nobody has: %v", err)
	}
}

func TestOpenRefusesAZombie(t *testing.T) {
	child := exec.Command("true")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	p, err := Identify(child.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 { // it is nobody before it has been waited for, too
		fd, err := p.Open()
		if errors.Is(err, ErrGone) {
			child.Wait()
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
		time.Sleep(time.Millisecond)
	}
	t.Error("a zombie counts as alive")
}

func TestStarted(t *testing.T) {
	self, err := Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	boot, err := Identify(1)
	if err != nil {
		t.Fatal(err)
	}
	if now := time.Now(); self.Started().After(now) || boot.Started().After(self.Started()) || now.Sub(self.Started()) > time.Hour {
		t.Errorf("process 1 began at %s, this one at %s", boot.Started(), self.Started())
	}
}

// What the first release wrote is read, with nothing where it knew nothing: an upgrade goes on from there.
func TestFormerFormat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	text := `{"version":1,"boot":"` + bootID() + `","supervisor":{"pid":7,"start":70},"state":"draining","backend":{"pid":8,"start":80},` +
		`"socket":{"generation":3,"inode":333},"holder":{"pid":9,"start":90},"next":{"generation":4,"inode":444},"restarts":5}` + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Read(path)
	want := State{
		Version: 1, Boot: bootID(), Supervisor: Process{7, 70}, Phase: "draining", Backend: &Process{8, 80},
		Socket: Socket{3, 333}, Holder: &Process{9, 90}, Next: &Socket{4, 444}, Restarts: 5,
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v\nwant %+v", got, err, want)
	}
}
