#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The core, and now and then a monitor, killed at any moment while instances start, stop and change: the next one finds each either running with
# all that it has, or stopped with nothing left of it. ROUNDS=N makes it longer.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/instancectl.sh"
ROUNDS=${ROUNDS:-40}
names=(a b c)

image=$ROOT/build/busybox.tar.xz
[ -e "$image" ] || "$ROOT/scripts/make-busybox-image" "$image"
core_start
is "$SAID" ok "a core starts"
does "an image is imported" image "$image" busybox
for i in "${names[@]}"; do
	does "instance $i" create "$i"
done

orders=("start %s" "stop %s force" "restart %s force" "freeze %s" "set instance %s devices/eth0 security.mac_filtering true"
	"set instance %s devices/eth0 security.ipv4_filtering true" "unset instance %s devices/eth0 security.mac_filtering"
	"section instance %s devices/eth1" "set instance %s devices/eth1 type nic" "set instance %s devices/eth1 network lxdbr0"
	"drop instance %s devices/eth1" "set instance %s config limits.processes 100")
SEED=${SEED:-$(od -A n -t u2 -N 2 /dev/urandom | tr -d ' ')}
RANDOM=$SEED

# settled NAME: what is there of it is what its state says
settled() {
	local name=$1 state pid device host_name uuid want=0 have=0 filters
	c state "$name"
	state=$OUT
	c pid "$name"
	pid=$OUT
	uuid=$(sed -n 's/^uuid = "\(.*\)";/\1/p' "$(grep -l "name = \"$name\"" "$STATE"/objects/instances/*.conf)")
	for device in eth0 eth1; do
		c get instance "$name" "devices/$device" type
		[ "$OUT" = nic ] || continue
		c get instance "$name" "devices/$device" network
		[ "$OUT" = "(none)" ] || want=$((want + 1))
	done
	if [ "$state" = stopped ]; then
		[ -z "$(find /sys/fs/cgroup -maxdepth 4 -type d -name "$uuid" 2>/dev/null)" ] || { echo "$name is stopped, its group is there"; return; }
		[ ! -e "$RUN/monitors/$uuid.sock" ] || { echo "$name is stopped, its monitor's socket is there"; return; }
		return
	fi
	[ -d "/proc/$pid" ] || { echo "$name is $state, its process $pid is not"; return; }
	have=$(nsenter -t "$pid" -n ip -o link | grep -c 'eth[01]@')
	[ "$have" = "$want" ] || { echo "$name has $have NICs, $want are configured"; return; }
	c get instance "$name" devices/eth0 security.mac_filtering
	filters=$OUT
	c get instance "$name" devices/eth0 security.ipv4_filtering
	host_name=$(ip -o link | sed -n "s/^$(nsenter -t "$pid" -n ip -o link show eth0 | sed 's/.*@if\([0-9]*\):.*/\1/'): \([^@]*\)@.*/\1/p")
	if [ "$filters$OUT" = "(none)(none)" ]; then
		! nft list table bridge "$NAME" 2>/dev/null | grep -q "chain port-$host_name " ||
			echo "$name has a filter that it should not have"
	else
		nft list table bridge "$NAME" 2>/dev/null | grep -q "chain port-$host_name " ||
			echo "$name lacks the filter of eth0"
	fi
}

wrong=''
for ((round = 1; round <= ROUNDS; round++)); do
	for i in "${names[@]}"; do
		for _ in 1 2 3; do
			# shellcheck disable=SC2059
			c job "$(printf "${orders[RANDOM % ${#orders[@]}]}" "$i")"
		done
	done
	sleep "0.$(printf %03d $((RANDOM % 150)))"
	# and sometimes a monitor before it
	((RANDOM % 4)) || pkill -KILL -n -x lxdfs-monitor
	core_kill
	core_start
	[ "$SAID" = ok ] || wrong+="round $round: the core didn't come: $SAID"$'\n'
	for i in "${names[@]}"; do
		said=$(settled "$i")
		[ -z "$said" ] || wrong+="round $round: $said"$'\n'
	done
done
[ -z "$wrong" ] || diag "SEED=$SEED"
is "$wrong" "" "$ROUNDS cores were killed, and the next found everything as it was"
for i in "${names[@]}"; do
	c stop "$i" force
	is "$SAID" ok "$i can be stopped"
	# it may be left half configured
	c drop instance "$i" devices/eth1
	c start "$i"
	is "$SAID" ok "and started"
	c stop "$i" force
done
is "$(ip -o link | grep -c veth)$(nft list table bridge "$NAME" 2>/dev/null | grep -c 'chain port-')$(find "$RUN/monitors" -name '*.sock')" 00 \
	"in the end nothing is left"
core_end
done_testing
