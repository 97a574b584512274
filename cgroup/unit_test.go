package cgroup

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A real unit's wall: e2e/vm runs this test in one, with Delegate=yes and an
// administrator's MemoryMax=300M. It is not for anybody else's units.
func TestUnit(t *testing.T) {
	unit := os.Getenv("KEEPONE_TEST_UNIT")
	if unit == "" {
		t.Skip("it changes the limits of the unit that it is in; e2e/vm runs it in one of its own")
	}
	g, err := Own()
	if err != nil || g.Unit != unit || filepath.Base(g.Dir) != g.Unit || g.User {
		t.Fatalf("%+v, %v", g, err)
	}
	const administrators = 300 << 20
	if high, max := g.Limits(); high != None || max != administrators || g.Walled() {
		t.Fatalf("before: high %d, max %d, %v", high, max, g.Walled())
	}
	room(t, false, administrators)
	max := Wall(64 << 20)
	do(t, g.Set(max+1))
	if !g.Fits(max) || !g.Walled() {
		high, now := g.Limits()
		t.Errorf("after: high %d, max %d, %v", high, now, g.Walled())
	}
	room(t, true, 400<<20) // no longer the unit's own, but the machine's, which is more
	do(t, []string{"systemctl", "daemon-reload"})
	if !g.Fits(max) {
		t.Error("a reload of systemd moves the wall")
	}
	argv, err := g.Unset()
	if err != nil {
		t.Fatal(err)
	}
	do(t, argv)
	if high, max := g.Limits(); high != None || max != administrators {
		t.Errorf("taken back: high %d, max %d", high, max)
	}
	watched(t, g)
}

// room checks that there is at least so much, and no more than the machine has.
func room(t *testing.T, walled bool, least uint64) {
	t.Helper()
	if bytes, err := Room("", walled); err != nil || bytes < least || bytes > 512<<20 || least == 300<<20 && bytes != least {
		t.Errorf("%d bytes of room, %v", bytes, err)
	}
}

func watched(t *testing.T, g Group) {
	e, err := g.Watch()
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	p, err := g.Pressure()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	k, err := OOMKills()
	if err != nil || !k.Host {
		t.Fatalf("%+v, %v", k, err)
	}
	defer k.Close()
	if n := testing.AllocsPerRun(100, func() { e.Look(); p.Look(); k.Look() }); n != 0 {
		t.Errorf("a look allocates %v times", n)
	}
}

func do(t *testing.T, argv []string) {
	t.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", argv, err, out)
	}
}
