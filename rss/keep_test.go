package rss

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func kept(t *testing.T, path string, size int, goOn bool) *Scale {
	t.Helper()
	s := NewScale(size, Limits{})
	if err := s.Keep(path, goOn); err != nil {
		t.Fatal(err)
	}
	return s
}

// The next keepone has the history of the former one, at whatever sample that
// was killed.
func TestKeep(t *testing.T) {
	self := []int{os.Getpid()}
	for samples := range 12 {
		path := filepath.Join(t.TempDir(), "history")
		one := kept(t, path, 5, false)
		for i := range samples {
			one.Weigh(self, time.Duration(i)*time.Second)
		}
		two := kept(t, path, 5, true)
		if two.Peak() != one.Peak() || two.total != one.total || !slices.Equal(two.history.ring, one.history.ring) ||
			two.history.Len() != one.history.Len() || two.history.next != one.history.next {
			t.Fatalf("after %d samples: %+v, want %+v", samples, two.history, one.history)
		}
		two.Weigh(self, time.Hour) // the same backend, older
		if two.history.Len() != min(5, samples+1) {
			t.Errorf("after %d samples and one more: %d", samples, two.history.Len())
		}
		two.Weigh(self, 0) // another
		if three := kept(t, path, 5, true); three.history.Len() != 1 {
			t.Errorf("of another backend: %d samples", three.history.Len())
		}
		if anew := kept(t, path, 5, false); anew.history.Len() != 0 || anew.Peak() != 0 {
			t.Error("a history was taken over that is another backend's")
		}
	}
}

// A file that is not ours, or not whole, counts as none and is mended.
func TestKeepDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	one := kept(t, path, 5, false)
	one.Weigh([]int{os.Getpid()}, time.Second)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		s := kept(t, path, 5, true)
		if s.history.Len() != 0 {
			t.Fatalf("%d of %d bytes were believed", n, len(whole))
		}
		s.Weigh([]int{os.Getpid()}, time.Second)
		if again := kept(t, path, 5, true); again.history.Len() != 1 {
			t.Fatalf("after %d bytes of rubbish: %d samples kept", n, again.history.Len())
		}
	}
	whole[0]++
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if s := kept(t, path, 5, true); s.history.Len() != 0 {
		t.Error("a file of another layout was believed")
	}
	if err := NewScale(5, Limits{}).Keep("/dev/full/history", false); err == nil {
		t.Error("a path that cannot be is no error")
	}
}

// A sample costs no garbage, kept or not.
func TestKeepAllocatesNothing(t *testing.T) {
	s, self := kept(t, filepath.Join(t.TempDir(), "history"), 100, false), []int{os.Getpid()}
	s.Weigh(self, 0)
	if n := testing.AllocsPerRun(500, func() { s.Weigh(self, time.Second) }); n != 0 {
		t.Errorf("%v allocations for each sample", n)
	}
}
