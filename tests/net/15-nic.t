#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A NIC in one call: filtered before it can send, gone without a trace when anything fails.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/net.sh"

net bridge name=br0 mac=$MAC1 mtu=1400
net addr name=br0 net=10.77.0.1/24
net set name=br0 up=yes
space one
space two
ns=/run/netns/one
# hears NAME ADDRESS: the host answers a ping from that address
hears() { in_space "$1" busybox ping -q -c 4 -W 1 -I "$2" 10.77.0.1 >/dev/null 2>&1; }

refuses 19 "there is no link br9" "no bridge" attach bridge=br9 peer=eth0 mac=$MAC2 netns=$ns mac_filter=yes
refuses 19 "link lo is no bridge" "a link that is none" attach bridge=lo peer=eth0 mac=$MAC2 netns=$ns mac_filter=yes
refuses 22 "no MAC address that a NIC can have" "a group's MAC" attach bridge=br0 peer=eth0 mac=01:16:3e:00:00:01 netns=$ns
refuses 17 "there is a link lo already in the namespace" "a name that is taken inside" attach bridge=br0 peer=lo mac=$MAC2 netns=$ns mac_filter=yes
refuses 22 "is no name for a link" "a name inside that is none" attach bridge=br0 peer=a/b mac=$MAC2 netns=$ns mac_filter=yes
is "$(net filters)" "" "all that left no filter"
is "$(links | grep -vx -e lo -e br0)" "" "and no link"

ok "it is attached" -- net attach name=vone bridge=br0 peer=eth0 mac=$MAC2 netns=$ns v4_filter=yes allowed=10.77.0.9/32 isolated=yes
is "$(net filters)" "vone flags=3 reachable=1" "with its filter"
like "$(net link name=vone)" "up=1 .* mtu=1400 .* master=$(index br0) " "up, a port, with the bridge's MTU"
like "$(net link name=eth0 netns=$ns)" "mac=$MAC2 .* up=0 .* mtu=1400 " "the other end has the MAC and is down"
like "$(net portget name=vone)" '^isolated=1 ' "isolated"
like "$(ip -d link show vone)" "group_fwd_mask 0xfffd" "none of its frames goes past the filter"
is "$(cat /proc/sys/net/ipv6/conf/vone/disable_ipv6)" 1 "the host has no IPv6 of its own on it"
refuses 17 "there is a link vone already" "a second of that name is refused" attach name=vone bridge=br0 peer=eth1 mac=$MAC3 netns=$ns
is "$(net filters)" "vone flags=3 reachable=1" "and leaves the filter of the first alone"
ip -n one addr add 10.77.0.9/24 dev eth0
ip -n one addr add 10.77.0.10/24 dev eth0
ip -n one link set eth0 up
ok "its own address passes" -- hears one 10.77.0.9
nok "another doesn't" -- hears one 10.77.0.10
ok "the filter changes live" -- net filter name=vone peer=eth0 mac=$MAC2 v4_filter=yes allowed=10.77.0.10/32
ok "then the other passes" -- hears one 10.77.0.10
nok "and the first doesn't" -- hears one 10.77.0.9

name=$(net attach bridge=br0 peer=eth0 mac=$MAC3 netns=/run/netns/two mtu=1300)
like "$name" '^veth[0-9a-f]{8}$' "another gets a name"
is "$(tell mtu link "name=$name") $(tell mtu link name=eth0 netns=/run/netns/two)" "1300 1300" "and the MTU that was asked for"
is "$(net filters)" "vone flags=3 reachable=1" "without a filter"
ip -n two addr add 10.77.0.20/24 dev eth0
ip -n two link set eth0 up
ok "it sends" -- hears two 10.77.0.20

ok "one is detached" -- net detach name=vone
ok "once more is no failure" -- net detach name=vone
is "$(net filters)" "" "its filter is gone"
refuses 19 "there is no link eth0" "and the other end" link name=eth0 netns=$ns
ok "the other is detached" -- net detach "name=$name"
net teardown
spaces_gone
net delete name=br0
done_testing
