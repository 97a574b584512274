package main

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"keepone/doctor"
)

// posing has a process of the site's user that calls itself nginx and says with
// -c which file is its own; it is a copy of bash, or bash itself by a link.
func posing(t *testing.T, b *behind, copied bool, file string) *visit {
	t.Helper()
	bash := installed(t, "bash")
	u, err := user.Lookup(account())
	ok(t, err)
	uid, err := strconv.Atoi(u.Uid)
	ok(t, err)
	dir, err := os.MkdirTemp(b.dir, "posing")
	ok(t, err)
	program := filepath.Join(dir, "nginx")
	if copied {
		text, err := os.ReadFile(bash)
		ok(t, err)
		ok(t, os.WriteFile(program, text, 0o755))
	} else {
		ok(t, os.Symlink(bash, program))
	}
	ok(t, os.WriteFile(filepath.Join(dir, "wait"), []byte("exec 3<>"+dir+"/fifo; read -u 3"), 0o755))
	ok(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o666))
	ok(t, os.Chmod(filepath.Join(dir, "fifo"), 0o666))
	ok(t, os.Chown(program, uid, -1))
	ok(t, os.Chown(dir, uid, -1))
	r := launch(t, filepath.Join(b.dir, filepath.Base(dir)+".log"), installed(t, "setpriv"), "--reuid", u.Uid, "--regid", u.Gid, "--clear-groups",
		program, filepath.Join(dir, "wait"), "-c", file)
	comm := filepath.Join("/proc", strconv.Itoa(r.cmd.Process.Pid), "comm")
	eventually(t, "it calls itself nginx", func() bool { text, _ := os.ReadFile(comm); return string(text) == "nginx\n" })
	return &visit{behind: b, server: r.cmd.Process.Pid}
}

// Root runs nothing that a process has somebody run who is not root.
func TestDoctorRunsNothingOfOthers(t *testing.T) {
	needsRoot(t)
	t.Parallel()
	b := newBehind(t, "", python("fastcgi"))
	b.start()
	ran := filepath.Join(b.dir, "ran")
	evil := filepath.Join(b.dir, "evil")
	ok(t, os.WriteFile(evil, []byte("#!/bin/sh\n: >"+ran+"\n"), 0o755))
	for copied, word := range map[bool]string{true: "others than root may change", false: "calls itself nginx"} {
		posing(t, b, copied, evil).finds(doctor.NotChecked, "configuration", word)
		if _, err := os.Stat(ran); err == nil {
			t.Error("root ran it")
			ok(t, os.Remove(ran))
		}
	}
}

// A configuration that its owner may change at any moment is that owner's to test.
func TestDoctorConfigurationOfOthers(t *testing.T) {
	needsRoot(t)
	t.Parallel()
	v, f := broken(t, python("fastcgi"), "lighttpd")
	ok(t, os.Chown(f.conf, 1, -1))
	if one := v.finds(doctor.NotChecked, "configuration", "may change "+f.conf); one.Fix != "sudo -u www-data keepone doctor "+v.name+" -c "+v.file+" --run-dir "+v.run {
		t.Error(one.Fix)
	}
	ok(t, os.Chown(f.conf, 0, -1))
	if got := v.of("configuration"); got != nil {
		t.Error(got)
	}
	ok(t, os.Chmod(filepath.Dir(f.conf), 0o775))
	v.finds(doctor.NotChecked, "configuration", "may change "+filepath.Dir(f.conf))
}
