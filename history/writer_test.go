package history

import (
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

func fresh(t *testing.T) (*Writer, string) {
	path := filepath.Join(t.TempDir(), "history")
	w, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w, path
}

func read(t *testing.T, path string) *Record {
	t.Helper()
	r, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A sample is taken every second for ever, and events come at any time.
func TestAllocatesNothing(t *testing.T) {
	w, _ := fresh(t)
	now, text := epoch, strings.Repeat("because ", 30)
	if n := testing.AllocsPerRun(2000, func() {
		now = now.Add(700 * time.Millisecond)
		w.Sample(now, uint64(now.UnixMilli()))
		w.Others(now, 1, 2)
		w.Event(now, "start", 1, text)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The file has its size from the beginning and keeps it, and is for all eyes,
// whatever the umask.
func TestSize(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	w, path := fresh(t)
	look := func() {
		t.Helper()
		fi, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if fi.Size() != standard.size || fi.Mode() != 0o644 || fi.Sys().(*syscall.Stat_t).Blocks*512 < standard.size {
			t.Errorf("%d bytes in %d blocks, %v", fi.Size(), fi.Sys().(*syscall.Stat_t).Blocks, fi.Mode())
		}
	}
	look()
	for i := range 100000 {
		w.Sample(epoch.Add(time.Duration(i)*time.Second), 1<<20)
	}
	w.Event(epoch, "exit", 0, "")
	look()
	if r := read(t, path); len(r.Seconds) != secondsKept || len(r.Minutes) != minutesKept {
		t.Errorf("%d seconds, %d minutes", len(r.Seconds), len(r.Minutes))
	}
}

// What is no history is made one.
func TestOpen(t *testing.T) {
	for what, content := range map[string]string{
		"empty": "", "of another layout": "2sspeek" + strings.Repeat("\x01", 4825), "longer": strings.Repeat("x", 1<<20),
	} {
		path := filepath.Join(t.TempDir(), "history")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		w, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		w.Sample(epoch, 1)
		w.Close()
		fi, _ := os.Stat(path)
		if r := read(t, path); len(r.Seconds) != 1 || fi.Mode() != 0o644 || fi.Size() != standard.size {
			t.Errorf("%s: %v, %v, %d bytes", what, r, fi.Mode(), fi.Size())
		}
	}
}

// What is no file is left as it is, and a link is not followed.
func TestOpenWhatIsNone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "history")
	kept := filepath.Join(dir, "kept")
	if err := os.WriteFile(kept, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, make := range map[string]func() error{
		"a link":    func() error { return os.Symlink(kept, path) },
		"a fifo":    func() error { return syscall.Mkfifo(path, 0o600) },
		"directory": func() error { return os.Mkdir(path, 0o755) },
		"nowhere":   func() error { return os.Symlink("nowhere/at/all", path) },
	} {
		if err := make(); err != nil {
			t.Fatal(err)
		}
		if w, err := Open(path); err == nil || w != nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, %v", what, w, err)
		}
		os.Remove(path)
	}
	if b, err := os.ReadFile(kept); err != nil || string(b) != "precious" {
		t.Errorf("through a link: %q, %v", b, err)
	}
}

// Without a file, and after Close, keepone goes on as if there were one.
func TestNil(t *testing.T) {
	closed, path := fresh(t)
	closed.Close()
	before := read(t, path)
	for _, w := range []*Writer{nil, closed} {
		w.Sample(epoch, 1)
		w.Others(epoch, 1, 1)
		w.Event(epoch, "start", 1, "text")
		if err := w.Save(filepath.Join(t.TempDir(), "saved")); err != nil {
			t.Error(err)
		}
		w.Close()
	}
	if after := read(t, path); !reflect.DeepEqual(before, after) {
		t.Errorf("written after Close: %v", after)
	}
}

// The minute is complete when the file is closed, also what no second tells.
func TestClose(t *testing.T) {
	w, path := fresh(t)
	for _, v := range []uint64{3, 2, 4} {
		w.Sample(epoch, v*1024)
	}
	w.Close()
	if r := read(t, path); len(r.Minutes) != 1 || r.Minutes[0].Min[Backend] != 2048 || r.Minutes[0].Max[Backend] != 4096 {
		t.Errorf("%v", r.Minutes)
	}
}

// No clock is too wrong, and no size.
func TestExtremes(t *testing.T) {
	w, path := fresh(t)
	for _, at := range []time.Time{{}, time.Unix(-1, 0), time.Unix(0, 0), time.Unix(1<<33, 0), time.Unix(math.MaxInt64, 0)} {
		w.Sample(at, 1)
		w.Others(at, 1, 1)
		w.Event(at, "start", 1, "")
	}
	if r := read(t, path); !reflect.DeepEqual(r, &Record{}) {
		t.Errorf("%v", r)
	}
	w.Sample(epoch, 0) // nobody
	w.Sample(epoch.Add(time.Second), 1)
	w.Sample(epoch.Add(2*time.Second), 1024)
	w.Sample(epoch.Add(3*time.Second), 1025)
	w.Sample(epoch.Add(4*time.Second), math.MaxUint64)
	var got []uint64
	for _, p := range read(t, path).Seconds {
		got = append(got, p.Bytes)
	}
	if want := []uint64{1024, 1024, 2048, (1<<32 - 1) * 1024}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A text is cut where it is still one, and stays one line.
func TestEventText(t *testing.T) {
	w, path := fresh(t)
	for i := range 120 {
		w.Event(epoch, strings.Repeat("k", i%20), uint64(i), strings.Repeat("x", i)+"ähö€\n\x00\x7f\xff𝄞")
		r := read(t, path)
		e := r.Events[len(r.Events)-1]
		want := strings.Repeat("x", i) + "ähö€   \uFFFD𝄞"
		if !utf8.ValidString(e.Text) || !strings.HasPrefix(want, e.Text) || len(e.Text) < min(len(want), 85) ||
			e.Kind != strings.Repeat("k", min(i%20, 14)) || e.Bytes != uint64(i) || !e.At.Equal(epoch) {
			t.Fatalf("%d: %+v, want %q", i, e, want)
		}
	}
}
