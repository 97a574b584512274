package process

import (
	"os"
	"strings"
	"testing"
)

// What protects keepone from the kernel's OOM killer is not the backend's.
func TestOOMScore(t *testing.T) {
	told := -20
	for _, c := range []struct {
		keepone string
		told    *int
		want    string
	}{
		{"-900\n", nil, "0"},
		{"-900\n", &told, "-20"},
		{"0\n", nil, ""},
		{"40\n", nil, ""},
		{"40\n", &told, "-20"},
		{"", nil, ""},
	} {
		if got := (&Spec{OOMScoreAdj: c.told}).oomScore(c.keepone); got != c.want {
			t.Errorf("keepone has %q: the backend is given %q, want %q", c.keepone, got, c.want)
		}
	}
}

// Where the kernel allows it, by a backend that runs.
func TestOOMScoreOfBackend(t *testing.T) {
	own, err := os.ReadFile(oomScore)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(oomScore, []byte("-30"), 0); err != nil {
		t.Skipf("nobody here may be protected: %v", err)
	}
	defer os.WriteFile(oomScore, own, 0)
	b := newBench(t, "")
	if e := b.exit(b.spawn(b.spec("cat "+oomScore), false)); !e.Clean || strings.TrimSpace(b.said()) != "0" {
		t.Errorf("keepone has -30: %+v, the backend has %q", e, b.said())
	}
}
