package rss

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func keptAt(t *testing.T, path string, goOn bool) *Scale {
	t.Helper()
	s := NewScale(usual)
	if err := s.Keep(path, goOn); err != nil {
		t.Fatal(err)
	}
	return s
}

// The next keepone knows what the former one knew, at whatever sample that was
// killed.
func TestKeep(t *testing.T) {
	self := []int{os.Getpid()}
	for samples := range 12 {
		path := filepath.Join(t.TempDir(), "weight")
		one := keptAt(t, path, false)
		for i := range samples {
			one.Weigh(self, time.Duration(i)*time.Second)
		}
		two := keptAt(t, path, true)
		if one.keep(); two.kept != one.kept {
			t.Fatalf("after %d samples: %+v, want %+v", samples, two.kept, one.kept)
		}
		two.Weigh(self, time.Hour) // the same backend, older
		if two.judge.recent.Len() != min(maxM, samples+1) || two.Peak() < one.Peak() {
			t.Errorf("after %d samples and one more: %+v", samples, two.kept)
		}
		two.Weigh(self, 0) // another
		if three := keptAt(t, path, true); three.judge.recent.Len() != 1 {
			t.Errorf("of another backend: %+v", three.kept)
		}
		if anew := keptAt(t, path, false); anew.judge.recent.Len() != 0 || anew.Peak() != 0 {
			t.Error("a weight was taken over that is another backend's")
		}
	}
}

// A file that is not ours, or not whole, counts as none and is mended.
func TestKeepDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weight")
	one := keptAt(t, path, false)
	one.Weigh([]int{os.Getpid()}, time.Second)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		s := keptAt(t, path, true)
		if s.judge.recent.Len() != 0 {
			t.Fatalf("%d of %d bytes were believed", n, len(whole))
		}
		s.Weigh([]int{os.Getpid()}, time.Second)
		if again := keptAt(t, path, true); again.judge.recent.Len() != 1 {
			t.Fatalf("after %d bytes of rubbish: %d samples kept", n, again.judge.recent.Len())
		}
	}
	whole[0]++
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if s := keptAt(t, path, true); s.judge.recent.Len() != 0 {
		t.Error("a file of another layout was believed")
	}
	if err := NewScale(usual).Keep("/dev/full/history", false); err == nil {
		t.Error("a path that cannot be is no error")
	}
}

// A sample costs no garbage, kept or not.
func TestKeepAllocatesNothing(t *testing.T) {
	s, self := keptAt(t, filepath.Join(t.TempDir(), "weight"), false), []int{os.Getpid()}
	s.Weigh(self, 0)
	if n := testing.AllocsPerRun(500, func() { s.Weigh(self, time.Second) }); n != 0 {
		t.Errorf("%v allocations for each sample", n)
	}
}
