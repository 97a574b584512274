package output

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// opened returns a file with a line of nine bytes in it.
func opened(t *testing.T, limit int64) *logFile {
	t.Helper()
	f := &logFile{path: filepath.Join(t.TempDir(), "f"), limit: limit, keep: 2, group: -1, fd: -1}
	t.Cleanup(f.close)
	f.write([]byte("12345678\n"))
	if got := read(t, f.path); got != "12345678\n" {
		t.Fatalf("%q", got)
	}
	return f
}

func TestRemovedFileIsNoticedAtOnce(t *testing.T) {
	f := opened(t, 100)
	f.tried, f.looked = time.Time{}, time.Now().Add(time.Hour) // the path need not be looked at
	if err := os.Remove(f.path); err != nil {
		t.Fatal(err)
	}
	f.write([]byte("new\n"))
	if got := read(t, f.path); got != "new\n" || f.lost != 0 {
		t.Errorf("%q, %d lost", got, f.lost)
	}
}

func TestFileIsNotTriedTooOften(t *testing.T) {
	f := opened(t, 100)
	f.tried = time.Now().Add(time.Hour) // just now, however slow the test is
	if err := os.Remove(f.path); err != nil {
		t.Fatal(err)
	}
	f.write([]byte("new\n"))
	if _, err := os.Lstat(f.path); err == nil || f.lost != 4 {
		t.Errorf("%v, %d lost", err, f.lost)
	}
}

func TestOthersMayTruncate(t *testing.T) {
	f := opened(t, 10)
	if err := os.Truncate(f.path, 0); err != nil {
		t.Fatal(err)
	}
	f.write([]byte("new\n"))
	if _, err := os.Lstat(f.path + ".1"); err == nil || read(t, f.path) != "new\n" {
		t.Errorf("an empty file was rotated: %v", err)
	}
}

func TestOnlyOurFileIsRotated(t *testing.T) {
	f := opened(t, 10)
	f.looked = time.Now().Add(time.Hour)
	if err := os.Rename(f.path, f.path+".old"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f.write([]byte("new\n"))
	if _, err := os.Lstat(f.path + ".1"); err == nil || read(t, f.path) != "new\n" || f.lost != 0 {
		t.Errorf("another's file was rotated: %v, %d lost, %v", err, f.lost, f.cause)
	}
}

func TestWithoutAFileNothingIsLost(t *testing.T) {
	options := in(t.TempDir())
	options.To = ""
	o, _ := run(t, options)
	io.WriteString(o.Writer(), "word\n")
	if w := last(t, o, false); w.Lost != 0 || w.Cause != nil || len(w.Lines) != 1 {
		t.Errorf("%+v", w)
	}
}

func TestCopyingMakesNoGarbage(t *testing.T) {
	o := &Output{sink: &logFile{path: filepath.Join(t.TempDir(), "f"), limit: 1 << 30, keep: 2, group: -1, fd: -1}}
	defer o.sink.close()
	chunk := []byte("a line of text\n")
	o.take(chunk)
	if n := testing.AllocsPerRun(1000, func() { o.take(chunk) }); n >= 1 { // the path is looked at once a second
		t.Errorf("%v allocations for a chunk", n)
	}
}
