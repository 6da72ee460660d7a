#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The core is killed again and again: the mount stays, what was acknowledged is kept, every request ends. And every
# way to start and to stop, with keeperfs (tests/tools) as the tree.
. "$(dirname "$0")/../lib/daemon.sh"
mkdir "$WORK/bin"
ln -s "$BUILD/tools/keeperfs" "$WORK/bin/lxdfsd"
BIN=$WORK/bin
ROUNDS=${ROUNDS:-100}

dirs=(--mount "$LXD" --state "$STATE" --run "$RUN" --name "$NAME")
keeper() { cat "$RUN/pid"; }
core() { pgrep -P "$(keeper)"; }
gone() { tail --pid="$1" -s 0.02 -f /dev/null; }
# kill_core: and wait until that process is gone
kill_core() {
	local pid
	pid=$(core) && kill -KILL "$pid" && gone "$pid"
}
resends() { [ "$(printf '%s\n' 6.9 "$(uname -r)" | sort -V | head -n 1)" = 6.9 ]; }
mounted() { grep -c " $LXD " /proc/self/mountinfo; }
# what is ending has a moment for it
running() {
	local list
	for _ in {1..200}; do
		list=$(ps -C lxdfsd -o stat=,pid= | sed '/^Z/d')
		[ -n "$list" ] || return
		sleep 0.05
	done
	echo "$list"
}
# refused COMMAND...: fails; its sentence in $said
refused() { ! said=$("$@" 2>&1); }

# ---- starting

ok "it starts" -- daemon_again
is "$(mounted)" 1 "and is mounted"
ok "and is usable at once" -- mkdir "$LXD/d1"
keeper_fds=$(fd_count "$(keeper)")
core_fds=$(fd_count "$(core)")
ok "a second one with the same run directory is refused" -- refused "$BIN/lxdfsd" "${dirs[@]}"
like "$said" "runs already in $RUN" "with a sentence"
ok "a second one with the same mount point is refused" -- \
	refused "$BIN/lxdfsd" "${dirs[@]}" --run "$RUN-other"
like "$said" "another lxdfsd serves $LXD" "with a sentence"
ok "a second one with the same state is refused" -- \
	refused "$BIN/lxdfsd" "${dirs[@]}" --run "$RUN-other" --mount "$LXD-other"
like "$said" "another lxdfsd works on $STATE" "with a sentence"
is "$(find /run -name "*-other*"; grep -- "$LXD-other" /proc/mounts)" "" "which leave nothing"
rmdir "$LXD-other"
ok "a relative path is refused" -- refused "$BIN/lxdfsd" --mount lxd
like "$said" 'mount is "lxd": it has to be an absolute path' "with a sentence"
is "$(mounted)" 1 "the first goes on"

# ---- the core killed under load

# load N: makes directories and writes and reads a file until told that it is enough; one line in the pipe for
# each change that was acknowledged, in acks.N what was made, in errors.N what failed
load() {
	local n=$1 i=0 got
	while [ ! -e "$WORK/enough" ]; do
		i=$((i + 1))
		if mkdir "$LXD/d$((n * 1000000 + i))" 2>>"$WORK/errors.$n"; then
			echo "d$((n * 1000000 + i))" >>"$WORK/acks.$n"
			echo >&9
		fi
		if { printf '%s' "$i" >"$LXD/f$n"; } 2>>"$WORK/errors.$n"; then
			echo >&9
			got=$(cat "$LXD/f$n" 2>>"$WORK/errors.$n") && [ "$got" != "$i" ] &&
				echo "f$n: wrote $i, read $got" >>"$WORK/lost"
		fi
	done
	echo end >&9
}

mkfifo "$WORK/pipe"
exec 9<>"$WORK/pipe"
: >"$WORK/lost"
workers=()
for n in 1 2 3 4; do
	load "$n" &
	workers+=($!)
done
kills=0
for ((round = 0; round < ROUNDS; round++)); do
	while read -r -t 0.001 -u 9 _; do :; done
	for ((n = RANDOM % 10; n >= 0; n--)); do
		read -r -t 30 -u 9 _ || break 2
	done
	kill_core && kills=$((kills + 1))
done
: >"$WORK/enough"
ends=0
while [ $ends -lt 4 ] && read -r -t 30 -u 9 said; do
	[ "$said" != end ] || ends=$((ends + 1))
done
is "$ends" 4 "every request ended"
if [ $ends != 4 ]; then # who hangs is freed by the end of the mount
	kill -KILL "$(keeper)"
	done_testing
fi
wait "${workers[@]}"
exec 9>&-
is "$kills" "$ROUNDS" "$ROUNDS cores were killed under load, and work went on after each"
errors=$(cat "$WORK"/errors.*)
unlike "$errors" "Transport endpoint|Software caused|No such" "no caller lost the mount"
if resends; then
	is "$(grep -cv "Input/output error" "$WORK"/errors.* | grep -v ":0$")" "" \
		"nothing failed, but for requests that two cores died with"
else
	is "$(grep -cvE "Input/output error|Interrupted system call" "$WORK"/errors.* | grep -v ":0$")" "" \
		"what failed was in flight"
fi
is "$(cat "$WORK/lost")" "" "what was written is read"
missing=
while read -r d; do
	[ -d "$LXD/$d" ] && [ -d "$STATE/tree/$d" ] || missing+=" $d"
done < <(cat "$WORK"/acks.*)
is "$missing" "" "each of $(cat "$WORK"/acks.* | wc -l) acknowledged directories is there"
is "$(fd_count "$(keeper)")" "$keeper_fds" "the keeper has as many descriptors as before"
is "$(fd_count "$(core)")" "$core_fds" "so has the core"

# ---- requests that are in a core's hands when it dies

# waits LINE: until the file has that line (a core that got, or gave up, a read of "wait")
waits() {
	timeout 20 sh -c 'tail -n +1 -s 0.02 -F "$1" 2>/dev/null | grep -q -m 1 -x "$2"' waits "$STATE/waits" "$1"
}

cat "$LXD/wait" >/dev/null 2>"$WORK/waited" &
reader=$!
ok "a read blocks" -- waits first
: >"$STATE/waits"
kill_core
if resends; then
	ok "after a kill the next core has it" -- waits again
else
	ok "after a kill it is answered, and asked anew by cat" -- waits first
fi
kill -TERM "$reader"
ok "and sees its interruption" -- waits over
wait "$reader"

# two cores die of it and the third answers; where nothing is sent again, the second answers
: >"$STATE/tree/f666"
nok "a write that kills the core ends" -- sh -c "echo >'$LXD/f666'"
ok "and others are served" -- mkdir "$LXD/d2"

# ---- stopping

: >"$STATE/stay"
: >"$STATE/down"
ok "a stop that isn't possible is refused" -- refused "$BIN/lxdfsd" --stop --all "${dirs[@]}"
like "$said" "stay is there" "with the core's sentence"
ok "and the daemon goes on" -- mkdir "$LXD/d3"
rm "$STATE/stay"
ok "--stop" -- "$BIN/lxdfsd" --stop "${dirs[@]}"
is "$(cat "$STATE/down")" core "leaves to the core what is done without --all"
is "$(mounted) $(find "$RUN" 2>/dev/null) $(running)" "0  " "nothing is left"
ok "--stop again, with nothing there" -- "$BIN/lxdfsd" --stop --all "${dirs[@]}"

: >"$STATE/down"
ok "it starts again" -- daemon_again
is "$([ -d "$LXD/d3" ] && echo d3)" d3 "with what was there"
pid=$(keeper)
kill -TERM "$pid"
gone "$pid"
is "$(mounted) $(cat "$STATE/down")" "0 core" "SIGTERM is --stop"

: >"$STATE/down"
daemon_again
old=$(core)
kill -KILL "$(keeper)"
gone "$old"
is "$(running)" "" "a core doesn't outlive its keeper"
is "$(mounted)" 1 "whose mount is left"
ok "--stop --all clears it away" -- "$BIN/lxdfsd" --stop --all "${dirs[@]}"
is "$(mounted) $(cat "$STATE/down")" "0 stopper all" "and does the core's work"

daemon_again
kill -KILL "$(keeper)"
ok "a start takes over what a killed daemon left" -- daemon_again
ok "and serves" -- mkdir "$LXD/d4"
is "$(mounted)" 1 "with one mount"

# a core that can't come up any more is no obstacle
: >"$STATE/crash"
: >"$STATE/down"
kill_core
ok "--stop --all while cores crash at their start" -- "$BIN/lxdfsd" --stop --all "${dirs[@]}"
is "$(mounted) $(cat "$STATE/down")" "0 stopper all" "is done without one"

ok "a start where cores crash fails" -- refused "$BIN/lxdfsd" "${dirs[@]}"
like "$said" "doesn't start, tried 5 times: the core was killed by signal 6" "and says so"
is "$(mounted) $(find "$RUN" 2>/dev/null) $(running)" "0  " "nothing is left"
mv "$STATE/crash" "$STATE/refuse"
ok "a start that the core refuses fails" -- refused "$BIN/lxdfsd" "${dirs[@]}"
like "$said" "^lxdfsd: refuse is there" "with its sentence"
is "$(mounted) $(find "$RUN" 2>/dev/null) $(running)" "0  " "nothing is left"
rm "$STATE/refuse"

# ---- unmounted by hand, and while in use

daemon_again
pid=$(keeper)
umount "$LXD"
gone "$pid"
is "$(mounted) $(find "$RUN" 2>/dev/null) $(running)" "0  " "an umount by hand ends the daemon"
daemon_again
exec 9<>"$WORK/pipe"
(cd "$LXD/d1" && echo inside >&9 && exec sleep 1000) &
user=$!
read -r -t 20 -u 9 said
is "$said" inside "somebody is in a directory"
ok "--stop while somebody is inside" -- "$BIN/lxdfsd" --stop --all "${dirs[@]}"
is "$(mounted) $(find "$RUN" 2>/dev/null)" "0 " "nothing is left"
kill "$user"
wait "$user" 2>/dev/null

daemon_runs=
done_testing
