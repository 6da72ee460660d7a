#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# NICs without a bridge, routed and p2p: what they reach, what they can pretend, and that nothing of them stays.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/net.sh"

space out
space one
space two
ns=/run/netns/one
# from NAME FRAME: the instance sends it
from() { ip netns exec "$1" "$BUILD/tools/frame" send eth0 M=$MAC2 -- "$2"; }
pings() { in_space "$1" busybox ping -q -c 1 -W 2 ${3:+-I "$3"} "$2" >/dev/null 2>&1; }
conf() { cat "/proc/sys/net/$1/conf/$2/$3"; }
host_routes() { ip route show table all; ip -6 route show table all; }
proxies() { ip neigh show proxy; ip -6 neigh show proxy; }

sysctl -qw net/ipv6/conf/default/accept_dad=0
# the host's own network, with somebody else on it
ip link add parent0 type veth peer name eth0 netns out
ip addr add 192.0.2.1/24 dev parent0
ip addr add 2001:db8::1/64 dev parent0 nodad
ip link set parent0 up
ip -n out addr add 192.0.2.2/24 dev eth0
ip -n out addr add 2001:db8::2/64 dev eth0 nodad
ip -n out link set eth0 up
reached() {
	for _ in $(seq 50); do
		busybox ping -q -c 1 -W 1 2001:db8::2 >/dev/null 2>&1 && return
		sleep 0.1
	done
}
reached
# what arrives, before connection tracking, by protocol
nft -f - <<-'N'
	table inet watch {
		counter four { }
		counter six { }
		chain look {
			type filter hook prerouting priority -250;
			iifname "rone" meta nfproto ipv4 counter name four
			iifname "rone" ip6 daddr != ff02::/16 counter name six
		}
	}
N
seen() { nft reset counter inet watch "$1" | sed -n 's/.*packets \([0-9]*\).*/\1/p'; }

# ---- the parent
refuses 19 "there is no link nolink" "a parent that isn't there" parent name=rone parent=nolink address=192.0.2.10
sysctl -qw net/ipv4/conf/parent0/forwarding=0
refuses 22 "sysctl -w net/ipv4/conf/parent0/forwarding=1" "one that doesn't forward" parent name=rone parent=parent0 address=192.0.2.10
sysctl -qw net/ipv4/conf/parent0/forwarding=1
ok "one that does" -- net parent name=rone parent=parent0 address=192.0.2.10
refuses 22 "sysctl -w net/ipv6/conf/all/forwarding=1" "IPv6 wants more" parent name=rone parent=parent0 address=2001:db8::10
sysctl -qw net/ipv6/conf/all/forwarding=1
refuses 22 "sysctl -w net/ipv6/conf/all/proxy_ndp=1" "and more" parent name=rone parent=parent0 address=2001:db8::10
sysctl -qw net/ipv6/conf/all/proxy_ndp=1
refuses 22 "sysctl -w net/ipv6/conf/parent0/proxy_ndp=1" "and yet more" parent name=rone parent=parent0 address=2001:db8::10
sysctl -qw net/ipv6/conf/parent0/proxy_ndp=1
ok "and has it now" -- net parent name=rone parent=parent0 address=2001:db8::10
refuses 98 "192.0.2.2 is in use: " "an address that somebody answers for" probe name=parent0 address=192.0.2.9 address=192.0.2.2
refuses 98 "2001:db8::2 is in use: " "of IPv6 likewise" probe name=parent0 address=2001:db8::9 address=2001:db8::2
ok "free ones" -- net probe name=parent0 address=192.0.2.10 address=2001:db8::10
ip link set parent0 down
refuses 100 "ip link set parent0 up" "a link that is down can't tell" probe name=parent0 address=192.0.2.10
ip link set parent0 up
ip addr add 2001:db8::1/64 dev parent0 nodad 2>/dev/null
reached

# ---- attached
before=$(host_routes)
one=(name=rone peer=eth0 mac="$MAC2" netns="$ns" routed=yes address=192.0.2.10 address=192.0.2.11 address=2001:db8::10 parent=parent0 table=77 route=198.51.100.0/24 route=2001:db8:1::/64 txqueuelen=55)
ok "it is attached" -- net plug "${one[@]}"
is "$(conf ipv4 rone rp_filter) $(conf ipv4 rone forwarding) $(conf ipv6 rone forwarding) $(conf ipv6 rone accept_ra)" "1 1 1 0" "the host's end has its settings"
like "$(ip -o addr show dev rone)" "169[.]254[.]0[.]1/32 .*fe80::1/128" "and the gateways' addresses"
like "$(ip route show dev rone)" "192[.]0[.]2[.]10 .*192[.]0[.]2[.]11 .*198[.]51[.]100[.]0/24 via 192[.]0[.]2[.]10 " "routes to the instance"
like "$(ip -6 route show dev rone)" "2001:db8::10 .*2001:db8:1::/64 via 2001:db8::10 " "of both protocols"
like "$(ip route show table 77)" "192[.]0[.]2[.]10 dev rone .*192[.]0[.]2[.]11 dev rone " "in the table that was asked for too"
like "$(ip -n one route)" "default via 169[.]254[.]0[.]1 dev eth0" "the instance has a default route"
like "$(ip -n one -6 route)" "default via fe80::1 dev eth0" "of both protocols"
is "$(tell txqueuelen link name=rone) $(tell txqueuelen link name=eth0 netns=$ns)" "55 55" "its queue"
ok "others reach it over the parent" -- pings out 192.0.2.10
ok "also its second address" -- pings out 192.0.2.11
ok "also with IPv6" -- pings out 2001:db8::10
ok "it reaches others" -- pings one 192.0.2.2
ok "also with IPv6" -- pings one 2001:db8::2
in_space one ip addr add 198.51.100.7/32 dev lo
in_space out ip route add 198.51.100.0/24 via 192.0.2.1
ok "what is behind it is reached" -- pings out 198.51.100.7
refuses 17 "there is a link rone already" "a second of that name" plug "${one[@]}"
refuses 17 "there is a route to 192.0.2.10/32 already" "another with its address" plug name=rtwo peer=eth0 mac=$MAC3 netns=/run/netns/two routed=yes address=192.0.2.20 address=192.0.2.10 parent=parent0
refuses 19 "there is no link rtwo" "leaves no link" link name=rtwo
unlike "$(proxies)" "192[.]0[.]2[.]20" "no proxy entry"
unlike "$(nft list ruleset)" rtwo "and no rule"
refuses 17 "there is a link lo already" "a name that is taken inside" plug name=rtwo peer=lo mac=$MAC3 netns=/run/netns/two routed=yes address=192.0.2.20
ok "the first still works" -- pings out 192.0.2.10

# ---- what it can pretend. First that what is genuine is counted
host_mac=$(tell mac link name=rone)
to="dst=$host_mac"
seen four >/dev/null
from one "$to ip4 src=192.0.2.10 dst=192.0.2.2 udp"
is "$(seen four)" 1 "its own address comes through"
for source in 192.0.2.2 192.0.2.1 169.254.0.1 169.254.0.9 10.9.9.9 127.0.0.1 0.0.0.0 255.255.255.255; do
	from one "$to ip4 src=$source dst=192.0.2.2 udp"
	is "$(seen four)" 0 "not $source, before connection tracking"
done
from one "dst=ff:ff:ff:ff:ff:ff ip4 src=0.0.0.0 dst=255.255.255.255 udp sport=68 dport=67"
is "$(seen four)" 0 "nor no address at all, to everybody"
seen six >/dev/null
from one "$to ip6 src=2001:db8::10 dst=2001:db8::2 udp"
is "$(seen six)" 1 "its own IPv6 address comes through"
for source in 2001:db8::2 2001:db8::1 fe80::1 2001:db8:2::1 ::1 :: ff02::1; do
	from one "$to ip6 src=$source dst=2001:db8::2 udp"
	is "$(seen six)" 0 "not $source"
done
before_ra=$(host_routes)
ra="dst=33:33:00:00:00:01 ip6 src=fe80::bad sum=1 ra"
from one "$ra"
sleep 0.3
is "$(host_routes | grep -c 2001:db8:bad)" 0 "a router advertisement adds no network"
is "$(host_routes)" "$before_ra" "nor anything else"
sysctl -qw net/ipv6/conf/rone/accept_ra=2
from one "$ra"
sleep 0.3
isnt "$(host_routes | grep -c 'default via fe80::bad dev rone')" 0 "which it would do with the kernel's usual settings"
sysctl -qw net/ipv6/conf/rone/accept_ra=0
while ip -6 route del default via fe80::bad 2>/dev/null; do :; done
ip -6 route del 2001:db8:bad::/64 dev rone

# ---- another instance
ok "a second instance" -- net plug name=rtwo peer=eth0 mac=$MAC3 netns=/run/netns/two routed=yes address=192.0.2.20 address=2001:db8::20
ok "is reached by the first" -- pings one 192.0.2.20
in_space two nft -f - <<-N
	table netdev look {
		counter strange { }
		chain in {
			type filter hook ingress device eth0 priority 0;
			ether saddr $MAC2 counter name strange
		}
	}
N
for to in ff:ff:ff:ff:ff:ff 33:33:00:00:00:01 $MAC3; do
	from one "dst=$to arp spa=192.0.2.10 sha=M tpa=192.0.2.20"
	from one "dst=$to raw"
	from one "dst=$to ip6 src=fe80::2 icmp6 type=135 target=2001:db8::20"
done
sleep 0.2
like "$(in_space two nft list counter netdev look strange)" "packets 0 " "but not on its link"
seen four >/dev/null
from one "dst=$host_mac ip4 src=192.0.2.20 dst=192.0.2.2 udp"
is "$(seen four)" 0 "the first can't use the second's address"
nft list ruleset | grep -q rtwo || fail "the second is guarded"

# ---- somebody flushes the rules
nft flush ruleset
ip neigh flush proxy 2>/dev/null
ip route del 192.0.2.11/32 dev rone
ok "what is missing is put back" -- net replug "${one[@]}"
like "$(nft list ruleset)" "fib saddr . iif oif missing drop" "the rule"
like "$(ip route show dev rone)" "192[.]0[.]2[.]11" "the route"
ok "it still works" -- pings out 192.0.2.11
net replug name=rtwo routed=yes address=192.0.2.20 address=2001:db8::20

# ---- a core died as it changed the parent: its entries are on a link that no NIC names
ip link add other0 type bridge
ip link add third0 type bridge
for a in 192.0.2.10 2001:db8::10; do
	ip neigh add proxy $a dev other0 protocol 158
	ip neigh add proxy $a dev third0
done
ok "found again" -- net replug "${one[@]}"
is "$(ip neigh show proxy dev other0; ip -6 neigh show proxy dev other0)" "" "no proxy entry of lxdfs is on another link"
is "$({ ip neigh show proxy dev third0; ip -6 neigh show proxy dev third0; } | grep -c 192.0.2.10)" 1 "one of the admin's is"
is "$(proxies | grep -c 192.0.2.10)" 2 "and its own is where it belongs"
ip neigh add proxy 192.0.2.10 dev other0 protocol 158
ip link delete third0

# ---- detached
ok "one is detached" -- net unplug "${one[@]}"
ok "once more is no failure" -- net unplug "${one[@]}"
unlike "$(nft list ruleset)" rone "its rule is gone"
like "$(nft list ruleset)" rtwo "that of the other isn't"
ok "the other is detached" -- net unplug name=rtwo routed=yes address=192.0.2.20 address=2001:db8::20
is "$(nft list ruleset)" "" "no rule is left"
is "$(proxies)" "" "no proxy entry"
is "$(host_routes)" "$before" "no route"

# ---- without a default route, other gateways
ok "without a default route" -- net plug name=rone peer=eth0 mac=$MAC2 netns=$ns routed=yes address=192.0.2.10 address=2001:db8::10 gateway4=no gateway6=no mtu=1400
unlike "$(ip -n one route; ip -n one -6 route)" default "there is none"
is "$(tell mtu link name=rone) $(tell mtu link name=eth0 netns=$ns)" "1400 1400" "with the MTU that was asked for"
net unplug name=rone routed=yes address=192.0.2.10 address=2001:db8::10
ok "with one protocol and another gateway" -- net plug name=rone peer=eth0 mac=$MAC2 netns=$ns routed=yes address=2001:db8::10 host=2001:db8:ffff::1
like "$(ip -n one -6 route)" "default via 2001:db8:ffff::1" "that is the gateway"
ok "and it works" -- pings one 2001:db8::1
is "$(conf ipv4 rone forwarding)" 0 "the other protocol isn't forwarded"
net unplug name=rone routed=yes address=2001:db8::10

# ---- p2p
ok "a p2p NIC" -- net plug name=pone peer=eth0 mac=$MAC2 netns=$ns route=10.66.0.0/24 route=fd66::/64
like "$(ip route; ip -6 route)" "10[.]66[.]0[.]0/24 dev pone .*fd66::/64 dev pone" "with routes"
is "$(nft list ruleset)" "" "without rules"
is "$(conf ipv6 pone accept_ra)" 0 "that believes no router"
like "$(ip -n one -o link show eth0)" "state DOWN" "the instance's end is the instance's"
ip -n one link set eth0 up
sysctl -qw net/ipv6/conf/all/forwarding=0
sleep 0.3
from one "$ra"
sleep 0.3
is "$(host_routes | grep -c -e bad)" 0 "indeed"
sysctl -qw net/ipv6/conf/pone/accept_ra=1
from one "$ra"
sleep 0.3
isnt "$(host_routes | grep -c 'default via fe80::bad dev pone')" 0 "which it does as the kernel has it"
ok "it is detached" -- net unplug name=pone
refuses 19 "there is no link pone" "and gone" link name=pone
is "$(ip neigh show proxy dev other0)" "" "nor is any left where nobody looks"
ip link delete parent0
ip link delete other0
spaces_gone
done_testing
