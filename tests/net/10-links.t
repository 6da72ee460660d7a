#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Links, addresses, routes, settings and free networks, each compared with what ip(8) says.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/net.sh"

# ---- bridges
ok "a bridge is made" -- net bridge name=br0 mac=$MAC1 mtu=1400
like "$(net link name=br0)" "^br0 kind=bridge mac=$MAC1 type=1 up=0 oper=down mtu=1400 " "as asked for, and down"
refuses 17 "there is a link br0 already" "a second of that name is refused" bridge name=br0 mac=$MAC2
refuses 22 "is no name for a link" "a name that isn't one is refused" bridge name=br%d mac=$MAC2
refuses 22 "is no name for a link" "and one with a slash" bridge name=br/0 mac=$MAC2
refuses 22 "is no name for a link" "and one that is too long" bridge name=sixteen-letters0 mac=$MAC2
refuses 22 "br1" "an MTU that can't be leaves nothing" bridge name=br1 mac=$MAC2 mtu=10
refuses 19 "there is no link br1" "indeed nothing" link name=br1
ok "it goes up" -- net set name=br0 up=yes
is "$(tell up link name=br0)" 1 "and is up"

# ---- veth
space one
ns=/run/netns/one
ok "a pair is made, one end in another namespace" -- net veth name=veth0 peer=eth0 mac=$MAC2 netns=$ns mtu=1400 txqueuelen=77
like "$(net link name=veth0)" "^veth0 kind=veth .* up=0 .* mtu=1400 txqueuelen=77 master=0 peer=[1-9]" "this end"
like "$(net link name=eth0 netns=$ns)" "^eth0 kind=veth mac=$MAC2 .* up=0 .* mtu=1400 txqueuelen=77 " "the other end"
refuses 19 "there is no link eth0" "the other end was never here" link name=eth0
is "$(tell peer link name=veth0)" "$(index eth0 -n one)" "they know each other"
refuses 17 "there is a link veth0 already" "its name is taken here" veth name=veth0 peer=eth1 mac=$MAC3 netns=$ns
refuses 17 "there is a link eth0 already in the namespace" "and there" veth name=veth1 peer=eth0 mac=$MAC3 netns=$ns
refuses 19 "veth1" "and nothing is left of that" link name=veth1

# ---- ports
refuses 95 "veth0 is no port" "what is no port has no flags" port name=veth0 isolated=yes
refuses 95 "veth0 is no port" "to read neither" portget name=veth0
refuses 19 "there is no link br9" "a bridge that isn't there" set name=veth0 master=br9
ok "it becomes a port" -- net set name=veth0 master=br0 up=yes
is "$(tell master link name=veth0)" "$(index br0)" "of that bridge"
is "$(net portget name=veth0)" "isolated=0 hairpin=0 nolearning=0" "with the kernel's flags"
ok "flags are set" -- net port name=veth0 isolated=yes hairpin=yes nolearning=yes
is "$(net portget name=veth0)" "isolated=1 hairpin=1 nolearning=1" "and read"
like "$(bridge -d link show dev veth0)" 'hairpin on .*learning off .*isolated on' "by bridge(8) as well"
is "$(tell mac link name=br0)" $MAC1 "the bridge keeps its MAC"
ip -n one link set eth0 up
is "$(tell oper link name=veth0)" up "both ends up: it has a carrier"
ok "it leaves" -- net set name=veth0 master=none
is "$(tell master link name=veth0)" 0 "and is no port any more"
refuses 19 "there is no link nolink" "what isn't there can't be changed" set name=nolink up=yes
refuses 19 "1 to 15" "nor can what can't be there" set name=sixteen-letters0 up=yes
ok "MAC, MTU and queue change in one request" -- net set name=veth0 mac=$MAC3 mtu=1300 txqueuelen=5
like "$(net link name=veth0)" "mac=$MAC3 .* mtu=1300 txqueuelen=5 " "as asked for"

# ---- addresses and routes, here and in the other namespace
ok "an address" -- net addr name=br0 net=10.77.0.1/24
ok "of each protocol" -- net addr name=br0 net=fd77::1/64
like "$(ip -o addr show dev br0)" '10[.]77[.]0[.]1/24 brd 10[.]77[.]0[.]255' "as ip(8) shows it"
refuses 17 "br0 has address 10.77.0.1/24 already" "is there once" addr name=br0 net=10.77.0.1/24
refuses 99 "br0 has no address 10.77.0.2/24" "what isn't there can't go" addr name=br0 net=10.77.0.2/24 del=yes
ok "an address elsewhere" -- net addr name=eth0 net=10.77.0.9/24 netns=$ns
like "$(net links netns=$ns)" '10[.]77[.]0[.]9/24' "is listed there"
unlike "$(net links)" '10[.]77[.]0[.]9/24' "and not here"
is "$(net links netns=$ns | grep -c '^[^ ]')" "$(ip -n one -o link | wc -l)" "all links are listed"
ok "a default route" -- net route dst=0.0.0.0/0 gateway=10.77.0.1 netns=$ns
like "$(ip -n one route)" 'default via 10[.]77[.]0[.]1 dev eth0' "leads to the gateway"
refuses 17 "there is a route to 0.0.0.0/0 already" "once" route dst=0.0.0.0/0 gateway=10.77.0.1 netns=$ns
refuses 101 "no route to 10.9.0.0/16" "a gateway that isn't reached" route dst=10.9.0.0/16 gateway=192.0.2.1 netns=$ns
ok "a route in a table" -- net route dst=fd88::/64 name=br0 table=1000 metric=7
like "$(ip -6 route show table 1000)" 'fd88::/64 dev br0 proto static metric 7' "is in that table"
ok "and goes" -- net route dst=fd88::/64 name=br0 table=1000 metric=7 del=yes
refuses 3 "there is no such route to fd88::/64" "once" route dst=fd88::/64 name=br0 table=1000 del=yes
refuses 22 "of one family" "families don't mix" route dst=10.9.0.0/16 gateway=fd77::2 name=br0
ok "the default route goes" -- net route dst=0.0.0.0/0 gateway=10.77.0.1 netns=$ns del=yes
ok "an address goes" -- net addr name=br0 net=fd77::1/64 del=yes
unlike "$(ip -o addr show dev br0)" fd77 "indeed"

# ---- networks in use
ip route add 10.99.0.0/16 dev br0 table 77
ip route add unreachable 10.98.0.0/24
ip route add 0.0.0.0/1 dev br0
ip route add default dev br0
ip addr add 192.0.2.1/30 dev br0 noprefixroute
used=$(net networks family=4 | sort -u)
for n in 10.77.0.0/24 10.99.0.0/16 10.98.0.0/24 192.0.2.0/30 127.0.0.0/8; do
	like $'\n'"$used"$'\n' $'\n'"$n"$'\n' "$n is in use"
done
unlike "$used" '0[.]0[.]0[.]0/|224[.]|255/' "defaults, multicast and broadcast aren't networks"
refuses 98 "10.99.4.0/24 overlaps 10.99.0.0/16, which this host uses" "one that overlaps a route is refused" subnet net=10.99.4.0/24
refuses 98 "overlaps 192.0.2.0/30" "and an address" subnet net=192.0.2.0/24
refuses 98 "10.5.0.0/16, which another network has" "and what is configured" subnet net=10.5.6.1/24 taken=10.5.0.0/16
ok "one that is free" -- net subnet net=10.5.6.1/24 taken=10.6.0.0/16
like "$(net subnet family=4)" '^10[.][0-9]+[.][0-9]+[.]1/24$' "a free one is found"
like "$(net subnet family=6)" '^fd42:[0-9a-f:]+::1/64$' "of IPv6 as well"
refuses 98 "no free network" "or none is" subnet family=4 taken=10.0.0.0/8
ip route add 10.0.0.0/9 dev br0
got=yes
for _ in 1 2 3 4 5 6 7 8; do
	case $(net subnet family=4) in
	10.12[89].*.1/24 | 10.1[3-9]?.*.1/24 | 10.2??.*.1/24) ;;
	*) got=no ;;
	esac
done
is $got yes "never within a route"

# ---- settings
ok "a setting" -- net sysctl family=4 name=br0 key=rp_filter value=2
is "$(cat /proc/sys/net/ipv4/conf/br0/rp_filter) $(net sysctl family=4 name=br0 key=rp_filter)" "2 2" "is written and read"
refuses 2 "nolink" "a link that isn't there" sysctl family=4 name=nolink key=rp_filter value=1
refuses 22 "no setting of a link" "no way out of the directory" sysctl family=4 name=../.. key=ip_forward value=1
refuses 22 "no setting of a link" "with the key neither" sysctl family=4 name=all key=../../ip_forward value=1
echo 0 >/proc/sys/net/ipv4/ip_forward
ok "IPv4 is forwarded" -- net forward family=4
is "$(cat /proc/sys/net/ipv4/ip_forward)" 1 "indeed"
echo 0 >/proc/sys/net/ipv6/conf/br0/accept_ra
echo 1 >/proc/sys/net/ipv6/conf/veth0/accept_ra
ok "IPv6 is forwarded" -- net forward family=6
is "$(cat /proc/sys/net/ipv6/conf/{all/forwarding,br0/forwarding,veth0/accept_ra,br0/accept_ra} | tr -d '\n')" 1120 "and who hears advertisements still does"
ok "a bridge without IPv6" -- net bridge6 name=br0 ipv6=no
is "$(cat /proc/sys/net/ipv6/conf/br0/disable_ipv6)" 1 "has none"
ok "and with it" -- net bridge6 name=br0 ipv6=yes accept_ra=0
is "$(cat /proc/sys/net/ipv6/conf/br0/{disable_ipv6,autoconf,accept_dad,accept_ra} | tr -d '\n')" 0000 "and its settings"

# ---- the end
like "$(net random)" '^veth[0-9a-f]{8}$' "a random name"
ok "one end is deleted" -- net delete name=veth0
refuses 19 "there is no link eth0" "the other goes along" link name=eth0 netns=$ns
refuses 19 "there is no link veth0" "and can't again" delete name=veth0
ok "the bridge is deleted" -- net delete name=br0
spaces_gone
done_testing
