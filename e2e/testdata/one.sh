#!/bin/sh
# one.sh COMMAND...: proves that two backends never run at a time. The command inherits descriptor 9,
# which holds the lock until the last process that has it is gone.
exec 9>>"$ONE_LOCK"
if ! flock --nonblock 9; then
	echo "$$ started while another one lives: $*" >>"$ONE_VIOLATIONS"
	exit 99
fi
exec "$@"
