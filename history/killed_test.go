package history

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// size is what the child's backend has in the i-th second.
func size(i int64) uint64 { return uint64(1+i*2654435761%9973) * 1024 }

// TestChild is no test but the keepone that TestKilled kills.
func TestChild(t *testing.T) {
	path := os.Getenv("HISTORY_CHILD")
	if path == "" {
		t.Skip("only as a child")
	}
	w, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := int64(w.latest.at) - epoch.Unix() + 1; ; i++ {
		i = max(i, 0)
		w.Sample(epoch.Add(time.Duration(i)*time.Second), size(i))
		if i%100000 == 0 && os.Getppid() == 1 {
			return // nobody is left to kill it
		}
	}
}

// A reader sees nothing but what was, while a writer writes as fast as it can,
// and after it was killed at any moment; the next writer goes on.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	var before int64
	for range 8 {
		c := exec.Command(os.Args[0], "-test.run=^TestChild$")
		c.Env = append(os.Environ(), "HISTORY_CHILD="+path)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		seen := 0
		for deadline := time.Now().Add(30 * time.Second); seen < 20 && time.Now().Before(deadline); {
			r, err := Read(path)
			if err == nil && len(r.Seconds) > 0 && r.Seconds[len(r.Seconds)-1].At.Unix() > before {
				honest(t, r, false)
				seen++
			}
		}
		c.Process.Kill()
		c.Wait()
		r := read(t, path)
		honest(t, r, true)
		if seen < 20 || len(r.Seconds) == 0 || r.Seconds[len(r.Seconds)-1].At.Unix() <= before {
			t.Fatalf("read %d times; the next writer did not go on from %d: %d seconds", seen, before, len(r.Seconds))
		}
		before = r.Seconds[len(r.Seconds)-1].At.Unix()
	}
}

// honest fails where the record has a size that never was; at rest the minutes
// must be complete, also the one in which the writer was killed.
func honest(t *testing.T, r *Record, rest bool) {
	t.Helper()
	for _, p := range r.Seconds {
		if p.Bytes != size(p.At.Unix()-epoch.Unix()) {
			t.Fatalf("at second %d %d bytes", p.At.Unix()-epoch.Unix(), p.Bytes)
		}
	}
	for k, m := range r.Minutes {
		first := m.At.Unix() - epoch.Unix()
		var low, high bool
		least, most := uint64(math.MaxUint64), uint64(0)
		for i := first; i < first+60; i++ {
			low, high = low || m.Min[Backend] == size(i), high || m.Max[Backend] == size(i)
			least, most = min(least, size(i)), max(most, size(i))
		}
		whole := rest && k < len(r.Minutes)-1
		if !low || !high || m.Max[KeepOne] != 0 || whole && (m.Min[Backend] != least || m.Max[Backend] != most) {
			t.Fatalf("minute %d of %d: %v, want %d to %d", k, len(r.Minutes), m, least, most)
		}
	}
}
