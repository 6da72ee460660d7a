#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An instance on a managed bridge advertises itself as a router: the host's own IPv6 must not follow it.
. "$(dirname "$0")/../lib/daemon.sh"

command -v dnsmasq >/dev/null || skip_all "no dnsmasq"
# shellcheck disable=SC2119
daemon_start
ok "the image busybox is imported" -- use_busybox
I=$LXD/instances
mkdir "$I/liar"
put busybox "$I/liar/source"
ok "an instance" -- bash -c 'echo running >"$1"' - "$I/liar/state"
mac=$(get "$I/liar/config/volatile.eth0.hwaddr")
routes() { ip -6 route show table all; }
# advertise: a default route and a network, and what the host makes of it
advertise() {
	nsenter -t "$(get "$I/liar/pid")" -n "$BUILD/tools/frame" send eth0 M="$mac" -- \
		"dst=33:33:00:00:00:01 ip6 src=fe80::bad sum=1 ra"
	sleep 0.3
	routes | grep -c -e fe80::bad -e 2001:db8:bad
}
for _ in $(seq 100); do
	ip -o link show lxdbr0 | grep -q "state UP" && break
	sleep 0.1
done
sleep 1
before=$(routes)
is "$(cat /proc/sys/net/ipv6/conf/all/forwarding)" 1 "the host forwards IPv6"
is "$(cat /proc/sys/net/ipv6/conf/lxdbr0/accept_ra)" 0 "and believes nobody on the bridge"
is "$(advertise)" 0 "an instance's advertisement has no effect"
is "$(routes)" "$before" "no route is another"
ok "who wants to be advertised to" -- put true "$LXD/networks/lxdbr0/config/ipv6.accept_ra"
isnt "$(advertise)" 0 "is led through the instance: so it was an attack"
ok "not any more" -- put false "$LXD/networks/lxdbr0/config/ipv6.accept_ra"
while ip -6 route del default via fe80::bad 2>/dev/null; do :; done
ip -6 route del 2001:db8:bad::/64 dev lxdbr0 2>/dev/null
is "$(advertise)" 0 "the next has no effect"
put true "$LXD/networks/lxdbr0/config/ipv6.accept_ra"
ok "with the filter" -- put true "$I/liar/devices/eth0/security.ipv6_filtering"
is "$(advertise)" 0 "it has none on those who would listen either"
done_testing
