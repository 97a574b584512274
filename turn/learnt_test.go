package turn

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLearn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "learnt")
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	want := Lesson{Peak: 64 << 20, At: at, Took: 3 * time.Second, Status: 130}
	if _, ok := Recall(path, []string{"a", "b"}); ok {
		t.Error("learnt from nothing")
	}
	for _, l := range []Lesson{{Peak: 1, At: at}, want} {
		if err := Learn(path, []string{"a", "b"}, l); err != nil {
			t.Fatal(err)
		}
	}
	if got, ok := Recall(path, []string{"a", "b"}); !ok || got != want {
		t.Errorf("%+v", got)
	}
	if _, ok := Recall(path, []string{"a b"}); ok {
		t.Error("another command is the same")
	}
	if text, err := os.ReadFile(path); err != nil || strings.Count(string(text), "peak") != 1 {
		t.Errorf("%s, %v", text, err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
}

// The file stays small, and the latest are kept, whatever they are.
func TestLearnForgets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "learnt")
	last := Lesson{Peak: ^uint64(0), At: time.Now().Round(0), Took: 1<<63 - 1, Status: 255}
	for n := range 3 * commands {
		if err := Learn(path, []string{"cmd", fmt.Sprint(n)}, last); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 3 * commands {
		if _, ok := Recall(path, []string{"cmd", fmt.Sprint(n)}); ok != (n >= 2*commands) {
			t.Errorf("command %d: %v", n, ok)
		}
	}
	if st, err := os.Stat(path); err != nil || st.Size() > fileLimit {
		t.Errorf("%d bytes, %v", st.Size(), err)
	}
}

// A damaged file has nothing learnt, is no error, and is replaced.
func TestDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "learnt")
	argv := []string{"cmd"}
	if err := Learn(path, argv, Lesson{Peak: 5, At: time.Unix(1, 0).UTC()}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	broken := [][]byte{
		[]byte("{}"), []byte(`[{"command":7}]`), []byte("null"), []byte(strings.Repeat("[", 1<<20)), []byte(`[{"command":"x"}]`),
		fmt.Appendf(nil, `[{"command":"%d"}]`, hash(argv)),
	}
	for n := range len(whole) - 1 { // without its newline it is whole
		broken = append(broken, whole[:n])
	}
	for _, text := range broken {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if l, ok := Recall(path, argv); ok {
			t.Errorf("%.40q: %+v", text, l)
		}
	}
	if err := Learn(path, argv, Lesson{Peak: 6}); err != nil {
		t.Fatal(err)
	}
	if l, ok := Recall(path, argv); !ok || l.Peak != 6 {
		t.Errorf("%+v", l)
	}
}

// What cannot be written leaves the former file as it was, and nothing else.
func TestLearnFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "learnt")
	if err := os.MkdirAll(filepath.Join(path, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Learn(path, []string{"cmd"}, Lesson{Peak: 1}); err == nil || !strings.Contains(err.Error(), "cannot keep what was learnt") {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%v", entries)
	}
}

func TestJudge(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		available, peak uint64
		learnt          bool
		backend         uint64
		room            bool
		text            string
	}{
		{48 * mib, 61 * mib, true, 1, false, "it needed 61.0 MiB the last time, and 48.0 MiB are available"},
		{80 * mib, 61 * mib, true, 1 << 40, true, "it needed 61.0 MiB the last time, and 80.0 MiB are available"},
		{70 * mib, 61 * mib, true, 1, false, "it needed 61.0 MiB the last time, which is 75.1 MiB with something to spare, and 70.0 MiB are available"},
		{100*mib + 10*mib + 8*mib, 100 * mib, true, 1, true, "it needed 100.0 MiB the last time, and 118.0 MiB are available"},
		{100*mib + 10*mib + 8*mib - 1, 100 * mib, true, 1, false, "which is 118.0 MiB with something to spare"},
		{20 << 30, 1, false, 32 * mib, true, "it never ran here before; the backend needs 32.0 MiB, and 20.0 GiB are available"},
		{40 * mib, 1, false, 32 * mib, false, "which is 43.2 MiB with something to spare, and 40.0 MiB are available"},
		{^uint64(0) - 1, ^uint64(0) - 5, true, 0, false, "it needed"},
	} {
		v := Judge(c.available, Lesson{Peak: c.peak}, c.learnt, c.backend)
		if v.Room != c.room || !strings.Contains(v.Text, c.text) {
			t.Errorf("%+v: %+v", c, v)
		}
	}
}
