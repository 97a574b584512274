package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"keepone/doctor"
)

// lone is a site whose web server nobody looks for.
func lone(t *testing.T, config string) *visit {
	t.Helper()
	b := newBehind(t, "", config)
	b.start()
	return &visit{behind: b, server: 1} // init is no web server
}

// keepone, and the backend behind it.
func TestDoctorKeepone(t *testing.T) {
	t.Parallel()
	v := lone(t, python("fastcgi"))
	_, err := v.command("stop-backend")
	ok(t, err)
	v.mends(doctor.Error, "keepone", "the backend is down")

	v.edit(v.file, "[backend]", "[backend]\numask = \"0027\"")
	_, err = v.command("reload")
	ok(t, err)
	v.mends(doctor.Warning, "pending", "backend.umask")

	script := filepath.Join(v.dir, "site.py")
	v.edit(v.file, `"/usr/bin/python3", `, `"`+v.dir+`/none", `)
	if one := v.finds(doctor.Error, "backend", v.dir+"/none", "the next backend will not start"); one.Fix != "" {
		t.Error(one.Fix, script)
	}
	v.edit(v.file, "[backend]", "[bakkend]")
	one := v.finds(doctor.Error, "check", v.file, "bakkend")
	if !strings.Contains(one.Fix, "keepone check "+v.name) {
		t.Error(one.Fix)
	}
	v.edit(v.file, "[bakkend]", "[backend]")
	v.keepone.end(t, syscall.SIGTERM)
	v.finds(doctor.Error, "keepone", "does not run")
	v.finds(doctor.NotChecked, "rival", "does not answer")
	ok(t, os.Remove(v.file))
	if one := v.finds(doctor.Error, "check", v.file); !strings.HasPrefix(one.Fix, "keepone init") {
		t.Error(one)
	}
}

// A keepone that was replaced on the disk.
func TestDoctorUpgrade(t *testing.T) {
	t.Parallel()
	b := newBehind(t, "", python("fastcgi"))
	mine := filepath.Join(b.dir, "keepone")
	install := func() {
		text, err := os.ReadFile(b.program("keepone"))
		ok(t, err)
		ok(t, os.WriteFile(mine+".new", text, 0o755))
		ok(t, os.Rename(mine+".new", mine))
	}
	install()
	b.keepone = launch(t, filepath.Join(b.dir, "keepone.log"), mine, "run", "-c", b.file, "--run-dir", b.run)
	v := &visit{behind: b, server: 1}
	eventually(t, "the backend is up", func() bool { return v.of("keepone") == nil })
	if got := v.of("upgrade"); got != nil {
		t.Error(got)
	}
	install()
	v.mends(doctor.Warning, "upgrade", mine, "the former one still runs")
}

// Another interpreter of the site.
func TestDoctorRival(t *testing.T) {
	t.Parallel()
	v := lone(t, python("fastcgi"))
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(v.dir, "other.sock")})
	ok(t, err)
	defer l.Close()
	file, err := l.File()
	ok(t, err)
	defer file.Close()
	c := exec.Command("/usr/bin/python3", "site.py", "fastcgi")
	c.Dir, c.Stdin = v.dir, file
	ok(t, c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	eventually(t, "keepone sees it", func() bool { return len(v.of("rival")) > 0 })
	one := v.finds(doctor.Error, "rival", fmt.Sprint(c.Process.Pid), "site.py")
	if out, err := v.shell(one.Fix); err != nil {
		t.Fatal(out, err)
	}
	<-ended
	eventually(t, "keepone sees that it is gone", func() bool { return v.of("rival") == nil })
}

// What the host allows, and what it does not.
func TestDoctorMemory(t *testing.T) {
	t.Parallel()
	v := lone(t, python("fastcgi"))
	ok(t, appendTo(v.file, "[memory]\nhard = \"900000GiB\"\n"))
	v.mends(doctor.Warning, "memory", "memory.hard", "the host swaps")
	v.edit(v.file, "hard = ", "soft = \"800000GiB\"\n#")
	v.mends(doctor.Warning, "memory", "memory.soft", "never passed")
}

func appendTo(file, text string) error {
	was, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(string(was)+text), 0o644)
}

// The queue that the kernel cuts.
func TestDoctorBacklog(t *testing.T) {
	t.Parallel()
	v := lone(t, python("fastcgi"))
	e := newEtc(t, v.behind)
	ns := filepath.Join(v.dir, "net")
	ok(t, os.WriteFile(ns, nil, 0o600))
	// A namespace that stays between the commands.
	_, err := printed("unshare", "--net="+ns, "sh", "-c", "echo 128 > /proc/sys/net/core/somaxconn")
	ok(t, err)
	t.Cleanup(func() { _ = syscall.Unmount(ns, 0) })
	v.inside, v.net = "mount --bind "+e.dir+" /etc", ns
	v.mends(doctor.Warning, "backlog", "net.core.somaxconn", "4096 is cut to 128")
}

// What started the site before, and will again.
func TestDoctorLeftover(t *testing.T) {
	t.Parallel()
	v := lone(t, python("fastcgi"))
	e := newEtc(t, v.behind)
	v.inside = "mount --bind " + e.dir + " /etc"
	if got := v.of("leftover"); got != nil {
		t.Fatal(got)
	}
	for file, text := range map[string]string{
		"rc.local":      "#!/bin/sh\n# site.py of " + v.dir + "\ncd " + v.dir + " && su www-data -c 'nohup python3 site.py fastcgi &'\nexit 0\n",
		"cron.d/site":   "@reboot www-data /usr/bin/python3 " + v.dir + "/site.py fastcgi\n17 * * * * root keepone exec -- python3 site.py\n",
		"rc.local.none": "",
	} {
		ok(t, os.WriteFile(filepath.Join(e.dir, file), []byte(text), 0o755))
		if file != "rc.local.none" {
			v.mends(doctor.Warning, "leftover", "/etc/"+file+":", "a second interpreter")
		}
	}
	units := filepath.Join(e.dir, "systemd/system")
	ok(t, os.MkdirAll(units+"/multi-user.target.wants", 0o755))
	ok(t, os.WriteFile(units+"/old.service", []byte("[Service]\nExecStart=/usr/bin/python3 "+v.dir+"/site.py fastcgi\n"), 0o644))
	if got := v.of("leftover"); got != nil {
		t.Errorf("a unit that nothing starts: %+v", got)
	}
	ok(t, os.Symlink("../old.service", units+"/multi-user.target.wants/old.service"))
	if one := v.finds(doctor.Warning, "leftover", "/etc/systemd/system/old.service:2"); one.Fix != "systemctl disable --now old.service" {
		t.Error(one)
	}
	ok(t, os.RemoveAll(units+"/multi-user.target.wants"))
	supervisor := filepath.Join(e.dir, "supervisor/conf.d")
	ok(t, os.MkdirAll(supervisor, 0o755))
	ok(t, os.WriteFile(supervisor+"/s.conf", []byte("[program:s]\ndirectory="+v.dir+"\ncommand=python3 site.py fastcgi\n"), 0o644))
	if one := v.finds(doctor.Warning, "leftover", "/etc/supervisor/conf.d/s.conf:3"); !strings.HasSuffix(one.Fix, "&& supervisorctl update") {
		t.Error(one)
	}
}

// What starts it at boot, on each init.
func TestDoctorBoot(t *testing.T) {
	t.Parallel()
	v := lone(t, python("fastcgi"))
	e := newEtc(t, v.behind)
	v.inside = "mount --bind " + e.dir + " /etc"
	if one := v.finds(doctor.Warning, "boot", v.name); one.Fix != "keepone install "+v.name {
		t.Error(one)
	}
	for _, path := range []string{"systemd/system/multi-user.target.wants/keepone@" + v.name + ".service", "runlevels/default/keepone." + v.name, "service/keepone-" + v.name} {
		at := filepath.Join(e.dir, path)
		if filepath.Dir(path) == "service" { // a link to somewhere else
			ok(t, os.RemoveAll(filepath.Dir(at)))
		}
		ok(t, os.MkdirAll(filepath.Dir(at), 0o755))
		ok(t, os.WriteFile(at, nil, 0o644))
		if got := v.of("boot"); got != nil {
			t.Errorf("%s: %+v", path, got)
		}
		ok(t, os.Remove(at))
	}
	ok(t, os.MkdirAll(filepath.Join(e.dir, "rc2.d"), 0o755))
	ok(t, os.WriteFile(filepath.Join(e.dir, "rc2.d/S01keepone"), nil, 0o644))
	v.finds(doctor.Warning, "boot")
	ok(t, os.WriteFile(filepath.Join(e.dir, "default/keepone"), []byte("#NAMES=\"\"\nNAMES=\"other "+v.name+"\"\n"), 0o644))
	if got := v.of("boot"); got != nil {
		t.Error(got)
	}
	v.inside += "; mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/system" // which heeds none of that
	v.finds(doctor.Warning, "boot", "nothing starts it")
}

// Who is not root is told what could not be seen, and what hides it.
func TestDoctorUnprivileged(t *testing.T) {
	needsRoot(t)
	t.Parallel()
	v := lone(t, python("fastcgi"))
	f := v.front("nginx")
	nobody := func(before, file, after string) string {
		out, _ := v.shell(fmt.Sprintf(`unshare --mount --propagation private sh -c '%s setpriv --reuid=nobody --regid=nogroup --clear-groups keepone doctor -c %s --run-dir %s --web-server %d 2>&1; %s'`,
			before, file, v.run, f.cmd.Process.Pid, after)) // there are errors
		return out
	}
	out := nobody("", v.file, "")
	for _, part := range []string{"not checked  configuration: " + f.conf, "ok           access: " + v.socket + ": by the permissions", "ok           wiring: "} {
		if strings.Contains(out, part) == strings.HasPrefix(part, "ok           wiring") {
			t.Errorf("no %q:\n%s", part, out)
		}
	}
	ok(t, os.Chmod(v.run, 0o700))
	if out = nobody("", v.file, ""); !strings.Contains(out, "error        access: "+v.run) {
		t.Errorf("the modes are not looked at:\n%s", out)
	}
	own := filepath.Join(v.dir, "own.toml") // a site of nobody's
	ok(t, os.WriteFile(own, []byte("[backend]\ncommand = [\"/usr/bin/python3\", \"own.py\"]\n"), 0o644))
	ok(t, os.Chown(own, 65534, 65534))
	if out = nobody("", own, ""); strings.Contains(out, "hidepid") {
		t.Error(out)
	}
	mended := "mount -o remount,hidepid=0 /proc; setpriv --reuid=nobody --regid=nogroup --clear-groups keepone doctor -c " + own
	out = nobody("mount -t proc -o hidepid=2 proc /proc && ", own, "echo MENDED; "+mended)
	before, after, _ := strings.Cut(out, "MENDED")
	if !strings.Contains(before, "mend it: mount -o remount,hidepid=0 /proc\n") || strings.Contains(after, "hidepid") || !strings.Contains(after, "keepone:") {
		t.Error(out)
	}
}
