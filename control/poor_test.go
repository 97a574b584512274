package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// servePoor serves with hardly a descriptor left, until its stdin ends.
func servePoor(path string) {
	s, err := Listen(path, Access{}, -1)
	if err == nil {
		fds, _ := os.ReadDir("/proc/self/fd")
		few := uint64(len(fds) + 6)
		err = unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: few, Max: few})
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	go func() {
		fmt.Println("ready")
		os.Stdin.Read(make([]byte, 1))
		s.Close()
	}()
	s.lineTime = 1 << 40
	if err := s.Serve(context.Background(), notStatus, echo, nil); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

func TestShortOfDescriptorsGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	c := exec.Command("/proc/self/exe")
	c.Env = append(os.Environ(), "CONTROL_TEST_SERVE_POOR="+path, "GORACE=atexit_sleep_ms=0")
	stdin, _ := c.StdinPipe()
	stdout, _ := c.StdoutPipe()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make([]byte, 64)
	if n, _ := stdout.Read(ready); !bytes.HasPrefix(ready[:n], []byte("ready")) {
		t.Fatalf("%s", ready[:n])
	}
	idle := make([]net.Conn, 40) // more than it has descriptors for
	for i := range idle {
		idle[i] = dialRaw(t, path)
	}
	last := dialRaw(t, path)
	fmt.Fprintln(last, `{"op":"status"}`)
	for _, conn := range idle {
		conn.Close()
	}
	if a := readAnswer(t, last); !json.Valid(a.Body) {
		t.Errorf("%+v", a)
	}
	stdin.Close()
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
}
