#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each message to the kernel that connects a container fails in turn: the container doesn't start half connected, its
# error names the step, and nothing is left. A live NIC that can't be attached leaves nothing either.
. "$(dirname "$0")/../lib/daemon.sh"

command -v dnsmasq >/dev/null || skip_all "no dnsmasq"
command -v strace >/dev/null || skip_all "no strace, which makes system calls fail"
# shellcheck disable=SC2119
daemon_start
ok "the image is imported" -- use_busybox
put 10.77.0.1/24 "$LXD/networks/lxdbr0/config/ipv4.address"
C=$LXD/instances/c1
core=$(pgrep -P "$(pgrep -o -x lxdfsd)" -x lxdfsd)

# what the host has of it; counters and times left out
host() {
	links
	nft list ruleset
	# without what the bridge's carrier makes
	{ ip route show table all; ip -6 route show table all; } | grep -v 'fe80\|multicast' | sed 's/ linkdown//; s/ expires [0-9a-z]*//'
	ip neighbour show proxy
	tc qdisc show | grep -v noqueue
	ls "$RUN/networks/lxdbr0/hosts"
}
# failing K COMMAND...: the command, while the K-th message on netlink of each of the core's threads fails
failing() {
	local k=$1 tracer r
	shift
	strace -f -o "$WORK/trace" -e trace=sendto,sendmsg -e inject="sendto:error=ENOBUFS:when=$k" -p "$core" 2>"$WORK/strace" &
	tracer=$!
	eventually grep -q attached "$WORK/strace" || fail "strace attaches"
	"$@" 2>/dev/null
	r=$?
	kill -KILL $tracer
	wait $tracer 2>/dev/null
	return $r
}
injected() { grep -q INJECTED "$WORK/trace"; }

# every NAME DO UNDO: two functions; the first fails at each message in turn until none is left to fail
every() {
	local name=$1 k before failed=0 passed=0
	# the first time makes what stays: tables, the bridge's own routes
	ok "$name: done" -- "$2"
	ok "$name: and undone" -- "$3"
	before=$(host)
	for ((k = 1; k < 100; k++)); do
		if failing $k "$2"; then
			injected || break
			passed=$((passed + 1))
			"$3" || fail "$name: undone after the message $k, which wasn't needed"
		else
			failed=$((failed + 1))
			injected || { fail "$name: fails only where it is made to: $(get "$LXD/error")"; break; }
			[ -n "$(get "$LXD/error")" ] || fail "$name: at the message $k there is a sentence"
		fi
		if [ "$(host)" != "$before" ]; then
			fail "$name: nothing is left after the message $k failed"
			diag "$(diff <(echo "$before") <(host))"
			diag "$(get "$LXD/error")"
			before=$(host)
		fi
	done
	ok "$name: $failed messages that it can't do without, $passed that it can" -- test $failed -ge 5
	ok "$name: and with all of them it is done" -- "$3"
	is "$(host)" "$before" "$name: nothing is left at last"
}
mkdir "$C"
printf '%s\n' ipv4.routes=10.99.1.0/24 ipv6.routes=fd99::/64 limits.max=10Mbit security.port_isolation=true \
	security.ipv4_filtering=true security.ipv6_filtering=true >"$LXD/profiles/default/devices/eth0/set"
starts() { put running "$C/state"; }
stops() { put 'stopped force' "$C/state"; }
every "a start" starts stops

# a routed NIC of one that runs
put running "$C/state"
mkdir "$C/devices/net1"
ip link add parent0 type bridge
ip addr add 192.0.2.1/24 dev parent0
ip link set parent0 up
for s in ipv4/conf/parent0/forwarding ipv6/conf/all/forwarding ipv6/conf/all/proxy_ndp ipv6/conf/parent0/proxy_ndp; do
	echo 1 >"/proc/sys/net/$s"
done
printf '%s\n' type=nic nictype=routed parent=parent0 name=net1 ipv4.address=192.0.2.10 ipv6.address=2001:db8::10 \
	ipv4.gateway=none ipv6.gateway=none ipv4.neighbor_probe=false ipv6.neighbor_probe=false ipv4.routes=10.99.2.0/24 \
	>"$WORK/net1"
# what the close of the file says is the answer
comes() { cp "$WORK/net1" "$C/devices/net1/set"; }
goes() { rmdir "$C/devices/net1" && mkdir "$C/devices/net1"; }
every "a routed NIC that comes" comes goes
is "$(get "$C/state")" running "the container runs on"
put 'stopped force' "$C/state"
ip link delete parent0
done_testing
