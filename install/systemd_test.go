package install

import (
	"errors"
	"os"
	"strings"
	"testing"
)

const (
	unitFile = "/etc/systemd/system/keepone@php.service"
	wanted   = "/etc/systemd/system/multi-user.target.wants/keepone@php.service"
)

// fakeSystemd is a systemctl that enables what systemd was told of, if strict
// is said, and keeps what runs as a file.
func (h *host) fakeSystemd(strict string) {
	h.Helper()
	h.file("/run/systemd/system/.keep", "")
	h.file("/etc/systemd/system/.keep", "")
	h.program("systemctl", `unit=/etc/systemd/system/keepone@php.service want=`+wanted+`
case $1 in
daemon-reload) cp $unit /run/known 2>/dev/null; : ;;
is-enabled) [ -e $want ] && echo enabled || { echo disabled; exit 1; } ;;
enable) `+strict+`
	mkdir -p ${want%/*} && ln -sf $unit $want ;;
disable) rm -f $want ;;
is-active) [ -e /run/active ] && echo active || { echo inactive; exit 3; } ;;
start) cmp -s $unit /run/known || { echo "systemd does not know $2 as it is" >&2; exit 1; }; : >/run/active ;;
stop) rm -f /run/active ;;
esac`)
}

// The library enables before systemd knows of the file, and has no word of what
// went wrong: what it could not do is done in the right order.
func TestSystemdOrder(t *testing.T) {
	h := newHost(t)
	h.fakeSystemd(`cmp -s $unit /run/known || { echo "no such unit" >&2; exit 1; }`)
	if err := h.task("systemd").Install(); err != nil {
		t.Fatal(err)
	}
	calls := h.called()
	if early := strings.Index(calls, "systemctl enable"); early < 0 || early > strings.Index(calls, "systemctl daemon-reload") {
		t.Errorf("the library does not enable before it reloads any more: %s", calls)
	}
	if out, want := h.said(), "wrote "+unitFile+"\nenabled keepone@php.service\nstarted keepone@php.service\n"; out != want {
		t.Errorf("install said\n%s", out)
	}
	if got, want := h.read(unitFile), mark+"[Service]\nExecStart=/opt/keepone run %i\n"; got != want {
		t.Errorf("the unit is\n%s", got)
	}
}

func TestSystemdTwice(t *testing.T) {
	h := newHost(t)
	h.fakeSystemd("")
	if err := h.task("systemd").Install(); err != nil {
		t.Fatal(err)
	}
	h.said()
	h.called()
	before := h.tree()
	if err := h.task("systemd").Install(); err != nil {
		t.Fatal(err)
	}
	if after := h.tree(); after != before {
		t.Errorf("the second install changed\n%s\nto\n%s", before, after)
	}
	if calls := h.called(); strings.Contains(calls, " enable") || strings.Contains(calls, "reload") || strings.Contains(calls, " start") {
		t.Errorf("the second install did %s", calls)
	}
	// One that was cut off, or is of an older version, is completed.
	for _, text := range []string{"", mark + "[Serv"} {
		h.file(unitFile, text)
		if err := h.task("systemd").Install(); err != nil || !strings.HasSuffix(h.read(unitFile), "run %i\n") {
			t.Errorf("%q became %q: %v", text, h.read(unitFile), err)
		}
	}
}

// A unit that cannot be enabled is not left behind, and the reason is told.
func TestSystemdEnableFails(t *testing.T) {
	h := newHost(t)
	h.fakeSystemd(`echo "the target is masked" >&2; exit 1`)
	err := h.task("systemd").Install()
	if err == nil || !strings.Contains(err.Error(), "the target is masked") {
		t.Errorf("install ends with %v", err)
	}
	if there(unitFile) {
		t.Error("the unit's file is left")
	}
}

// What cannot be started is enabled all the same, and where to look is told.
func TestSystemdStartFails(t *testing.T) {
	h := newHost(t)
	h.fakeSystemd("")
	h.program("cmp", "exit 1")
	err := h.task("systemd").Install()
	var told *Error
	if !errors.As(err, &told) || !strings.Contains(told.Error(), "systemd does not know") || !strings.Contains(told.Hint, "journalctl -u keepone@php.service") {
		t.Errorf("install ends with %v", err)
	}
	if !there(wanted) {
		t.Error("it is not enabled")
	}
}

// What others wrote is theirs; a copy of ours gives way to the package's.
func TestSystemdOthersFiles(t *testing.T) {
	h := newHost(t)
	h.fakeSystemd("")
	h.file(unitFile, "[Service]\n")
	h.file("/run/known", "[Service]\n")
	if err := h.task("systemd").Install(); err != nil || h.read(unitFile) != "[Service]\n" || !strings.Contains(h.said(), "left alone: "+unitFile) {
		t.Errorf("an administrator's unit became %q: %v", h.read(unitFile), err)
	}
	if err := h.task("systemd").Uninstall(true); err != nil || h.read(unitFile) != "[Service]\n" || there(wanted) {
		t.Errorf("uninstall left of an administrator's unit %q: %v", h.read(unitFile), err)
	}
	os.Remove(unitFile)
	h.file("/etc/systemd/system/keepone@.service", "[Service]\n")
	h.file("/run/known", "")
	h.program("cmp", "exit 0")
	if err := h.task("systemd").Install(); err != nil || there(unitFile) {
		t.Errorf("beside an administrator's template a unit was written: %v", err)
	}
}

func TestSystemdUninstall(t *testing.T) {
	h := newHost(t)
	h.fakeSystemd("")
	task := h.task("systemd")
	task.DropIn = "[Service]\nPrivateDevices=yes\n"
	task.Units = map[string]string{"keepone-tmp@.service": "[Service]\n"}
	const beside = "/etc/systemd/system/keepone-tmp@php.service"
	if err := task.Install(); err != nil {
		t.Fatal(err)
	}
	if got := h.read(unitFile + ".d/50-harden.conf"); got != mark+task.DropIn {
		t.Errorf("the drop-in is %q", got)
	}
	if got := h.read(beside); got != mark+"[Service]\n" {
		t.Errorf("the unit beside is %q", got)
	}
	if again := h.task("systemd"); !again.Hardened() || h.task("sysv").Hardened() {
		t.Error("it is not known that it is hardened")
	} else if err := again.Install(); err != nil || !strings.Contains(h.said(), "already hardened") {
		t.Errorf("an install without a sandbox: %v", err)
	}
	h.file("/run/keepone/php/wall", "1\n")
	h.file("/run/systemd/system.control/keepone@php.service.d/50-MemoryMax.conf", "")
	h.called()
	for range 2 {
		if err := h.task("systemd").Uninstall(false); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{unitFile, wanted, beside, unitFile + ".d", "/run/active", "/run/keepone", "/run/systemd/system.control/keepone@php.service.d"} {
			if there(path) {
				t.Errorf("%s is left", path)
			}
		}
	}
	if calls := h.called(); !strings.Contains(calls, " stop") || strings.Index(calls, " stop") > strings.Index(calls, " disable") {
		t.Errorf("uninstall did %s", calls)
	}
	if !there("/etc/keepone/php.toml") {
		t.Error("the configuration is gone")
	}
}

// What the text has is what the file has: the library's templates begin with two braces.
func TestLibraryKeepsText(t *testing.T) {
	h := newHost(t)
	h.fakeSystemd("")
	text := "[Service]\nExecStart=/bin/echo {{Name}} {{nothing}} }} {{{ %i $X \\\n"
	h.task("systemd").register(librarySystemd, "keepone@php", text)
	if got := h.read(unitFile); got != text {
		t.Errorf("%q became %q", text, got)
	}
	if !there(wanted) {
		t.Error("the library has not enabled it")
	}
}
