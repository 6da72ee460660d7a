#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bridged NICs in VLANs: who reaches whom, and what never gets out of its VLAN.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/net.sh"

net bridge name=br0 mac="$MAC1"
net set name=br0 up=yes
ip addr add 10.77.0.1/24 dev br0
for name in one two three four; do space $name; done
# port NAME MAC [NAME=VALUE...]: its interface eth0 has the address 10.77.0.N
n=10
port() {
	net attach bridge=br0 name="v$1" peer=eth0 mac="$2" netns="/run/netns/$1" "${@:3}" >/dev/null || return
	ip -n "$1" addr add "10.77.0.$((n++))/24" dev eth0
	ip -n "$1" link set eth0 up
}
reaches() { in_space "$1" busybox ping -q -c 1 -W 1 "$2" >/dev/null 2>&1; }

if ! ip link add br9 type bridge vlan_filtering 1 2>/dev/null ||
	! ip -d link show br9 | grep -q "vlan_filtering 1"; then
	ip link delete br9 2>/dev/null
	refuses 95 "this kernel has no VLANs of bridges" "a kernel without VLANs says so" \
		attach bridge=br0 name=vone peer=eth0 mac="$MAC2" netns=/run/netns/one vlan=5 mac_filter=yes may_set=yes
	is "$(net filters)" "" "and leaves no filter"
	refuses 19 "there is no link vone" "and no link" link name=vone
	spaces_gone
	net delete name=br0
	done_testing
fi
ip link delete br9
refuses 22 "ip link set br0 type bridge vlan_filtering 1" "somebody else's bridge isn't changed" \
	attach bridge=br0 name=vone peer=eth0 mac="$MAC2" netns=/run/netns/one vlan=5
refuses 19 "there is no link vone" "and nothing is left" link name=vone
port four 00:16:3e:00:00:04
ok "one in VLAN 5" -- port one "$MAC2" vlan=5 may_set=yes
like "$(ip -d link show br0)" "vlan_filtering 1" "the bridge tells VLANs apart"
ok "another" -- port two "$MAC3" vlan=5
ok "they reach each other" -- reaches one 10.77.0.12
nok "but not the host" -- reaches one 10.77.0.1
nok "nor one in the bridge's own VLAN" -- reaches one 10.77.0.10
ok "which reaches the host, as before" -- reaches four 10.77.0.1
ok "one with tags" -- port three 00:16:3e:00:00:05 vlan=6 tagged=5-5 tagged=100-199
nok "it reaches nobody without a tag" -- reaches three 10.77.0.11
ip -n three addr flush dev eth0
if ip -n three link add link eth0 name eth0.5 type vlan id 5 2>/dev/null; then
	ip -n three addr add 10.77.0.30/24 dev eth0.5
	ip -n three link set eth0.5 up
	ok "and with one those of its VLAN" -- reaches three 10.77.0.11
	ip -n three link add link eth0 name eth0.1 type vlan id 1
	ip -n three addr del 10.77.0.30/24 dev eth0.5
	ip -n three addr add 10.77.0.30/24 dev eth0.1
	ip -n three link set eth0.1 up
	nok "but none of a VLAN that it isn't in" -- reaches three 10.77.0.10
else
	skip 2 "no VLANs in this kernel"
fi
in_space four nft -f - <<-N
	table netdev look {
		counter strange { }
		chain in {
			type filter hook ingress device eth0 priority 0;
			ether saddr $MAC2 counter name strange
		}
	}
N
strange() { in_space four nft list counter netdev look strange | sed -n 's/.*packets \([0-9]*\).*/\1/p'; }
for tags in "vlan id=1" "vlan id=1 vlan id=1" "vlan id=0" "vlan id=5 vlan id=1" "vlan tpid=0x88a8 id=1 vlan id=1"; do
	in_space one "$BUILD/tools/frame" send eth0 M="$MAC2" -- "dst=ff:ff:ff:ff:ff:ff $tags arp spa=10.77.0.11 tpa=10.77.0.10"
done
sleep 0.2
is "$(strange)" 0 "frames with a tag that isn't its own don't get out of a VLAN"
for name in one two three four; do net detach name=v$name; done
net teardown
spaces_gone
net delete name=br0
done_testing
