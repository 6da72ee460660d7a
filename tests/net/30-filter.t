#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a port with filters may send: every kind of frame, to the host, to another port, to all and to a group, under
# each combination of filters; then changes under a flood, and what is left when others meddle.
. "$(dirname "$0")/../lib/daemon.sh"

FRAME=$BUILD/tools/frame
CTL=("$BUILD/tools/filterctl" "$NAME")
M=00:16:3e:00:00:01  # the instance's
X=00:16:3e:00:00:99  # one that it pretends to have
A=10.0.0.5
A6=fd42::5
VARS=(port=inst0 other=inst1 host=br0 marker=inst2 M="$M" X="$X" A="$A" R=10.7.3.3 V=10.0.0.9 G=10.0.0.1
	A6="$A6" R6=fd43:0:0:7f::1 V6=fd42::9 L=fe80::216:3eff:fe00:1 VL=fe80::216:3eff:fe00:99 N=::)
ALLOW=(allow="$A" allow=10.7.0.0/16 allow="$A6" allow=fd43::/57)

# ---- a bridge, the port of the instance, another port, and one for markers; quiet but for what we send

ip link add br0 type bridge mcast_snooping 0
echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
# the filters must not need help from the inet hooks
for f in /proc/sys/net/bridge/bridge-nf-call-*; do
	[ ! -e "$f" ] || echo 0 >"$f"
done
for i in 0 1 2; do
	ip link add "port$i" type veth peer name "inst$i"
	ip link set "port$i" master br0 up
	ip link set "inst$i" arp off up
done
ip link set inst0 address $M
ip link set br0 arp off up

ctl() { "${CTL[@]}" "$@" 2>&1; }

# ---- what becomes of a frame under the MAC, IPv4 and IPv6 filter: a accepted, d dropped, h for the host only,
# D dropped where the bridge has DHCP of its own. Several filters: the strictest.
rows() {
	grep -v '^#\|^$' <<'ROWS'
# Ethernet
d a a | another's MAC, ARP                          | src=X arp sha=M spa=A tpa=V
d a a | another's MAC, IPv4                         | src=X ip4 src=A dst=V udp
d a a | another's MAC, IPv6                         | src=X ip6 src=A6 udp
d d d | another's MAC, another EtherType            | src=X raw
a d d | VLAN tag, right address                     | vlan id=5 ip4 src=A udp
a d d | VLAN tag, right IPv6 address                | vlan id=5 ip6 src=A6 udp
a d d | VLAN tag, wrong address                     | vlan id=5 ip4 src=V udp
a d d | priority tag                                | vlan id=0 ip4 src=A udp
a d d | VLAN tag, right ARP                         | vlan id=5 arp sha=M spa=A
d d d | VLAN tag, ARP with another's MAC            | vlan id=5 arp sha=X spa=A
d d d | VLAN tag, advertisement with another's MAC  | vlan id=5 ip6 src=A6 icmp6 type=136 target=A6 opt=2:X
a d d | 802.1ad tag                                 | vlan id=5 tpid=0x88a8 ip4 src=A udp
a d d | two tags                                    | vlan id=5 tpid=0x88a8 vlan id=6 ip4 src=A udp
a d d | MPLS                                        | mpls ip4 src=A udp
a d d | LLC and SNAP                                | llc ip4 src=A udp
a d d | LLDP                                        | raw type=0x88cc
a d d | RARP                                        | raw type=0x8035
a d d | PPPoE                                       | raw type=0x8864
a d d | an experiment                               | raw type=0x88b6
# ARP
a a a | ARP request                                 | arp sha=M spa=A tpa=V
a a a | ARP answer                                  | arp op=2 sha=M spa=A tha=X tpa=V
a a a | gratuitous ARP                              | arp op=2 sha=M spa=A tpa=A
a a a | ARP from a routed address                   | arp sha=M spa=R tpa=V
a a a | ARP probe                                   | arp sha=M spa=0.0.0.0 tpa=V
d d d | ARP probe with another's MAC                | arp sha=X spa=0.0.0.0 tpa=V
a d a | ARP request, another's address              | arp sha=M spa=V tpa=G
a d a | ARP answer, another's address               | arp op=2 sha=M spa=V tha=X tpa=G
a d a | gratuitous ARP, another's address           | arp op=2 sha=M spa=G tpa=G
d a a | ARP request, another's MAC                  | arp sha=X spa=A tpa=V
d a a | ARP answer, another's MAC                   | arp op=2 sha=X spa=A tpa=V
d d a | ARP of IEEE 802, another's MAC              | arp htype=6 sha=X spa=A tpa=V
a d a | ARP of IEEE 802                             | arp htype=6 sha=M spa=A tpa=V
a d a | ARP for another protocol                    | arp ptype=0x86dd sha=M spa=A tpa=V
a d a | ARP with long hardware addresses            | arp hlen=8 sha=M spa=A tpa=V
a d a | ARP with long protocol addresses            | arp plen=16 sha=M spa=A tpa=V
# IPv4
a a a | IPv4                                        | ip4 src=A dst=V udp
a a a | IPv4 from a routed address                  | ip4 src=R dst=V udp
a d a | IPv4 from beside the routed network         | ip4 src=10.8.0.1 dst=V udp
a d a | IPv4, another's address                     | ip4 src=V dst=G udp
a d a | IPv4, the gateway's address                 | ip4 src=G dst=V udp
a d a | IPv4, broadcast as source                   | ip4 src=255.255.255.255 dst=V udp
a a a | IPv4, another protocol                      | ip4 src=A dst=V proto=132 data
a a a | IPv4, first fragment                        | ip4 src=A dst=V more=1 udp
a a a | IPv4, later fragment                        | ip4 src=A dst=V off=64 data
a a a | IPv4, later fragment that looks like DHCP   | ip4 src=A dst=V off=64 udp sport=67 dport=68
a d a | IPv4, another's address, later fragment     | ip4 src=V dst=G off=64 data
a d a | IPv4, EtherType lies                        | type=0x0800 ip6 src=A6 udp
a d a | IPv4, version lies                          | ip4 ver=6 src=A dst=V udp
a d a | IPv4, cut short                             | cut=30 ip4 src=A dst=V udp
a h a | DHCP request                                | ip4 src=0.0.0.0 dst=255.255.255.255 udp sport=68 dport=67
a a a | DHCP request, with its address              | ip4 src=A dst=255.255.255.255 udp sport=68 dport=67
a d a | DHCP request, later fragment                | ip4 src=0.0.0.0 off=64 udp sport=68 dport=67
a d a | DHCP request to one address                 | ip4 src=0.0.0.0 dst=G udp sport=68 dport=67
a d a | from 0.0.0.0, not DHCP                      | ip4 src=0.0.0.0 dst=255.255.255.255 udp sport=68 dport=53
a d a | from 0.0.0.0, another port                  | ip4 src=0.0.0.0 dst=255.255.255.255 udp sport=99 dport=67
a D a | DHCP answer                                 | ip4 src=A dst=255.255.255.255 udp sport=67 dport=68
a d a | DHCP answer, the gateway's address          | ip4 src=G dst=255.255.255.255 udp sport=67 dport=68
# what DHCP is told inside
a h a | DHCP for its own MAC                        | ip4 src=0.0.0.0 dst=255.255.255.255 udp sport=68 dport=67 dhcp chaddr=M
a a a | DHCP for its own MAC, with its address      | ip4 src=A dst=G udp sport=68 dport=67 dhcp chaddr=M
d d d | DHCP for another's MAC                      | ip4 src=0.0.0.0 dst=255.255.255.255 udp sport=68 dport=67 dhcp chaddr=X
d d d | the same to one address                     | ip4 src=A dst=G udp sport=68 dport=67 dhcp chaddr=X
d d d | the same from another port                  | ip4 src=A dst=G udp sport=99 dport=67 dhcp chaddr=X
d d d | the same by way of a relay's port           | ip4 src=A dst=G udp sport=67 dport=67 dhcp chaddr=X
d d d | the same in a VLAN                          | vlan id=5 ip4 src=A dst=G udp sport=68 dport=67 dhcp chaddr=X
d d d | DHCP for another kind of address            | ip4 src=A dst=G udp sport=68 dport=67 dhcp htype=6 chaddr=M
d d d | DHCP for a longer address                   | ip4 src=A dst=G udp sport=68 dport=67 dhcp hlen=16 chaddr=M
d d d | DHCP for no address                         | ip4 src=A dst=G udp sport=68 dport=67 dhcp hlen=0 htype=0 chaddr=M
d d d | DHCP cut before chaddr                      | ip4 src=A dst=G more=1 udp sport=68 dport=67 dhcp len=16
d d d | DHCP cut up                                 | ip4 src=A dst=G more=1 udp sport=68 dport=67 dhcp chaddr=M
a a a | too short to be DHCP                        | ip4 src=A dst=G udp sport=68 dport=67 dhcp len=16
a D a | DHCP answer to a relay                      | ip4 src=A dst=G udp sport=67 dport=67 dhcp op=2 chaddr=X
a a a | another's MAC in what isn't DHCP            | ip4 src=A dst=G udp sport=68 dport=69 dhcp chaddr=X
# IPv6
a a a | IPv6                                        | ip6 src=A6 dst=V6 udp
a a a | IPv6, link-local                            | ip6 src=L dst=VL udp
a a a | IPv6 from a routed address                  | ip6 src=R6 dst=V6 udp
a a d | IPv6 from beside the routed network         | ip6 src=fd43:0:0:80::1 dst=V6 udp
a a d | IPv6, another's address                     | ip6 src=V6 dst=A6 udp
a a d | IPv6, another's link-local                  | ip6 src=VL dst=A6 udp
a a d | IPv6 from ::, not detection                 | ip6 src=N udp
a a d | IPv6, EtherType lies                        | type=0x86dd ip4 src=A dst=V udp
a a d | IPv6, version lies                          | ip6 ver=4 src=A6 dst=V6 udp
a a d | IPv6, length lies                           | ip6 len=1000 src=A6 dst=V6 udp
a a d | IPv6, cut short                             | cut=40 ip6 src=A6 dst=V6 udp
a a a | IPv6, extension headers                     | ip6 src=A6 dst=V6 hop dstopt udp
a a d | IPv6, extension header that never ends      | ip6 src=A6 dst=V6 dstopt hlen=90 udp
a a a | IPv6, first fragment                        | ip6 src=A6 dst=V6 frag more=1 udp
a a a | IPv6, later fragment                        | ip6 src=A6 dst=V6 frag off=64 data
a a a | IPv6, later fragment that looks like DHCPv6 | ip6 src=A6 dst=V6 frag off=64 udp sport=547
a a a | IPv6, later fragment that looks like ND     | ip6 src=A6 dst=V6 frag off=64 icmp6 type=134
a a d | IPv6, another's address, fragment           | ip6 src=V6 dst=A6 frag more=1 udp
a a d | IPv6, first fragment without all headers    | ip6 src=A6 dst=V6 frag more=1 next=60
a a a | ping                                        | ip6 src=A6 dst=V6 icmp6 type=128
a a a | ping, first fragment                        | ip6 src=A6 dst=V6 frag more=1 icmp6 type=128
a a a | ping, later fragment                        | ip6 src=A6 dst=V6 frag off=64 next=58 data
a a d | ICMPv6, first fragment without it           | ip6 src=A6 dst=V6 frag more=1 next=58
a a d | ICMPv6, fragment in a first fragment        | ip6 src=A6 dst=V6 frag more=1 frag next=58
a a a | group membership                            | ip6 src=L dst=ff02::16 hop icmp6 type=143
a a d | group membership from ::                    | ip6 src=N dst=ff02::16 hop icmp6 type=143
a a h | DHCPv6 request                              | ip6 src=L dst=ff02::1:2 udp sport=546 dport=547
a a d | DHCPv6 request, another's link-local        | ip6 src=VL dst=ff02::1:2 udp sport=546 dport=547
a a h | DHCPv6 RENEW                                | ip6 src=L dst=ff02::1:2 udp sport=546 dport=547 dhcp6 type=5
D D D | DHCPv6 RELEASE                              | ip6 src=A6 dst=V6 udp sport=999 dport=547 dhcp6 type=8
D D D | DHCPv6 DECLINE                              | ip6 src=A6 dst=V6 udp sport=999 dport=547 dhcp6 type=9
D D D | DHCPv6 of a relay                           | ip6 src=A6 dst=V6 udp sport=547 dport=547 dhcp6 type=12
D D D | DHCPv6 RELEASE behind a header              | ip6 src=A6 dst=V6 dstopt udp sport=999 dport=547 dhcp6 type=8
D D D | DHCPv6 RELEASE, first fragment              | ip6 src=A6 dst=V6 frag more=1 udp sport=999 dport=547
a a D | DHCPv6 answer                               | ip6 src=L dst=VL udp sport=547 dport=546
# router messages
a a h | router solicitation                         | ip6 src=L icmp6 type=133
a a h | router solicitation with its MAC            | ip6 src=L icmp6 type=133 opt=1:M
a a d | router solicitation with another's MAC      | ip6 src=L icmp6 type=133 opt=1:X
a a d | router solicitation, two options            | ip6 src=L icmp6 type=133 opt=1:M opt=1:X
a a d | router solicitation from ::                 | ip6 src=N icmp6 type=133
a a d | router solicitation, another's address      | ip6 src=VL icmp6 type=133
a a d | router solicitation in a fragment           | ip6 src=L frag icmp6 type=133
a a d | router advertisement                        | ip6 src=L icmp6 type=134
a a d | router advertisement with its MAC           | ip6 src=L icmp6 type=134 opt=1:M
a a d | router advertisement, another's address     | ip6 src=VL icmp6 type=134
a a d | router advertisement behind a header        | ip6 src=L hop icmp6 type=134
a a d | router advertisement behind two             | ip6 src=L hop dstopt icmp6 type=134
a a d | router advertisement in a fragment          | ip6 src=L frag more=1 icmp6 type=134
a a d | router advertisement in a whole fragment    | ip6 src=L frag icmp6 type=134
a a d | router advertisement in two fragments       | ip6 src=L frag frag more=1 icmp6 type=134
a a d | redirect                                    | ip6 src=L icmp6 type=137 target=V6
a a d | redirect behind a header                    | ip6 src=L dstopt icmp6 type=137 target=V6
# neighbour advertisements
a a a | advertisement                               | ip6 src=A6 icmp6 type=136 target=A6 opt=2:M
a a a | advertisement without its MAC               | ip6 src=A6 icmp6 type=136 target=A6
a a a | advertisement, link-local                   | ip6 src=L icmp6 type=136 target=L opt=2:M
a a a | advertisement from one for another of its   | ip6 src=L icmp6 type=136 target=A6 opt=2:M
a a a | advertisement of a routed address           | ip6 src=L icmp6 type=136 target=R6 opt=2:M
a a d | advertisement of another's address          | ip6 src=A6 icmp6 type=136 target=V6 opt=2:M
a a d | the same without a MAC                      | ip6 src=A6 icmp6 type=136 target=V6
a a d | advertisement of another's link-local       | ip6 src=L icmp6 type=136 target=VL opt=2:M
a a d | advertisement from another's address        | ip6 src=V6 icmp6 type=136 target=A6 opt=2:M
a a d | advertisement from and of another's         | ip6 src=V6 icmp6 type=136 target=V6 opt=2:M
d d d | advertisement with another's MAC            | ip6 src=A6 icmp6 type=136 target=A6 opt=2:X
d d d | another's MAC in the second option          | ip6 src=A6 icmp6 type=136 target=A6 opt=2:M opt=2:X
d d d | another's MAC behind a nonce                | ip6 src=A6 icmp6 type=136 target=A6 opt=14 opt=2:X
d d d | another's MAC in the third option           | ip6 src=A6 icmp6 type=136 target=A6 opt=14 opt=14 opt=2:X
d d d | another's MAC behind a header               | ip6 src=A6 dstopt icmp6 type=136 target=A6 opt=2:X
d d d | another's MAC in a fragment                 | ip6 src=A6 frag icmp6 type=136 target=A6 opt=2:X
a a d | advertisement with another option           | ip6 src=A6 icmp6 type=136 target=A6 opt=1:M
a a d | advertisement with two options              | ip6 src=A6 icmp6 type=136 target=A6 opt=2:M opt=14
a a d | advertisement behind a header               | ip6 src=A6 dstopt icmp6 type=136 target=A6 opt=2:M
a a d | without option behind a header              | ip6 src=A6 hop icmp6 type=136 target=A6
a a d | advertisement in a fragment                 | ip6 src=A6 frag more=1 icmp6 type=136 target=A6 opt=2:M
a a d | advertisement in a whole fragment           | ip6 src=A6 frag icmp6 type=136 target=A6
# neighbour solicitations
a a a | solicitation                                | ip6 src=A6 icmp6 type=135 target=V6 opt=1:M
a a a | solicitation without its MAC                | ip6 src=A6 icmp6 type=135 target=V6
a a a | solicitation, link-local                    | ip6 src=L icmp6 type=135 target=V6 opt=1:M
a a d | solicitation with another's MAC             | ip6 src=A6 icmp6 type=135 target=V6 opt=1:X
a a d | another's MAC behind a nonce, solicitation  | ip6 src=A6 icmp6 type=135 target=V6 opt=14 opt=1:X
a a d | another's MAC behind a header, solicitation | ip6 src=A6 dstopt icmp6 type=135 target=V6 opt=1:X
a a d | solicitation from another's address         | ip6 src=V6 icmp6 type=135 target=A6 opt=1:M
a a d | solicitation in a fragment                  | ip6 src=A6 frag more=1 icmp6 type=135 target=V6 opt=1:M
a a a | address detection                           | ip6 src=N icmp6 type=135 target=A6
a a a | address detection, link-local               | ip6 src=N icmp6 type=135 target=L
a a a | address detection, routed address           | ip6 src=N icmp6 type=135 target=R6
a a a | address detection with a nonce              | ip6 src=N icmp6 type=135 target=A6 opt=14
a a d | address detection for another's             | ip6 src=N icmp6 type=135 target=V6
a a d | the same with a nonce                       | ip6 src=N icmp6 type=135 target=V6 opt=14
a a d | address detection with a MAC                | ip6 src=N icmp6 type=135 target=A6 opt=1:M
a a d | address detection behind a header           | ip6 src=N dstopt icmp6 type=135 target=A6
a a d | address detection in a fragment             | ip6 src=N frag icmp6 type=135 target=A6
ROWS
}

# matrix NAME FILTERS NONE [allow=...]: the filters are set, every row sent
matrix() {
	local name=$1 filters=$2 none=$3 line n=0 out
	shift 3
	out=$(ctl set port=port0 mac=$M "flags=$filters" "$@") || { fail "$name: filters are set"; diag "$out"; return; }
	while read -r line; do
		n=$((n + 1))
		case $line in
		"ok "*) pass "$name: ${line#ok }" ;;
		*)
			line=${line#not ok }
			fail "$name: ${line%%: should be *}"
			diag "$line"
			;;
		esac
	done < <(rows | $FRAME matrix "${VARS[@]}" "filters=$filters" "none=$none" 2>&1)
	is $n "$(rows | wc -l)" "$name: every row was sent"
}

matrix "no filter" "" ""
matrix "mac" mac "" "${ALLOW[@]}"
matrix "ipv4" mac,ipv4 "" "${ALLOW[@]}"
matrix "ipv6" mac,ipv6 "" "${ALLOW[@]}"
matrix "all" mac,ipv4,ipv6 "" "${ALLOW[@]}"
matrix "all, own DHCP" mac,ipv4,ipv6,dhcp "" "${ALLOW[@]}"
matrix "ipv4, no address" mac,ipv4 ipv4
matrix "ipv6, no address" mac,ipv6 ipv6
matrix "all, no address" mac,ipv4,ipv6 ipv4,ipv6
matrix "all, IPv4 address only" mac,ipv4,ipv6,dhcp ipv6 allow=$A allow=10.7.0.0/16
matrix "all, IPv6 address only" mac,ipv4,ipv6,dhcp ipv4 allow=$A6 allow=fd43::/57
matrix "overlapping networks" mac,ipv4,ipv6 "" "${ALLOW[@]}" allow=10.7.3.0/24 allow=fd43::1 allow=fd43::/64
MANY=()
for i in 1 2 3 4 5 6; do
	MANY+=("allow=10.9.$i.0/24" "allow=10.10.0.$i" "allow=fd44:$i::/48" "allow=fd46::$i")
done
matrix "many networks" mac,ipv4,ipv6 "" "${ALLOW[@]}" "${MANY[@]}"

# ---- frames that the bridge hands up before it forwards anything: 01:80:c2:00:00:0X

learned() { bridge fdb show br br0 brport port0 | grep -c $X; }
# tell_bridge ADDRESS: does the bridge learn another's MAC from a frame to this address?
tell_bridge() {
	bridge fdb del $X dev port0 master 2>/dev/null
	$FRAME send inst0 M=$M -- "dst=$1 src=$X raw"
	learned
}
ctl set port=port0 mac=$M flags=
is "$(tell_bridge 01:80:c2:00:00:03)" 1 "without filters a link-local frame teaches the bridge a MAC"
is "$(tell_bridge ff:ff:ff:ff:ff:ff)" 1 "and so does a broadcast"
ctl set port=port0 mac=$M flags=mac
is "$(tell_bridge 01:80:c2:00:00:03)" 0 "with the MAC filter a link-local frame doesn't"
is "$(tell_bridge ff:ff:ff:ff:ff:ff)" 0 "nor a broadcast"
# LLDP's address passes by all hooks where a port isn't told to forward it: the bridge learns, the host takes any IP
# packet in it
nft add table ip see "{ counter spoofed { }; chain see { type filter hook prerouting priority 0; ip saddr 10.0.0.9 counter name spoofed; }; }"
# tell_host ADDRESS: how many packets with another's address does the host's IP see from a frame to this address?
tell_host() {
	nft reset counter ip see spoofed >/dev/null
	$FRAME send inst0 M=$M -- "dst=$1 ip4 src=10.0.0.9 dst=10.0.0.1 udp"
	nft list counter ip see spoofed | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}
ctl set port=port0 mac=$M flags=ipv4 allow=$A
is "$(tell_bridge 01:80:c2:00:00:0e) $(tell_host 01:80:c2:00:00:0e)" "1 1" "LLDP's address goes past every hook of the bridge"
ip link set port0 type bridge_slave group_fwd_mask 0xfffd
is "$(tell_bridge 01:80:c2:00:00:0e) $(tell_host 01:80:c2:00:00:0e)" "0 0" "but not with the port as nic_attach() leaves it"
for i in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do
	is "$(tell_bridge 01:80:c2:00:00:0$i) $(tell_host 01:80:c2:00:00:0$i)" "0 0" "nor does any other of its kind: 0$i"
done
nft delete table ip see

# ---- read back from the kernel

ctl set port=port0 mac=$M flags=mac,ipv4,ipv6,dhcp "${ALLOW[@]}" port=port1 mac=00:16:3e:00:00:02 flags=mac
like "$(ctl list | sort)" "^port0 $M mac ipv4 ipv6 dhcp rules=[0-9]+ reachable
port1 00:16:3e:00:00:02 mac rules=8 reachable$" "the kernel tells flags and MACs"
ctl set port=port1 flags= port=port0 mac=$M flags=ipv4 allow=$A
like "$(ctl list)" "^port0 $M mac ipv4 rules=[0-9]+ reachable$" "one set, one removed in one go"
ok "no filter to remove is no failure" -- ctl clear port1
ok "a link that isn't there yet" -- ctl set port=later0 mac=$M flags=mac,ipv6 allow=fd42::5
like "$(ctl list)" "later0 $M mac ipv6 rules=[0-9]+ reachable" "and it is listed"
ok "it goes again" -- ctl clear later0

like "$(ctl set port='a"b' mac=$M flags=mac)" "^EINVAL: .*a.*b.*can't be filtered" "a quote in a name is refused"
like "$(ctl set port='veth*' mac=$M flags=mac)" "^EINVAL: " "a wildcard is refused"
like "$(ctl set port=port1 mac=$M flags=mac port=0123456789abcdef mac=$M flags=mac)" "^EINVAL: " "a long name is refused"
like "$(ctl set port=port1 mac=01:00:5e:00:00:01 flags=mac)" "^EINVAL: .*MAC" "a group's MAC is refused"
unlike "$(ctl list)" port1 "and nothing was set with them"

# ---- others meddle

for how in "flush chain bridge $NAME prerouting" "flush chain bridge $NAME input" "flush chain bridge $NAME forward" \
	"insert rule bridge $NAME port-port0 accept" "flush chain bridge $NAME port-port0" \
	"delete element bridge $NAME ports { port0 }" "delete element bridge $NAME only_host4 { port0 }"; do
	ctl set port=port0 mac=$M flags=ipv4 allow=$A
	# shellcheck disable=SC2086
	nft $how
	like "$(ctl list)" "port0 .*unreachable" "noticed: $how"
done
ctl set port=port0 mac=$M flags=ipv4 allow=$A
like "$(ctl list)" "port0 .* reachable" "and put right by the next change"

mkfifo "$WORK/watch"
for how in "flush ruleset" "delete table bridge $NAME" "flush chain bridge $NAME port-port0" \
	"flush chain bridge $NAME prerouting" "flush chain bridge $NAME forward" "add rule bridge $NAME port-port0 accept" \
	"delete element bridge $NAME ports { port0 }"; do
	"${CTL[@]}" watch port=port0 mac=$M flags=ipv4 allow=$A >"$WORK/watch" &
	exec 5<"$WORK/watch"
	read -r -t 20 line <&5
	is "$line" ready "own changes are no news"
	nft add table bridge "$NAME-other"
	nft add table ip "$NAME"
	nft delete table ip "$NAME"
	read -r -t 20 line <&5
	is "$line" other "other tables are none of ours"
	# shellcheck disable=SC2086
	nft $how
	while [ "$line" = other ]; do
		read -r -t 20 line <&5 || line=nothing
	done
	is "$line" changed "news: $how"
	ok "the filter is set again" -- wait $!
	exec 5<&-
	like "$(ctl list)" "port0 .* reachable" "and put right, from the process that had made it"
done
ctl set port=port0 mac=$M flags=ipv4 allow=$A
nft flush chain bridge "$NAME" forward
nft delete set bridge "$NAME" only_host4
ok "a port of a damaged table is cleared" -- ctl clear port0
is "$(ctl list)" "" "and has no filter"
nft flush ruleset
ok "clearing where there is no table" -- ctl clear port0
is "$(nft list ruleset)" "" "makes none"
like "$(setpriv --reuid 4242 --clear-groups "${CTL[@]}" set port=port0 mac=$M flags=mac 2>&1)" \
	"EPERM: nftables refused a change: [a-z ]+: Operation not permitted$" "without rights, nft's own first line is told"
is "$(ctl list)" "" "an absent table is an empty list"
ok "and is made anew" -- ctl set port=port0 mac=$M flags=mac,ipv4 allow=$A
like "$(ctl list)" "port0 .* reachable" "with all that leads to it"

# ---- no moment without a filter

# flooded NAME BAD FIRST... -- SECOND...: two filters in turn under a flood; the bad frame never comes through
flooded() {
	local name=$1 bad=$2 out first=()
	shift 2
	while [ "$1" != -- ]; do
		first+=("$1")
		shift
	done
	shift
	ctl set "${first[@]}"
	mkfifo "$WORK/stop"
	$FRAME flood port=inst0 other=inst1 host=br0 M=$M X=$X -- "$bad / ip4 src=$A dst=10.0.0.1 udp" <"$WORK/stop" \
		>"$WORK/flood" &
	exec 6>"$WORK/stop"
	ok "$name: 400 changes" -- "${CTL[@]}" flip times=400 "${first[@]}" "$@"
	exec 6>&-
	wait $!
	rm "$WORK/stop"
	out=$(cat "$WORK/flood")
	like "$out" "^bad=[0-9]{4,} slipped=0 " "$name: nothing slips through"
	# a few may be lost as a list of networks is replaced, never the other way round
	ok "$name: good frames pass all the time ($out)" -- test $((${out##*passed=} * 100)) -ge \
		$(($(sed 's/.*good=\([0-9]*\).*/\1/' "$WORK/flood") * 98))
}
flooded "IPv4 filter on and off, MAC filter kept" "src=$X ip4 src=$A dst=10.0.0.1 udp" \
	port=port0 mac=$M flags=ipv4 allow=$A -- port=port0 mac=$M flags=mac
flooded "replaced by another list of addresses" "ip4 src=10.0.0.9 dst=10.0.0.1 udp" \
	port=port0 mac=$M flags=ipv4 allow=$A -- \
	port=port0 mac=$M flags=ipv4,ipv6,dhcp allow=$A allow=10.1.0.0/16
flooded "all filters and the MAC filter in turn, advertisement" "ip6 src=fd42::5 icmp6 type=136 target=fd42::5 opt=2:$X" \
	port=port0 mac=$M flags=ipv4,ipv6 allow=$A allow=fd42::5 -- port=port0 mac=$M flags=mac

# ---- nothing is left

ok "teardown" -- ctl teardown
is "$(nft list ruleset)" "" "nothing is left in the kernel"
ok "teardown again" -- ctl teardown
ip link del br0
for i in 0 1 2; do
	ip link del "port$i"
done
done_testing
