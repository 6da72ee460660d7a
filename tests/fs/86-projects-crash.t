#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of the core while projects come, go, get other names, and instances move between them: what was
# acknowledged is there, what was refused isn't, and no state file is a riddle.
. "$(dirname "$0")/../lib/daemon.sh"
daemon_start --no-init

P=$LXD/projects
ROUNDS=${LXDFS_TEST_ROUNDS:-12}
deaths=0
mkdir "$LXD/storage/default" "$P/stay"
core() { pgrep -f "^$BIN/lxdfsd --core[a-z-]* .*--name $NAME( |\$)"; }

# again COMMAND...: a core that died may have done it all the same
again() { "$@" 2>/dev/null; }

# worker N: one project's life over and over; notes what it knows to be
worker() {
	local n=$1 w=$P/w$1 i=0 where
	while [ ! -e "$WORK/stop" ]; do
		i=$((i + 1))
		again mkdir "$w" || [ -d "$w" ] || { echo "mkdir $w $i" >>"$WORK/wrong"; continue; }
		again mkdir "$w/instances/i$n" || [ -d "$w/instances/i$n" ] || echo "mkdir i$n $i" >>"$WORK/wrong"
		again put "$i" "$w/instances/i$n/config/user.count"
		[ "$(cat "$w/instances/i$n/config/user.count" 2>/dev/null)" = "$i" ] || again put "$i" "$w/instances/i$n/config/user.count"
		again mv "$w/instances/i$n" "$P/stay/instances/i$n"
		where=$P/stay/instances/i$n
		[ -d "$where" ] || where=$w/instances/i$n
		[ "$(cat "$where/config/user.count" 2>/dev/null)" = "$i" ] || echo "count of $where isn't $i" >>"$WORK/wrong"
		again mv "$w" "$P/x$n"
		[ -d "$P/x$n" ] || again mv "$w" "$P/x$n"
		[ -d "$where" ] || where=$P/x$n/instances/i$n
		again rmdir "$where"
		[ ! -d "$where" ] || again rmdir "$where"
		again rmdir "$P/x$n"
		[ ! -d "$P/x$n" ] || again rmdir "$P/x$n"
		[ ! -d "$w" ] || again rmdir "$w"
		[ ! -d "$w" ] && [ ! -d "$P/x$n" ] || echo "$w or x$n is left after $i" >>"$WORK/wrong"
	done
	echo "$i" >>"$WORK/lives"
}
: >"$WORK/wrong"
mkfifo "$WORK/fifo"
# reader: looks at everything, whatever becomes of it meanwhile
reader() {
	while [ ! -e "$WORK/stop" ]; do
		ls -lR "$P" >/dev/null 2>&1
		cat "$P"/*/used_by "$LXD/profiles"/*/used_by "$P"/*/usage/* >/dev/null 2>&1
	done
}
for n in 1 2; do worker $n & done
reader &
for ((k = 0; k < ROUNDS; k++)); do
	read -rt "0.$((RANDOM % 6 + 2))" <>"$WORK/fifo"
	pid=$(core)
	[ "$pid" ] && kill -9 "$pid" && deaths=$((deaths + 1))
done
touch "$WORK/stop"
wait
diag "$(paste -sd ' ' "$WORK/lives") lives of a project over $deaths deaths of the core"
is "$(cat "$WORK/wrong")" "" "nothing was otherwise than it was said"
is "$(ls "$P")" "default
stay" "nothing is left of what went"
is "$(ls "$P/stay/instances")" "" "in no project"
is "$(find "$STATE/objects" -name '*.bad' -o -name '*.new')" "" "no state file is a riddle"
is "$(find "$STATE/objects/projects" "$STATE/objects/instances" -name '*.conf' | wc -l)" 2 "nor one too many"
is "$(find "$STATE/objects/profiles" -name '*.conf' | wc -l)" 1 "of profiles neither"
nok "no warning tells of any" -- compgen -G "$LXD/warnings/state-file*"
daemon_stop
daemon_again
is "$(ls "$P")" "default
stay" "nor does a new start find anything"
is "$(ls "$P/stay/profiles")" default "and what stayed is whole"
done_testing
