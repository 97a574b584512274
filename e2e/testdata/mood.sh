#!/bin/sh
# mood.sh DIR COMMAND...: becomes COMMAND in the mood that DIR/mood says, "KIND NUMBER", and keeps a diary of it in
# DIR/diary: when, which process, which mood. A mood is used up: "fails 10" by ten starts, the others by one.
dir=$1
shift
read -r mood number <"$dir/mood"
echo "$(date +%s.%N) $$ $mood $number" >>"$dir/diary"
left=$((number - 1))
[ "$left" -gt 0 ] || { left=0; next=well; }
echo "${next:-$mood} $left" >"$dir/mood.$$"
mv "$dir/mood.$$" "$dir/mood"
case $mood in
fails) echo "no luck, $left times more" >&2; exit 3 ;;
slow) sleep 1.5 ;;
forks) exec "$@" fork-away ;;
esac
exec "$@"
