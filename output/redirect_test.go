package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestReopenAfterLogrotate(t *testing.T) {
	options := in(t.TempDir())
	o, _ := run(t, options)
	io.WriteString(o.Writer(), "one\n")
	last(t, o, false)
	if err := os.Rename(options.To, options.To+".old"); err != nil {
		t.Fatal(err)
	}
	io.WriteString(o.Writer(), "two\n") // before: into the one that was moved
	if err := o.Reopen(soon(t)); err != nil {
		t.Fatal(err)
	}
	io.WriteString(o.Writer(), "three\n")
	last(t, o, false)
	if old, now := read(t, options.To+".old"), read(t, options.To); old != "one\ntwo\n" || now != "three\n" {
		t.Errorf("%q, then %q", old, now)
	}
}

func TestReopenSaysWhyNot(t *testing.T) {
	options := in(t.TempDir())
	o, stop := run(t, options)
	last(t, o, false)
	if err := errors.Join(os.Rename(options.To, options.To+".old"), os.Mkdir(options.To, 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := o.Reopen(soon(t)); err == nil || !strings.Contains(err.Error(), "cannot open "+options.To) {
		t.Errorf("%v", err)
	}
	stop()
	if err := o.Reopen(soon(t)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

// What was printed before goes to the old target, what follows to the new one,
// whatever they are; what was lost stays counted.
func TestRedirect(t *testing.T) {
	options := in(t.TempDir())
	journal := Target{To: Journal, Name: "web", Socket: filepath.Join(t.TempDir(), "socket")}
	d := listenAt(t, journal.Socket)
	o, _ := run(t, options)
	io.WriteString(o.Writer(), "file\n")
	if err := o.Redirect(soon(t), journal); err != nil {
		t.Fatal(err)
	}
	io.WriteString(o.Writer(), "journal\npartial")
	if err := o.Redirect(soon(t), Target{To: "/dev/full", Keep: 2, Group: -1}); err != nil {
		t.Fatal(err)
	}
	io.WriteString(o.Writer(), "lost\n")
	missing := journal
	missing.Socket += "/not"
	if err := o.Redirect(soon(t), missing); err == nil || !strings.Contains(err.Error(), missing.Socket) {
		t.Errorf("%v", err)
	}
	if err := o.Redirect(soon(t), options.Target); err != nil {
		t.Fatal(err)
	}
	io.WriteString(o.Writer(), "file again\n")
	w := last(t, o, false)
	if got := read(t, options.To); got != "file\nfile again\n" || w.Lost != 5 || w.Cause != nil {
		t.Errorf("%q, %+v", got, w)
	}
	var got []string
	for _, entry := range d.all() {
		got = append(got, fields(t, entry)["MESSAGE"])
	}
	if strings.Join(got, ",") != "journal,partial" {
		t.Errorf("%q", got)
	}
}

func TestSoManyFilesAreKept(t *testing.T) {
	for keep := 1; keep <= 5; keep++ {
		f := &logFile{path: filepath.Join(t.TempDir(), "f"), limit: 10, keep: keep, group: -1, fd: -1}
		for i := range 10 {
			f.write(fmt.Appendf(nil, "line %d..\n", i))
		}
		f.close()
		for n := range keep {
			if got, want := read(t, f.numbered(n)), fmt.Sprintf("line %d..\n", 9-n); got != want {
				t.Errorf("keep %d: %s has %q, not %q", keep, f.numbered(n), got, want)
			}
		}
		if all, _ := filepath.Glob(f.path + "*"); len(all) != keep || f.lost != 0 {
			t.Errorf("keep %d: %q, %d lost, %v", keep, all, f.lost, f.cause)
		}
	}
}

// A number that is free, because somebody took the file or a rotation was
// interrupted, is used before anything is thrown away.
func TestRotationUsesWhatIsFree(t *testing.T) {
	f := &logFile{path: filepath.Join(t.TempDir(), "f"), limit: 10, keep: 5, group: -1, fd: -1}
	defer f.close()
	for i := range 5 {
		f.write(fmt.Appendf(nil, "line %d..\n", i))
	}
	if err := os.Remove(f.numbered(2)); err != nil {
		t.Fatal(err)
	}
	f.write([]byte("line 5..\n"))
	for n, want := range []string{"line 5..\n", "line 4..\n", "line 3..\n", "line 1..\n", "line 0..\n"} {
		if got := read(t, f.numbered(n)); got != want {
			t.Errorf("%s: %q, not %q", f.numbered(n), got, want)
		}
	}
}

// Links planted at the names of older files are renamed or replaced, not followed.
func TestRotationFollowsNoLink(t *testing.T) {
	f := &logFile{path: filepath.Join(t.TempDir(), "f"), limit: 10, keep: 3, group: -1, fd: -1}
	defer f.close()
	precious := filepath.Join(t.TempDir(), "precious")
	if err := errors.Join(os.WriteFile(precious, []byte("precious"), 0o600),
		os.Symlink(precious, f.numbered(1)), os.Symlink(precious, f.numbered(2))); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		f.write([]byte("12345678\n"))
	}
	if got := read(t, precious); got != "precious" || f.lost != 0 {
		t.Errorf("%q, %v", got, f.cause)
	}
}

func TestFileThatIsMadeGetsItsGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file to any group")
	}
	f := &logFile{path: filepath.Join(t.TempDir(), "f"), limit: 10, keep: 2, group: 4321, fd: -1}
	defer f.close()
	f.write([]byte("12345678\n"))
	if err := unix.Chown(f.path, 0, 0); err != nil { // the operator's wish
		t.Fatal(err)
	}
	f.reopen()
	f.write([]byte("12345678\n"))
	for path, want := range map[string]uint32{f.path: 4321, f.numbered(1): 0} {
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil || st.Gid != want || st.Mode&0o777 != 0o640 {
			t.Errorf("%s: group %d, mode %o, %v", path, st.Gid, st.Mode, err)
		}
	}
}
