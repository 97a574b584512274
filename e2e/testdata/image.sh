#!/bin/sh
# image.sh ROOT FILES COMMANDS ARGUMENT...  makes an image at ROOT: this system, which
# stays as it is, with nothing running, FILES over it, and after the shell script COMMANDS
# ran in it. Then it is container.sh ROOT ARGUMENT...
set -eu
root=$1 files=$2 commands=$3
shift 3
mount -t tmpfs tmpfs "$root"
mkdir "$root/upper" "$root/work" "$root/image"
mount -t overlay overlay -o "lowerdir=/,upperdir=$root/upper,workdir=$root/work" "$root/image"
rm -rf "$root/image/run" "$root/image/etc/keepone"
mkdir -p "$root/image/run/lock"
cp -a "$files/." "$root/image/"
chroot "$root/image" sh -eu "$commands"
mkdir -p "$root/image/run/keepone"
exec sh "$(dirname "$0")/container.sh" "$root/image" "$@"
