package history

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// What was saved is what was, after a reboot, too, and saved anew it stays so.
func TestSave(t *testing.T) {
	dir := t.TempDir()
	saved, path := filepath.Join(dir, "saved"), filepath.Join(dir, "run")
	w := opened(t, path, standard)
	for i := range 500 {
		w.Sample(epoch.Add(time.Duration(i)*time.Second), uint64(i+1)*1024)
	}
	w.Event(epoch, "start", 7, "text")
	if err := os.WriteFile(filepath.Join(dir, ".saved.new"), []byte("half of it"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Save(saved); err != nil {
			t.Fatal(err)
		}
	}
	was := read(t, path)
	if got := read(t, saved); !reflect.DeepEqual(got, was) {
		t.Errorf("saved %v, want %v", got, was)
	}
	w.Close()
	os.Remove(path) // the reboot
	if err := Restore(saved, path); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); !reflect.DeepEqual(got, was) {
		t.Errorf("restored %v, want %v", got, was)
	}
	if e, err := os.ReadDir(dir); err != nil || len(e) != 2 {
		t.Errorf("left over: %v, %v", e, err)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode() != 0o644 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}
}

// written is a file with samples that begin at a time.
func written(t *testing.T, path string, from time.Time, samples int) []byte {
	w := opened(t, path, standard)
	for i := range samples {
		w.Sample(from.Add(time.Duration(i)*time.Second), 1<<20)
	}
	w.Close()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// place makes a file of the bytes, unless they are nil.
func place(t *testing.T, path string, b []byte) {
	t.Helper()
	if b == nil {
		return
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// Of two the newer one is kept, by what was written where they are copies of
// one, by the clock where not; the damaged one never.
func TestRestore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "one")
	less := written(t, path, epoch, 70)
	more := written(t, path, epoch.Add(-time.Hour), 10) // the clock was set back
	later := written(t, filepath.Join(t.TempDir(), "another"), epoch.Add(time.Hour), 1)
	for what, c := range map[string]struct{ from, to, want []byte }{
		"nothing there":    {less, nil, less},
		"nothing saved":    {nil, less, less},
		"neither":          {nil, nil, nil},
		"older copy there": {more, less, more},
		"newer copy there": {less, more, more},
		"later one there":  {less, later, later},
		"later one saved":  {later, less, later},
		"the same":         {less, less, less},
		"cut off there":    {less, later[:len(later)-1], less},
		"rubbish there":    {less, []byte("rubbish"), less},
		"cut off saved":    {later[:len(later)-1], less, less},
		"rubbish saved":    {[]byte("rubbish"), nil, nil},
	} {
		dir := t.TempDir()
		from, to := filepath.Join(dir, "saved"), filepath.Join(dir, "run")
		place(t, from, c.from)
		place(t, to, c.to)
		if err := Restore(from, to); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if got, _ := os.ReadFile(to); string(got) != string(c.want) {
			t.Errorf("%s: another one is there", what)
		}
	}
}

// What cannot be saved says so, names the file, and leaves nothing behind.
func TestSaveNowhere(t *testing.T) {
	w, path := fresh(t)
	for _, to := range []string{filepath.Join(t.TempDir(), "no", "where"), filepath.Join(path, "below"), t.TempDir()} {
		if err := w.Save(to); err == nil {
			t.Errorf("saved in %s", to)
		}
		if _, err := os.Lstat(filepath.Join(filepath.Dir(to), "."+filepath.Base(to)+".new")); err == nil {
			t.Errorf("something is left beside %s", to)
		}
	}
	saved := filepath.Join(t.TempDir(), "saved")
	if err := w.Save(saved); err != nil {
		t.Fatal(err)
	}
	if err := Restore(saved, filepath.Join(path, "below")); err == nil {
		t.Error("restored below a file")
	}
	if err := Restore(t.TempDir(), path); err == nil {
		t.Error("a directory was restored")
	}
}
