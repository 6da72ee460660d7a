#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Many at once: written, read, made, renamed, removed, listed, while profiles that they use change. Nothing is lost and
# nobody is told of an error that isn't his. Under the sanitizers this is where races show.
. "$(dirname "$0")/../lib/daemon.sh"
rounds=${LXDFS_TEST_ROUNDS:-15}

# shellcheck disable=SC2119
daemon_start
I=$LXD/instances
P=$LXD/profiles
ok "the image is there" -- use_busybox
mkdir "$P/shared"
put 64MiB "$P/shared/config/limits.memory"
for i in 1 2 3; do
	mkdir "$I/c$i"
	put $'default\nshared' "$I/c$i/profiles"
	put busybox "$I/c$i/source"
done

core() { pgrep -P "$(pgrep -o -x lxdfsd)" -x lxdfsd; }

# what each of them does, $rounds times; it says what went wrong
keys() { # in an instance of his own
	local n
	for ((n = 0; n < rounds; n++)); do
		put "$n" "$I/$1/config/user.n" || echo "no write $n"
		[ "$(get "$I/$1/config/user.n")" = "$n" ] || echo "wrote $n, read something else"
		put $((n % 100 + 1)) "$I/$1/config/boot.autostart.priority" || echo "no priority $n"
		rm "$I/$1/config/boot.autostart.priority" || echo "no rm $n"
	done
}
common() { # a key that all of them write
	local n
	for ((n = 0; n < rounds; n++)); do
		put "$1-$n" "$I/c1/config/user.common" || echo "no write $n"
		[[ $(get "$I/c1/config/user.common") =~ ^[a-z]+-[0-9]+$ ]] || echo "half a value"
	done
}
lives() { # made, renamed, removed
	local n
	for ((n = 0; n < rounds; n++)); do
		mkdir "$I/$1-$n" && mv "$I/$1-$n" "$I/$1-$n-b" && put x "$I/$1-$n-b/description" && rmdir "$I/$1-$n-b" ||
			echo "life $n: $(get "$LXD/error")"
	done
}
profile() {
	local n
	for ((n = 0; n < rounds; n++)); do
		put "$((64 + n))MiB" "$P/shared/config/limits.memory" || echo "no write $n"
		put "$n" "$P/shared/config/user.p" || echo "no write $n"
	done
}
runs() {
	local n
	for ((n = 0; n < rounds / 4; n++)); do
		put running "$I/$1/state" || echo "no start: $(get "$I/$1/error")"
		put "stopped force" "$I/$1/state" || echo "no stop: $(get "$I/$1/error")"
	done
}
filters() {
	local n
	for ((n = 0; n < rounds; n++)); do
		put true "$I/$1/devices/eth0/security.mac_filtering" || echo "no filter: $(get "$LXD/error")"
		put false "$I/$1/devices/eth0/security.mac_filtering" || echo "no end of it: $(get "$LXD/error")"
	done
}
looks() { # whatever goes while it is looked at may be gone, and nothing else
	local n
	for ((n = 0; n < rounds; n++)); do
		find "$LXD" -path "$LXD/events" -prune -o -type f -name '[a-m]*' -exec cat {} + 2>&1 >/dev/null |
			grep -vE ': (No such file or directory|Stale file handle|Invalid argument|Permission denied)$'
		find "$I" -printf '%s %m %u %p\n' 2>&1 >/dev/null | grep -vE ': (No such file or directory|Stale file handle)$'
	done
}

put running "$I/c3/state"
cat "$LXD/events" >"$WORK/events" &
hears=$!
jobs=()
before=$(fd_count "$(core)")
n=0
for job in "keys c1" "keys c2" "common one" "common two" "lives a" "lives b" "profile" "runs c2" "filters c3" "looks" "looks"; do
	n=$((n + 1))
	$job >"$WORK/said.$n.${job%% *}" 2>&1 &
	jobs+=($!)
done
wait "${jobs[@]}"
kill "$hears"
for said in "$WORK"/said.*; do
	is "$(sort "$said" | uniq -c | head -n 5)" "" "who does ${said##*.} had no trouble"
done
ok "events were told" -- test -s "$WORK/events"
is "$(get "$I/c3/effective/config/limits.memory")" "$((63 + rounds))MiB" "what the profile said last is what counts"
mapfile -t limits < <(find /sys/fs/cgroup -path "*$NAME/*" \( -name memory.max -o -name memory.limit_in_bytes \))
ok "and in force" -- grep -qx $(((63 + rounds) * 1024 * 1024)) "${limits[@]}"
is "$(find "$I" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort | tr '\n' ' ')" "c1 c2 c3 " "who was made was removed"
few() { [ "$(fd_count "$(core)")" -le $((before + 2)) ]; }
ok "no descriptor was lost" -- eventually few

done_testing
