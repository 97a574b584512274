package install

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeSysV has the run levels' directories, and a site that runs for ever.
func (h *host) fakeSysV() {
	h.Helper()
	for _, level := range "0123456" {
		h.file("/etc/rc"+string(level)+".d/README", "")
	}
	h.file("/etc/init.d/README", "")
	h.Setenv("PATH", h.bin)
	h.program("true", "")
}

// Without update-rc.d, insserv and chkconfig the library makes links, and leaves
// them dangling: we do not.
func TestSysVLibrarysLinks(t *testing.T) {
	h := newHost(t)
	h.fakeSysV()
	if err := h.task("sysv").Install(); err != nil {
		t.Fatal(err)
	}
	if links := rcLinks("[SK]"); len(links) != 7 {
		t.Errorf("the links are %q", links)
	}
	if to, err := os.Readlink("/etc/rc2.d/S50keepone"); to != initScript { // ours would be relative
		t.Errorf("the library's link leads to %q: %v", to, err)
	}
	if !same(initScript, h.read(initScript), 0o755) {
		t.Errorf("the mode of %s is another", initScript)
	}
	if out := h.said(); !strings.Contains(out, "wrote "+initScript+"\n") || !strings.Contains(out, "enabled "+initScript+"\n") {
		t.Errorf("install said\n%s", out)
	}
	if got := h.read(defaultFile); got != mark+"# names\nNAMES=\"php\"\n" {
		t.Errorf("%s is %q", defaultFile, got)
	}
	before := h.tree()
	if err := h.task("sysv").Install(); err != nil || h.tree() != before {
		t.Errorf("the second install changed something: %v", err)
	}
	for range 2 {
		if err := h.task("sysv").Uninstall(false); err != nil {
			t.Fatal(err)
		}
		if links := rcLinks("[SK]"); len(links) > 0 || there(initScript) || there(defaultFile) {
			t.Errorf("left are %q", links)
		}
	}
}

// Where the script was there before, the library would refuse: the links are made
// without it.
func TestSysVLinksAgain(t *testing.T) {
	h := newHost(t)
	h.fakeSysV()
	h.file(initScript, "#!/bin/sh\n")
	if err := h.task("sysv").Install(); err != nil || len(rcLinks("S")) != 4 || len(rcLinks("K")) != 3 {
		t.Errorf("the links are %q: %v", rcLinks("[SK]"), err)
	}
}

// Another name keeps the script, and everything else in the file.
func TestSysVOtherName(t *testing.T) {
	h := newHost(t)
	h.fakeSysV()
	text := "# mine\nSTOP_WAIT=5\n  NAMES='shop'  # two\nX=1"
	h.file(defaultFile, text)
	if err := h.task("sysv").Install(); err != nil {
		t.Fatal(err)
	}
	if got := h.read(defaultFile); got != strings.Replace(text, "'shop'", `"shop php"`, 1) {
		t.Errorf("%s is %q", defaultFile, got)
	}
	if err := h.task("sysv").Uninstall(true); err != nil {
		t.Fatal(err)
	}
	if got := h.read(defaultFile); got != strings.Replace(text, "'shop'", `"shop"`, 1) || !there(initScript) || len(rcLinks("S")) == 0 {
		t.Errorf("after uninstalling one of two %s is %q", defaultFile, got)
	}
	if there("/etc/keepone/php.toml") {
		t.Error("a purge left the configuration")
	}
}

// A package's script stays, and is disabled by the one program that there is.
func TestSysVPackage(t *testing.T) {
	h := newHost(t)
	h.fakeSysV()
	h.file(initScript, "#!/bin/sh\n/opt/keepone\n")
	h.file(defaultFile, "NAMES=")
	h.program("update-rc.d", `case $2 in enable) : >/etc/rc2.d/S01keepone ;; disable) /bin/rm /etc/rc2.d/S01keepone ;; esac`)
	if err := h.task("sysv").Install(); err != nil {
		t.Fatal(err)
	}
	if err := h.task("sysv").Uninstall(false); err != nil {
		t.Fatal(err)
	}
	if got, want := h.called(), "update-rc.d keepone defaults\nupdate-rc.d keepone enable\nupdate-rc.d keepone disable\n"; got != want {
		t.Errorf("called were\n%s", got)
	}
	if h.read(initScript) == "" || h.read(defaultFile) != `NAMES=""` {
		t.Errorf("left are %q and %q", h.read(initScript), h.read(defaultFile))
	}
}

// Every system's own program makes the links, and takes them away.
func TestRegistrars(t *testing.T) {
	on, off := ": >/etc/rc2.d/S01keepone", "/bin/rm -f /etc/rc2.d/S01keepone"
	for _, c := range []struct{ name, body, want string }{
		{"update-rc.d", "case $2 in enable) " + on + " ;; keepone) " + off + " ;; esac",
			"update-rc.d keepone defaults\nupdate-rc.d keepone enable\nupdate-rc.d -f keepone remove\n"},
		{"insserv", "case $1 in keepone) " + on + " ;; -r) " + off + " ;; esac", "insserv keepone\ninsserv -r keepone\n"},
		{"chkconfig", "case $2 in on) " + on + " ;; off) " + off + " ;; esac",
			"chkconfig --add keepone\nchkconfig keepone on\nchkconfig keepone off\nchkconfig --del keepone\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t)
			h.fakeSysV()
			h.program(c.name, c.body)
			if err := h.task("sysv").Install(); err != nil {
				t.Fatal(err)
			}
			if err := h.task("sysv").Uninstall(false); err != nil {
				t.Fatal(err)
			}
			if got := h.called(); got != c.want {
				t.Errorf("called were\n%s", got)
			}
			if links := rcLinks("[SK]"); len(links) > 0 || there(initScript) {
				t.Errorf("left are %q", links)
			}
		})
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ text, with, without string }{
		{"", "NAMES=\"php\"\n", ""},
		{"X=1", "X=1\nNAMES=\"php\"\n", "X=1"},
		{"NAMES=\n", "NAMES=\"php\"\n", "NAMES=\n"},
		{"NAMES=php\n", "NAMES=php\n", "NAMES=\"\"\n"},
		{"NAMES=\"a php b\"", "NAMES=\"a php b\"", "NAMES=\"a b\""},
		{"export NAMES='a' # x\r\n", "export NAMES=\"a php\" # x\r\n", "export NAMES='a' # x\r\n"},
		{"#NAMES=\"a\"\nNAMES=\"phpx\"\n", "#NAMES=\"a\"\nNAMES=\"phpx php\"\n", "#NAMES=\"a\"\nNAMES=\"phpx\"\n"},
		{"# NAMES=\"a\"\n", "# NAMES=\"a\"\nNAMES=\"php\"\n", "# NAMES=\"a\"\n"},
		{"MY_NAMES=a\n", "MY_NAMES=a\nNAMES=\"php\"\n", "MY_NAMES=a\n"},
	} {
		if got, err := withName(c.text, "php"); err != nil || got != c.with {
			t.Errorf("%q with php is %q, %v", c.text, got, err)
		}
		if got, _, err := withoutName(c.text, "php"); err != nil || got != c.without {
			t.Errorf("%q without php is %q, %v", c.text, got, err)
		}
	}
	for _, text := range []string{"NAMES=\"$OTHER\"\n", "NAMES=a\nNAMES=b\n", "NAMES=\"a\nb\"\n", "[ -z x ] || NAMES=a\n", "NAMES+=a\n", "NAMES=`ls`\n", "NAMES=a NAMES=b\n"} {
		if got, err := withName(text, "php"); err == nil {
			t.Errorf("%q is taken for a list of names: %q", text, got)
		}
		if got, _, err := withoutName(text, "php"); err == nil {
			t.Errorf("%q is taken for a list of names: %q", text, got)
		}
	}
}

func TestSysVNotUnderstood(t *testing.T) {
	h := newHost(t)
	h.fakeSysV()
	h.file(defaultFile, "NAMES=$(ls /etc/keepone)\n")
	err := h.task("sysv").Install()
	if err == nil || !strings.Contains(err.Error(), "line 1") || h.read(defaultFile) != "NAMES=$(ls /etc/keepone)\n" {
		t.Errorf("install ends with %v and leaves %q", err, h.read(defaultFile))
	}
}

// A dry run touches nothing, on any init system.
func TestDryRun(t *testing.T) {
	h := newHost(t)
	h.fakeSystemd("")
	h.fakeSysV()
	h.file("/etc/service/.keep", "")
	for _, init := range Inits {
		task := h.task(init)
		task.DryRun = true
		if init == "systemd" {
			task.DropIn = "[Service]\n"
		}
		before := h.tree()
		if err := task.Install(); err != nil {
			t.Fatalf("%s: %v", init, err)
		}
		if out := h.said(); !strings.Contains(out, "would write ") || !strings.Contains(out, "would enable ") || strings.Contains(out, "wrote") {
			t.Errorf("%s: a dry run says\n%s", init, out)
		}
		if err := task.Uninstall(true); err != nil {
			t.Fatalf("%s: %v", init, err)
		}
		if out := h.said(); !strings.Contains(out, "would remove "+filepath.Dir(task.Config)) {
			t.Errorf("%s: a dry run says\n%s", init, out)
		}
		if after := h.tree(); after != before {
			t.Errorf("%s: a dry run changed\n%s\nto\n%s", init, before, after)
		}
	}
}
