package boot

import "testing"

const (
	openrcSystem = "openrc,sysvinit-core,lighttpd,curl,python3-minimal,procps,php-cgi"

	// Debian has no apk: its part is to unpack the files, keep what is changed in
	// /etc, and run the scripts, which is done by hand here.
	unapk = `#!/bin/sh
set -e
rm -rf /tmp/control && mkdir /tmp/control
tar() { command tar --warning=no-unknown-keyword -xzf "/mnt/$version.apk" "$@"; }
case $1 in
add | upgrade)
	version=$2
	tar -C /tmp/control --wildcards '.*'
	tar -C / --exclude='.*'
	[ ! -e "/tmp/control/.post-$1" ] || "/tmp/control/.post-$1"
	;;
del)
	version=$2
	tar -C /tmp/control --wildcards '.*'
	/tmp/control/.pre-deinstall
	command tar --warning=no-unknown-keyword -tzf "/mnt/$2.apk" --exclude='.*' | while read -r f; do
		case $f in
		*/) ;;
		*) rm -f "/$f" ;;
		esac
	done
	/tmp/control/.post-deinstall
	;;
esac
`
)

// TestAPK is the life of Alpine's package under OpenRC, on a Debian.
func TestAPK(t *testing.T) {
	s := packaged(t, "openrc", openrcSystem, "apk", "sed -i -E 's/^([0-9]:[0-9]+:respawn)/#\\1/' /etc/inittab\n"+
		"cat >/usr/sbin/unapk <<'EOF'\n"+unapk+"EOF\nchmod 755 /usr/sbin/unapk\n")
	s.await("curl -s http://127.0.0.1/")
	s.run("unapk add " + older)
	if out := s.run("pgrep keepone; ls /etc/runlevels/*/keepone* 2>/dev/null; true"); out != "" {
		s.Errorf("the installation has enabled or started %q", out)
	}
	s.run("cp /mnt/php.toml /etc/keepone/ && ln -s keepone /etc/init.d/keepone.php && rc-update add keepone.php default && rc-service keepone.php start")
	s.await("curl -sf http://127.0.0.1/pid.php")
	s.upgradedBy("unapk upgrade "+newer, newer)
	s.removed("unapk del " + newer)
	s.run("test -e /etc/keepone/php.toml && ! ls /etc/init.d/keepone* && ! ls -d /etc/runlevels/*/keepone*")
}
