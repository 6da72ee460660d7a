#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The processes beside the core are killed: a container's monitor, a command's helper, dnsmasq, what tells the kernel
# of changes, the keeper; and the host goes down as a whole.
. "$(dirname "$0")/../lib/daemon.sh"
# shellcheck disable=SC2119 # its arguments are the daemon's
daemon_start
ok "an image is there" -- use_busybox

foo=$LXD/instances/foo
keeper() { cat "$RUN/pid"; }
gone() { tail --pid="$1" -s 0.02 -f /dev/null; }
monitor() { pgrep -o -x lxdfs-monitor; }
dnsmasq_pid() { cat "$RUN/networks/lxdbr0/dnsmasq.pid"; }
# soon COMMAND...: in ten seconds at most
soon() { timeout 10 sh -c 'until "$@" >/dev/null 2>&1; do sleep 0.05; done' soon "$@"; }
# rest: what there is of instances in the kernel and in files
rest() {
	ip -o link | grep -o 'veth[^@:]*'
	nft list table bridge "$NAME" 2>/dev/null | grep -o 'port-veth.*'
	find /sys/fs/cgroup -maxdepth 5 -type d -path "*/$NAME/*" -name '*-*-*-*-*' 2>/dev/null
	find "$RUN/monitors" "$RUN/networks/lxdbr0/hosts" -type f -o -type s
	pgrep -x init
	return 0
}
ids() { tr '\n' ' ' <"$foo/uuid"; }
address() { sed -n 's/^eth0 \([0-9.]*\)$/\1/p' "$foo/addresses"; }
has_address() { [ -n "$(address)" ]; }

mkdir "$foo"
put true "$foo/devices/eth0/security.mac_filtering"
ok "a container starts" -- put running "$foo/state"
until has_address; do :; done
first=$(address)

# ---- the monitor
(put 'stopped 20' "$foo/wait" && echo stopped >"$WORK/seen") 2>"$WORK/seen.err" &
waiter=$!
kill -KILL "$(monitor)"
wait "$waiter"
is "$(cat "$WORK/seen" "$WORK/seen.err")" stopped "who waits for the end is told when the monitor is killed"
is "$(get "$foo/state")" stopped "it is stopped"
is "$(rest)" "" "and nothing of it is left: no process, group, link, filter, address"
is "$(find "$LXD/warnings" -maxdepth 1 -name 'monitor-*' | wc -l)" 1 "an admin is told"
ok "it can be started again" -- put running "$foo/state"
soon has_address 2>/dev/null || until has_address; do :; done
is "$(address)" "$first" "with the address that it had"
ok "and answers" -- busybox ping -c 1 -W 5 "$first"

# ---- the helper of a command
mkdir "$foo/exec/1"
put 'echo begun; exec sleep 1000' "$foo/exec/1/command"
put start "$foo/exec/1/state"
helper=$(pgrep -x lxdfs-enter)
until [ "$(get "$foo/exec/1/stdout")" = begun ]; do :; done
kill -KILL "$helper"
gone "$helper"
fails_with EIO "the helper of the command was killed" "who waits for a command whose helper is killed is told" -- \
	put wait "$foo/exec/1/state"
is "$(get "$foo/exec/1/status")" lost "how it ended isn't known"
ok "it can be removed" -- rmdir "$foo/exec/1"
mkdir "$foo/exec/2"
put 'echo again' "$foo/exec/2/command"
put run "$foo/exec/2/state"
is "$(get "$foo/exec/2/stdout")" again "the next command runs"
rmdir "$foo/exec/2"

# ---- dnsmasq
old=$(dnsmasq_pid)
leases=$(cat "$STATE/networks/lxdbr0/dnsmasq.leases")
kill -KILL "$old"
gone "$old"
ok "dnsmasq comes back" -- soon sh -c "kill -0 \$(grep -v -x $old $RUN/networks/lxdbr0/dnsmasq.pid)"
is "$(cat "$STATE/networks/lxdbr0/dnsmasq.leases")" "$leases" "with the leases that it had"
is "$(find "$LXD/warnings" -maxdepth 1 -name 'dnsmasq-*' | wc -l)" 1 "and an admin is told"

# ---- what tells the kernel of changes
notify=$(pgrep -o -x lxdfs-notify)
kill -KILL "$notify"
gone "$notify"
put 1 "$LXD/profiles/default/config/user.seen"
is "$(get "$foo/effective/config/user.seen")" 1 "a change is seen when lxdfs-notify was killed"
rm "$LXD/profiles/default/config/user.seen"
nok "and its end" -- test -e "$foo/config/user.seen"

# ---- the keeper
init=$(get "$foo/pid")
old=$(pgrep -P "$(keeper)")
kill -KILL "$(keeper)"
gone "$old"
ok "the daemon starts again after its keeper was killed" -- daemon_again
is "$(get "$foo/pid")" "$init" "and finds the container running"
old=$(pgrep -P "$(keeper)")
kill -KILL "$(keeper)"
gone "$old"
ok "--stop --all without a keeper" -- daemon_stop
is "$(pgrep -x init; links | grep -v -x lo; rules; cgroups)" "" "takes everything down"

# ---- the host goes down
ok "it starts again" -- daemon_again
put true "$foo/config/boot.autostart"
mkdir "$LXD/instances/bar"
put false "$LXD/instances/bar/config/boot.autostart"
put running "$foo/state"
put running "$LXD/instances/bar/state"
before=$(get "$foo/set" "$LXD/networks/lxdbr0/set" | grep -v volatile)
pids=$(pgrep -x 'lxdfsd|lxdfs-monitor|lxdfs-notify|init|dnsmasq')
# shellcheck disable=SC2086 # all of them
kill -KILL $pids
for pid in $pids; do gone "$pid"; done
umount -l "$LXD"
ip -o link | sed -n 's/^[0-9]*: \(lxdbr0\|veth[^@:]*\).*/\1/p' | while read -r link; do ip link delete "$link" 2>/dev/null; done
nft flush ruleset
cgroups | while read -r c; do find "$c" -depth -type d -exec rmdir {} + 2>/dev/null; done
rm -rf "${RUN:?}"
ok "after a crash of the host the daemon starts" -- daemon_again
ok "what starts with the host runs" -- put 'running 20' "$foo/wait"
is "$(get "$LXD/instances/bar/state")" stopped "what doesn't is stopped"
is "$(get "$foo/set" "$LXD/networks/lxdbr0/set" | grep -v volatile)" "$before" "all is set as before"
until has_address; do :; done
is "$(address)" "$first" "with the address of before"
ok "and it answers" -- busybox ping -c 1 -W 5 "$first"
like "$(nft list table bridge "$NAME")" "port-veth" "its filter is there"

done_testing
