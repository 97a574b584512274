#!/bin/sh
# deaths.sh DIR COMMAND...: counts its starts in DIR/deaths and dies with a message until DIR/good exists; then
# it becomes the command.
dir=$1
shift
[ -e "$dir/good" ] && exec "$@"
echo "$$" >>"$dir/deaths"
echo "cannot import site: no module named spam" >&2
[ -e "$dir/late" ] && { sleep 0.1; exit 3; }
exit 1
