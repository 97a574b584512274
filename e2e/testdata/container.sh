#!/bin/sh
# container.sh ROOT VOLUME USER:GROUP BOUND COMMAND...  becomes COMMAND, as process 1 of a
# container: ROOT, which can only be read, with what any container has in it, VOLUME at
# /run/keepone, as nobody in particular. BOUND is setpriv(1)'s bounding set. Process 1
# of new pid, mount, net, uts and ipc namespaces calls it.
set -eu
root=$1 volume=$2 user=$3 bound=$4
shift 4
mount --bind "$root" "$root"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null zero full urandom; do
	: >"$root/dev/$node"
	mount --bind "/dev/$node" "$root/dev/$node"
done
[ ! -d "$root/tmp" ] || mount -t tmpfs tmpfs "$root/tmp"
mount --bind "$volume" "$root/run/keepone"
mount -o remount,bind,ro "$root"
exec setpriv --bounding-set "$bound" --inh-caps -all -- \
	env -i PATH=/ HOME=/ "$(command -v chroot)" --userspec="$user" --groups= "$root" "$@"
