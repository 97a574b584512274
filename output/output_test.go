package output

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain lets the test binary act as a backend.
func TestMain(m *testing.M) {
	if n, err := strconv.Atoi(os.Getenv("OUTPUT_TEST_LINES")); err == nil {
		os.Stdin.Read(make([]byte, 1)) // begins when stdin ends
		for i := range n {
			if _, err := fmt.Println(line(i)); err != nil {
				os.Exit(1)
			}
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func line(i int) string { return fmt.Sprintf("line %d %s", i, strings.Repeat("-", i%97)) }

// backend starts a child that prints n lines into o once stdin is closed.
func backend(t *testing.T, o *Output, n int) (c *exec.Cmd, stdin io.Closer) {
	t.Helper()
	c = exec.Command("/proc/self/exe")
	c.Env = append(os.Environ(), fmt.Sprintf("OUTPUT_TEST_LINES=%d", n),
		"GORACE=atexit_sleep_ms=0") // the race detector would wait a second at exit
	c.Stdout, c.Stderr = o.Writer(), o.Writer()
	stdin, err := c.StdinPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return c, stdin
}

func in(dir string) Options {
	return Options{FIFO: filepath.Join(dir, "output"), UID: -1, GID: -1, Target: Target{To: filepath.Join(dir, "log", "web.log"), Limit: 1 << 30, Keep: 2, Group: -1}}
}

// run opens o and copies until the test ends or stop is called.
func run(t *testing.T, options Options) (o *Output, stop func()) {
	t.Helper()
	o, err := Open(options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go o.Run(ctx)
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case <-o.ended:
		case <-time.After(30 * time.Second):
			t.Error("Run did not return")
		}
		o.Close()
	})
	t.Cleanup(stop)
	return o, stop
}

func last(t *testing.T, o *Output, forget bool) Words {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	w, err := o.Last(ctx, forget)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func lines(n int) string {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintln(&b, line(i))
	}
	return b.String()
}

func TestBurstArrivesWholeAndInOrder(t *testing.T) {
	const n = 100_000 // 5.9 MB, several times what the FIFO holds
	options := in(t.TempDir())
	o, _ := run(t, options)
	c, stdin := backend(t, o, n)
	stdin.Close()
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	w := last(t, o, false)
	if got, want := read(t, options.To), lines(n); got != want {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
	if w.Lost != 0 || w.Cause != nil || len(w.Lines) != mostRows || w.Lines[mostRows-1] != line(n-1) {
		t.Errorf("%+v", w)
	}
}

func TestLastWordsRightAfterTheExit(t *testing.T) {
	o, _ := run(t, in(t.TempDir()))
	ctx, cancel := context.WithCancel(context.Background())
	var others sync.WaitGroup
	defer others.Wait()
	defer cancel()
	for range 2 { // who ask all the time
		others.Go(func() {
			for ctx.Err() == nil {
				o.Last(ctx, false)
			}
		})
	}
	for i := range 1000 {
		c := exec.Command("/bin/sh", "-c", fmt.Sprintf("echo begun; echo it died of %d >&2", i))
		c.Stdout, c.Stderr = o.Writer(), o.Writer()
		if err := c.Run(); err != nil {
			t.Fatal(err)
		}
		w := last(t, o, true)
		if want := []string{"begun", fmt.Sprintf("it died of %d", i)}; !slices.Equal(w.Lines, want) {
			t.Fatalf("%q; want %q", w.Lines, want)
		}
	}
}

func TestPartialLineIsAWord(t *testing.T) {
	o, _ := run(t, in(t.TempDir()))
	io.WriteString(o.Writer(), "whole\npart")
	if w := last(t, o, false); !slices.Equal(w.Lines, []string{"whole", "part"}) {
		t.Errorf("%q", w.Lines)
	}
	if w := last(t, o, true); len(w.Lines) != 2 {
		t.Errorf("asking made it forget: %q", w.Lines)
	}
	if w := last(t, o, false); len(w.Lines) != 0 {
		t.Errorf("not forgotten: %q", w.Lines)
	}
}

func TestBackendSurvivesAndIsReadByTheNext(t *testing.T) {
	const n = 10_000 // 0.6 MB: the FIFO holds them
	options := in(t.TempDir())
	o, stop := run(t, options)
	size, err := unix.FcntlInt(o.Writer().Fd(), unix.F_GETPIPE_SZ, 0)
	if err != nil || size < pipeSize {
		t.Skipf("the FIFO holds %d bytes only: %v", size, err)
	}
	c, stdin := backend(t, o, n)
	io.WriteString(o.Writer(), "before\n")
	last(t, o, false)
	stop() // keepone is gone: the backend alone holds the FIFO for reading.
	// What it leaves there would go with the last holder, so one more writes.
	keep, err := os.OpenFile(options.FIFO, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer keep.Close()
	stdin.Close() // now it begins
	exited := make(chan error, 1)
	go func() { exited <- c.Wait() }()
	select {
	case err := <-exited:
		if err != nil {
			t.Fatalf("the backend did not survive: %v", err)
		}
	case <-time.After(30 * time.Second):
		c.Process.Kill()
		t.Fatal("the backend is stuck")
	}
	next, _ := run(t, options)
	last(t, next, false)
	if got, want := read(t, options.To), "before\n"+lines(n); got != want {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
}

func TestEndOfRunTakesWhatIsThere(t *testing.T) {
	options := in(t.TempDir())
	o, err := Open(options)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	io.WriteString(o.Writer(), "farewell\n")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	o.Run(ctx)
	if got := read(t, options.To); got != "farewell\n" {
		t.Errorf("%q", got)
	}
	if _, err := o.Last(context.Background(), false); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

func TestCloseEndsRun(t *testing.T) {
	o, _ := run(t, in(t.TempDir()))
	last(t, o, false)
	o.Close()
	select {
	case <-o.ended:
	case <-time.After(30 * time.Second):
		t.Error("Run did not return")
	}
}

func TestLastEndsWithItsContext(t *testing.T) {
	o, err := Open(in(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 20 { // more than the channel holds; nobody runs
		if _, err := o.Last(ctx, false); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}
