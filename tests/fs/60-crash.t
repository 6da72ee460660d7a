#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The core is killed again and again under a mixed load (tests/lib/crash-load.pl): what was acknowledged is kept,
# nothing is half made, no caller sees an error, and the container that runs all the while doesn't notice.
. "$(dirname "$0")/../lib/daemon.sh"
ROUNDS=${ROUNDS:-100}
LOAD=$ROOT/tests/lib/crash-load.pl

keeper() { cat "$RUN/pid"; }
core() { pgrep -P "$(keeper)"; }
# kill_core: the one that serves, or has just been started
kill_core() {
	local pid
	until pid=$(core); do read -r -t 0.01 -u 8 _; done
	kill -KILL "$pid" && gone "$pid"
}
gone() { tail --pid="$1" -s 0.02 -f /dev/null; }
resends() { [ "$(printf '%s\n' 6.9 "$(uname -r)" | sort -V | head -n 1)" = 6.9 ]; }
errors() { sort "$WORK"/errors.* | uniq -c | head -n 20; }
# acked NAME KEY: the value acknowledged last
acked() { grep "^$2 " "$WORK/acks.$1" | tail -n 1 | cut -d ' ' -f 2-; }
# inside COMMAND: its output, by exec of instance c1
inside() {
	local x=$LXD/instances/c1/exec/probe
	mkdir "$x" && put "$1" "$x/command" && put run "$x/state" && cat "$x/stdout" && rmdir "$x"
}

# shellcheck disable=SC2119 # its arguments are the daemon's
daemon_start
ok "an image is there" -- use_busybox

# c1 runs from the beginning to the end; power is started and stopped; under-web and c1 take from profile web
for name in c1 power keys sets under-web objects; do
	mkdir "$LXD/instances/$name"
done
mkdir "$LXD/profiles/web"
put "$(printf 'default\nweb')" "$LXD/instances/under-web/profiles"
put x "$LXD/instances/c1/config/user.mode"
put 2000 "$LXD/profiles/web/config/limits.processes"
ok "a container starts" -- put running "$LXD/instances/c1/state"
init=$(get "$LXD/instances/c1/pid")
address=
until [ -n "$address" ]; do
	address=$(sed -n 's/^eth0 \([0-9.]*\)$/\1/p' "$LXD/instances/c1/addresses")
done
ok "and has an address" -- busybox ping -c 1 -W 5 "$address"
veth=$(ip -o link | sed -n 's/^[0-9]*: \(veth[^@:]*\).*/\1/p')

: >"$WORK/kills"
mkfifo "$WORK/pipe"
exec 9<>"$WORK/pipe"
mkfifo "$WORK/silence"
exec 8<>"$WORK/silence"
workers=()
for pair in keys:keys sets:sets objects:objects filter:c1 modes:modes profile:web look:look power:power exec:exec; do
	kind=${pair%%:*}
	name=${pair#*:}
	case $kind in modes | look | exec | filter) instance=c1 ;; *) instance=$name ;; esac
	"$LOAD" "$kind" "$instance" "$kind" "$LXD" "$WORK" 8>&- &
	workers+=($!)
done

# sample: what has to hold at any time
sample() {
	[ "$(get "$LXD/instances/c1/pid")" = "$init" ] || echo "round $1: c1 has another init" >>"$WORK/broken"
	[ -d "/proc/$init" ] || echo "round $1: c1 is dead" >>"$WORK/broken"
	busybox ping -q -c 1 -W 5 "$address" >/dev/null || echo "round $1: no answer from $address" >>"$WORK/broken"
}

keeper_fds=$(fd_count "$(keeper)")
: >"$WORK/broken"
kills=0
for ((round = 0; round < ROUNDS; round++)); do
	# every fifth dies as soon as it is there, the others after some changes
	if ((round % 5)); then
		while read -r -t 0.001 -u 9 _; do :; done
		for ((n = RANDOM % 40; n >= 0; n--)); do
			read -r -t 60 -u 9 _ || break 2
		done
	fi
	kill_core && kills=$((kills + 1))
	((round % 10)) || sample "$round"
done
: >"$WORK/enough"
wait "${workers[@]}"
exec 9>&- 8>&-
is "$kills" "$ROUNDS" "$ROUNDS cores were killed under load, and work went on after each"
is "$(grep 'the core' "$BASE/log" | grep -v -e 'signal 9 ' -e unanswered)" "" "no core died by itself"
diag "acknowledged: $(cat "$WORK"/acks.* | wc -l) changes"
if resends; then
	is "$(errors)" "" "no caller saw an error, or read what it hadn't written"
else
	is "$(errors | grep -v -e 'Interrupted system call' -e 'Input/output error')" "" \
		"what failed was in flight"
fi
is "$(cat "$WORK/broken")" "" "c1 ran all the while, and answered"

# ---- what was acknowledged

lost=
for name in keys sets; do
	while read -r key; do
		[ "$(get "$LXD/instances/$name/$key")" = "$(acked "$name" "$key")" ] ||
			lost+="$name/$key is $(get "$LXD/instances/$name/$key"), acknowledged: $(acked "$name" "$key")
"
	done < <(cut -d ' ' -f 1 "$WORK/acks.$name" | sort -u)
done
is "$lost" "" "each value that was acknowledged last"
wrong=
while read -r path; do
	case $(grep -F "$path " "$WORK/acks.objects" | tail -n 1) in
	*there) [ -d "$path" ] || wrong+=" no-$path" ;;
	*gone) [ ! -e "$path" ] || wrong+=" still-$path" ;;
	esac
done < <(cut -d ' ' -f 1 "$WORK/acks.objects" | sort -u)
is "$wrong" "" "each directory that was made or moved is there, none that was removed or left"
listed=$(find "$LXD/instances" -mindepth 1 -maxdepth 1 -name 'objects-*' -printf '%f\n' | sort)
is "$listed" "$(cut -d ' ' -f 1 "$WORK/acks.objects" | sort -u | while read -r d; do
	grep -F "$d " "$WORK/acks.objects" | tail -n 1 | sed -n 's/.*\/\(.*\) there$/\1/p'
done | sort)" "and the list is that"
is "$(stat -c %a "$LXD/instances/c1/config/user.mode")" "$(acked modes config/user.mode | cut -d = -f 2)" "the mode"
is "$(get "$LXD/instances/under-web/effective/config/limits.processes")" "$(acked profile profile)" \
	"what a profile gives"
is "$(get "$LXD/instances/power/state")" "$(acked power state)" "the state of one that was started and stopped"

# ---- the kernel has what the keys say

for key in mac ipv4 ipv6; do
	is "$(get "$LXD/instances/c1/devices/eth0/security.${key}_filtering")" \
		"$(acked filter "devices/eth0/security.${key}_filtering")" "security.${key}_filtering"
done
chain() { nft list chain bridge "$NAME" "port-$veth" 2>/dev/null; }
before=$(chain)
put stopped "$LXD/instances/power/state"
ok "daemon --stop" -- "$BIN/lxdfsd" --stop --mount "$LXD" --state "$STATE" --run "$RUN" --name "$NAME"
nft delete chain bridge "$NAME" prerouting
ok "and start, with the rules damaged" -- daemon_again
is "$(chain)" "$before" "gives the same rules: the filter was the one that its keys say"
is "$(get "$LXD/instances/c1/pid")" "$init" "c1 still runs"
ok "and answers" -- busybox ping -c 1 -W 5 "$address"
is "$(inside 'echo here')" here "and takes a command"

# ---- nothing is half made

is "$(find "$STATE/objects" "$RUN/objects" -name '*.new' -o -name '*.bad')" "" "no staged or broken state file is left"
is "$(find "$RUN/open" -mindepth 1)" "" "no note of an open file"
uuids=$(cat "$LXD"/instances/*/uuid | sort)
left() { comm -23 <(find "$@" -mindepth 1 -maxdepth 1 -printf '%f\n' 2>/dev/null | sed 's/\.sock$//; s/\..*//' | sort -u) <(echo "$uuids"); }
is "$(left "$STATE/pools/default")$(left "$STATE/logs")$(left "$RUN/monitors")" "" "no files of instances that aren't there"
is "$(left "$RUN/networks/lxdbr0/hosts")" "" "no addresses of them"
is "$(ip -o link | grep -c veth)" 1 "no links of them"
is "$(fd_count "$(keeper)")" "$keeper_fds" "the keeper has as many descriptors as before"
is "$(find "$LXD/warnings" -mindepth 1 -maxdepth 1 ! -name "apparmor-*")" "" "no warnings"

done_testing
