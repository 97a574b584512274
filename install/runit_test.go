package install

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What is not ours in the service's directory outlives it: its log service, and
// what that has kept.
func TestRunitLeavesOthers(t *testing.T) {
	h := newHost(t)
	h.file("/etc/service/.keep", "")
	task := h.task("runit")
	task.NoStart = true
	for _, others := range []string{"", "/etc/sv/keepone-php/log/main/current"} {
		if err := task.Install(); err != nil {
			t.Fatal(err)
		}
		if !there("/etc/service/keepone-php") || !ours("/etc/sv/keepone-php/run") {
			t.Fatal(h.said())
		}
		h.file("/etc/sv/keepone-php/supervise/lock", "")
		if others != "" {
			h.file(others, "text")
		}
		if err := task.Uninstall(false); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/etc/service/keepone-php", "/etc/sv/keepone-php/run", "/etc/sv/keepone-php/finish", "/etc/sv/keepone-php/supervise"} {
			if there(path) {
				t.Errorf("%s is left", path)
			}
		}
		out := h.said()
		if others == "" && there("/etc/sv/keepone-php") {
			t.Error("an empty directory is left")
		} else if others != "" && (h.read(others) != "text" || !strings.Contains(out, "left alone: what else is in")) {
			t.Errorf("%s is %q, and said is\n%s", others, h.read(others), out)
		}
	}
}

// "sv up" after a "sv down" that runsv has not heard yet would be for nothing.
func TestRunitStopIsHeard(t *testing.T) {
	h := newHost(t)
	h.file("/etc/service/.keep", "")
	h.file("/etc/sv/keepone-php/supervise/lock", "")
	if err := unix.Mkfifo("/etc/sv/keepone-php/supervise/ok", 0o600); err != nil {
		t.Fatal(err)
	}
	runsv, err := os.OpenFile("/etc/sv/keepone-php/supervise/ok", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer runsv.Close()
	h.program("sv", `case $1 in status)
	if [ ! -e /etc/asked ]; then : >/etc/asked; echo "down: $2: 0s, normally up, want up"
	elif [ ! -e /etc/heard ]; then : >/etc/heard; echo "run: $2: (pid 7) 0s"
	else echo "run: $2: (pid 7) 0s, want down"; fi ;;
esac`)
	if err := (runit{h.task("runit")}).stop(); err != nil || !there("/etc/heard") || h.called() != "sv down /etc/sv/keepone-php\n"+strings.Repeat("sv status /etc/sv/keepone-php\n", 3) {
		t.Errorf("%v, %s", err, h.said())
	}
}
