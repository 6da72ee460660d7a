#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The five minutes of README.md as typed, by root and by a member of group lxd: each write is in force when it returns.
. "$(dirname "$0")/../lib/daemon.sh"
# shellcheck disable=SC2119 # no arguments: the daemon makes what a new host begins with
daemon_start
use_busybox || { fail "the image is there"; done_testing; }

# the tour's commands, with this test's mount point; nft is root's and looked at below
tour=$(sed -n '/^## Five minutes/,/^(`nft`/p' "$ROOT/README.md" | sed -n 's/^    //p')
is "$(grep -c . <<<"$tour")" 10 "README.md has the tour"
tour=${tour//\/lxd\//$LXD/}
mapfile -t lines <<<"$tour"

cgroup_memory() {
	local uuid
	uuid=$(cat "$LXD/instances/foo/uuid")
	cat "/sys/fs/cgroup/memory/$NAME/$uuid/memory.limit_in_bytes" "/sys/fs/cgroup/$NAME/$uuid/memory.max" 2>/dev/null
}

# walk WHO COMMAND...: the tour by somebody; COMMAND is put before each line
walk() {
	local who=$1 line n=0 host out
	shift
	for line in "${lines[@]}"; do
		n=$((n + 1))
		case $line in
		nft*)
			host=$(cat "$LXD/instances/foo/config/volatile.eth0.host_name")
			like "$(nft list ruleset)" "\"$host\" : (jump|goto) " "$who: the rules are there"
			continue
			;;
		esac
		out=$("$@" "$line" 2>"$WORK/stderr")
		is "$?$(cat "$WORK/stderr")" 0 "$who: ${line%% *}, line $n"
		case $n in
		2) is "$(cat "$LXD/instances/foo/state")" running "$who: it runs" ;;
		3)
			is "$(head -n 1 <<<"$out")" running "$who: so it says"
			like "$out" $'\neth0 [0-9a-f.:]+\n' "$who: it has an address"
			ok "$who: its init is a process of the host" -- test -d "/proc/$(tail -n 1 <<<"$out")"
			;;
		6) unlike "$(nft list ruleset)" "\"$host\" : (jump|goto) " "$who: and gone" ;;
		7) is "$(cgroup_memory)" 67108864 "$who: the cgroup has it" ;;
		8) like "$out" 'inet 10\.[0-9.]+/24' "$who: a command runs inside, where the address is, too" ;;
		9) is "$(ls "$LXD/instances")" "" "$who: nothing is left of it" ;;
		10) is "$out" "" "$who: nothing went wrong" ;;
		esac
	done
}

walk root bash -c
walk "a member of group lxd" as 4242 "4242,$(lxd_gid)" bash -c

done_testing
