
program=/usr/bin/keepone
runs=/run/keepone
policy=/usr/sbin/policy-rc.d

say() { echo "keepone: $*" >&2; }

# held FILE: somebody has it locked. It is asked of the kernel: to try the lock
# would keep a keepone that begins at that moment from having it. A file is a
# device and an inode; proc_locks(5), and makedev(3) for the number of a device.
held() {
	[ -f "$1" ] || return 1
	# shellcheck disable=SC2046 # two numbers
	set -- $(stat -c '%d %i' "$1")
	held_device=$(printf '%02x:%02x' $(($1 >> 8 & 4095)) $(($1 & 255 | $1 >> 12 & 1048320)))
	grep -qs "FLOCK .* $held_device:$2 " /proc/locks
}

# running prints the names whose keepone lives, whoever started it.
running() {
	for lock in "$runs"/*/lock; do
		if held "$lock"; then
			basename "$(dirname "$lock")"
		fi
	done
}

# allowed UNIT ACTION: policy-rc.d has nothing against it; where there is none
# everything is allowed. Exit codes: invoke-rc.d(8), 101 and 106 forbid.
allowed() {
	[ -x "$policy" ] || return 0
	answer=0
	"$policy" "$1" "$2" >/dev/null || answer=$?
	case $answer in
	101 | 106) say "policy-rc.d forbids to $2 $1"; return 1 ;;
	esac
}

# upgrade_running puts the new program in the place of the running ones: same
# processes, same backends. One that cannot be replaced runs on as it is, which is
# no reason to leave the package half installed.
upgrade_running() {
	for name in $(running); do
		if ! allowed "keepone@$name.service" force-reload; then
			say "$name is left at its former version; when it suits: keepone upgrade $name"
		elif ! timeout 150 "$program" upgrade "$name" </dev/null; then
			say "$name serves on with its former version; put that right, and then: keepone upgrade $name"
		fi
	done
}

# end_running drains and ends the keepones that no init has ended: those started
# by hand, by inittab or by cron. A second SIGTERM does not wait for visitors.
end_running() {
	for name in $(running); do
		allowed "keepone@$name.service" stop || continue
		for seconds in 150 30; do
			pid=$(cat "$runs/$name/keepone.pid" 2>/dev/null || :)
			if [ -z "$pid" ] || ! held "$runs/$name/lock" || ! kill -TERM "$pid" 2>/dev/null; then
				break
			fi
			! timeout "$seconds" flock "$runs/$name/lock" true || break
		done
		! held "$runs/$name/lock" || say "cannot end $name: process $pid does not exit"
	done
	for lock in "$runs"/*/backend.lock; do
		name=$(basename "$(dirname "$lock")")
		if held "$lock" && ! held "$runs/$name/lock" && allowed "keepone@$name.service" stop; then
			"$program" stop-backend --survivor "$name" || say "the backend of $name lives on without a keepone"
		fi
	done
}

# sweep_runs removes the run directories of which nothing lives any more. No
# web server could reach anybody there.
sweep_runs() {
	for dir in "$runs"/*; do
		if held "$dir/lock" || held "$dir/backend.lock"; then
			say "$dir stays: something still runs there"
		elif [ -d "$dir" ]; then
			rm -rf "$dir"
		fi
	done
	rmdir "$runs" 2>/dev/null || :
}
