#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How a container ends: by itself, asked, killed, with its monitor; and that a core that was away learns it.
# shellcheck disable=SC2030,SC2031 # OUT in a subshell is meant to be its own
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/container.sh"

# ended WANT NAME VERB... -- [NAME=VALUE...]: start, do VERB, and see what the one who started it hears
ended() {
	local want=$1 name=$2 verb=() said
	shift 2
	while [ "$1" != -- ]; do
		verb+=("$1")
		shift
	done
	shift
	rm -f "$WORK/log"
	mkfifo "$WORK/said.fifo"
	(OUT=$WORK/said.fifo; start "log=$WORK/log" wait=yes "$@") &
	exec 4<"$WORK/said.fifo"
	read -r said <&4
	tail -F "$WORK/log" 2>/dev/null | grep -q -m 1 -e waits -e hello
	"${verb[@]}"
	said=$(cat <&4)
	exec 4<&-
	wait $!
	rm "$WORK/said.fifo"
	is "$said" "$want" "$name"
	ctl clear
	nothing_left "$name: nothing is left"
}

signal_init() {
	kill "-$1" "$(field pid)"
}

probe=(init=/bin/probe arg=init)
ended "end 1 code -1 signal 0" "powered off by itself" signal_init PWR -- "${probe[@]}"
ended "end 2 code -1 signal 0" "restarts by itself" signal_init USR2 -- "${probe[@]}"
ended "end 1 code 42 signal 0" "exits with a status" signal_init USR1 -- "${probe[@]}"
ended "end 1 code -1 signal 9" "init is killed" signal_init KILL -- "${probe[@]}"
ended "end 1 code -1 signal 9" "killed" ctl kill -- "${probe[@]}"
ended "end 1 code -1 signal 0" "asked to shut down" ctl halt -- "${probe[@]}"
ended "end 1 code -1 signal 0" "busybox is asked, by another signal" ctl halt --
ended "end 1 code -1 signal 9" "killed while frozen" eval 'ctl freeze; ctl kill' --
ended "end 1 code -1 signal 9" "finished by another" ctl finish --

# ---- nobody looks
ok "it starts" -- start init=/bin/probe arg=init
monitor=$(pgrep -x lxdfs-monitor)
kill -KILL "$(field pid)"
tail --pid="$monitor" -f /dev/null
ctl exit
is "$(cat "$OUT")" "end 1 code -1 signal 9" "what nobody saw is in a file"
refuses 2 "no monitor" "there is nothing to adopt" ctl adopt
ok "and is cleared" -- ctl clear
nothing_left "then nothing is left"

# ---- init that ends at once
ctl start "image=$IMAGE" "layer=$LAYER" init=/bin/probe arg=exit arg=7 wait=yes
is "$(sed 1d "$OUT")" "end 1 code 7 signal 0" "an init that ends at once is heard"
ok "cleared" -- ctl clear

# ---- the monitor is killed
for how in init "init untie"; do
	untie=(); [ "$how" = init ] || untie=(arg=untie)
	ok "it starts ($how)" -- start init=/bin/probe arg=init "${untie[@]}" "log=$WORK/tied"
	tail -f "$WORK/tied" | grep -q -m 1 waits
	rm "$WORK/tied"
	pid=$(field pid)
	# a child inside, which has to go as well
	ctl exec "dir=$WORK/child.${#how}" arg=/bin/sleep arg=1000 wait=no
	is "$(field processes)" 2 "two processes run"
	kill -KILL "$(pgrep -x lxdfs-monitor)"
	[ "$how" != init ] || tail --pid="$pid" -f /dev/null
	refuses 2 "no monitor" "seen as stopped" ctl adopt
	ok "and can be started again" -- start init=/bin/probe arg=init
	nok "the old init is dead" -- test -d "/proc/$pid"
	ok "the new one runs" -- ctl adopt
	ok "ended" -- ctl finish
	nothing_left "nothing is left ($how)"
done

# ---- a core that goes away: each ctl is one
ok "it starts" -- start
pid=$(field pid)
for i in 1 2 3; do
	is "$(field pid)" "$pid" "adopted, number $i"
done
ok "frozen" -- ctl freeze
is "$(field frozen)" 1 "it says so"
ok "thawed" -- ctl thaw
is "$(field frozen)" 0 "it says so"
is "$(inside 'echo alive')" alive "and lives"
ok "ended with all" -- ctl finish
nothing_left "nothing is left at the end"

done_testing
